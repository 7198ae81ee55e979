// The arrays of one place in the TLB hierarchy (L1 data, L1 instruction, L2), for all page sizes.
//
// Owned by SimCpu. A page size without an array of its own shares that of the next smaller size,
// each translation as one entry, or is not held here. Invariant: seen_ has the kind of every entry
// held.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "ports/sim/geometry.hpp"
#include "ports/sim/tlb.hpp"

namespace pw::sim {

class TlbUnit {
 public:
  struct Size {
    TlbGeometry geometry;
    bool shares_smaller = true;
  };

  TlbUnit(const std::array<Size, 3>& sizes, std::uint64_t seed) {
    for (unsigned i = 0; i < 3; ++i) {
      arrays_[i] = TlbArray(sizes[i].geometry, seed + i);
      if (arrays_[i].exists()) {
        home_[i] = static_cast<std::uint8_t>(i);
      } else if (i > 0 && sizes[i].shares_smaller) {
        home_[i] = home_[i - 1];
      }
    }
    if (!arrays_[0].common()) seen_ |= kUncommon;
  }

  bool holds(int level) const { return home_[index(level)] != kNowhere; }
  // Base pages have a common array: what put_small() knows.
  bool common() const { return (seen_ & kUncommon) == 0; }
  // And nothing but base pages of spaces is here: what place_small() knows.
  bool plain() const { return seen_ == kSmall; }
  bool saw_global() const { return (seen_ & kGlobals) != 0; }

  // A translation of a base page in a space, made most recent; its key is 0 if there is none.
  // `page` is for the page's key of level 1; what is found has another if its page is larger or
  // global.
  TlbSlot find(const TlbProbe& page) {
    unsigned kinds = seen_ & ~kUncommon;
    if (common()) [[likely]] {
      if (const std::uint64_t* data = arrays_[0].find(page)) return {page.key, *data};
      kinds &= ~kSmall;
    }
    const std::uint64_t vpn = tlb_key::first_vpn(page.key);
    for (; kinds != 0; kinds &= kinds - 1) {
      const int kind = std::countr_zero(kinds);
      const TlbProbe probe(kind < 3 ? tlb_key::make(vpn, tlb_key::pcid(page.key), kind + 1)
                                    : tlb_key::make_global(vpn, kind - 2));
      if (!holds(tlb_key::level(probe.key))) continue;
      if (const std::uint64_t* data = home(probe.key).find(probe)) return {probe.key, *data};
    }
    return {};
  }
  // See TlbArray.
  [[gnu::always_inline]] TlbPlace place_small(const TlbProbe& probe) {
    return arrays_[0].place_common(probe);
  }
  [[gnu::always_inline]] TlbPlace place_small(const TlbProbe& probe, TlbChoice choice) {
    return arrays_[0].place_common(probe, choice);
  }
  [[gnu::always_inline]] void put_small(const TlbPlace& place, const TlbProbe& probe,
                                        std::uint64_t data) {
    arrays_[0].put_common(place, probe, data);
  }
  [[gnu::always_inline]] void touch_small(const TlbPlace& place) { arrays_[0].touch_common(place); }
  bool spent() const { return arrays_[0].spent(); }
  void make_room() { arrays_[0].make_room(); }

  // The data of exactly this key, the order unchanged.
  std::uint64_t* peek(const TlbProbe& probe) {
    return saw(probe.key) ? home(probe.key).peek(probe) : nullptr;
  }
  // The key must not be here.
  void insert(const TlbProbe& probe, std::uint64_t data) {
    if (!holds(tlb_key::level(probe.key))) return;
    seen_ |= kind_bit(probe.key);
    home(probe.key).insert(probe, data);
  }
  bool erase(std::uint64_t key) { return saw(key) && home(key).erase(TlbProbe(key)); }

  template <class Condition>
  std::uint64_t erase_if(Condition&& condition) {
    std::uint64_t dropped = 0;
    unsigned left = 0;
    for (TlbArray& array : arrays_) {
      dropped += array.erase_if(condition);
      array.for_each([&left](const TlbSlot& slot) { left |= kind_bit(slot.key); });
    }
    seen_ = left | kSmall | (seen_ & kUncommon);
    return dropped;
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const TlbArray& array : arrays_) array.for_each(visit);
  }
  // Of 4 KiB, 2 MiB and 1 GiB pages.
  const std::array<TlbArray, 3>& arrays() const { return arrays_; }

 private:
  static constexpr std::uint8_t kNowhere = 3;
  static constexpr unsigned kSmall = 1;  // the kind of base pages of a space
  static constexpr unsigned kGlobals = 0b111'000;
  static constexpr unsigned kUncommon = 1U << 6;  // beside the kinds in seen_

  static unsigned index(int level) { return static_cast<unsigned>(level - 1); }
  // Kinds of entries: bits 0..2 levels 1..3 of a space, bits 3..5 the same of global pages.
  static unsigned kind_bit(std::uint64_t key) {
    return 1U << (index(tlb_key::level(key)) + (tlb_key::global(key) ? 3U : 0U));
  }
  bool saw(std::uint64_t key) const {
    return (seen_ & kind_bit(key)) != 0 && holds(tlb_key::level(key));
  }
  TlbArray& home(std::uint64_t key) { return arrays_[home_[index(tlb_key::level(key))]]; }

  std::array<TlbArray, 3> arrays_;
  std::array<std::uint8_t, 3> home_{kNowhere, kNowhere, kNowhere};
  // Kinds that may be here, so that only they are searched: base pages, and what was inserted
  // since the last sweep. One bit more says that base pages have no common array.
  unsigned seen_ = kSmall;
};

}  // namespace pw::sim
