// IdLog: the order in which pages came or were moved to the back, as a log of these events: the
// building block of FIFO, LRU and CLOCK.
//
//   log      . . [ -  b  -  a  d  c ] . .        a ring; what is new is written at the back, and
//                                                leaves a hole (-) where it was
//   number   of each page: its slot
//
// To move a page to the back is to write two entries and one number, in places that need not be
// loaded first, where a linked list loads and writes two neighbours. Holes are dropped when they
// come to the front, and swept out when the ring is full; it doubles if more than three quarters
// are pages. All operations O(1), amortised.
//
// Owned by a policy. Memory: 4 bytes a ring slot (1 to 2.7 a page), 3 or 4 an id. Invariant: an
// entry is a page if and only if the page's number is the entry's slot + 1; 0: not in the log.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "policy/id_numbers.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class IdLog {
 public:
  explicit IdLog(const Setup& setup)
      : number_(setup.ids, std::uint64_t{4} * most_resident(setup) + kLeastSlots),
        ring_(kLeastSlots) {}

  std::uint32_t size() const { return size_; }
  bool contains(Id id) const { return id < number_.ids() && number_[id] != 0; }
  void prefetch(Id id) const { number_.prefetch(id); }

  void push_back(Id id) {
    PW_CHECK_MSG(id < number_.ids() && number_[id] == 0,
                 "the page is resident already, or no id of this policy");
    write(id);
    ++size_;
  }
  void move_to_back(Id id) {
    const std::uint32_t number = checked(id);
    if (number == slot_of(end_ - 1) + 1) return;  // it is there
    ring_[number - 1] = kNoPage;
    write(id);
  }
  void remove(Id id) {
    ring_[checked(id) - 1] = kNoPage;
    number_.set(id, 0);
    --size_;
  }

  // The first page; kNoPage: there is none. `probe` is what will be asked about it.
  template <class Probe>
  Id front(const Probe& probe) {
    return find([](Id) { return true; }, probe);
  }
  // The first page for which wanted(id) is true; none after it is asked about.
  template <class Wanted, class Probe>
  Id find(Wanted&& wanted, const Probe& probe) {
    const std::uint32_t end = end_;
    std::uint32_t first = begin_;
    for (; first != end; ++first) {
      // Those in front came long ago: the host has what it knows of them no longer at hand.
      if (const Id soon = ring_[slot_of(first + kAhead)]; soon != kNoPage) {
        number_.prefetch(soon);
        prefetch_for(probe, soon);
      }
      if (ring_[slot_of(first)] != kNoPage) break;
    }
    begin_ = first;
    for (std::uint32_t at = first; at != end; ++at) {
      const Id id = ring_[slot_of(at)];
      if (id != kNoPage && wanted(id)) return id;
    }
    return kNoPage;
  }
  // fn(id) for each page from the front.
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (std::uint32_t at = begin_; at != end_; ++at) {
      if (const Id id = ring_[slot_of(at)]; id != kNoPage) fn(id);
    }
  }

 private:
  static constexpr std::uint32_t kLeastSlots = 16;
  static constexpr std::uint32_t kAhead = 8;  // entries

  std::uint32_t slot_of(std::uint32_t at) const { return at & mask_; }
  std::uint32_t checked(Id id) const {
    const std::uint32_t number = id < number_.ids() ? number_[id] : 0;
    PW_CHECK_MSG(number != 0, "the page is not resident in this policy");
    return number;
  }
  void write(Id id) {
    if (end_ - begin_ > mask_) [[unlikely]]
      sweep();
    const std::uint32_t slot = slot_of(end_++);
    ring_[slot] = id;
    number_.set(id, slot + 1);
  }
  // Closes the holes up, where the ring lies, and doubles it if there are few: there is room for
  // one entry then.
  [[gnu::noinline]] void sweep() {
    const bool few = size_ > ring_.size() / 4 * 3;
    std::uint32_t to = begin_;
    for (std::uint32_t at = begin_; at != end_; ++at) {
      const Id id = ring_[slot_of(at)];
      ring_[slot_of(to)] = id;
      to += id != kNoPage;  // without a branch, which nobody could predict
    }
    end_ = to;
    if (few) {
      PW_CHECK(std::uint64_t{2} * ring_.size() >> number_.bits() == 0);
      std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(slot_of(begin_)),
                  ring_.end());
      ring_.resize(2 * ring_.size());
      mask_ = 2 * mask_ + 1;
      end_ -= begin_;
      begin_ = 0;
    }
    for (std::uint32_t at = begin_; at != end_; ++at) {
      if (end_ - at > kAhead) number_.prefetch(ring_[slot_of(at + kAhead)]);
      number_.set(ring_[slot_of(at)], slot_of(at) + 1);
    }
  }

  IdNumbers<> number_;
  std::vector<Id> ring_;                  // a power of two of slots
  std::uint32_t mask_ = kLeastSlots - 1;  // ring_.size() - 1, at hand
  std::uint32_t begin_ = 0, end_ = 0;     // entries, counted for ever; they wrap
  std::uint32_t size_ = 0;
};

}  // namespace pw::policy
