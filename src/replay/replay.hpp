// Drives a machine with a recording: areas from the maps snapshots and memory system calls,
// references from the filtered events, processes and threads as they were recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.hpp"
#include "base/result.hpp"
#include "machine/machine.hpp"
#include "ports/sim/counters.hpp"
#include "record/recording.hpp"
#include "replay/counter_series.hpp"
#include "replay/mark.hpp"

namespace pw::replay {

struct AreaReport {
  std::string name;  // "[heap]", "[stack]", path of a file, "anon: f <- g <- h"
  AreaCounters counters;
};

struct ProcessReport {
  std::uint32_t pid = 0, parent = 0;
  std::string command;
  std::uint64_t references = 0;
  FaultCounters faults;
  std::uint64_t resident_peak = 0;  // pages
  std::uint64_t told_peak = 0;      // as getrusage(2) tells it (space/told_resident.hpp)
  bool killed_by_oom = false;
  // Taken by this process itself, as getrusage(2) counts them, whoever shares its space.
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::vector<Mark> marks;
};

struct ReplayResult {
  MachineConfig config;
  MachineCounters counters;
  sim::TlbCounters tlb;  // summed over CPUs
  std::vector<AreaReport> areas;
  std::vector<ProcessReport> processes;
  std::uint64_t references = 0;  // those the recording stands for
  std::uint64_t records = 0;
  std::uint64_t simulated_ns = 0;    // CPU + kernel + waits of all processes, less:
  std::uint64_t overlapped_ns = 0;   // CPU and kernel while another process waited for a device
  bool left_recorder_out = false;    // what Valgrind had loaded into the programs was left out
  std::uint64_t inferred_areas = 0;  // touched outside every known area: an area was assumed
};

// Whether the processes of a recording are played side by side (turns.hpp), not its chunks in their
// order: it says where they waited for each other.
bool goes_in_turns(const record::Recording& recording);

class Transcript;
class Watcher;

// `progress` is called now and then with the part done, 0..1; may be empty. `transcript`, if any,
// gets everything that is done, as the steps of a script. `series`, if any, says how many points it
// wants and gets them. `watcher`, if any, hears of every event.
Result<ReplayResult> replay(const record::Recording& recording, const MachineConfig& config,
                            const std::function<void(double)>& progress = {},
                            Transcript* transcript = nullptr, CounterSeries* series = nullptr,
                            Watcher* watcher = nullptr);

// The machine that replay() drives: pages without bytes, signals that end nobody, as many areas as
// there were.
Result<std::unique_ptr<Machine>> machine_for(const MachineConfig& config);

// The same on a machine that somebody looks at meanwhile, through what the transcript is told.
// Error beside those of replay(): Again, if the transcript was to stop.
Result<ReplayResult> replay(const record::Recording& recording, Machine& machine,
                            const std::function<void(double)>& progress, Transcript& transcript);

}  // namespace pw::replay
