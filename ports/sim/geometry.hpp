// What a simulated CPU is made of: TLBs, page-walk caches and what things cost. Values only.
//
// Presets of real CPUs live in data/cpus.json and are read by the command line; this header knows
// only the default, a generic recent x86-64 core.
#pragma once

#include <cstdint>

namespace pw::sim {

enum class TlbReplacement : std::uint8_t { Lru, TreePlru, Random, Fifo };

// sets * ways entries; any positive numbers (sets need not be a power of two). sets == 0: there is
// none.
struct TlbGeometry {
  std::uint32_t sets = 0;
  std::uint32_t ways = 0;
  TlbReplacement replacement = TlbReplacement::Lru;
};

// A page size without an L1 array of its own shares that of the next smaller size (a fully
// associative L1 for all sizes is one 4 KiB array); without any smaller one it is not cached
// there.
struct TlbConfig {
  TlbGeometry l1i_4k{16, 8}, l1i_2m{1, 8}, l1i_1g{};  // see below
  TlbGeometry l1d_4k{16, 4}, l1d_2m{8, 4}, l1d_1g{1, 4};
  TlbGeometry l2{256, 8};    // unified, 4 KiB and 2 MiB
  TlbGeometry l2_1g{1, 16};  // sets == 0: 1 GiB translations are not cached in the L2
  bool pcid = true;          // off: a switch of address space flushes all but global entries
};

// Entries of the page-walk caches, fully associative, by the level of the entry they hold
// (paging-structure caches, SDM vol. 3A 4.10.3). 0: no such cache.
struct WalkCacheConfig {
  std::uint32_t level2 = 32;  // page-directory entries: a hit leaves one reference
  std::uint32_t level3 = 4;
  std::uint32_t level4 = 2;
  std::uint32_t level5 = 2;
};

// Costs in picoseconds, so that sums stay integers.
struct CpuCosts {
  std::uint64_t reference_ps = 500;  // a reference whose translation is in the L1 TLB
  std::uint64_t l2_tlb_hit_ps = 2500;
  std::uint64_t walk_reference_ps = 8000;  // one table entry read by the walker
  std::uint64_t shootdown_ipi_ps = 2'000'000;
  std::uint64_t space_switch_ps = 200'000;
  // "On the order of a hundred cycles": Linux Documentation/arch/x86/pti.rst.
  std::uint64_t root_switch_ps = 30'000;
};

struct CpuConfig {
  TlbConfig tlb;
  WalkCacheConfig walk_cache;
  CpuCosts costs;
  int levels = 4;  // 4 or 5
  // The machine is a guest: each address that a walk meets is translated by a walk of nested tables
  // of so many levels, 4 or 5. 0: it is not. Only the references are counted, as of nested tables
  // that map all in pages of 4 KiB and that no cache remembers (arch/x86/nested_walk.hpp).
  int nested_levels = 0;
  bool smep = true;              // the kernel may not fetch from user pages
  bool protection_keys = false;  // CR4.PKE
  bool smap = false;             // the kernel may not read or write user pages
  bool gigabyte_pages = true;
};

}  // namespace pw::sim
