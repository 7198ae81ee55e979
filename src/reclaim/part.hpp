// Part: what one process has of the machine's memory, where replacement is local.
//
// With global replacement there is one part for everybody. With local replacement each address
// space has its own: an order of its own pages and an allowance of frames; a process at its
// allowance gives up one of its own pages for the next (Silberschatz, Galvin, Gagne, "Operating
// system concepts", 10.5). A page belongs to the part of the process that brought it in, as Linux
// charges it, also when others map it later; what is left of a part when its process ends is
// nobody's, and goes first.
//
// Owned by the Reclaimer: parts_[0] is everybody's or nobody's, parts_[id + 1] the space's.
// Invariant: `frames` is what the orders hold.
#pragma once

#include <memory>

#include "base/options.hpp"
#include "policy/any_policy.hpp"
#include "space/address_space.hpp"

namespace pw {

struct Part {
  // A process cannot run with fewer frames: an instruction across a page boundary that moves data
  // across two needs six, and its tables' worth of neighbours.
  static constexpr std::uint64_t kLeast = 8;

  AddressSpace* space = nullptr;  // null: everybody's, nobody's, or not in use
  int priority = 0;
  std::uint64_t frames = 0;
  std::uint64_t allowance = 0;
  std::unique_ptr<policy::AnyPolicy> order;       // of all pages, or of the anonymous ones
  std::unique_ptr<policy::AnyPolicy> file_order;  // with swappiness only

  policy::AnyPolicy& order_of(FrameKind kind) {
    return kind == FrameKind::File && file_order != nullptr ? *file_order : *order;
  }
  std::uint64_t listed() const {
    return order->size() + (file_order == nullptr ? 0 : file_order->size());
  }
};

}  // namespace pw
