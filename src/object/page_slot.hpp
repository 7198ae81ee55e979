// The state of one page of an object: the truth from which translations are derived.
#pragma once

#include <cstdint>

#include "base/swap_slot.hpp"
#include "base/units.hpp"

namespace pw {

// Eight bytes: two bits of kind, 62 bits of payload.
class PageSlot {
 public:
  enum class Kind : std::uint8_t {
    Empty,     // never touched, or given back: reads as zeros, or as the file below
    Resident,  // in frame pfn()
    Swapped,   // in swap()
    Shadow,    // dropped clean by reclaim (file pages), which knows it again by note()
  };

  constexpr PageSlot() = default;
  static constexpr PageSlot resident(Pfn pfn) { return PageSlot(Kind::Resident, pfn.value); }
  static constexpr PageSlot swapped(SwapSlot slot) { return PageSlot(Kind::Swapped, slot.value); }
  static constexpr PageSlot shadow(std::uint64_t note) { return PageSlot(Kind::Shadow, note); }

  constexpr Kind kind() const { return static_cast<Kind>(raw_ & 3); }
  constexpr bool is_empty() const { return raw_ == 0; }
  constexpr bool is_resident() const { return kind() == Kind::Resident; }
  constexpr bool is_swapped() const { return kind() == Kind::Swapped; }
  constexpr bool is_shadow() const { return kind() == Kind::Shadow; }
  constexpr Pfn pfn() const { return Pfn(raw_ >> 2); }
  constexpr SwapSlot swap() const { return SwapSlot{static_cast<std::uint32_t>(raw_ >> 2)}; }
  constexpr std::uint64_t note() const { return raw_ >> 2; }
  friend constexpr bool operator==(PageSlot, PageSlot) = default;

 private:
  constexpr PageSlot(Kind kind, std::uint64_t payload)
      : raw_(payload << 2 | static_cast<std::uint64_t>(kind)) {}
  std::uint64_t raw_ = 0;
};
static_assert(sizeof(PageSlot) == 8);

}  // namespace pw
