// PageIds: names for pages that outlive their stay in memory.
//
// A policy that remembers evicted pages must be able to tell that the page which comes in now is
// the one that went out then. A frame's number says nothing about that; nor does the page's place
// in an object, since parent and child of a fork may have different pages at the same place. What
// stays with a page while it is away is where its bytes are: so the id travels with the page.
//
//                      evicted                              faulted in
//   frame 17: id 5  ------------->  swap slot 40: id 5   ------------->  frame 3: id 5
//                                   (or a shadow in the file's slot)
//
// Owned by the Reclaimer, and only there if its policy remembers: the others take frame numbers for
// ids. Ids are dense, and given anew when a page is gone for good. There are ids for several times
// the frames; when they run out the pages that are away are forgotten in turn.
//
// Invariants: a resident page's id leads to its frame and back; each swap slot named here is in
// use.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/swap_slot.hpp"
#include "base/units.hpp"
#include "policy/list.hpp"
#include "policy/policy.hpp"

namespace pw {

class PageIds {
 public:
  using Id = policy::Id;

  explicit PageIds(std::uint64_t frames);

  std::uint32_t ids() const { return ids_; }
  // policy::kNoPage: the frame has none.
  Id of(Pfn pfn) const { return by_frame_[pfn.value] - 1; }
  Pfn frame(Id id) const { return Pfn(pages_[id].where); }

  // Of the page whose bytes are in `slot`, or that left `shadow` behind; kNoPage: not known.
  Id find(SwapSlot slot) const;
  Id find_shadow(std::uint64_t shadow) const;
  // Whether the page was in memory once and is not now.
  bool absent(Id id) const {
    return pages_[id].state == State::Swapped || pages_[id].state == State::Shadow;
  }
  // A new page's. kNoPage: all are in use; forget some.
  Id take();
  // The next of the pages that are away, in turn, and whether it is a file's; kNoPage: none is.
  Id next_absent(bool& file);

  // The page comes into a frame, which has no id.
  void settle(Id id, Pfn pfn);
  // It leaves its frame for a swap slot.
  void leave(Pfn pfn, SwapSlot slot);
  // It leaves its frame for good copies elsewhere; what to find it by.
  std::uint64_t leave_shadow(Pfn pfn);
  // It is gone for good.
  void release(Id id);

  // What is wrong; null if nothing. For Machine::verify().
  const char* check() const;
  template <class Fn>  // fn(SwapSlot) for every page that is in swap
  void for_each_swapped(Fn&& fn) const {
    for (const auto& [slot, id] : in_swap_) fn(SwapSlot{slot});
  }

 private:
  enum class State : std::uint8_t { Free, Resident, Swapped, Shadow };
  struct Page {
    std::uint32_t where;   // Resident: frame, Swapped: slot
    std::uint32_t serial;  // of the pages that had this id
    State state;
  };
  void detach(Id id);

  std::uint32_t ids_;
  std::uint32_t used_ = 0;  // ids from here on were never given
  std::uint32_t hand_ = 0;
  std::vector<Id> free_;
  policy::ZeroedArray<std::uint32_t> by_frame_;    // id + 1
  policy::ZeroedArray<Page> pages_;                // by id
  std::unordered_map<std::uint32_t, Id> in_swap_;  // by slot
};

}  // namespace pw
