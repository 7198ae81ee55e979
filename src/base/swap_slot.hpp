// Where a page's bytes lie when they are not in memory: a slot of one of the swap areas.
#pragma once

#include <compare>
#include <cstdint>

namespace pw {

struct SwapSlot {
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  std::uint32_t value = kNone;
  constexpr bool valid() const { return value != kNone; }
  friend constexpr auto operator<=>(SwapSlot, SwapSlot) = default;
};

}  // namespace pw
