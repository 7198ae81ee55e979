// Choices about memory management that more than one room looks at: values only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.hpp"

namespace pw {

enum class Contents : std::uint8_t {
  Bytes,         // frames carry bytes: programs, scripts, tests
  MetadataOnly,  // replay of recordings: data frames are never touched on the host
};

// Whose page goes for a new one: any, or one of the process that faults (reclaim/part.hpp).
enum class Replacement : std::uint8_t { Global, Local };

// How local replacement divides the frames. Equal; in proportion to what each process has mapped;
// in proportion to 1 + its priority, and then a process may also take frames from one of lower
// priority.
enum class Allocation : std::uint8_t { Equal, Proportional, Priority };

// vm.overcommit_memory: refuse what can obviously not be had, nothing, or what goes beyond swap and
// a part of RAM.
enum class Overcommit : std::uint8_t { Heuristic, Always, Never };

// Who manages memory: a replacement policy of src/policy, or the mechanisms of Linux.
enum class MemoryModel : std::uint8_t { Policy, Linux };

// With MemoryModel::Linux: how old pages are told from new ones, by active and inactive lists or by
// generations (CONFIG_LRU_GEN, /sys/kernel/mm/lru_gen/enabled).
enum class Ageing : std::uint8_t { Lists, Generations };

// /sys/kernel/mm/transparent_hugepage/enabled.
enum class HugePages : std::uint8_t { Never, Madvise, Always };

struct KhugepagedOptions {  // of the same names in .../transparent_hugepage/khugepaged
  std::uint64_t scan_sleep_ns = 10'000'000'000;  // 0: it does not run
  std::uint32_t pages_to_scan = 4096;
  std::uint32_t max_ptes_none = 511, max_ptes_swap = 64, max_ptes_shared = 256;
};

struct LinuxOptions {  // with MemoryModel::Linux
  Ageing ageing = Ageing::Lists;
  std::uint64_t limit_pages = 0;   // of the group that the programs are in; 0: none
  std::uint64_t kernel_pages = 0;  // of it that the kernel takes beside page tables
  int group_version = 1;           // of control groups; in 1, reclaim puts writers to sleep
  int swappiness = 60;             // vm.swappiness, memory.swappiness
  std::uint32_t page_cluster = 3;  // vm.page-cluster: swap is read ahead by up to 2^3 pages
  std::uint64_t stat_flush_ns = 2'000'000'000;  // reclaim goes by statistics as old as this
  std::uint64_t stat_phase_ns = 0;              // how old they are at the start
  HugePages huge_pages = HugePages::Never;
  KhugepagedOptions khugepaged;
  // Of private anonymous memory one page in so many is followed, and stands for them
  // (space/page_sample.hpp): 1, 2, 4 or 8. Only with Ageing::Lists and without huge pages.
  std::uint32_t sample_one_in = 1;
  // Replays: all of each file that is mapped is in memory when it is, whatever the recording says.
  bool mapped_in_memory = false;
};

struct FaultCosts {  // CPU time of the kernel for each kind, nanoseconds
  std::uint64_t minor_ns = 500;
  std::uint64_t major_ns = 2'000;  // beside the device
  std::uint64_t copy_ns = 800;
  std::uint64_t reclaim_page_ns = 300;
  std::uint64_t huge_page_ns = 60'000;  // beside the fault: clearing 2 MiB

  // With MemoryModel::Linux; 0: within the device's time.
  std::uint64_t file_request_ns = 0;  // asking the device of a file for pages and waiting for them
  std::uint64_t file_folio_ns = 0;    // a folio that comes in: frame, charge, place in the cache
  std::uint64_t file_page_ns = 0;     // each page of it
  std::uint64_t file_free_ns = 0;     // a folio of a file that reclaim lets go; 0: as any look
  std::uint64_t around_page_ns = 0;   // each page of a file that a fault maps
  std::uint64_t swap_out_ns = 0;      // a small page that goes: unmapping it, a slot for it
};

struct PrefetchConfig {
  std::uint32_t fault_around_pages = 16;    // cached file pages mapped around a read fault; 1 = off
  std::uint32_t file_readahead_pages = 32;  // limit of the sequential window; 1 = off
  std::uint32_t file_request_pages = 1024;  // what a device takes at once (max_sectors_kb)
  std::uint32_t swap_readahead_pages = 8;   // aligned cluster; 1 = off
  std::uint32_t prepage_pages = 1;  // anonymous pages mapped by one write fault; 1 = on demand
};

struct MemoryOptions {
  bool lazy_fork = false;  // fork leaves the child's tables empty, for faults to fill
  Contents contents = Contents::Bytes;
  FaultCosts costs;
  PrefetchConfig prefetch;
  PageCount stack_guard_gap{256};
  std::size_t max_areas = 65530;  // of one space: vm.max_map_count
  Overcommit overcommit = Overcommit::Heuristic;
  std::uint32_t overcommit_percent = 50;  // vm.overcommit_ratio
  MemoryModel model = MemoryModel::Policy;
  LinuxOptions linux_options;
};

}  // namespace pw
