// One paging-structure cache: the entries of one level of the tables that the walker remembers
// (Intel SDM vol. 3A 4.10.3). Fully associative, LRU, any number of ways.
//
// Owned by SimCpu. What is kept of an entry is where the table below it lies and what the walk has
// been granted so far, in the form in which the next step of a walk uses it. Invariants: a key is
// at most once here; way 0 is none and has key 0.
//
// A use that may or may not count (to_front_if) is written into a log, which takes no branch; the
// log is worked off when it is full, or before the order is asked for or changed.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "arch/x86/pte.hpp"
#include "arch/x86/walk.hpp"
#include "ports/sim/tlb_order.hpp"

namespace pw::sim {

class WalkCache {
 public:
  static constexpr std::uint32_t kNone = 0;  // no way

  WalkCache() = default;  // without ways: nothing is ever found
  explicit WalkCache(std::uint32_t ways)
      : ways_(ways),
        mask_(std::bit_ceil(std::uint64_t{ways} * 8) - 1),
        entries_(std::size_t{ways} + 1),
        heads_(mask_ + 1),
        list_(ways) {}

  bool exists() const { return ways_ != 0; }
  std::uint32_t live() const { return live_; }

  // The way of a key; the order is unchanged.
  [[gnu::always_inline]] std::uint32_t find(std::uint64_t key) const {
    std::uint32_t way = heads_[bucket(key)];
    while (entries_[way].key != key) {
      if (way == kNone) return kNone;
      way = entries_[way].next;
    }
    if (way == kNone) __builtin_unreachable();  // its key is 0
    return way;
  }
  const x86::UpperEntry& operator[](std::uint32_t way) const { return entries_[way].upper; }

  void to_front(std::uint32_t way) {
    settle();
    list_.to_front(way - 1);
  }
  // If `used` is 1; nothing if it is 0. After this, and before any other call, settle() if the log
  // is full.
  [[gnu::always_inline]] void to_front_if(std::uint32_t way, std::uint32_t used) {
    log_[logged_] = way;
    logged_ += used;
  }
  bool log_full() const { return logged_ == kLog; }
  [[gnu::always_inline]] void settle() {
    if (logged_ == 0) return;
    if (logged_ != 1) return settle_log();
    list_.to_front(log_[0] - 1);
    logged_ = 0;
  }
  // The key must not be here.
  void insert(std::uint64_t key, const x86::UpperEntry& upper) {
    settle();
    const std::uint32_t way = list_.last_to_front() + 1;
    Entry& entry = entries_[way];
    if (entry.key != 0) [[likely]] {
      leave_bucket(way);
    } else {
      ++live_;
    }
    std::uint32_t& head = heads_[bucket(key)];
    // Part by part: an aggregate would be put together on the stack and copied, which stalls the
    // host.
    entry.key = key;
    entry.upper.table = upper.table;
    entry.upper.grants = upper.grants;
    entry.upper.forbids = upper.forbids;
    entry.next = head;
    head = way;
  }
  void erase(std::uint32_t way) {
    settle();
    leave_bucket(way);
    entries_[way] = {};
    --live_;
    list_.to_back(way - 1);
  }
  template <class Condition>
  void erase_if(Condition&& condition) {
    for (std::uint32_t way = 1; way <= ways_ && live_ != 0; ++way) {
      const std::uint64_t key = entries_[way].key;
      if (key != 0 && condition(key)) erase(way);
    }
  }
  // visit(key, const x86::UpperEntry&)
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Entry& entry : entries_) {
      if (entry.key != 0) visit(entry.key, entry.upper);
    }
  }

 private:
  struct Entry {
    std::uint64_t key = 0;
    x86::UpperEntry upper;
    std::uint32_t next = kNone;  // the next way of the same bucket
  };
  static constexpr std::uint32_t kLog = 256;
  static constexpr std::uint32_t kFewWays = 63;  // their numbers fit into one word of bits

  // Neighbouring tables lie in neighbouring buckets; spaces (from bit 45 on) lie apart.
  std::uint64_t bucket(std::uint64_t key) const { return (key ^ key >> 43) & mask_; }
  void leave_bucket(std::uint32_t way) {
    std::uint32_t* link = &heads_[bucket(entries_[way].key)];
    while (*link != way) link = &entries_[*link].next;
    *link = entries_[way].next;
  }
  // Of a way that is in the log more than once only the last use matters.
  [[gnu::noinline]] void settle_log() {
    std::array<std::uint32_t, kFewWays> last;
    std::uint32_t n = 0;
    std::uint64_t seen = 0;
    if (ways_ > kFewWays) {
      for (std::uint32_t i = 0; i < logged_; ++i) list_.to_front(log_[i] - 1);
    } else {
      for (std::uint32_t i = logged_; i-- > 0 && n < live_;) {
        const std::uint32_t way = log_[i];
        const std::uint64_t bit = std::uint64_t{1} << way;
        if ((seen & bit) != 0) continue;
        seen |= bit;
        last[n++] = way;
      }
      while (n-- > 0) list_.to_front(last[n] - 1);
    }
    logged_ = 0;
  }

  std::uint32_t ways_ = 0, live_ = 0;
  std::uint64_t mask_ = 0;
  std::vector<Entry> entries_ = std::vector<Entry>(1);
  std::vector<std::uint32_t> heads_ = std::vector<std::uint32_t>(1);
  std::uint32_t logged_ = 0;
  std::array<std::uint32_t, kLog> log_{};
  RecencyList list_;  // of ways, from 0
};

}  // namespace pw::sim
