// SlotLists: as many doubly linked lists of pages as a policy asks for when it is made. Their links
// are in slots, which only resident pages have: where ids outnumber frames they take less memory
// than IdLists, for one more load to find a page's slot.
//
// Owned by a policy. Memory: 16 bytes a resident page, the bits of a slot number an id. A page is
// in one list or none. Slots [0, lists) are the sentinels of circular lists.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "policy/id_numbers.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class SlotLists {
 public:
  SlotLists(const Setup& setup, std::uint32_t lists)
      : slot_of_(setup.ids, std::uint64_t{most_resident(setup)} + lists),
        most_(most_resident(setup)),
        slots_(lists) {
    slots_.reserve(std::size_t{std::min(setup.ids, setup.frames)} + lists);
    PW_CHECK(lists > 0);
    for (std::uint32_t i = 0; i < lists; ++i) slots_[i] = {i, i, kNoPage, i};
  }

  std::uint32_t size() const { return size_; }  // of all lists together
  bool contains(Id id) const { return id < slot_of_.ids() && slot_of_[id] != 0; }
  std::uint32_t list_of(Id id) const { return slots_[slot_of(id)].list; }
  Id front(std::uint32_t list) const { return slots_[slots_[list].next].id; }
  // The neighbour towards the back; kNoPage at the end.
  Id next(Id id) const { return slots_[slots_[slot_of(id)].next].id; }

  void push_back(Id id, std::uint32_t list) {
    PW_CHECK_MSG(id < slot_of_.ids() && slot_of_[id] == 0,
                 "the page is resident already, or no id of this policy");
    PW_CHECK_MSG(size_ < most_, "more pages than frames");
    std::uint32_t slot = free_;
    if (slot == 0) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      free_ = slots_[slot].next;
    }
    slots_[slot].id = id;
    slot_of_.set(id, slot);
    link(slot, list);
    ++size_;
  }
  void remove(Id id) {
    const std::uint32_t slot = slot_of(id);
    unlink(slot);
    slot_of_.set(id, 0);
    slots_[slot].next = free_;
    free_ = slot;
    --size_;
  }
  void move_to_back(Id id, std::uint32_t list) {
    const std::uint32_t slot = slot_of(id);
    unlink(slot);
    link(slot, list);
  }

 private:
  struct Slot {
    std::uint32_t prev = 0, next = 0;
    Id id = kNoPage;
    std::uint32_t list = 0;
  };

  std::uint32_t slot_of(Id id) const {
    const std::uint32_t slot = id < slot_of_.ids() ? slot_of_[id] : 0;
    PW_CHECK_MSG(slot != 0, "the page is not resident in this policy");
    return slot;
  }
  void unlink(std::uint32_t slot) {
    const Slot old = slots_[slot];
    slots_[old.prev].next = old.next;
    slots_[old.next].prev = old.prev;
  }
  void link(std::uint32_t slot, std::uint32_t list) {
    const std::uint32_t before = slots_[list].prev;
    slots_[slot].prev = before;
    slots_[slot].next = list;
    slots_[slot].list = list;
    slots_[before].next = slot;
    slots_[list].prev = slot;
  }

  IdNumbers<Packing::Dense> slot_of_;  // 0: in no list
  std::uint32_t most_;                 // pages
  std::vector<Slot> slots_;
  std::uint32_t free_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace pw::policy
