// CountOrder: the resident pages in the order of their reference counts, and with equal counts in
// the order in which they came to that count. What the LFU family is made of.
//
//   first bucket            next                    last
//   count 1                 count 2                 count 7
//   a  <->  b  <->  c  <->  d  <->  e  <->  f  <->  g         one list through all of them
//   oldest     newest       oldest                            a goes first
//
// A reference takes its page from the bucket of n to the end of the bucket of n + 1, which is the
// neighbour or has to be made: O(1) (Shah, Mitra, Matani, "An O(1) algorithm for implementing the
// LFU cache eviction scheme", 2010). A count is that of references since the page came in.
//
// Owned by a policy. Memory: 16 bytes a resident page, the bits of a slot number an id, 20 a
// different count.
// Invariants: buckets are not empty, and in rising order of counts; slot 0 and bucket 0 are the
// ends of their lists.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "policy/id_numbers.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class CountOrder {
 public:
  explicit CountOrder(const Setup& setup)
      : slot_of_(setup.ids, most_resident(setup)),
        most_(most_resident(setup)),
        slots_(1),
        buckets_(1) {
    slots_.reserve(std::size_t{std::min(setup.ids, setup.frames)} + 1);
  }

  std::uint32_t size() const { return size_; }
  void prefetch(Id id) const { slot_of_.prefetch(id); }

  // With count 1.
  void insert(Id id) {
    PW_CHECK_MSG(id < slot_of_.ids() && slot_of_[id] == 0,
                 "the page is resident already, or no id of this policy");
    std::uint32_t before = 0;  // the last bucket with a smaller count
    if (const std::uint32_t first = buckets_[0].next; first != 0 && buckets_[first].count == 0) {
      before = first;
    }
    PW_CHECK_MSG(size_ < most_, "more pages than frames");
    const std::uint32_t slot = take(slots_, free_slot_);
    slots_[slot].id = id;
    slot_of_.set(id, slot);
    append(slot, bucket_after(before, 1));
    ++size_;
  }
  // Counts a reference.
  void touch(Id id) {
    const std::uint32_t slot = slot_of(id);
    const std::uint32_t from = slots_[slot].bucket;
    Bucket& bucket = buckets_[from];
    const std::uint32_t count = bucket.count + (bucket.count != kMostReferences);
    const std::uint32_t next = bucket.next;
    if (bucket.first == bucket.last && (next == 0 || buckets_[next].count != count)) {
      bucket.count = count;  // alone, and the neighbour is farther: it stays where it is
      return;
    }
    if (count == bucket.count) return;
    const std::uint32_t to = bucket_after(from, count);
    remove(slot);
    append(slot, to);
  }
  void erase(Id id) {
    const std::uint32_t slot = slot_of(id);
    slot_of_.set(id, 0);
    remove(slot);
    slots_[slot].next = free_slot_;
    free_slot_ = slot;
    --size_;
  }

  // Halves every count, rounding down. The order stays as it is: of two pages that now have the
  // same count, the one that would have gone first still goes first.
  void halve() {
    for (std::uint32_t at = buckets_[0].next; at != 0;) {
      const Bucket bucket = buckets_[at];
      buckets_[at].count = bucket.count / 2;
      if (bucket.prev != 0 && buckets_[bucket.prev].count == bucket.count / 2) {
        for (std::uint32_t slot = bucket.first;; slot = slots_[slot].next) {
          slots_[slot].bucket = bucket.prev;
          if (slot == bucket.last) break;
        }
        buckets_[bucket.prev].last = bucket.last;
        drop(at);
      }
      at = bucket.next;
    }
  }

  // Evicts the first page that may go, lowest counts first.
  template <class Probe>
  Id take_lowest(Probe&& probe) {
    for (std::uint32_t slot = slots_[0].next; slot != 0; slot = slots_[slot].next) {
      if (probe(slots_[slot].id) != Verdict::Unevictable) return take_page(slot);
    }
    return kNoPage;
  }
  // The same with the highest counts first; of equal ones the oldest goes here too.
  template <class Probe>
  Id take_highest(Probe&& probe) {
    for (std::uint32_t at = buckets_[0].prev; at != 0; at = buckets_[at].prev) {
      for (std::uint32_t slot = buckets_[at].first;; slot = slots_[slot].next) {
        if (probe(slots_[slot].id) != Verdict::Unevictable) return take_page(slot);
        if (slot == buckets_[at].last) break;
      }
    }
    return kNoPage;
  }

 private:
  static constexpr std::uint32_t kMostReferences = 0xFFFF'FFFFU;
  struct Slot {
    std::uint32_t prev = 0, next = 0;
    Id id = kNoPage;
    std::uint32_t bucket = 0;
  };
  struct Bucket {
    std::uint32_t prev = 0, next = 0;
    std::uint32_t first = 0, last = 0;  // slots; both 0: being made
    std::uint32_t count = 0;
  };

  template <class T>
  static std::uint32_t take(std::vector<T>& pool, std::uint32_t& free) {
    if (free == 0) {
      pool.emplace_back();
      return static_cast<std::uint32_t>(pool.size() - 1);
    }
    const std::uint32_t taken = free;
    free = pool[taken].next;
    pool[taken] = {};
    return taken;
  }
  std::uint32_t slot_of(Id id) const {
    const std::uint32_t slot = id < slot_of_.ids() ? slot_of_[id] : 0;
    PW_CHECK_MSG(slot != 0, "the page is not resident in this policy");
    return slot;
  }
  Id take_page(std::uint32_t slot) {
    const Id id = slots_[slot].id;
    erase(id);
    return id;
  }

  // The bucket of `count` behind bucket `before`, which it is made for if need be.
  std::uint32_t bucket_after(std::uint32_t before, std::uint32_t count) {
    const std::uint32_t next = buckets_[before].next;
    if (next != 0 && buckets_[next].count == count) return next;
    const std::uint32_t made = take(buckets_, free_bucket_);
    buckets_[made].count = count;
    buckets_[made].prev = before;
    buckets_[made].next = next;
    buckets_[before].next = made;
    buckets_[next].prev = made;
    return made;
  }
  // Puts a slot that is in no list at the end of a bucket.
  void append(std::uint32_t slot, std::uint32_t to) {
    Bucket& bucket = buckets_[to];
    // An empty bucket's pages stand behind those of the bucket before.
    const std::uint32_t before = bucket.last != 0 ? bucket.last : buckets_[bucket.prev].last;
    const std::uint32_t after = slots_[before].next;
    slots_[slot].prev = before;
    slots_[slot].next = after;
    slots_[slot].bucket = to;
    slots_[before].next = slot;
    slots_[after].prev = slot;
    if (bucket.first == 0) bucket.first = slot;
    bucket.last = slot;
  }
  void remove(std::uint32_t slot) {
    const Slot page = slots_[slot];
    Bucket& bucket = buckets_[page.bucket];
    slots_[page.prev].next = page.next;
    slots_[page.next].prev = page.prev;
    if (bucket.first == bucket.last) {
      drop(page.bucket);
    } else if (bucket.first == slot) {
      bucket.first = page.next;
    } else if (bucket.last == slot) {
      bucket.last = page.prev;
    }
  }
  void drop(std::uint32_t at) {
    buckets_[buckets_[at].prev].next = buckets_[at].next;
    buckets_[buckets_[at].next].prev = buckets_[at].prev;
    buckets_[at].next = free_bucket_;
    free_bucket_ = at;
  }

  IdNumbers<Packing::Dense> slot_of_;  // 0: not resident
  std::uint32_t most_;                 // pages
  std::vector<Slot> slots_;            // [0]: the two ends of the list
  std::vector<Bucket> buckets_;        // [0]: the two ends of the list
  std::uint32_t free_slot_ = 0, free_bucket_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace pw::policy
