// Where a recorded process's pages lie in the machine: a recorder puts program, libraries, heap and
// stack at other addresses than the kernel would, and what a fault maps depends on where it lies
// (windows around faults, tables, huge pages). Runs of recorded pages, each moved as a whole.
//
// Owned by a RecordedProcess. Runs do not overlap. An identity map moves nothing and knows every
// page.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/units.hpp"

namespace pw::replay {

class AddressMap {
 public:
  explicit AddressMap(bool identity) : identity_(identity) {}
  bool identity() const { return identity_; }

  // The recorded pages `from` lie at `to` from now on; whatever was there is forgotten.
  void place(VpnRange from, Vpn to);
  // The recorded pages belong to the recorder, not to the program.
  void leave_out(VpnRange from);
  void forget(VpnRange from);
  void clear() {
    runs_.clear();
    near_.fill({});
  }

  // Where the page lies; false if the map does not know. (An optional would be put together in
  // memory and copied, which stalls the host.)
  [[gnu::always_inline]] bool find(Vpn recorded, Vpn& place) const {
    const Near& near = near_[slot(recorded)];
    if (recorded.value - near.begin < near.pages) [[likely]] {
      place = Vpn(recorded.value + near.shift);
      return true;
    }
    return look_for(recorded, place);
  }
  std::optional<Vpn> find(Vpn recorded) const {
    Vpn place;
    return find(recorded, place) ? std::optional(place) : std::nullopt;
  }
  // The recorded pages around it that are moved along with it; it must be known.
  VpnRange run_around(Vpn recorded) const;
  bool left_out(Vpn recorded) const;
  // The same address, or where it lies.
  VirtAddr address(VirtAddr recorded) const {
    Vpn page;
    if (!find(page_of(recorded), page)) return recorded;
    return VirtAddr(address_of(page).value + recorded.value % kPageSize);
  }

  // Calls fn(range in the machine) for the parts of `recorded` that the map knows, in order; parts
  // that lie together in the machine as well are one.
  void for_each(VpnRange recorded, const std::function<void(VpnRange)>& fn) const;

 private:
  struct Run {
    Vpn end;  // of the recorded pages
    Vpn to;   // of the first
    bool out = false;
  };
  using Runs = std::map<std::uint64_t, Run>;
  Runs::const_iterator at(Vpn recorded) const;
  bool look_for(Vpn recorded, Vpn& place) const;

  // Runs that were asked for last, each in the place of the 256 KiB around the page: code, heap and
  // stack take turns.
  struct Near {
    std::uint64_t begin = 0, pages = 0;  // recorded
    std::uint64_t shift = 0;             // from there to the machine, modulo 2^64
  };
  static constexpr std::size_t kNear = 4096;
  static std::size_t slot(Vpn recorded) {
    return static_cast<std::size_t>(recorded.value >> 6) & (kNear - 1);
  }

  bool identity_;
  Runs runs_;  // by the first recorded page
  mutable std::array<Near, kNear> near_{};
};

}  // namespace pw::replay
