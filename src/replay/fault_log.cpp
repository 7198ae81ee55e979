#include "replay/fault_log.hpp"

#include <algorithm>
#include <cstring>

namespace pw::replay {
namespace {

using record::Chunk;
using record::ChunkInfo;
using record::Event;
using record::EventKind;

bool same(const FaultCounters& a, const FaultCounters& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// Whether areas or residents may have gone.
bool changes_memory(EventKind kind) {
  return kind == EventKind::Syscall || kind == EventKind::Exit || kind == EventKind::Exec ||
         kind == EventKind::Fork;
}

}  // namespace

FaultLog::FaultLog(const record::Recording& recording, const Limits& limits)
    : limits_(limits),
      by_thread_(FaultSpans::Alike::Thread, limits.spans),
      by_stack_(FaultSpans::Alike::Stack, limits.spans),
      events_({}, limits.events) {
  const std::vector<ChunkInfo>& chunks = recording.chunks();
  std::unordered_map<std::uint64_t, const ChunkInfo*> later;
  next_of_.resize(chunks.size());
  for (std::size_t i = chunks.size(); i-- > 0;) {
    const ChunkInfo*& next = later[key_of(chunks[i])];
    next_of_[i] = next;
    next = &chunks[i];
  }
  first_ns_ = chunks.empty() ? 0 : chunks.front().begin_ns;
  std::uint64_t references = 0;
  for (const ChunkInfo& chunk : chunks) {
    has_times_ = has_times_ || chunk.begin_ns > 0;
    first_ns_ = std::min(first_ns_, chunk.begin_ns);
    references_before_.push_back(references);
    references += chunk.end_clock - std::min(chunk.clock, chunk.end_clock);
  }
}

void FaultLog::begin(Machine& machine) {
  machine_ = &machine;
  machine.listen(this);
}

void FaultLog::happened(const MemoryEvent& event) {
  MemorySpan span;
  span.event = event;
  span.count = 1;
  const bool of_page = event.kind == MemoryEvent::Kind::Evicted ||
                       event.kind == MemoryEvent::Kind::SwapWrite;
  if (of_page && event.page.kind != FrameKind::Anon) {
    const std::string& name = machine_->core().objects.object(event.page.owner).name;
    const auto [at, fresh] = number_of_object_.try_emplace(
        name, static_cast<std::uint32_t>(objects_.size()));
    if (fresh) objects_.push_back(name);
    span.object = at->second;
  }
  span.cpus = event.cpus;
  pending_.push_back(span);
}

// They belong to the event of the recording that has just been played.
void FaultLog::place_events(const Played& played, std::uint64_t ns) {
  if (played.process.space != nullptr) {
    pid_of_[played.process.space->id()] = played.chunk.info.pid;
  }
  for (MemorySpan& span : pending_) {
    span.begin_ns = span.end_ns = ns;
    const SpaceId space = span.event.page.space != kNoSpace ? span.event.page.space
                                                            : span.event.space;
    const auto pid = pid_of_.find(space);
    if (pid != pid_of_.end()) span.pid = pid->second;
    events_.add(span);
  }
  pending_.clear();
}

void FaultLog::begin_chunk(std::size_t index, const Chunk& chunk) {
  Stream& stream = streams_[key_of(chunk.info)];
  stream.chunk = index;
  stream.tid = chunk.info.tid;
  if (has_times_) stream.time.begin(chunk, next_of_[index]);
}

std::uint64_t FaultLog::time_of(Stream& stream, const Chunk& chunk, std::size_t at) const {
  const std::uint64_t clock = std::max(chunk.events[at].clock, chunk.info.clock);
  if (!has_times_) return references_before_[stream.chunk] + (clock - chunk.info.clock);
  const std::uint64_t ns = stream.time.before(at, clock);
  return ns - std::min(ns, first_ns_);
}

// Also notes what a first touch tells of its page.
std::uint32_t FaultLog::stack_of(const Chunk& chunk, std::size_t at) {
  const Event& event = chunk.events[at];
  std::uint64_t page = event.page;
  switch (event.kind) {
    case EventKind::Reference:
      page = event.address >> kPageShift;
      break;
    case EventKind::Fetch:
    case EventKind::FirstWrite:
      break;
    case EventKind::Syscall:
      if (const Event* call = stack_behind(chunk, at, record::StackCause::Syscall)) {
        return call->index;
      }
      return kNoCallStack;
    case EventKind::Exec:
      page_stacks_.erase(chunk.info.pid);
      return kNoCallStack;
    default:
      return kNoCallStack;
  }
  auto& stacks = page_stacks_[chunk.info.pid];
  if (const Event* first = stack_behind(chunk, at, record::StackCause::FirstTouch)) {
    return stacks[page] = first->index;
  }
  if (const Event* writer = stack_behind(chunk, at, record::StackCause::WriteAfterFork)) {
    return writer->index;  // who writes, not who had the page first
  }
  const auto known = stacks.find(page);
  return known == stacks.end() ? kNoCallStack : known->second;
}

void FaultLog::played(const Played& played) {
  const Chunk& chunk = played.chunk;
  const Event& event = chunk.events[played.at];
  Stream& stream = streams_[key_of(chunk.info)];
  if (event.kind == EventKind::Thread) stream.tid = event.index;
  const std::uint32_t stack = stack_of(chunk, played.at);
  if (!pending_.empty()) place_events(played, time_of(stream, chunk, played.at));
  const FaultCounters& now = played.machine.core().counters.faults;
  std::uint64_t& touched = touched_[chunk.info.pid];
  const bool faulted = !same(now, before_);
  if (!faulted && played.touched == touched && !changes_memory(event.kind)) return;

  FaultSpan span;
  span.begin_ns = span.end_ns = time_of(stream, chunk, played.at);
  span.pid = chunk.info.pid;
  span.tid = stream.tid;
  span.stack = stack;
  span.faults = difference(now, before_);
  // A pid that is used again begins anew.
  span.touched = played.touched - (played.touched < touched ? 0 : touched);
  before_ = now;
  touched = played.touched;
  if (faulted) by_thread_.add(span);
  if (span.count() > 0 || span.touched > 0) {
    by_stack_.add(span);
    StackFaults& sum = stacks_[stack];
    add(sum.faults, span.faults);
    sum.touched += span.touched;
  }
  sample(played, span.begin_ns);
}

void FaultLog::sample(const Played& played, std::uint64_t ns) {
  const AddressSpace* space = played.process.space.get();
  keep({ns, played.chunk.info.pid, space == nullptr ? 0 : space->counters().resident_pages, 0});
  Machine& machine = played.machine;
  keep({ns, 0, machine.counters().resident_pages, machine.swap().used_slots()});
}

void FaultLog::keep(const MemorySample& sample) {
  latest_[sample.pid] = sample;
  const auto [last, fresh] = kept_.try_emplace(sample.pid, sample);
  if (!fresh && sample.ns < last->second.ns + step_ns_) return;
  last->second = sample;
  memory_.push_back(sample);
  if (memory_.size() >= 2 * limits_.samples) thin();
}

// Samples of a process closer together than the step go, the first one stays.
void FaultLog::thin() {
  std::uint64_t last_ns = 1;
  for (const MemorySample& sample : memory_) last_ns = std::max(last_ns, sample.ns);
  for (bool thinner = true; thinner && memory_.size() > limits_.samples;) {
    thinner = step_ns_ <= last_ns;
    step_ns_ = std::max<std::uint64_t>({1, 2 * step_ns_, last_ns / limits_.samples});
    std::map<std::uint32_t, std::uint64_t> due;
    std::erase_if(memory_, [&](const MemorySample& sample) {
      const auto [at, fresh] = due.try_emplace(sample.pid, sample.ns + step_ns_);
      if (fresh) return false;
      if (sample.ns < at->second) return true;
      at->second = sample.ns + step_ns_;
      return false;
    });
  }
  limits_.samples = std::max(limits_.samples, memory_.size());  // one for each process, then
}

void FaultLog::finish() {
  by_thread_.finish();
  by_stack_.finish();
  for (MemorySpan& span : pending_) {  // behind the last event
    if (events_.last() != nullptr) span.begin_ns = span.end_ns = events_.last()->begin_ns;
    events_.add(span);
  }
  events_.finish();
  for (const auto& [pid, sample] : latest_) {
    if (kept_.at(pid).ns < sample.ns) memory_.push_back(sample);
  }
  std::stable_sort(memory_.begin(), memory_.end(),
                   [](const MemorySample& a, const MemorySample& b) { return a.ns < b.ns; });
}

}  // namespace pw::replay
