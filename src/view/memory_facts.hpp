// The state of the machine's memory in the terms of Linux's counters (enum node_stat_item): counted
// from frames and translations each time it is asked for.
//
// The machine keeps pages in one order of its replacement policy, not on an active and an inactive
// list: all of them are inactive here, but for those of locked areas and segments, which are
// unevictable. As in Linux pages of shared memory stand among the anonymous ones, and pages that
// MADV_FREE named among those of files.
#pragma once

#include <cstdint>

#include "machine/machine.hpp"

namespace pw::view {

struct MemoryFacts {  // pages
  std::uint64_t total = 0, free = 0;
  std::uint64_t free_blocks = 0;  // of `free`, in free blocks of 2 MiB and more
  std::uint64_t file = 0, shmem = 0, anonymous = 0;
  std::uint64_t mapped_anonymous = 0, mapped_files = 0;  // shared memory among files
  std::uint64_t anonymous_huge = 0;  // of mapped_anonymous, under a translation of 2 MiB
  std::uint64_t inactive_anon = 0, inactive_file = 0;
  std::uint64_t locked = 0, unevictable = 0;  // by mlock; by that or SHM_LOCK
  std::uint64_t swap_cached = 0;              // anonymous pages with a copy in swap
  std::uint64_t dirty = 0;                    // pages of files
  std::uint64_t tables = 0;
  std::uint64_t available = 0;  // si_mem_available(), mm/show_mem.c
  std::uint64_t swap_total = 0, swap_free = 0;
  std::uint64_t commit_limit = 0, committed = 0;

  std::uint64_t page_cache() const { return file + shmem; }
};

MemoryFacts facts_of(Machine& machine);

}  // namespace pw::view
