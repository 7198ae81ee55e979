// All swap areas of a machine. A SwapSlot names an area (4 bits) and a slot in it (28 bits, 1 TiB
// an area). Areas are used by priority, highest first; those of equal priority in turn, as
// swapon(8) says.
#pragma once

#include <memory>
#include <vector>

#include "object/page_slot.hpp"
#include "swap/swap_area.hpp"

namespace pw {

class SwapSpace {
 public:
  static constexpr unsigned kAreaShift = 28;
  static constexpr std::size_t kMaxAreas = 15;

  // Errors: Invalid (no slots, too many), TooManyFiles (more areas than can be named).
  Result<void> add(std::unique_ptr<SwapArea> area);
  bool empty() const { return areas_.empty(); }
  bool full() const;
  std::uint64_t total_slots() const;
  std::uint64_t used_slots() const;
  std::size_t area_count() const { return areas_.size(); }
  const SwapArea& area_at(std::size_t number) const { return *areas_[number]; }

  // A slot with count 1 in the first area that is not full and not among `refused` (bits by area);
  // invalid if there is none.
  SwapSlot allocate(std::uint32_t refused = 0);
  static std::uint32_t area_bit(SwapSlot slot) { return 1U << (slot.value >> kAreaShift); }
  void retain(SwapSlot slot, std::uint32_t n = 1) { area(slot).retain(index(slot), n); }
  void release(SwapSlot slot) { area(slot).release(index(slot)); }
  std::uint32_t count(SwapSlot slot) const {
    return areas_[slot.value >> kAreaShift]->count(index(slot));
  }

  Result<void> read(SwapSlot slot, std::span<std::byte> out) {
    return area(slot).read(index(slot), out);
  }
  Result<void> write(SwapSlot slot, std::span<const std::byte> bytes) {
    return area(slot).write(index(slot), bytes);
  }
  // Device time: completion of one transfer of `pages` neighbouring slots from `slot` on, which
  // stands for `times` like it, one after the other.
  std::uint64_t submit(SwapSlot slot, Transfer kind, std::uint64_t now, std::uint64_t pages = 1,
                       std::uint64_t times = 1) {
    return area(slot).queue().submit(now, kind, index(slot), pages, times);
  }
  // Whoever hands a transfer in carries it out (SWP_SYNCHRONOUS_IO).
  bool synchronous(SwapSlot slot) const {
    return areas_[slot.value >> kAreaShift]->queue().synchronous();
  }
  bool all_synchronous() const;
  // The devices' doings so far, all areas.
  struct Traffic {
    std::uint64_t busy_ns = 0, requests = 0, reads = 0, pages = 0;
    unsigned channels = 0;
  };
  Traffic traffic() const;

  // fn(slot, count) for every slot in use.
  template <class Fn>
  void for_each_used(Fn&& fn) const {
    for (std::uint32_t a = 0; a < areas_.size(); ++a) {
      for (std::uint32_t i = 0; i < areas_[a]->known_slots(); ++i) {
        const std::uint32_t n = areas_[a]->count(i);
        if (n > 0) fn(SwapSlot{a << kAreaShift | i}, n);
      }
    }
  }

 private:
  static std::uint32_t index(SwapSlot slot) { return slot.value & ((1U << kAreaShift) - 1); }
  SwapArea& area(SwapSlot slot) { return *areas_[slot.value >> kAreaShift]; }

  std::vector<std::unique_ptr<SwapArea>> areas_;  // numbers are given in order of add()
  std::uint32_t turn_ = 0;                        // for areas of equal priority
};

}  // namespace pw
