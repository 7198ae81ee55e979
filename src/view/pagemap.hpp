// /proc/PID/pagemap: eight bytes for each page of the addresses, at eight times the page's number.
//
// Source: pte_to_pagemap_entry() in fs/proc/task_mmu.c of Linux 6.18, Documentation/admin-guide/mm/
// pagemap.rst. Pages of shared memory that are in swap say nothing here, as in the kernel, which
// has no entry for them in the process's tables.
#pragma once

#include <cstdint>
#include <vector>

#include "machine/machine.hpp"

namespace pw::view {

inline constexpr std::uint64_t kPagemapPresent = 1ULL << 63;
inline constexpr std::uint64_t kPagemapSwapped = 1ULL << 62;
inline constexpr std::uint64_t kPagemapFile = 1ULL << 61;       // of a file, or shared memory
inline constexpr std::uint64_t kPagemapExclusive = 1ULL << 56;  // nobody else maps it
inline constexpr std::uint64_t kPagemapFrame = (1ULL << 55) - 1;
// Swapped: the number of the area in the low bits, the slot above.
inline constexpr unsigned kPagemapSwapShift = 5;

struct PagemapEntry {
  Vpn page;
  std::uint64_t bits = 0;
};

// The entries that are not zero, by page; none of a process that has ended.
std::vector<PagemapEntry> pagemap(Machine& machine, Process& process);

}  // namespace pw::view
