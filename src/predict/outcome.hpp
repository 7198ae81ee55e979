// What a program did, or would do, under a memory limit: the figures that a prediction and a
// measurement have in common, and the conditions they belong to. Values only.
#pragma once

#include <cstdint>
#include <string>

#include "base/options.hpp"

namespace pw::predict {

enum class SwapKind : std::uint8_t {
  None,
  Zram,  // compressed RAM: synchronous, no readahead
  Ssd,   // a file or partition on a disk without seeks
};

struct Conditions {
  std::uint64_t limit_bytes = 0;  // of the program's memory group; 0: none
  int group_version = 1;          // of control groups
  Ageing ageing = Ageing::Lists;
  HugePages huge_pages = HugePages::Never;
  SwapKind swap = SwapKind::Zram;
  int swappiness = 60;
  std::uint32_t page_cluster = 3;
  std::uint32_t readahead_pages = 32;  // of files: the limit that their device has (read_ahead_kb)
  std::uint64_t stat_flush_ns = 2'000'000'000;  // how old the statistics get that reclaim goes by
  double stat_phase = 0;                        // how old they are at the start: a part of that
  // Whoever measured saw no fault that had to wait for a file, so all that is mapped is in memory.
  bool mapped_in_memory = false;
  unsigned cpus = 1;
  // Of private anonymous memory one page in so many is followed (space/page_sample.hpp); 0:
  // forecast() chooses.
  std::uint32_t sample_one_in = 1;
  double pace = 1;  // how long the program's own references take, of what they do by default
};

// Counts are pages of 4 KiB unless said otherwise; as getrusage(2), /proc/vmstat and memory.stat
// name them.
struct Outcome {
  std::uint64_t minor_faults = 0, major_faults = 0;  // of all processes
  std::uint64_t swap_in = 0, swap_out = 0;           // pswpin, pswpout: transfers
  std::uint64_t zero_in = 0, zero_out = 0;  // swpin_zero, swpout_zero: pages of zeros, no transfer
  std::uint64_t scanned = 0;                // pgscan
  std::uint64_t stolen_anon = 0, stolen_file = 0;      // pgsteal_anon, pgsteal_file
  std::uint64_t refault_anon = 0, refault_file = 0;    // workingset_refault_*
  std::uint64_t activate_anon = 0, activate_file = 0;  // workingset_activate_*
  std::uint64_t peak_resident_bytes = 0;               // ru_maxrss: of the process that had most
  std::uint64_t peak_group_bytes = 0;                  // memory.max_usage_in_bytes, memory.peak
  std::uint64_t huge_faults = 0, huge_splits = 0;      // thp_fault_alloc, thp_split_page
  bool oom = false;  // killed for want of memory; of several runs, most of them
  std::string oom_victim;
  double seconds = 0;      // wall
  double cpu_seconds = 0;  // user + system
  // Predictions only:
  double reference_seconds = 0;   // of the CPU time, the program's own: without TLB misses
  std::uint64_t file_read = 0;    // pages
  std::uint64_t close_calls = 0;  // ReclaimCounters; 0 with generations, which need no statistics
  unsigned runs = 1, kills = 0;   // so many were made (close_call.hpp), of which so many ended so
};

}  // namespace pw::predict
