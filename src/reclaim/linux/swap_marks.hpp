// The marks of pages in swap (nonresident_age.hpp), by slot. An area gives its slots out from the
// first one on, so arrays are dense enough. Owned by LinuxReclaim.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "swap/swap_space.hpp"

namespace pw {

class SwapMarks {
 public:
  void set(SwapSlot slot, std::uint64_t mark) {
    std::vector<std::uint64_t>& marks = marks_[area(slot)];
    if (index(slot) >= marks.size()) marks.resize(index(slot) + index(slot) / 2 + 1);
    marks[index(slot)] = mark;
  }
  // 0: there is none.
  std::uint64_t of(SwapSlot slot) const {
    const std::vector<std::uint64_t>& marks = marks_[area(slot)];
    return index(slot) < marks.size() ? marks[index(slot)] : 0;
  }
  std::uint64_t take(SwapSlot slot) {
    std::vector<std::uint64_t>& marks = marks_[area(slot)];
    return index(slot) < marks.size() ? std::exchange(marks[index(slot)], 0) : 0;
  }

 private:
  static std::uint32_t area(SwapSlot slot) { return slot.value >> SwapSpace::kAreaShift; }
  static std::uint32_t index(SwapSlot slot) {
    return slot.value & ((1U << SwapSpace::kAreaShift) - 1);
  }

  std::array<std::vector<std::uint64_t>, 1U << (32 - SwapSpace::kAreaShift)> marks_;
};

}  // namespace pw
