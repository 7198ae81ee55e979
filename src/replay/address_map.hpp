// Where a recorded process's pages lie in the machine: a recorder puts program, libraries, heap and
// stack at other addresses than the kernel would, and what a fault maps depends on where it lies
// (windows around faults, tables, huge pages). Runs of recorded pages, each moved as a whole.
//
// Owned by a RecordedProcess. Runs do not overlap. An identity map moves nothing and knows every
// page.
#pragma once

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
    last_ = {};
  }

  // Where the page lies; nothing if the map does not know.
  std::optional<Vpn> find(Vpn recorded) const {
    if (identity_) return recorded;
    const bool as_before = recorded.value >= last_.begin && recorded.value < last_.end;
    if (!as_before && !look_for(recorded)) return std::nullopt;
    return Vpn(recorded.value - last_.begin + last_.to);
  }
  bool left_out(Vpn recorded) const;
  // The same address, or where it lies.
  VirtAddr address(VirtAddr recorded) const;

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
  bool look_for(Vpn recorded) const;  // sets last_

  bool identity_;
  Runs runs_;  // by the first recorded page
  // The run of the last question.
  struct Last {
    std::uint64_t begin = 1, end = 0, to = 0;
  };
  mutable Last last_;
};

}  // namespace pw::replay
