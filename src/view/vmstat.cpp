#include "view/vmstat.hpp"

#include <string_view>

#include "view/memory_facts.hpp"
#include "view/text.hpp"

namespace pw::view {

namespace {

constexpr std::string_view kVmstatNames[] = {
    "nr_free_pages",
    "nr_free_pages_blocks",
    "nr_zone_inactive_anon",
    "nr_zone_active_anon",
    "nr_zone_inactive_file",
    "nr_zone_active_file",
    "nr_zone_unevictable",
    "nr_zone_write_pending",
    "nr_mlock",
    "nr_zspages",
    "nr_free_cma",
    "numa_hit",
    "numa_miss",
    "numa_foreign",
    "numa_interleave",
    "numa_local",
    "numa_other",
    "nr_inactive_anon",
    "nr_active_anon",
    "nr_inactive_file",
    "nr_active_file",
    "nr_unevictable",
    "nr_slab_reclaimable",
    "nr_slab_unreclaimable",
    "nr_isolated_anon",
    "nr_isolated_file",
    "workingset_nodes",
    "workingset_refault_anon",
    "workingset_refault_file",
    "workingset_activate_anon",
    "workingset_activate_file",
    "workingset_restore_anon",
    "workingset_restore_file",
    "workingset_nodereclaim",
    "nr_anon_pages",
    "nr_mapped",
    "nr_file_pages",
    "nr_dirty",
    "nr_writeback",
    "nr_shmem",
    "nr_shmem_hugepages",
    "nr_shmem_pmdmapped",
    "nr_file_hugepages",
    "nr_file_pmdmapped",
    "nr_anon_transparent_hugepages",
    "nr_vmscan_write",
    "nr_vmscan_immediate_reclaim",
    "nr_dirtied",
    "nr_written",
    "nr_throttled_written",
    "nr_kernel_misc_reclaimable",
    "nr_foll_pin_acquired",
    "nr_foll_pin_released",
    "nr_kernel_stack",
    "nr_page_table_pages",
    "nr_sec_page_table_pages",
    "nr_iommu_pages",
    "nr_swapcached",
    "pgpromote_success",
    "pgpromote_candidate",
    "pgpromote_candidate_nrl",
    "pgdemote_kswapd",
    "pgdemote_direct",
    "pgdemote_khugepaged",
    "pgdemote_proactive",
    "nr_hugetlb",
    "nr_balloon_pages",
    "nr_kernel_file_pages",
    "nr_dirty_threshold",
    "nr_dirty_background_threshold",
    "nr_memmap_pages",
    "nr_memmap_boot_pages",
    "pgpgin",
    "pgpgout",
    "pswpin",
    "pswpout",
    "pgalloc_dma",
    "pgalloc_dma32",
    "pgalloc_normal",
    "pgalloc_movable",
    "pgalloc_device",
    "allocstall_dma",
    "allocstall_dma32",
    "allocstall_normal",
    "allocstall_movable",
    "allocstall_device",
    "pgskip_dma",
    "pgskip_dma32",
    "pgskip_normal",
    "pgskip_movable",
    "pgskip_device",
    "pgfree",
    "pgactivate",
    "pgdeactivate",
    "pglazyfree",
    "pgfault",
    "pgmajfault",
    "pglazyfreed",
    "pgrefill",
    "pgreuse",
    "pgsteal_kswapd",
    "pgsteal_direct",
    "pgsteal_khugepaged",
    "pgsteal_proactive",
    "pgscan_kswapd",
    "pgscan_direct",
    "pgscan_khugepaged",
    "pgscan_proactive",
    "pgscan_direct_throttle",
    "pgscan_anon",
    "pgscan_file",
    "pgsteal_anon",
    "pgsteal_file",
    "zone_reclaim_success",
    "zone_reclaim_failed",
    "pginodesteal",
    "slabs_scanned",
    "kswapd_inodesteal",
    "kswapd_low_wmark_hit_quickly",
    "kswapd_high_wmark_hit_quickly",
    "pageoutrun",
    "pgrotated",
    "drop_pagecache",
    "drop_slab",
    "oom_kill",
    "numa_pte_updates",
    "numa_huge_pte_updates",
    "numa_hint_faults",
    "numa_hint_faults_local",
    "numa_pages_migrated",
    "pgmigrate_success",
    "pgmigrate_fail",
    "thp_migration_success",
    "thp_migration_fail",
    "thp_migration_split",
    "compact_migrate_scanned",
    "compact_free_scanned",
    "compact_isolated",
    "compact_stall",
    "compact_fail",
    "compact_success",
    "compact_daemon_wake",
    "compact_daemon_migrate_scanned",
    "compact_daemon_free_scanned",
    "htlb_buddy_alloc_success",
    "htlb_buddy_alloc_fail",
    "unevictable_pgs_culled",
    "unevictable_pgs_scanned",
    "unevictable_pgs_rescued",
    "unevictable_pgs_mlocked",
    "unevictable_pgs_munlocked",
    "unevictable_pgs_cleared",
    "unevictable_pgs_stranded",
    "thp_fault_alloc",
    "thp_fault_fallback",
    "thp_fault_fallback_charge",
    "thp_collapse_alloc",
    "thp_collapse_alloc_failed",
    "thp_file_alloc",
    "thp_file_fallback",
    "thp_file_fallback_charge",
    "thp_file_mapped",
    "thp_split_page",
    "thp_split_page_failed",
    "thp_deferred_split_page",
    "thp_underused_split_page",
    "thp_split_pmd",
    "thp_scan_exceed_none_pte",
    "thp_scan_exceed_swap_pte",
    "thp_scan_exceed_share_pte",
    "thp_split_pud",
    "thp_zero_page_alloc",
    "thp_zero_page_alloc_failed",
    "thp_swpout",
    "thp_swpout_fallback",
    "balloon_inflate",
    "balloon_deflate",
    "balloon_migrate",
    "swap_ra",
    "swap_ra_hit",
    "swpin_zero",
    "swpout_zero",
    "ksm_swpin_copy",
    "cow_ksm",
    "zswpin",
    "zswpout",
    "zswpwb",
    "direct_map_level2_splits",
    "direct_map_level3_splits",
    "direct_map_level2_collapses",
    "direct_map_level3_collapses",
    "nr_unstable",
};

// Of memory.stat: in bytes, then numbers of events.
constexpr std::string_view kStatBytes[] = {
    "anon",
    "file",
    "kernel",
    "kernel_stack",
    "pagetables",
    "sec_pagetables",
    "percpu",
    "sock",
    "vmalloc",
    "shmem",
    "zswap",
    "zswapped",
    "file_mapped",
    "file_dirty",
    "file_writeback",
    "swapcached",
    "anon_thp",
    "file_thp",
    "shmem_thp",
    "inactive_anon",
    "active_anon",
    "inactive_file",
    "active_file",
    "unevictable",
    "slab_reclaimable",
    "slab_unreclaimable",
    "slab",
    "hugetlb",
};
constexpr std::string_view kStatEvents[] = {
    "workingset_refault_anon",
    "workingset_refault_file",
    "workingset_activate_anon",
    "workingset_activate_file",
    "workingset_restore_anon",
    "workingset_restore_file",
    "workingset_nodereclaim",
    "pgdemote_kswapd",
    "pgdemote_direct",
    "pgdemote_khugepaged",
    "pgdemote_proactive",
    "pgpromote_success",
    "pgscan",
    "pgsteal",
    "pswpin",
    "pswpout",
    "pgscan_kswapd",
    "pgscan_direct",
    "pgscan_khugepaged",
    "pgscan_proactive",
    "pgsteal_kswapd",
    "pgsteal_direct",
    "pgsteal_khugepaged",
    "pgsteal_proactive",
    "pgfault",
    "pgmajfault",
    "pgrefill",
    "pgactivate",
    "pgdeactivate",
    "pglazyfree",
    "pglazyfreed",
    "swpin_zero",
    "swpout_zero",
    "zswpin",
    "zswpout",
    "zswpwb",
    "thp_fault_alloc",
    "thp_collapse_alloc",
    "thp_swpout",
    "thp_swpout_fallback",
    "numa_pages_migrated",
    "numa_pte_updates",
    "numa_hint_faults",
};

struct State {
  MemoryFacts facts;
  const MachineCounters& counters;
};

struct Known {
  std::string_view name;
  std::uint64_t (*value)(const State&);
};

constexpr std::uint64_t kPageKib = kPageSize / 1024;

// Events have the same names in both files.
constexpr Known kEvents[] = {
    {"pgpgin",  // KiB, as pgpgout
     [](const State& s) {
       return (s.counters.reclaim.file_read + s.counters.reclaim.pswpin) * kPageKib;
     }},
    {"pgpgout",
     [](const State& s) {
       return (s.counters.reclaim.file_written + s.counters.reclaim.pswpout) * kPageKib;
     }},
    {"pswpin", [](const State& s) { return s.counters.reclaim.pswpin; }},
    {"pswpout", [](const State& s) { return s.counters.reclaim.pswpout; }},
    {"allocstall_normal", [](const State& s) { return s.counters.reclaim.allocstall; }},
    {"pgfault", [](const State& s) { return s.counters.faults.minor + s.counters.faults.major; }},
    {"pgmajfault", [](const State& s) { return s.counters.faults.major; }},
    {"pgreuse", [](const State& s) { return s.counters.faults.reused; }},
    {"pglazyfree", [](const State& s) { return s.counters.reclaim.pglazyfree; }},
    {"pglazyfreed", [](const State& s) { return s.counters.reclaim.pglazyfreed; }},
    {"pgscan",
     [](const State& s) {
       return s.counters.reclaim.pgscan_kswapd + s.counters.reclaim.pgscan_direct;
     }},
    {"pgsteal",
     [](const State& s) {
       return s.counters.reclaim.pgsteal_kswapd + s.counters.reclaim.pgsteal_direct;
     }},
    {"pgscan_kswapd", [](const State& s) { return s.counters.reclaim.pgscan_kswapd; }},
    {"pgscan_direct", [](const State& s) { return s.counters.reclaim.pgscan_direct; }},
    {"pgsteal_kswapd", [](const State& s) { return s.counters.reclaim.pgsteal_kswapd; }},
    {"pgsteal_direct", [](const State& s) { return s.counters.reclaim.pgsteal_direct; }},
    {"pageoutrun", [](const State& s) { return s.counters.reclaim.kswapd_wakeups; }},
    {"oom_kill", [](const State& s) { return s.counters.reclaim.oom_kills; }},
    {"thp_fault_alloc", [](const State& s) { return s.counters.huge.fault_alloc; }},
    {"thp_fault_fallback", [](const State& s) { return s.counters.huge.fault_fallback; }},
    {"thp_collapse_alloc", [](const State& s) { return s.counters.huge.collapse_alloc; }},
    {"thp_collapse_alloc_failed",
     [](const State& s) { return s.counters.huge.collapse_alloc_failed; }},
    {"thp_swpout", [](const State& s) { return s.counters.huge.swapped_out; }},
    {"thp_split_page", [](const State& s) { return s.counters.huge.split_page; }},
    {"thp_deferred_split_page", [](const State& s) { return s.counters.huge.deferred_split_page; }},
    {"thp_split_pmd", [](const State& s) { return s.counters.huge.split_translation; }},
    {"thp_zero_page_alloc", [](const State& s) { return s.counters.huge.zero_page_alloc; }},
    {"nr_vmscan_write", [](const State& s) { return s.counters.reclaim.pswpout; }},
    {"nr_written",
     [](const State& s) { return s.counters.reclaim.file_written + s.counters.reclaim.pswpout; }},
};

// Of vmstat, in pages.
constexpr Known kPages[] = {
    {"nr_free_pages", [](const State& s) { return s.facts.free; }},
    {"nr_free_pages_blocks", [](const State& s) { return s.facts.free_blocks; }},
    {"nr_zone_inactive_anon", [](const State& s) { return s.facts.inactive_anon; }},
    {"nr_zone_inactive_file", [](const State& s) { return s.facts.inactive_file; }},
    {"nr_zone_unevictable", [](const State& s) { return s.facts.unevictable; }},
    {"nr_zone_write_pending", [](const State& s) { return s.facts.dirty; }},
    {"nr_mlock", [](const State& s) { return s.facts.locked; }},
    {"nr_inactive_anon", [](const State& s) { return s.facts.inactive_anon; }},
    {"nr_inactive_file", [](const State& s) { return s.facts.inactive_file; }},
    {"nr_unevictable", [](const State& s) { return s.facts.unevictable; }},
    {"nr_anon_pages", [](const State& s) { return s.facts.mapped_anonymous; }},
    {"nr_mapped", [](const State& s) { return s.facts.mapped_files; }},
    {"nr_file_pages", [](const State& s) { return s.facts.page_cache() + s.facts.swap_cached; }},
    {"nr_dirty", [](const State& s) { return s.facts.dirty; }},
    {"nr_shmem", [](const State& s) { return s.facts.shmem; }},
    {"nr_page_table_pages", [](const State& s) { return s.facts.tables; }},
    {"nr_swapcached", [](const State& s) { return s.facts.swap_cached; }},
    {"nr_anon_transparent_hugepages",
     [](const State& s) { return s.facts.anonymous_huge / HugeBlocks::kFrames; }},
};

// Of memory.stat, in pages too.
constexpr Known kGroup[] = {
    {"anon", [](const State& s) { return s.facts.mapped_anonymous; }},
    {"file", [](const State& s) { return s.facts.page_cache() + s.facts.swap_cached; }},
    {"kernel", [](const State& s) { return s.facts.tables; }},
    {"pagetables", [](const State& s) { return s.facts.tables; }},
    {"shmem", [](const State& s) { return s.facts.shmem; }},
    {"file_mapped", [](const State& s) { return s.facts.mapped_files; }},
    {"file_dirty", [](const State& s) { return s.facts.dirty; }},
    {"swapcached", [](const State& s) { return s.facts.swap_cached; }},
    {"inactive_anon", [](const State& s) { return s.facts.inactive_anon; }},
    {"inactive_file", [](const State& s) { return s.facts.inactive_file; }},
    {"unevictable", [](const State& s) { return s.facts.unevictable; }},
    {"anon_thp", [](const State& s) { return s.facts.anonymous_huge; }},
};

template <class Table>
std::uint64_t value_of(const Table& table, std::string_view name, const State& state) {
  for (const Known& known : table) {
    if (known.name == name) return known.value(state);
  }
  return 0;
}

std::string line(std::string_view name, std::uint64_t value) {
  return std::string(name) + ' ' + decimal(value) + '\n';
}

}  // namespace

std::string vmstat(Machine& machine) {
  const State state{facts_of(machine), machine.counters()};
  std::string text;
  for (const std::string_view name : kVmstatNames) {
    text += line(name, value_of(kPages, name, state) + value_of(kEvents, name, state));
  }
  return text;
}

std::string memory_stat(Machine& machine) {
  const State state{facts_of(machine), machine.counters()};
  std::string text;
  for (const std::string_view name : kStatBytes) {
    text += line(name, value_of(kGroup, name, state) * kPageSize);
  }
  for (const std::string_view name : kStatEvents)
    text += line(name, value_of(kEvents, name, state));
  return text;
}

}  // namespace pw::view
