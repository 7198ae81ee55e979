// Who caused the faults of a replay: when, in which thread, of what kind, and by which call stack;
// and what else the machine did with memory, event by event. For exports and comparisons.
//
// A fault belongs to the event of the recording after which the machine's counters have moved. Its
// call stack is the one that touched the page first in its process, as the recorder noted it; a
// fault that a system call causes has the stack of the call. Sums over the log are the counters of
// the replay, exactly.
//
// Time is that of the recording: CLOCK_MONOTONIC since its beginning, between the places that have
// one as recorded_time.hpp says. A recording without times has references for nanoseconds.
//
// Owned by whoever has a recording replayed.
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "replay/fault_spans.hpp"
#include "replay/memory_spans.hpp"
#include "replay/recorded_time.hpp"
#include "replay/watcher.hpp"

namespace pw::replay {

struct MemorySample {
  std::uint64_t ns = 0;
  std::uint32_t pid = 0;  // as recorded; 0: the machine
  std::uint64_t resident_pages = 0;
  std::uint64_t swapped_pages = 0;  // of the machine alone
};

struct StackFaults {
  FaultCounters faults;
  std::uint64_t touched = 0;  // pages
};

class FaultLog final : public Watcher, private MemoryListener {
 public:
  struct Limits {
    std::size_t spans = 100'000;  // in each of the two orders
    std::size_t samples = 20'000;
    std::size_t events = 100'000;  // of memory
  };
  explicit FaultLog(const record::Recording& recording) : FaultLog(recording, Limits()) {}
  FaultLog(const record::Recording& recording, const Limits& limits);

  void begin(Machine& machine) override;
  void begin_chunk(std::size_t index, const record::Chunk& chunk) override;
  void played(const Played& event) override;
  // Call once after the replay.
  void finish();

  bool has_times() const { return has_times_; }
  const FaultSpans& by_thread() const { return by_thread_; }
  const FaultSpans& by_stack() const { return by_stack_; }  // time order, stacks told apart
  const MemorySpans& events() const { return events_; }
  // Names of files and of shared memory, as MemorySpan::object numbers them; the first is nobody's.
  const std::vector<std::string>& objects() const { return objects_; }
  const std::map<std::uint32_t, StackFaults>& stacks() const { return stacks_; }
  const std::vector<MemorySample>& memory() const { return memory_; }

 private:
  struct Stream {
    std::size_t chunk = 0;
    std::uint32_t tid = 0;
    RecordedTime time;
  };
  static std::uint64_t key_of(const record::ChunkInfo& info) {
    return std::uint64_t{info.pid} << 32 | info.stream;
  }
  std::uint64_t time_of(Stream& stream, const record::Chunk& chunk, std::size_t at) const;
  std::uint32_t stack_of(const record::Chunk& chunk, std::size_t at);
  void happened(const MemoryEvent& event) override;
  void place_events(const Played& event, std::uint64_t ns);
  void sample(const Played& event, std::uint64_t ns);
  void keep(const MemorySample& sample);
  void thin();

  Limits limits_;
  bool has_times_ = false;
  std::uint64_t first_ns_ = 0;
  std::vector<std::uint64_t> references_before_;   // by chunk
  std::vector<const record::ChunkInfo*> next_of_;  // of the same stream, by chunk
  std::unordered_map<std::uint64_t, Stream> streams_;
  std::unordered_map<std::uint32_t, tsl::robin_map<std::uint64_t, std::uint32_t>> page_stacks_;
  std::unordered_map<std::uint32_t, std::uint64_t> touched_;  // by pid
  FaultCounters before_;
  FaultSpans by_thread_, by_stack_;
  Machine* machine_ = nullptr;
  std::vector<MemorySpan> pending_;                    // of the event that goes on
  std::unordered_map<SpaceId, std::uint32_t> pid_of_;  // as recorded
  std::map<std::string, std::uint32_t> number_of_object_;
  std::vector<std::string> objects_{""};
  MemorySpans events_;
  std::map<std::uint32_t, StackFaults> stacks_;
  std::vector<MemorySample> memory_;
  std::map<std::uint32_t, MemorySample> latest_, kept_;  // by pid
  std::uint64_t step_ns_ = 0;                            // between samples of a process
};

}  // namespace pw::replay
