// The multiprogramming curve: what the CPU gets done as more programs share the memory, with and
// without load control (Denning, "Thrashing: its causes and prevention", AFIPS FJCC 1968).
//
// Each point is an experiment of its own on a machine of its own: N equal programs that follow
// Denning's model of locality, run by the Scheduler; a warm-up, then a measured time. All times are
// simulated; the same question gives the same answer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "machine/config.hpp"
#include "machine/load_control.hpp"

namespace pw::analysis {

// One program: stays in a set of `locality` of its `pages` for `phase_steps` references, then
// moves. Every `input_every` references it reads a page of a file of its own that is in no memory
// yet.
struct ProgramModel {
  std::uint64_t pages = 4'096;
  std::uint64_t locality = 1'024;
  std::uint64_t phase_steps = 200'000;
  std::uint64_t compute_ns = 2'000;  // between two references
  std::uint64_t write_one_in = 3;    // references that write
  std::uint64_t input_every = 500;   // 0: never
};

struct LoadExperiment {
  MachineConfig machine;
  ProgramModel program;
  LoadControlConfig control;
  std::uint64_t warm_up_ns = 1'000'000'000;
  std::uint64_t measured_ns = 4'000'000'000;
};

struct LoadPoint {
  std::uint64_t programs = 0;
  double utilisation = 0;        // of the CPUs
  double steps_per_second = 0;   // references of all programs: the work done
  double faults_per_second = 0;  // that waited for a device
  double device_use = 0;         // of the swap device's time, all channels
  std::uint64_t suspensions = 0;
  std::uint64_t killed = 0;  // programs that ended for want of memory
};

// One point. Errors: those of Machine::create(), NoMemory (the programs do not even fit into swap).
Result<LoadPoint> run_load(const LoadExperiment& experiment, std::uint64_t programs);

// Points for each number of programs. `progress` gets the part done, 0..1; may be empty.
Result<std::vector<LoadPoint>> multiprogramming_curve(
    const LoadExperiment& experiment, std::span<const std::uint64_t> programs,
    const std::function<void(double)>& progress = {});

}  // namespace pw::analysis
