// How much of an area is in memory and in swap, and with how many others it is shared: what smaps,
// status and numa_maps are made of.
//
// Derived from areas, slots and page tables alone: a page without a translation is not in the
// process's resident set, the zero page never is, and a page is shared if more than one translation
// names it. Source: smaps_pte_entry(), smaps_account() in fs/proc/task_mmu.c of Linux.
#pragma once

#include <cstdint>

#include "machine/machine.hpp"

namespace pw::view {

// Bytes; the shares of pages that several have ("pss") with kPssShift more bits.
struct AreaSizes {
  static constexpr unsigned kPssShift = 12;

  std::uint64_t anonymous_pages = 0, file_pages = 0, shmem_pages = 0;  // resident, by kind; bytes
  std::uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
  std::uint64_t referenced = 0, lazy_free = 0, swap = 0;
  std::uint64_t own_swap = 0;  // of `swap`, what is the process's: entries of its page tables
  std::uint64_t pss = 0, pss_dirty = 0, pss_anon = 0, pss_file = 0, pss_shmem = 0;
  std::uint64_t pss_locked = 0, swap_pss = 0;
  std::uint64_t anonymous_huge = 0;  // under translations of 2 MiB
  // numa_maps, in pages: PTEs that are dirty or whose frame is, the most translations of a frame,
  // frames with a copy in swap.
  std::uint64_t dirty_pages = 0, most_mapped = 0, swap_cached = 0, unevictable = 0;

  std::uint64_t resident() const { return anonymous_pages + file_pages + shmem_pages; }
  AreaSizes& operator+=(const AreaSizes& other);
  friend bool operator==(const AreaSizes&, const AreaSizes&) = default;
};

AreaSizes sizes_of(Machine& machine, Vma& area);
AreaSizes sizes_of(Machine& machine, AddressSpace& space);  // of all areas

}  // namespace pw::view
