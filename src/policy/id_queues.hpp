// IdQueues: queues of dense ids from which any page can be taken, for policies whose pages stand in
// line: generations, active and inactive lists, a clock's circle (a queue whose front goes to the
// back).
//
//   queue q    . . [ a | b | - | c | d ] . .       a ring; '-': c's neighbour was taken out
//                    front            back
//   id c       -> its place in the ring, its queue, its flags: one number (see IdNumbers)
//
// Owned by a policy. An id is in one queue at most. Memory: a ring's slot for each page (4 bytes
// and what the policy adds as Extra; little more than two slots a page at most, 1.6 with
// Packing::Dense, about one where pages leave at the front), and the number. The number of an
// absent page is the policy's to keep a note in. All operations are O(1), those that add amortised:
// a full ring is closed up or grows by a sixteenth. A queue holds at most twice as many pages as
// there are frames.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <type_traits>

#include "base/check.hpp"
#include "policy/id_numbers.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

struct NoExtra {};

// A plain array that grows where it is, so that a ring's former sizes don't stay behind in the
// heap.
template <class T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  std::uint32_t size() const { return size_; }
  T* begin() { return data_.get(); }
  T& operator[](std::uint32_t i) { return data_.get()[i]; }
  const T& operator[](std::uint32_t i) const { return data_.get()[i]; }
  // New elements hold anything.
  void resize(std::uint32_t size) {
    void* const moved = std::realloc(data_.release(), std::size_t{size} * sizeof(T));
    PW_CHECK_MSG(moved != nullptr, "out of host memory for a replacement policy");
    data_.reset(static_cast<T*>(moved));
    size_ = size;
  }
  void clear() {
    data_.reset();
    size_ = 0;
  }

 private:
  struct Release {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T, Release> data_;
  std::uint32_t size_ = 0;
};

template <unsigned kQueues, unsigned kFlagBits = 0, class Extra = NoExtra,
          Packing kPacking = Packing::Fast>
class IdQueues {
 public:
  // `most_noted`: the largest note that will be set.
  explicit IdQueues(const Setup& setup, std::uint32_t most_noted = 0)
      : numbers_(setup.ids, largest_number(setup, most_noted)) {}

  std::uint32_t size() const { return size_; }
  std::uint32_t size(unsigned queue) const { return rings_[queue].live; }
  bool contains(Id id) const { return id < numbers_.ids() && (numbers_[id] & 1) != 0; }
  void prefetch(Id id) const { numbers_.prefetch(id); }

  // The next in line; kNoPage: the queue is empty.
  Id front(unsigned queue) {
    Ring& ring = rings_[queue];
    if (ring.live == 0) return kNoPage;
    for (; ring.slots[ring.begin].id == kNoPage; --ring.used) {
      ring.begin = ring.after(ring.begin);
      if (ring.used > kAhead) prefetch_at(ring, kAhead);  // it came long ago: no longer at hand
    }
    return ring.slots[ring.begin].id;
  }
  // The one in line behind a page that is in a queue; kNoPage: none.
  Id next(Id id) {
    check_present(id);
    const Ring& ring = rings_[queue_of(id)];
    std::uint32_t slot = place_of(id);
    for (std::uint32_t left = ring.used - ring.order(slot) - 1; left > 0; --left) {
      slot = ring.after(slot);
      if (const Id found = ring.slots[slot].id; found != kNoPage) return found;
    }
    return kNoPage;
  }
  // Of an id that is in no queue.
  void push_back(Id id, unsigned queue, unsigned flags = 0, Extra extra = {}) {
    check_absent(id);
    Ring& ring = with_space(queue);
    put(id, queue, ring.slot(ring.used), flags, extra);
    ++size_;
  }
  void push_front(Id id, unsigned queue, unsigned flags = 0, Extra extra = {}) {
    check_absent(id);
    Ring& ring = with_space(queue);
    ring.begin = ring.slot(ring.size() - 1);
    put(id, queue, ring.begin, flags, extra);
    ++size_;
  }
  // The id's number is 0 then.
  void remove(Id id) {
    check_present(id);
    const std::uint32_t number = numbers_[id];
    make_hole(rings_[queue_in(number)], number >> kShift);
    numbers_.set(id, 0);
    --size_;
  }
  // From whichever queue it is in; flags and extra are new.
  void move_to_back(Id id, unsigned queue, unsigned flags = 0, Extra extra = {}) {
    check_present(id);
    const std::uint32_t number = numbers_[id];
    const std::uint32_t slot = number >> kShift;
    Ring& from = rings_[queue_in(number)];
    if (&from != &rings_[queue]) {
      make_hole(from, slot);
    } else if (slot != from.slot(from.used - 1)) {
      from.slots[slot].id = kNoPage;
      --from.live;
    } else {
      set_flags(id, flags);
      from.slots[slot].extra = extra;
      return;
    }
    Ring& to = with_space(queue);
    put(id, queue, to.slot(to.used), flags, extra);
  }

  // Of ids in a queue.
  unsigned queue_of(Id id) const { return queue_in(numbers_[id]); }
  unsigned flags(Id id) const { return numbers_[id] >> (1 + kQueueBits) & ((1U << kFlagBits) - 1); }
  void set_flags(Id id, unsigned flags) {
    constexpr std::uint32_t kMask = ((1U << kFlagBits) - 1) << (1 + kQueueBits);
    numbers_.set(id, (numbers_[id] & ~kMask) | flags << (1 + kQueueBits));
  }
  // Of the page that front() just gave, whose number need not be loaded for it.
  const Extra& front_extra(unsigned queue) const {
    return rings_[queue].slots[rings_[queue].begin].extra;
  }
  Extra& extra(Id id) { return rings_[queue_of(id)].slots[place_of(id)].extra; }

  // Notes on ids that are in no queue, 0 at first; a note has note_bits() bits.
  unsigned note_bits() const { return numbers_.bits() - 1; }
  std::uint32_t note(Id id) const { return numbers_[id] >> 1; }
  void set_note(Id id, std::uint32_t note) { numbers_.set(id, note << 1); }
  std::uint32_t ids() const { return numbers_.ids(); }
  // Each note that is not 0 becomes fn(note).
  template <class Fn>
  void change_notes(Fn&& fn) {
    for (Id id = 0; id < numbers_.ids(); ++id) {
      const std::uint32_t number = numbers_[id];
      if (number != 0 && (number & 1) == 0) numbers_.set(id, fn(number >> 1) << 1);
    }
  }

  // fn(id) for each page of a queue from the front; it may change flags and extras only.
  template <class Fn>
  void for_each(unsigned queue, Fn&& fn) {
    Ring& ring = rings_[queue];
    for (std::uint32_t i = 0; i < ring.used; ++i) {
      if (const Id id = ring.slots[ring.slot(i)].id; id != kNoPage) fn(id);
    }
  }
  // The first page of a queue, from the front, that `wanted(id)` is true of; kNoPage: none.
  template <class Wanted>
  Id find(unsigned queue, Wanted&& wanted) {
    Ring& ring = rings_[queue];
    for (std::uint32_t i = 0; i < ring.used; ++i) {
      if (const Id id = ring.slots[ring.slot(i)].id; id != kNoPage && wanted(id)) return id;
    }
    return kNoPage;
  }
  void check_present(Id id) const {
    PW_CHECK_MSG(contains(id), "the page is not resident in this policy");
  }

 private:
  static constexpr unsigned kQueueBits = std::bit_width(kQueues - 1);
  static constexpr unsigned kShift = 1 + kQueueBits + kFlagBits;
  static constexpr std::size_t kKept = 1'024;  // slots that an empty ring keeps
  static constexpr unsigned kWorthGrowing = kPacking == Packing::Fast ? 8 : 11;  // sixteenths:
                                                                                 // pages
  static constexpr std::uint32_t kAhead = 8;                                     // slots

  struct Slot {
    Id id = kNoPage;
    [[no_unique_address]] Extra extra{};
  };
  // `used` slots from `begin` on are in use, holes among them.
  struct Ring {
    GrowingArray<Slot> slots;
    std::uint32_t begin = 0;
    std::uint32_t used = 0;
    std::uint32_t live = 0;

    std::uint32_t size() const { return slots.size(); }
    // The slot that comes `i` after the first, i < size().
    std::uint32_t slot(std::uint32_t i) const {
      return i < size() - begin ? begin + i : i - (size() - begin);
    }
    std::uint32_t after(std::uint32_t slot) const { return slot + 1 == size() ? 0 : slot + 1; }
    std::uint32_t order(std::uint32_t slot) const {
      return slot >= begin ? slot - begin : slot + (size() - begin);
    }
  };

  static constexpr std::uint64_t largest_number(const Setup& setup, std::uint32_t most_noted) {
    const std::uint64_t place = std::uint64_t{4} * setup.frames + 63;  // generously
    const std::uint64_t largest = std::max(((place + 1) << kShift) - 1,
                                           std::uint64_t{most_noted} << 1 | 1);
    return std::min<std::uint64_t>(largest, 0xFFFF'FFFFU);
  }
  std::uint32_t place_of(Id id) const { return numbers_[id] >> kShift; }
  void check_absent(Id id) const {
    PW_CHECK_MSG(id < numbers_.ids() && !contains(id),
                 "the page is resident already, or no id of this policy");
  }
  static unsigned queue_in(std::uint32_t number) { return number >> 1 & ((1U << kQueueBits) - 1); }
  void make_hole(Ring& ring, std::uint32_t slot) {
    ring.slots[slot].id = kNoPage;
    if (--ring.live > 0) return;
    ring.begin = ring.used = 0;
    if (ring.size() > kKept) ring.slots.clear();
  }
  void put(Id id, unsigned queue, std::uint32_t slot, unsigned flags, Extra extra) {
    Ring& ring = rings_[queue];
    ring.slots[slot] = {id, extra};
    ++ring.used;
    ++ring.live;
    numbers_.set(id, slot << kShift | flags << (1 + kQueueBits) | queue << 1 | 1U);
  }
  Ring& with_space(unsigned queue) {
    Ring& ring = rings_[queue];
    if (ring.used == ring.size()) make_space(ring);
    return ring;
  }
  // Holes are worth closing where they are half of the ring: then the work is paid by those who
  // left.
  void make_space(Ring& ring) {
    const bool whole = ring.begin == 0 && ring.live == ring.used;
    if (ring.live >= ring.used / 16 * kWorthGrowing) grow(ring);
    if (!whole) close_up(ring);
  }
  void grow(Ring& ring) {
    const std::uint32_t former = ring.size();
    const std::uint32_t size = former + former / 16 + 16;
    PW_CHECK(size <= std::uint64_t{1} << (numbers_.bits() - kShift));
    ring.slots.resize(size);
    if (ring.begin == 0) return;
    // What stood at the end of the array stands there again.
    Slot* const first = ring.slots.begin() + ring.begin;
    std::copy_backward(first, ring.slots.begin() + former, ring.slots.begin() + size);
    ring.begin += size - former;
  }
  void close_up(Ring& ring) {
    Slot* const slots = ring.slots.begin();
    const std::uint32_t size = ring.size();
    std::uint32_t to = ring.begin;
    const auto pack = [&](std::uint32_t from, std::uint32_t end) {
      for (; from != end; ++from) {
        const Slot slot = slots[from];
        slots[to] = slot;
        to += slot.id == kNoPage ? 0 : 1;  // no branch: nobody could predict it
        to = to == size ? 0 : to;
      }
    };
    const std::uint32_t to_end = std::min(ring.used, size - ring.begin);
    pack(ring.begin, ring.begin + to_end);
    pack(0, ring.used - to_end);
    ring.used = ring.live;
    const std::uint32_t live_to_end = std::min(ring.used, size - ring.begin);
    renumber(slots, ring.begin, ring.begin + live_to_end);
    renumber(slots, 0, ring.used - live_to_end);
  }
  // Of pages without holes between.
  void renumber(const Slot* slots, std::uint32_t slot, std::uint32_t end) {
    constexpr std::uint32_t kLow = (1U << kShift) - 1;
    for (; slot != end; ++slot) {
      if (end - slot > kAhead) numbers_.prefetch(slots[slot + kAhead].id);
      const Id id = slots[slot].id;
      numbers_.set(id, slot << kShift | (numbers_[id] & kLow));
    }
  }
  void prefetch_at(const Ring& ring, std::uint32_t i) {
    const Id id = ring.slots[ring.slot(i)].id;
    if (id != kNoPage) numbers_.prefetch(id);
  }

  IdNumbers<kPacking> numbers_;  // place, flags, queue, 1 if present; else note, 0
  std::uint32_t size_ = 0;
  std::array<Ring, kQueues> rings_;
};

}  // namespace pw::policy
