#include "replay/replay.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "replay/call_numbers.hpp"
#include "replay/filter_stays.hpp"
#include "replay/fork_call.hpp"
#include "replay/recorded_process.hpp"
#include "replay/turns.hpp"
#include "replay/watcher.hpp"

namespace pw::replay {
namespace {

using record::Chunk;
using record::Event;
using record::EventKind;

// What a stream of references last was at: the run of references to one page that detail switches
// leaves out, and the computing between events that detail pages leaves out.
struct Stream {
  std::uint64_t clock = 0;
  VirtAddr address;
  Access access = Access::Read;
  bool in_run = false;
};

constexpr std::uint64_t kSliceReferences = 4'000'000;  // 4 ms at 1 ns each

class Replayer {
 public:
  Replayer(const record::Recording& recording, Machine& machine, Transcript* transcript,
           CounterSeries* series, Watcher* watcher)
      : recording_(recording),
        machine_(machine),
        transcript_(transcript),
        series_(series),
        watcher_(watcher),
        names_(machine, recording),
        call_sites_(recording) {}

  Result<void> run(const std::function<void(double)>& progress);
  ReplayResult result(const MachineConfig& config);

 private:
  using Key = std::uint64_t;  // of a stream
  bool side_by_side() const;
  Result<void> run_in_order(const std::function<void(double)>& progress);
  Result<void> run_in_turns(const std::function<void(double)>& progress);
  Result<void> open_chunk(Lane& lane);
  Result<void> play_slice(Turns& turns, Lane& lane);
  bool gives_way(Turns& turns, Lane& lane, const Event& event);
  Result<void> begin_chunk(std::size_t index, const Chunk& chunk);
  Result<void> play(const Chunk& chunk);
  Result<void> step(const Chunk& chunk, std::size_t at, Stream& stream);
  void tell_watcher(const Chunk& chunk, std::size_t at);
  void advance_to(Stream& stream, std::uint64_t clock);
  void come_to(std::uint64_t clock, std::uint64_t& from);
  std::vector<std::uint64_t> touched_by_label() const;
  void fetch(const Chunk& chunk, const Event& event, Stream& stream);
  void reference(const Event& event);
  Result<void> fork(const Chunk& chunk, std::size_t at);
  void child_ended(std::uint32_t recorded_pid);
  RecordedProcess& adopt(std::uint32_t recorded_pid, Pid pid);
  static std::uint32_t stack_of_call(const Chunk& chunk, std::size_t at);

  const record::Recording& recording_;
  Machine& machine_;
  Transcript* transcript_;
  SeriesTaker series_;
  Watcher* watcher_;
  std::uint64_t references_ = 0;  // played
  SharedNames names_;
  CallSiteNames call_sites_;
  std::unordered_map<std::uint32_t, std::unique_ptr<RecordedProcess>> processes_;
  std::unordered_map<std::uint32_t, std::uint32_t> parents_;  // of children of fork
  std::vector<std::uint32_t> order_;  // recorded pids in order of appearance
  std::unordered_map<Key, Stream> streams_;
  std::unordered_map<std::uint32_t, unsigned> cpu_of_thread_;
  RecordedProcess* current_ = nullptr;
  std::uint64_t records_ = 0;
  std::uint64_t hidden_ps_ = 0;  // of computing not yet given to the clock
  FilterStays stays_;            // of the process that is played
  struct {
    bool made = false, lends = false;
  } last_fork_;  // what became of it
};

RecordedProcess& Replayer::adopt(std::uint32_t recorded_pid, Pid pid) {
  auto& place = processes_[recorded_pid];
  if (place == nullptr) order_.push_back(recorded_pid);
  place = std::make_unique<RecordedProcess>(machine_, names_, call_sites_, transcript_, pid);
  return *place;
}

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
  for (std::size_t at = 0; at < chunk.events.size(); ++at) {
    come_to(chunk.events[at].clock, clock);
    PW_TRY(step(chunk, at, stream));
    if (watcher_ != nullptr) tell_watcher(chunk, at);
  }
  records_ += chunk.events.size();
  come_to(chunk.info.end_clock, clock);
  return {};
}

// The stream whose clock stood at `from` is at `clock`. What is asked for on the way is noted.
void Replayer::come_to(std::uint64_t clock, std::uint64_t& from) {
  if (clock > from) {
    references_ += clock - from;
    from = clock;
  }
  if (series_.due(references_)) series_.take(references_, machine_, touched_by_label());
}

std::vector<std::uint64_t> Replayer::touched_by_label() const {
  std::vector<std::uint64_t> touched(machine_.label_names().size());
  for (const auto& [pid, process] : processes_) {
    for (const auto& [label, pages] : process->touched()) touched[label] += pages;
  }
  return touched;
}

// The call stack that the recorder noted for the system call of event `at`.
std::uint32_t Replayer::stack_of_call(const Chunk& chunk, std::size_t at) {
  const Event* stack = stack_behind(chunk, at, record::StackCause::Syscall);
  return stack != nullptr ? stack->index : RecordedProcess::kNoStack;
}

Result<void> Replayer::step(const Chunk& chunk, std::size_t at, Stream& stream) {
  if (transcript_ != nullptr && transcript_->stopped()) return fail(Errno::Again);
  const Event& event = chunk.events[at];
  advance_to(stream, event.clock);
  stays_.end_until(event.clock, [this](std::uint64_t page) { current_->leave_filter(Vpn(page)); });
  switch (event.kind) {
    case EventKind::Fetch:
      fetch(chunk, event, stream);
      break;
    case EventKind::FirstWrite: {
      const Vpn page(event.page);
      current_->reference(address_of(page), Access::Write, 1);
      if (recording_.info().detail == record::Detail::Pages && FilterStays::goes_on(chunk, event)) {
        current_->enter_filter(page);
      }
      break;
    }
    case EventKind::Reference:
      reference(event);
      break;
    case EventKind::FilterGone:
      if (FilterStays::until_now(event)) current_->leave_filter(Vpn(event.page));
      break;
    case EventKind::Syscall:
      current_->apply(chunk.syscalls[event.index], stack_of_call(chunk, at));
      break;
    case EventKind::Transfer:
      current_->transfer(event);
      break;
    case EventKind::Fork:
      PW_TRY(fork(chunk, at));
      break;
    case EventKind::Exec: {
      stream.in_run = false;
      if (current_->running()) PW_TRY(current_->start_image(chunk.images[event.index]));
      break;
    }
    case EventKind::Exit:
      if (!current_->running()) break;
      current_->close_all();
      PW_TRY(machine_.exit(current_->pid(), static_cast<int>(event.index)));
      child_ended(chunk.info.pid);
      if (transcript_ != nullptr) {
        transcript_->exited(current_->pid(), static_cast<int>(event.index));
      }
      break;
    case EventKind::Thread: {
      const auto cpus = static_cast<std::size_t>(machine_.config().cpus);
      const auto next = static_cast<unsigned>(cpu_of_thread_.size() % cpus);
      const auto place = cpu_of_thread_.try_emplace(event.index, next).first;
      if (current_->running()) PW_TRY(machine_.run_on(current_->pid(), place->second));
      break;
    }
    case EventKind::ThreadStart:
    case EventKind::ThreadExit:
    case EventKind::Stack:
    case EventKind::Wait:
      break;
  }
  return {};
}

// What the recording left out since the last event of the stream: references to the page of the
// last fetch (detail switches), or to the filter's pages (detail pages): they only take time.
void Replayer::advance_to(Stream& stream, std::uint64_t clock) {
  if (clock <= stream.clock + 1) {
    stream.clock = clock;
    return;
  }
  const std::uint64_t hidden = clock - stream.clock - 1;
  stream.clock = clock;
  if (stream.in_run) {
    current_->repeat(stream.address, stream.access, hidden);
    return;
  }
  if (recording_.info().detail != record::Detail::Pages) return;
  hidden_ps_ += hidden * machine_.config().cpu.costs.reference_ps;
  machine_.compute(hidden_ps_ / 1000);
  hidden_ps_ %= 1000;
}

void Replayer::fetch(const Chunk& chunk, const Event& event, Stream& stream) {
  const bool pages = recording_.info().detail == record::Detail::Pages;
  if (pages && event.evicted != record::kNoPage && FilterStays::until_now(event)) {
    current_->leave_filter(Vpn(event.evicted));
  }
  stream.address = address_of(Vpn(event.page));
  stream.access = event.access == Access::Write ? Access::Read : event.access;
  current_->reference(stream.address, event.access, 1);
  if (pages && FilterStays::goes_on(chunk, event)) {
    stays_.fetched(chunk, event);
    current_->enter_filter(Vpn(event.page));
  }
  stream.in_run = !pages;
}

void Replayer::reference(const Event& event) {
  const VirtAddr first(event.address);
  current_->reference(first, event.access, 1);
  const VirtAddr last(event.address + std::max<std::uint64_t>(event.size, 1) - 1);
  if (page_of(last) != page_of(first)) {
    current_->reference(address_of(page_of(last)), event.access, 1);
  }
}

Result<void> Replayer::fork(const Chunk& chunk, std::size_t at) {
  last_fork_ = {};
  const Event& event = chunk.events[at];
  if (!current_->running() || event.index == chunk.info.pid) return {};
  const record::SyscallRecord* call = call_of_fork(chunk, at);
  RecordedProcess& parent = *current_;
  const bool lends = parent.native() && lends_memory(call);
  const Result<Pid> child = lends ? machine_.vfork(parent.pid()) : machine_.fork(parent.pid());
  if (!child) return {};  // no memory: the child, and what it would have done, is missing
  if (transcript_ != nullptr) transcript_->forked(parent.pid(), *child, event.index);
  last_fork_ = {true, lends};
  RecordedProcess& made = adopt(event.index, *child);
  const std::uint32_t tid = call != nullptr ? call->tid : 0;
  made.inherit(parent);
  made.inherit(parent, tid, event.index);
  if (lends || !parent.native()) return {};
  made.write_rseq(event.index);
  parent.wait_for_child(tid);
  parents_[event.index] = chunk.info.pid;
  return {};
}

void Replayer::child_ended(std::uint32_t recorded_pid) {
  const auto parent = parents_.find(recorded_pid);
  if (parent == parents_.end()) return;
  if (const auto it = processes_.find(parent->second); it != processes_.end()) it->second->go_on();
  parents_.erase(parent);
}

Result<void> Replayer::run(const std::function<void(double)>& progress) {
  series_.begin(recording_.references());
  PW_TRY(side_by_side() ? run_in_turns(progress) : run_in_order(progress));
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  if (series_.due(kAll)) series_.take(kAll, machine_, touched_by_label());
  return {};
}

Result<void> Replayer::run_in_order(const std::function<void(double)>& progress) {
  Chunk chunk;
  const std::size_t chunks = recording_.chunks().size();
  for (std::size_t i = 0; i < chunks; ++i) {
    PW_TRY(recording_.decode(i, chunk));
    PW_TRY(begin_chunk(i, chunk));
    PW_TRY(play(chunk));
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(chunks));
  }
  return {};
}

// The recording says where its processes waited for each other.
bool Replayer::side_by_side() const {
  constexpr std::uint32_t kHasWaits = 3;
  const record::RecordingInfo& info = recording_.info();
  return recording_.processes().size() > 1 && info.version >= kHasWaits &&
         info.recorder == record::Recorder::Valgrind;
}

Result<void> Replayer::run_in_turns(const std::function<void(double)>& progress) {
  Turns turns(recording_);
  std::uint64_t told = 0;
  while (Lane* lane = turns.next()) {
    std::swap(stays_, lane->stays);
    PW_TRY(play_slice(turns, *lane));
    std::swap(stays_, lane->stays);
    if (lane->state == Lane::State::Ended) lane->stays = {};
    if (!progress || records_ == told) continue;
    told = records_;
    progress(static_cast<double>(turns.chunks_begun()) /
             static_cast<double>(recording_.chunks().size()));
  }
  return {};
}

Result<void> Replayer::open_chunk(Lane& lane) {
  const std::size_t index = lane.chunks[lane.next++];
  PW_TRY(recording_.decode(index, lane.chunk));
  PW_TRY(begin_chunk(index, lane.chunk));
  const record::ChunkInfo* next = nullptr;
  if (lane.next < lane.chunks.size()) next = &recording_.chunks()[lane.chunks[lane.next]];
  if (next != nullptr && next->stream != lane.chunk.info.stream) next = nullptr;
  lane.time.begin(lane.chunk, next);
  lane.at = 0;
  lane.clock = lane.chunk.info.clock;
  lane.open = true;
  records_ += lane.chunk.events.size();
  return {};
}

// Until the lane has had its slice, waits, or ends. Policies are compared on the same string of
// references, so their slices have as many, whatever happens; the kernel takes the CPU away at its
// ticks, and when a task waits for a device.
Result<void> Replayer::play_slice(Turns& turns, Lane& lane) {
  const auto known = processes_.find(lane.pid);
  current_ = known == processes_.end() ? nullptr : known->second.get();
  const MachineCounters& counters = machine_.core().counters;
  const std::uint64_t io_wait_ns = counters.io_wait_ns;
  const std::uint64_t end_ns = machine_.clock().now_ns() + machine_.config().quantum_ns;
  const std::uint64_t end_reference = references_ + kSliceReferences;
  const bool by_time = machine_.config().model == MemoryModel::Linux;
  for (;;) {
    if (!lane.open) {
      if (lane.next == lane.chunks.size()) {
        turns.ended(lane);
        return {};
      }
      PW_TRY(open_chunk(lane));
    }
    Stream& stream = streams_[Key{lane.pid} << 32 | lane.chunk.info.stream];
    while (lane.at < lane.chunk.events.size()) {
      const Event& event = lane.chunk.events[lane.at];
      come_to(event.clock, lane.clock);
      PW_TRY(step(lane.chunk, lane.at, stream));
      if (watcher_ != nullptr) tell_watcher(lane.chunk, lane.at);
      ++lane.at;
      if (gives_way(turns, lane, event)) return {};
      const bool over = by_time ? machine_.clock().now_ns() >= end_ns ||
                                      counters.io_wait_ns != io_wait_ns
                                : references_ >= end_reference;
      if (over) {
        turns.yield(lane);
        return {};
      }
    }
    come_to(lane.chunk.info.end_clock, lane.clock);
    turns.close_chunk(lane);
  }
}

// What an event that has been played means for the order. True: it is not the lane's turn any more.
bool Replayer::gives_way(Turns& turns, Lane& lane, const Event& event) {
  switch (event.kind) {
    case EventKind::Wait:
      turns.wait(lane, event);
      return true;
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

ReplayResult Replayer::result(const MachineConfig& config) {
  ReplayResult result;
  result.config = config;
  result.counters = machine_.counters();
  result.tlb = machine_.tlb_counters();
  result.references = recording_.references();
  result.records = records_;
  result.simulated_ns = machine_.clock().now_ns();
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
      const Process& process = it->second->process();
      const SpaceCounters* now = process.space == nullptr ? nullptr : &process.space->counters();
      report.faults = now == nullptr ? process.faults : now->faults;
      report.resident_peak = now == nullptr ? process.resident_peak : now->resident_peak;
      report.told_peak = now == nullptr ? process.told_peak : now->told_resident.peak();
      report.killed_by_oom = process.cause == ExitCause::OutOfMemory;
      report.minor_faults = process.minor_faults;
      report.major_faults = process.major_faults;
      report.marks = it->second->marks();
      if (it->second->native()) {  // a space may have been lent
        report.faults.minor = process.minor_faults;
        report.faults.major = process.major_faults;
      }
      result.left_recorder_out = result.left_recorder_out || it->second->left_recorder_out();
      result.inferred_areas += it->second->inferred_areas();
    }
    result.processes.push_back(std::move(report));
  }
  return result;
}

}  // namespace

Result<ReplayResult> replay(const record::Recording& recording, const MachineConfig& config,
                            const std::function<void(double)>& progress, Transcript* transcript,
                            CounterSeries* series, Watcher* watcher) {
  auto machine = machine_for(config);
  if (!machine) return tl::unexpected(machine.error());
  if (watcher != nullptr) watcher->begin(**machine);
  Replayer replayer(recording, **machine, transcript, series, watcher);
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
  Replayer replayer(recording, machine, &transcript, nullptr, nullptr);
  PW_TRY(replayer.run(progress));
  return replayer.result(machine.config());
}

}  // namespace pw::replay
