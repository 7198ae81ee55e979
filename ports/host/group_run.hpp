// One run of a program in a fresh memory group of the host, with what the kernel counted.
//
// The program is started by the launcher (launcher/launcher.c): it enters the group just before
// execve, its faults before that are subtracted, its addresses are the same in every run. Its
// standard input is /dev/null and its output goes there. The group is made and removed by the
// guardian; no process of it outlives the run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "base/result.hpp"
#include "ports/host/group_run_guardian.hpp"
#include "ports/host/memory_group.hpp"

namespace pw::host {

struct RunRequest {
  std::vector<std::string> command;
  GroupKnobs knobs;
  HugePages huge_pages = HugePages::Never;
  bool fixed_layout = true;                  // without address space randomization
  int cpu = -1;                              // to stay on; -1: any
  std::uint64_t stat_flush_ns = 20'000'000;  // memory.stat is read that often; 0: not at all
  double timeout_s = 0;                      // 0: none
  bool keep_errors = false;                  // the program's stderr is the caller's
};

struct RunResult {
  int exit_status = 0;  // 128 + signal if one ended it
  bool timed_out = false;
  std::uint64_t minor_faults = 0, major_faults = 0;  // of all its processes, from execve on
  std::uint64_t peak_resident_bytes = 0;             // of the process that had most
  std::uint64_t peak_group_bytes = 0;
  std::uint64_t oom_kills = 0;
  std::vector<std::string> oom_victims;  // names, where the kernel's log can be read
  int left_over = 0;                     // processes that ran on after the program and were ended
  double seconds = 0, cpu_seconds = 0;
  CounterChange counters;  // swap, scans, refaults, huge pages, under the kernel's names
  std::vector<std::string> notes;
};

// Errors: NoEntry (the program), NotSupported (huge pages as asked), those of the group's knobs,
// ...
Result<RunResult> run_in_group(Guardian& guardian, const GroupParent& parent,
                               const RunRequest& request);

// What stands between brackets in /sys/kernel/mm/transparent_hugepage/enabled; Never if there is no
// such file.
HugePages system_huge_pages();

// By how many pages files in this folder are read ahead at most, as their device has it; 32 if that
// cannot be told.
std::uint32_t readahead_pages(const std::string& folder);

}  // namespace pw::host
