// Marks that a program leaves in its recording: madvise(MARK, 0, MADV_NORMAL), which the kernel
// answers with 0 without looking at the address. A replay notes at each how its counters stand.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.hpp"

namespace pw::replay {

struct Mark {
  std::uint64_t number = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;  // of the process, so far
  std::uint64_t resident_pages = 0;
};

inline constexpr std::uint64_t kMarks = 0x5057'0000'0000;  // "PW": the address of mark 0
inline constexpr std::uint64_t kMostMarks = 1ULL << 20;    // a page of addresses each

constexpr std::optional<std::uint64_t> mark_number(VirtAddr address) {
  const std::uint64_t number = (address.value - kMarks) >> kPageShift;
  if (address.value < kMarks || number >= kMostMarks || !page_aligned(address)) return std::nullopt;
  return number;
}

}  // namespace pw::replay
