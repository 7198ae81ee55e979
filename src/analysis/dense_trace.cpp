#include "analysis/dense_trace.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <utility>

#include "analysis/page_ids.hpp"

namespace pw::analysis {
namespace {

using record::Event;
using record::EventKind;
using record::SyscallRecord;

// x86-64 system calls that give memory back (arch/x86/entry/syscalls/syscall_64.tbl).
constexpr std::uint32_t kMmap = 9, kMunmap = 11, kBrk = 12, kMremap = 25, kMadvise = 28;
constexpr std::size_t kMaxOps = 0xFFFF'0000U;                // operations are numbered in 32 bits
constexpr std::uint64_t kMadvDontneed = 4, kMadvRemove = 9;  // asm-generic/mman-common.h

// The pages in a stream's filter: few (K), so a search through their numbers beats any table.
class FilterPages {
 public:
  static constexpr std::size_t kAbsent = ~std::size_t{0};

  std::size_t find(std::uint64_t page) const {
    const auto at = std::find(pages_.begin(), pages_.end(), page);
    return at == pages_.end() ? kAbsent : static_cast<std::size_t>(at - pages_.begin());
  }
  void add(std::uint64_t page, PageId id) {
    pages_.push_back(page);
    slots_.push_back({id, next_sequence_++});
  }
  PageId remove(std::size_t at) {
    const PageId id = slots_[at].id;
    pages_[at] = pages_.back();
    slots_[at] = slots_.back();
    pages_.pop_back();
    slots_.pop_back();
    return id;
  }
  void clear() {
    pages_.clear();
    slots_.clear();
  }
  // In the order of their entry: pairs of page and id.
  std::vector<std::pair<std::uint64_t, PageId>> in_order() const {
    std::vector<std::size_t> order(slots_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return slots_[a].sequence < slots_[b].sequence;
    });
    std::vector<std::pair<std::uint64_t, PageId>> pages;
    for (const std::size_t at : order) pages.emplace_back(pages_[at], slots_[at].id);
    return pages;
  }

 private:
  struct Slot {
    PageId id;
    std::uint64_t sequence;
  };
  std::vector<std::uint64_t> pages_;  // apart from the slots, so that a search reads only these
  std::vector<Slot> slots_;
  std::uint64_t next_sequence_ = 0;
};

struct Process {
  PageIds ids;
  std::uint64_t brk = 0;  // 0: not known yet
};

struct Stream {
  std::uint32_t pid = 0;
  std::uint64_t clock = 0;
  std::uint64_t last_page = record::kNoPage;  // detail Full
  std::uint64_t last_clock = 0;               // of the last reference to it
  std::uint64_t code_page = record::kNoPage;  // detail Switches
  FilterPages filter;
};

struct Pending {
  std::uint64_t clock;
  Op op;
  bool inferred;
  bool refuted = false;
};

struct Gone {
  std::uint64_t last_reference;
  std::uint64_t page;
};

}  // namespace

// Uses are known when they happen, Rests only when the page leaves the filter, with the clock of
// the past. An LRU filter lets pages go in the order of their last references, so merging two
// sorted sequences puts every Rest where it belongs: `pending` holds the Uses younger than the last
// Rest, at most about K.
struct DenseTraceBuilder::State {
  record::Detail detail;
  TraceDetails details;
  DenseTrace trace;
  std::map<std::uint32_t, Process> processes;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Stream> streams;
  Stream* current = nullptr;
  Process* process = nullptr;
  std::uint64_t turn_start = 0;  // clock of the current stream
  std::uint64_t turn_base = 0;   // references of all streams before
  std::deque<Pending> pending;
  std::vector<Gone> gone;
  bool overflow = false;

  PageId id_of(std::uint64_t page) {
    std::uint32_t& id = process->ids.at(page);
    if (id == PageIds::kNone) {
      if (trace.ids > Op::kMaxId) {
        overflow = true;
        return Op::kMaxId;
      }
      id = trace.ids++;
      if (details.watcher != nullptr) details.watcher->new_page(id, current->pid, page);
    }
    return id;
  }

  void emit(Op op, std::uint64_t clock) {
    trace.ops.push_back(op);
    if (!details.times) return;
    const std::uint64_t before = trace.times.empty() ? 1 : trace.times.back();
    const std::uint64_t time = turn_base + (clock > turn_start ? clock - turn_start : 1);
    trace.times.push_back(std::max(before, time));
  }
  void emit(const Pending& p) {
    if (!p.refuted) emit(p.op, p.clock);
  }

  void emit_until(std::uint64_t clock) {
    while (!pending.empty() && pending.front().clock <= clock) {
      emit(pending.front());
      pending.pop_front();
    }
  }

  // `page` left the filter; it was last referenced at `last_reference`.
  void leave(std::uint64_t page, std::uint64_t last_reference) {
    const std::size_t slot = current->filter.find(page);
    if (slot == FilterPages::kAbsent) return;  // entered in a part of the recording that is lost
    const PageId id = current->filter.remove(slot);
    if (last_reference <= turn_start) {
      for (Pending& p : pending) {
        if (p.inferred && !p.refuted && p.op == Op(OpKind::Use, id)) {
          p.refuted = true;
          return;
        }
      }
    }
    emit_until(last_reference);
    emit(Op(OpKind::Rest, id), last_reference);
  }

  void leave_gone() {
    std::sort(gone.begin(), gone.end(),
              [](const Gone& a, const Gone& b) { return a.last_reference < b.last_reference; });
    for (const Gone& g : gone) leave(g.page, g.last_reference);
    gone.clear();
  }

  void enter(std::uint64_t page, std::uint64_t clock, bool inferred) {
    if (current->filter.find(page) != FilterPages::kAbsent) return;
    const PageId id = id_of(page);
    current->filter.add(page, id);
    pending.push_back({clock, Op(OpKind::Use, id), inferred});
  }

  // Other streams run next: the current one's pages are at rest, their order that of their entry.
  void end_turn() {
    if (current == nullptr) return;
    leave_gone();
    emit_until(~std::uint64_t{0});
    for (const auto& [page, id] : current->filter.in_order()) {
      emit(Op(OpKind::Rest, id), current->clock);
    }
  }

  void begin_turn(Stream& stream, const record::Chunk& chunk, bool filter_known) {
    current = &stream;
    process = &processes[stream.pid];
    turn_start = chunk.info.clock;
    turn_base = trace.references;
    std::vector<std::uint64_t> pages;
    if (filter_known) {
      for (const auto& [page, id] : stream.filter.in_order()) pages.push_back(page);
    } else {
      pages = chunk.filter;
      stream.code_page = record::kNoPage;
    }
    stream.filter.clear();
    stream.last_page = record::kNoPage;
    for (const std::uint64_t page : pages) enter(page, turn_start, true);
    trace.inferred += pages.size();
  }

  void begin_chunk(const record::Chunk& chunk) {
    const auto key = std::pair(chunk.info.pid, chunk.info.stream);
    const auto [at, fresh] = streams.try_emplace(key);
    Stream& stream = at->second;
    stream.pid = chunk.info.pid;
    const bool follows = !fresh && !chunk.info.gap && stream.clock == chunk.info.clock;
    if (current != &stream || !follows) {
      end_turn();
      begin_turn(stream, chunk, follows);
    }
    stream.clock = chunk.info.end_clock;
  }

  // Pages of the process that are in the filter of any of its streams, sorted.
  std::vector<PageId> ids_in_filters() const {
    std::vector<PageId> ids;
    for (const auto& [key, stream] : streams) {
      if (stream.pid != current->pid) continue;
      for (const auto& [page, id] : stream.filter.in_order()) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  void drop_range(std::uint64_t begin, std::uint64_t end, std::uint64_t clock) {
    const std::vector<PageId> kept = ids_in_filters();
    process->ids.for_range(begin, end, [&](std::uint64_t, std::uint32_t& id) {
      if (std::binary_search(kept.begin(), kept.end(), id)) return;
      pending.push_back({clock, Op(OpKind::Drop, id), false});
      id = PageIds::kNone;
    });
  }

  void move_range(std::uint64_t from, std::uint64_t to, std::uint64_t pages) {
    const std::vector<PageId> kept = ids_in_filters();
    std::vector<std::pair<std::uint64_t, std::uint32_t>> moved;
    process->ids.for_range(from, from + pages, [&](std::uint64_t page, std::uint32_t& id) {
      if (std::binary_search(kept.begin(), kept.end(), id)) return;
      moved.emplace_back(page - from, id);
      id = PageIds::kNone;
    });
    for (const auto& [offset, id] : moved) process->ids.at(to + offset) = id;
  }

  // The process has a new image, or is gone.
  void drop_process(std::uint64_t clock) {
    leave_gone();
    emit_until(~std::uint64_t{0});
    for (auto& [key, stream] : streams) {
      if (stream.pid != current->pid) continue;
      if (&stream == current) {
        for (const auto& [page, id] : stream.filter.in_order()) {
          emit(Op(OpKind::Rest, id), clock);
        }
      }
      stream.filter.clear();
      stream.last_page = record::kNoPage;
      stream.code_page = record::kNoPage;
    }
    drop_range(0, record::kNoPage, clock);
    process->brk = 0;
  }

  void system_call(const SyscallRecord& call, std::uint64_t clock) {
    if (call.result < 0) return;
    const auto result = static_cast<std::uint64_t>(call.result);
    const auto page = [](std::uint64_t address) { return address >> kPageShift; };
    const auto count = [](std::uint64_t bytes) { return pages_for(ByteCount(bytes)).value; };
    const std::uint64_t address = page(call.arguments[0]);
    const std::uint64_t length = count(call.arguments[1]);
    switch (call.number) {
      case kMmap:
        drop_range(page(result), page(result) + length, clock);
        break;
      case kMunmap:
        drop_range(address, address + length, clock);
        break;
      case kMadvise:
        if (call.arguments[2] == kMadvDontneed || call.arguments[2] == kMadvRemove) {
          drop_range(address, address + length, clock);
        }
        break;
      case kBrk:
        if (result < process->brk) drop_range(count(result), count(process->brk), clock);
        process->brk = result;
        break;
      case kMremap: {
        const std::uint64_t kept = std::min(length, count(call.arguments[2]));
        drop_range(address + kept, address + length, clock);
        if (page(result) != address) move_range(address, page(result), kept);
        break;
      }
      default:
        break;
    }
  }

  // Detail Full: the filter of one page is applied here.
  void reference(const Event& e) {
    const std::uint64_t first = e.address >> kPageShift;
    const std::uint64_t bytes = e.size == 0 ? 1 : e.size;
    const std::uint64_t last = (e.address + bytes - 1) >> kPageShift;
    for (std::uint64_t page = first; page <= last; ++page) {
      if (page != current->last_page) {
        emit_until(~std::uint64_t{0});
        if (current->last_page != record::kNoPage) leave(current->last_page, current->last_clock);
        enter(page, e.clock, false);
        current->last_page = page;
      }
      current->last_clock = e.clock;
    }
  }

  // Detail Switches. The recorder tells an instruction fetch only when the code page changes, so
  // the code page is in use until then, whatever data pages come and go meanwhile: two pages at
  // most.
  void change_of_page(const Event& e) {
    std::uint64_t& code = current->code_page;
    if (e.evicted != record::kNoPage && e.evicted != e.page && e.evicted != code) {
      leave(e.evicted, e.last_reference);
    }
    if (e.access == Access::Execute) {
      if (code != record::kNoPage && code != e.page) leave(code, e.clock - 1);
      code = e.page;
    }
    enter(e.page, e.clock, false);
  }

  static bool is_told(const Event& e) {
    return e.kind == EventKind::Syscall || e.kind == EventKind::Fork || e.kind == EventKind::Exec ||
           e.kind == EventKind::Exit ||
           (e.kind == EventKind::Stack && e.cause == record::StackCause::FirstTouch);
  }

  void event(const record::Chunk& chunk, std::size_t at) {
    const Event& e = chunk.events[at];
    if (details.watcher != nullptr && is_told(e)) details.watcher->event(chunk, at);
    if (e.kind != EventKind::FilterGone && !gone.empty()) leave_gone();
    switch (e.kind) {
      case EventKind::Fetch:
        if (detail == record::Detail::Switches) {
          change_of_page(e);
          break;
        }
        if (e.evicted != record::kNoPage) leave(e.evicted, e.last_reference);
        enter(e.page, e.clock, false);
        break;
      case EventKind::Reference:
        reference(e);
        break;
      case EventKind::FilterGone:
        gone.push_back({e.last_reference, e.page});
        if (current->code_page != record::kNoPage && current->code_page != e.page) {
          gone.push_back({e.clock, current->code_page});
        }
        current->code_page = record::kNoPage;
        break;
      case EventKind::Syscall:
        if (e.index < chunk.syscalls.size()) system_call(chunk.syscalls[e.index], e.clock);
        break;
      case EventKind::Exec:
      case EventKind::Exit:
        drop_process(e.clock);
        break;
      default:
        break;
    }
  }
};

DenseTraceBuilder::DenseTraceBuilder(record::Detail detail, std::uint32_t filter_pages,
                                     const TraceDetails& details)
    : state_(std::make_unique<State>()) {
  state_->detail = detail;
  state_->details = details;
  // Switches: a data page and the code page.
  const std::uint32_t least = detail == record::Detail::Switches ? 2 : 1;
  state_->trace.filter_pages = std::max(filter_pages, least);
}

DenseTraceBuilder::~DenseTraceBuilder() = default;

void DenseTraceBuilder::reserve(std::size_t operations) {
  state_->trace.ops.reserve(operations);
  if (state_->details.times) state_->trace.times.reserve(operations);
}

Result<void> DenseTraceBuilder::add(const record::Chunk& chunk) {
  State& s = *state_;
  s.begin_chunk(chunk);
  s.trace.references += chunk.info.end_clock - chunk.info.clock;
  for (std::size_t at = 0; at < chunk.events.size(); ++at) s.event(chunk, at);
  if (s.overflow || s.trace.ops.size() > kMaxOps) {
    return fail(Errno::Overflow,
                "the recording is too large for curves: 2^30 pages or 2^32 fetches");
  }
  return {};
}

DenseTrace DenseTraceBuilder::finish() {
  state_->leave_gone();
  state_->emit_until(~std::uint64_t{0});
  return std::move(state_->trace);
}

namespace {

// A fetch is a Use, and later a Rest. Bounded, as figures in a file may be forged.
std::size_t likely_operations(const record::Recording& recording) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 26;
  if (recording.info().detail == record::Detail::Full) return 0;
  std::uint64_t events = 0;
  for (const record::ChunkInfo& chunk : recording.chunks()) {
    events += std::min(chunk.events, kMost);
    if (events >= kMost / 2) return kMost;
  }
  return static_cast<std::size_t>(2 * events);
}

}  // namespace

Result<DenseTrace> dense_trace(const record::Recording& recording,
                               const std::function<void(double)>& progress,
                               const TraceDetails& details) {
  const record::RecordingInfo& info = recording.info();
  DenseTraceBuilder builder(info.detail, info.filter_pages, details);
  builder.reserve(likely_operations(recording));
  record::Chunk chunk;
  const std::size_t chunks = recording.chunks().size();
  for (std::size_t i = 0; i < chunks; ++i) {
    if (progress) progress(static_cast<double>(i) / static_cast<double>(chunks));
    if (!recording.decode(i, chunk)) continue;  // listed in losses(); the rest still counts
    if (details.watcher != nullptr) details.watcher->begin_chunk(i, chunk);
    PW_TRY(builder.add(chunk));
  }
  return builder.finish();
}

}  // namespace pw::analysis
