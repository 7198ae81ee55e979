#include "replay/replay.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "replay/call_numbers.hpp"
#include "replay/replayer.hpp"

namespace pw::replay {

using record::Chunk;
using record::Event;
using record::EventKind;

Result<void> Replayer::begin_chunk(std::size_t index, const Chunk& chunk) {
  const record::ChunkInfo& info = chunk.info;
  const auto known = processes_.find(info.pid);
  current_ = known == processes_.end() ? nullptr : known->second.get();
  const bool fresh = current_ == nullptr;
  if (fresh) {
    const Result<Pid> pid = machine_.spawn();
    if (!pid) return tl::unexpected(pid.error());
    current_ = &adopt(info.pid, *pid);
    if (transcript_ != nullptr) transcript_->spawned(*pid, info.pid);
  }
  before_look_.cpu = nullptr;
  Stream& stream = streams_[Key{info.pid} << 32 | info.stream];
  if (info.gap) {
    stream = Stream{};
    if (current_->running()) {
      PW_TRY(current_->start_image({{}, recording_.maps_before(index)}));
    }
  }
  if (fresh || info.gap) stream.clock = info.clock;
  // Fetches that were left out found their translations in the second TLB.
  machine_.compute(info.left_out * machine_.config().cpu.costs.l2_tlb_hit_ps / 1000);
  if (watcher_ != nullptr) watcher_->begin_chunk(index, chunk);
  return {};
}

void Replayer::tell_watcher(const Chunk& chunk, std::size_t at) {
  watcher_->played({chunk, at, machine_, current_->process(), current_->touched_pages()});
}

Result<void> Replayer::play(const Chunk& chunk) {
  Stream& stream = streams_[Key{chunk.info.pid} << 32 | chunk.info.stream];
  std::uint64_t clock = chunk.info.clock;
  const std::size_t end = chunk.events.size();
  for (std::size_t at = 0; at < end; ++at) {
    const std::size_t after = pass_over(chunk, at, alone_ ? end : at + 1, stream);
    const bool passed = after > at;
    if (passed) at = after - 1;
    come_to(chunk.events[at].clock, clock);
    if (stopped()) return fail(Errno::Again);
    if (!passed && !refer(chunk.events[at], stream)) PW_TRY(step(chunk, at, stream));
    if (watcher_ != nullptr) tell_watcher(chunk, at);
  }
  tell_stays();
  records_ += end;
  come_to(chunk.info.end_clock, clock);
  return {};
}

// The stream whose clock stood at `from` is at `clock`. What is asked for on the way is noted.
inline void Replayer::come_to(std::uint64_t clock, std::uint64_t& from) {
  if (clock > from) {
    references_ += clock - from;
    from = clock;
  }
  if (series_.due(references_)) [[unlikely]]
    series_.take(references_, machine_, touched_by_label());
}

std::vector<std::uint64_t> Replayer::touched_by_label() const {
  std::vector<std::uint64_t> touched(machine_.label_names().size());
  for (const auto& [pid, process] : processes_) {
    for (const auto& [label, pages] : process->touched()) touched[label] += pages;
  }
  return touched;
}

// An event that refers to memory; false: it is another one.
[[gnu::always_inline]] inline bool Replayer::refer(const Event& event, Stream& stream) {
  now_ = event.clock;
  advance_to(stream, event.clock);
  if (!late_) end_stays();
  switch (event.kind) {
    case EventKind::Fetch:
      fetch(event, stream);
      return true;
    case EventKind::FirstWrite:
      first_write(event);
      return true;
    case EventKind::Reference:
      reference(event);
      return true;
    default:
      return false;
  }
}

// References to pages that are not followed take their time, and that is all.
inline bool Replayer::left_out(const Event& event) {
  if (event.kind != EventKind::Fetch && event.kind != EventKind::FirstWrite) return false;
  return !current_->follows(Vpn(event.page));
}

// Of the events from `at` to `end`, those up to the first that is not one of them.
[[gnu::always_inline]] inline std::size_t Replayer::pass_over(const Chunk& chunk, std::size_t at,
                                                              std::size_t end, Stream& stream) {
  if (!sampled_) return at;
  const Event* const events = chunk.events.data();
  bool evicts = false;
  do {
    std::uint64_t clock = stream.clock, references = 0;
    for (evicts = false; !evicts && at < end && left_out(events[at]); ++at) {
      references += events[at].clock > clock ? events[at].clock - clock : 1;
      clock = events[at].clock;
      evicts = tells_of_eviction(events[at]);
    }
    if (references == 0) break;
    now_ = stream.clock = clock;
    hide(stream, references);
    if (evicts) evicted(events[at - 1]);
  } while (evicts);
  return at;
}

inline bool Replayer::tells_of_eviction(const Event& event) {
  return event.kind == EventKind::Fetch && event.evicted != record::kNoPage &&
         FilterStays::until_now(event);
}

// A page has left the filter for the one that is fetched.
[[gnu::always_inline]] inline void Replayer::evicted(const Event& fetch) {
  if (!tells_of_eviction(fetch)) return;
  const Vpn page(fetch.evicted);
  if (!sampled_ || current_->follows(page)) current_->leave_filter(page);
}

// What the recording left out since the last event of the stream: references to the page of the
// last fetch (detail switches), or to the filter's pages (detail pages): they only take time.
inline void Replayer::advance_to(Stream& stream, std::uint64_t clock) {
  const std::uint64_t before = std::exchange(stream.clock, clock);
  if (clock > before + 1) hide(stream, clock - before - 1);
}

inline void Replayer::hide(Stream& stream, std::uint64_t references) {
  if (stream.in_run) return current_->repeat(stream.address, stream.access, references);
  if (!pages_) return;
  hidden_ps_ += references * reference_ps_;
  machine_.compute(hidden_ps_ / 1000);
  hidden_ps_ %= 1000;
}

// Stays whose last reference has been.
inline void Replayer::end_stays() {
  stays_.end_until(now_, [this](std::uint64_t page) { current_->leave_filter(Vpn(page)); });
}

// Somebody may look at the pages of the process.
[[gnu::noinline]] void Replayer::tell_stays() {
  end_stays();
  stays_.see(now_, [this](std::uint64_t page) { current_->enter_filter(Vpn(page)); });
}

[[gnu::always_inline]] inline void Replayer::reference(VirtAddr address, Access access) {
  if (!alone_) before_look_.cpu = nullptr;
  current_->reference(address, access, before_look_);
}

[[gnu::always_inline]] inline void Replayer::fetch(const Event& event, Stream& stream) {
  const VirtAddr address = address_of(Vpn(event.page));
  if (!pages_) {
    stream.address = address;
    stream.access = event.access == Access::Write ? Access::Read : event.access;
    stream.in_run = true;
    return reference(address, event.access);
  }
  evicted(event);
  reference(address, event.access);
  FilterStays::Stay its;
  if (!FilterStays::ends_here(event, its)) return current_->enter_filter(Vpn(event.page));
  if (its.last_reference <= event.clock) return;
  if (late_ && current_->stay_leaves_no_trace(Vpn(event.page))) [[likely]] {
    return stays_.begin_unseen(its, event.clock);
  }
  stay(event, its);
}

// The page that was fetched stays in use. (It may be marked still, for a stay that has ended.)
void Replayer::stay(const Event& event, const FilterStays::Stay& stay) {
  if (late_) {
    end_stays();
    if (current_->stay_leaves_no_trace(Vpn(event.page))) {
      return stays_.begin_unseen(stay, event.clock);
    }
  }
  stays_.begin(stay);
  current_->enter_filter(Vpn(event.page));
}

// The page is in use already, unless it has been away since it was fetched.
void Replayer::first_write(const Event& event) {
  const Vpn page(event.page);
  reference(address_of(page), Access::Write);
  if (!pages_ || !FilterStays::goes_on(event)) return;
  FilterStays::Stay its;
  if (late_ && FilterStays::ends_here(event, its) && FilterStays::came_here(event)) {
    return stays_.begin_unseen(its, event.clock);
  }
  current_->enter_filter(page);
}

void Replayer::reference(const Event& event) {
  const VirtAddr first(event.address);
  reference(first, event.access);
  const VirtAddr last(event.address + std::max<std::uint64_t>(event.size, 1) - 1);
  if (page_of(last) != page_of(first)) {
    reference(address_of(page_of(last)), event.access);
  }
}

Result<void> Replayer::run(const std::function<void(double)>& progress) {
  series_.begin(recording_.references());
  const auto chunks = static_cast<double>(recording_.chunks().size());
  for (bool more = true; more;) {
    const Result<bool> done = advance();
    if (!done) return tl::unexpected(done.error());
    more = *done;
    if (more && progress) progress(static_cast<double>(chunks_begun()) / chunks);
  }
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  if (series_.due(kAll)) series_.take(kAll, machine_, touched_by_label());
  return {};
}

Result<bool> Replayer::advance() { return turns_ ? advance_in_turns() : advance_in_order(); }

Result<bool> Replayer::advance_in_order() {
  if (next_ == recording_.chunks().size()) return false;
  const std::size_t index = next_++;
  const auto chunk = chunks_.get(index);
  if (!chunk) return tl::unexpected(chunk.error());
  PW_TRY(begin_chunk(index, **chunk));
  PW_TRY(play(**chunk));
  return true;
}

// Until another chunk is begun.
Result<bool> Replayer::advance_in_turns() {
  const std::uint64_t before = records_;
  while (Lane* lane = turns_->next()) {
    std::swap(stays_, lane->stays);
    PW_TRY(play_slice(*turns_, *lane));
    std::swap(stays_, lane->stays);
    if (lane->state == Lane::State::Ended) lane->stays = {};
    if (records_ != before) return true;
  }
  return false;
}

Result<void> Replayer::open_chunk(Lane& lane) {
  lane.chunk.reset();
  const std::size_t index = lane.chunks[lane.next++];
  auto chunk = chunks_.get(index);
  if (!chunk) return tl::unexpected(chunk.error());
  lane.chunk = std::move(*chunk);
  PW_TRY(begin_chunk(index, *lane.chunk));
  const record::ChunkInfo* next = nullptr;
  if (lane.next < lane.chunks.size()) next = &recording_.chunks()[lane.chunks[lane.next]];
  if (next != nullptr && next->stream != lane.chunk->info.stream) next = nullptr;
  lane.time.begin(*lane.chunk, next);
  lane.at = 0;
  lane.clock = lane.chunk->info.clock;
  lane.open = true;
  records_ += lane.chunk->events.size();
  return {};
}

// Until the next tick or the end of a pause, or the lane waits, or ends, or another one is let go
// on that takes the CPU. Policies are compared on the same string of references, so their time is
// that of references, whatever happens.
Result<void> Replayer::play_slice(Turns& turns, Lane& lane) {
  const auto known = processes_.find(lane.pid);
  current_ = known == processes_.end() ? nullptr : known->second.get();
  before_look_.cpu = nullptr;
  const MachineCounters& counters = machine_.core().counters;
  const std::uint64_t io_wait_ns = counters.io_wait_ns;
  const std::uint64_t throttled = counters.reclaim.throttled;
  const std::uint64_t tick_ns = machine_.config().quantum_ns;
  const bool by_time = machine_.config().model == MemoryModel::Linux;
  const auto now_ns = [&] { return by_time ? machine_.clock().now_ns() : references_; };
  const std::uint64_t end_ns = std::min((now_ns() / tick_ns + 1) * tick_ns, turns.next_due_ns());
  for (;;) {
    if (!lane.open) {
      if (lane.next == lane.chunks.size()) {
        turns.at(now_ns(), 0, counters.reclaim.writes_ended);
        turns.ended(lane);
        return {};
      }
      PW_TRY(open_chunk(lane));
    }
    Stream& stream = streams_[Key{lane.pid} << 32 | lane.chunk->info.stream];
    while (lane.at < lane.chunk->events.size()) {
      const Event& event = lane.chunk->events[lane.at];
      come_to(event.clock, lane.clock);
      if (stopped()) return fail(Errno::Again);
      const bool passed = pass_over(*lane.chunk, lane.at, lane.at + 1, stream) > lane.at;
      const bool refers = passed || refer(event, stream);
      if (!refers) PW_TRY(step(*lane.chunk, lane.at, stream));
      if (!alone_ && watcher_ != nullptr) tell_watcher(*lane.chunk, lane.at);
      ++lane.at;
      const std::uint64_t waited_ns = by_time ? counters.io_wait_ns - io_wait_ns : 0;
      if (refers && waited_ns == 0 && now_ns() < end_ns) [[likely]]
        continue;
      tell_stays();
      turns.at(now_ns(), waited_ns, counters.reclaim.writes_ended);
      if (!refers && gives_way(turns, lane, event)) return {};
      const bool for_writes = counters.reclaim.throttled != throttled;
      const std::uint64_t until = for_writes ? counters.reclaim.throttled_until : Turns::kNever;
      if (waited_ns != 0) turns.pause(lane, waited_ns, until);
      if (waited_ns != 0 || now_ns() >= end_ns) return {};
    }
    tell_stays();
    come_to(lane.chunk->info.end_clock, lane.clock);
    turns.close_chunk(lane);
  }
}

// What an event that has been played means for the order. True: it is not the lane's turn any more.
bool Replayer::gives_way(Turns& turns, Lane& lane, const Event& event) {
  switch (event.kind) {
    case EventKind::Wait:
      return turns.wait(lane, event);
    case EventKind::Wake:
      return turns.woke(lane, event);
    case EventKind::Syscall: {
      const record::SyscallRecord& call = lane.chunk->syscalls[event.index];
      return call.number == kExitGroup && current_->shares_memory() && turns.leave(lane, call.ns);
    }
    case EventKind::Fork:
      if (!last_fork_.made) return false;
      turns.born(event.index);
      if (last_fork_.lends) turns.lend(lane, event.index);
      return last_fork_.lends;
    case EventKind::Exec:
      turns.gave_back(lane);
      return false;
    default:
      return false;
  }
}

bool goes_in_turns(const record::Recording& recording) {
  constexpr std::uint32_t kHasWaits = 3;
  const record::RecordingInfo& info = recording.info();
  return recording.processes().size() > 1 && info.version >= kHasWaits &&
         info.recorder == record::Recorder::Valgrind;
}

ReplayResult Replayer::result(const MachineConfig& config) {
  ReplayResult result;
  result.config = config;
  result.counters = machine_.counters();
  result.tlb = machine_.tlb_counters();
  result.references = recording_.references();
  result.records = records_;
  result.simulated_ns = machine_.clock().now_ns();
  if (turns_ && machine_.config().model == MemoryModel::Linux) {
    result.overlapped_ns = result.simulated_ns - turns_->wall_ns();
    result.simulated_ns = turns_->wall_ns();
  }
  const auto& names = machine_.label_names();
  const std::vector<std::uint64_t> touched = touched_by_label();
  std::vector<std::uint32_t> numbers(names.size(), SeriesTaker::kNoArea);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const AreaCounters& area = machine_.area_counters()[i];
    if (area.mapped_peak == 0) continue;
    numbers[i] = static_cast<std::uint32_t>(result.areas.size());
    result.areas.push_back({names[i].empty() ? "anon" : names[i], area});
    result.areas.back().counters.touched_pages += touched[i];
  }
  series_.end(numbers);
  for (const record::ProcessInfo& info : recording_.processes()) {
    ProcessReport report;
    report.pid = info.pid;
    report.parent = info.parent;
    for (const std::string& word : info.command) {
      report.command += (report.command.empty() ? "" : " ") + word;
    }
    report.references = info.references;
    if (const auto it = processes_.find(info.pid); it != processes_.end()) {
      it->second->report(report);
      result.left_recorder_out = result.left_recorder_out || it->second->left_recorder_out();
      result.inferred_areas += it->second->inferred_areas();
    }
    result.processes.push_back(std::move(report));
  }
  return result;
}

Result<ReplayResult> replay(const record::Recording& recording, const MachineConfig& config,
                            const std::function<void(double)>& progress, Transcript* transcript,
                            CounterSeries* series, Watcher* watcher) {
  auto machine = machine_for(config);
  if (!machine) return tl::unexpected(machine.error());
  if (watcher != nullptr) watcher->begin(**machine);
  record::SharedChunks chunks(recording, {.in_order = !goes_in_turns(recording)});
  Replayer replayer(recording, chunks, **machine, transcript, series, watcher);
  PW_TRY(replayer.run(progress));
  return replayer.result(config);
}

Result<std::unique_ptr<Machine>> machine_for(const MachineConfig& config) {
  MachineConfig quiet = config;
  quiet.contents = Contents::MetadataOnly;
  quiet.signals_kill = false;
  quiet.max_areas = std::numeric_limits<std::size_t>::max() / 2;  // where it ran they were allowed
  return Machine::create(quiet);
}

Result<ReplayResult> replay(const record::Recording& recording, Machine& machine,
                            const std::function<void(double)>& progress, Transcript& transcript) {
  record::SharedChunks chunks(recording, {.in_order = !goes_in_turns(recording)});
  Replayer replayer(recording, chunks, machine, &transcript, nullptr, nullptr);
  PW_TRY(replayer.run(progress));
  return replayer.result(machine.config());
}

}  // namespace pw::replay
