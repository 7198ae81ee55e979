// What the machine counts, for all of it, for each process and for each labelled area.
#pragma once

#include <cstdint>
#include <string>

namespace pw {

struct FaultCounters {
  std::uint64_t minor = 0;  // resolved without a device (includes the kinds below, major excepted)
  std::uint64_t major = 0;  // waited for a device: swap or file read
  std::uint64_t copy_on_write = 0;  // copied a page
  std::uint64_t reused = 0;         // write fault on a page whose last owner wrote: no copy
  std::uint64_t zero_page = 0;      // read of fresh anonymous memory
  std::uint64_t anonymous = 0;      // fresh anonymous page
  std::uint64_t file_mapped = 0;    // page cache page mapped
  std::uint64_t swap_in = 0;        // major or from pages still in memory
  std::uint64_t write_notify = 0;   // first write to a clean shared file page
  std::uint64_t spurious = 0;
  std::uint64_t segv = 0, bus = 0, oom = 0;
};

struct ReclaimCounters {  // names as in /proc/vmstat
  std::uint64_t pgscan_kswapd = 0, pgscan_direct = 0;
  std::uint64_t pgsteal_kswapd = 0, pgsteal_direct = 0;
  std::uint64_t pgsteal_anon = 0, pgsteal_file = 0;
  std::uint64_t pgactivate = 0, pgdeactivate = 0;
  std::uint64_t group_peak = 0;                        // pages charged at most: memory.peak
  std::uint64_t refault_anon = 0, refault_file = 0;    // workingset_refault_*
  std::uint64_t activate_anon = 0, activate_file = 0;  // of them at once: workingset_activate_*
  std::uint64_t pswpin = 0, pswpout = 0;
  std::uint64_t file_read = 0, file_written = 0;  // pages
  std::uint64_t allocstall = 0, kswapd_wakeups = 0;
  std::uint64_t close_calls = 0;  // of a group's reclaim that found little to free; swap was free
  std::uint64_t prefetched = 0, prefetch_used = 0, prefetch_wasted = 0;  // pages
  std::uint64_t oom_kills = 0;
  std::uint64_t swap_requests = 0;      // to the swap devices, reads and writes; of a page or more
  std::uint64_t local_evictions = 0;    // of a process at its allowance, of its own pages
  std::uint64_t taken_from_lower = 0;   // of a process of lower priority
  std::uint64_t clustered = 0;          // pages written along with a victim, which stay
  std::uint64_t dirty_passed = 0;       // dirty pages passed over for a clean one
  std::uint64_t swapped_out_whole = 0;  // pages of programs that load control suspended
  std::uint64_t pglazyfree = 0, pglazyfreed = 0;  // pages that MADV_FREE named; that went for it
  std::uint64_t writes_ended = 0;                 // pages, to swap and to files
  // Sleeps of reclaim for writes that did not end: how many, and the number of writes that would
  // have ended the last of them before its time.
  std::uint64_t throttled = 0, throttled_until = 0;
};

struct HugeCounters {                       // of huge pages; beside each, its name in /proc/vmstat
  std::uint64_t fault_alloc = 0;            // thp_fault_alloc
  std::uint64_t fault_fallback = 0;         // thp_fault_fallback: small pages instead
  std::uint64_t collapse_alloc = 0;         // thp_collapse_alloc
  std::uint64_t collapse_alloc_failed = 0;  // thp_collapse_alloc_failed
  std::uint64_t swapped_out = 0;            // thp_swpout: whole
  std::uint64_t split_page = 0;             // thp_split_page
  std::uint64_t deferred_split_page = 0;    // thp_deferred_split_page: partly used from then on
  std::uint64_t split_translation = 0;      // thp_split_pmd
  std::uint64_t zero_page_alloc = 0;        // thp_zero_page_alloc
  std::uint64_t zero_page_faults = 0;       // the huge zero page was mapped
};

// Of one label: an area of a program as people name it ("[heap]", a file's path, "anon: malloc <-
// main").
struct AreaCounters {
  std::uint64_t mapped_pages = 0, mapped_peak = 0;
  std::uint64_t resident_pages = 0, resident_peak = 0;
  std::uint64_t touched_pages = 0;  // distinct pages ever made resident or zero-mapped, by slot
  FaultCounters faults;
};

struct MachineCounters {
  FaultCounters faults;
  ReclaimCounters reclaim;
  HugeCounters huge;
  std::uint64_t resident_pages = 0, resident_peak = 0;  // user pages in frames, each frame once
  std::uint64_t mapped_pages = 0, mapped_peak = 0;      // of all areas
  std::uint64_t table_pages = 0, table_peak = 0;        // page tables
  std::uint64_t forks = 0, execs = 0, processes_peak = 0;
  std::uint64_t shootdown_ipis = 0, shootdowns = 0;
  std::uint64_t io_wait_ns = 0, idle_ns = 0, kernel_ns = 0;
};

}  // namespace pw
