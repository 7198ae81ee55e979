// Sets of translations: what TLBs and paging-structure caches are made of.
//
// A key names a translation, 64 bits of data are what is known of it. TlbArray is one array of any
// number of sets and ways, with four replacements. FullSet is one fully associative set of any
// width, found by hashing; it is the walk caches, and the sets of arrays too wide for TlbArray's
// own layout. Owned by TlbUnit and SimCpu.
//
// Invariants: a key is at most once in an array; key 0 is an invalid way. An invalid way is filled
// before a valid one is replaced; tree-PLRU and random take the lowest one. The sequence of hits
// and victims is a function of the calls and the seed only.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "ports/sim/geometry.hpp"
#include "ports/sim/tlb_order.hpp"

namespace pw::sim {

// Which translation: page number in units of its level (45 bits, as 57-bit addresses need), the
// CPU's number of the address space (PCID), the level of the leaf 1..3 (so that no valid key is
// 0), and whether it is global. Global translations have PCID 0 in their key: they belong to all.
namespace tlb_key {
inline constexpr unsigned kPcidShift = 45, kLevelShift = 57, kGlobalShift = 60;
inline constexpr std::uint64_t kVpnMask = (std::uint64_t{1} << kPcidShift) - 1;
inline constexpr std::uint64_t kPcidMask = std::uint64_t{0xFFF} << kPcidShift;
inline constexpr std::uint64_t kGlobal = std::uint64_t{1} << kGlobalShift;

constexpr std::uint64_t make(std::uint64_t vpn, std::uint32_t pcid, int level) {
  return ((vpn & kVpnMask) >> (9 * (level - 1))) | std::uint64_t{pcid} << kPcidShift |
         static_cast<std::uint64_t>(level) << kLevelShift;
}
constexpr std::uint64_t make_global(std::uint64_t vpn, int level) {
  return make(vpn, 0, level) | kGlobal;
}
constexpr int level(std::uint64_t key) { return static_cast<int>(key >> kLevelShift) & 7; }
constexpr std::uint32_t pcid(std::uint64_t key) {
  return static_cast<std::uint32_t>((key & kPcidMask) >> kPcidShift);
}
constexpr bool global(std::uint64_t key) { return (key & kGlobal) != 0; }
// The first base page, without the sign extension above bit 44.
constexpr std::uint64_t first_vpn(std::uint64_t key) {
  return (key & kVpnMask) << (9 * (level(key) - 1));
}
}  // namespace tlb_key

struct TlbSlot {
  std::uint64_t key = 0;
  std::uint64_t data = 0;
};

// A key with its hash, made once for all arrays of one search.
struct TlbProbe {
  std::uint64_t key;
  std::uint64_t hash;

  constexpr explicit TlbProbe(std::uint64_t k) : key(k), hash(k * 0x9E3779B97F4A7C15ULL) {}
  constexpr std::uint64_t mark() const { return hash >> 56; }
};

namespace detail {
// The way to fill: the lowest invalid one, else `choose()`.
template <class Choose>
std::uint32_t first_invalid(const TlbSlot* slots, std::uint32_t ways, Choose&& choose) {
  for (std::uint32_t way = 0; way < ways; ++way) {
    if (slots[way].key == 0) return way;
  }
  return choose();
}
}  // namespace detail

class FullSet {
 public:
  FullSet() = default;  // without ways: nothing is ever found
  FullSet(std::uint32_t ways, TlbReplacement replacement, std::uint64_t seed)
      : replacement_(replacement),
        ways_(ways),
        hash_shift_(
            static_cast<unsigned>(std::countl_zero(std::bit_ceil(std::uint64_t{ways} * 32))) + 1),
        slots_(ways),
        next_(ways),
        buckets_(std::size_t{1} << (64 - hash_shift_)),
        random_(seed) {
    if (recency()) list_ = RecencyList(ways);
    if (replacement == TlbReplacement::TreePlru) tree_.resize(TreeBits::words(ways));
  }

  bool exists() const { return ways_ != 0; }
  std::uint32_t live() const { return live_; }

  TlbSlot* find(const TlbProbe& probe) {
    TlbSlot* slot = peek(probe);
    if (slot != nullptr && replacement_ != TlbReplacement::Fifo) touch(way_of(slot));
    return slot;
  }
  // The same in a set that is known to be LRU.
  [[gnu::always_inline]] TlbSlot* find_lru(const TlbProbe& probe) {
    TlbSlot* slot = peek(probe);
    if (slot != nullptr) list_.to_front(way_of(slot));
    return slot;
  }
  TlbSlot* peek(const TlbProbe& probe) {
    for (std::uint32_t i = bucket(probe); i != 0; i = next_[i - 1]) {
      if (slots_[i - 1].key == probe.key) return &slots_[i - 1];
    }
    return nullptr;
  }
  // The key must not be here.
  void insert(const TlbProbe& probe, std::uint64_t data) {
    if (recency()) return insert_lru(probe, data);
    const std::uint32_t way = victim();
    fill(way, probe, data);
    if (replacement_ == TlbReplacement::TreePlru) TreeBits::touch(tree_.data(), way, ways_);
  }
  // The same in a set that is known to be LRU (or FIFO: what comes in last is alike in both).
  [[gnu::always_inline]] void insert_lru(const TlbProbe& probe, std::uint64_t data) {
    fill(list_.last_to_front(), probe, data);
  }
  void erase(TlbSlot* slot) {
    const std::uint32_t way = way_of(slot);
    leave_bucket(way);
    *slot = {};
    --live_;
    if (recency()) list_.to_back(way);
  }
  std::vector<TlbSlot>& slots() { return slots_; }
  const std::vector<TlbSlot>& slots() const { return slots_; }

  template <class Condition>
  std::uint64_t erase_if(Condition&& condition) {
    std::uint64_t dropped = 0;
    if (live_ == 0) return dropped;
    for (TlbSlot& slot : slots_) {
      if (slot.key == 0 || !condition(slot.key)) continue;
      erase(&slot);
      ++dropped;
    }
    return dropped;
  }

 private:
  bool recency() const {
    return replacement_ == TlbReplacement::Lru || replacement_ == TlbReplacement::Fifo;
  }
  std::uint32_t way_of(const TlbSlot* slot) const {
    return static_cast<std::uint32_t>(slot - slots_.data());
  }
  std::uint32_t& bucket(const TlbProbe& probe) { return buckets_[probe.hash >> hash_shift_]; }

  [[gnu::always_inline]] void fill(std::uint32_t way, const TlbProbe& probe, std::uint64_t data) {
    TlbSlot& slot = slots_[way];
    if (slot.key != 0) [[likely]] {
      leave_bucket(way);
    } else {
      ++live_;
    }
    slot.key = probe.key;
    slot.data = data;
    std::uint32_t& first = bucket(probe);
    next_[way] = first;
    first = way + 1;
  }
  void touch(std::uint32_t way) {
    if (recency()) [[likely]] {
      list_.to_front(way);
    } else if (replacement_ == TlbReplacement::TreePlru) {
      TreeBits::touch(tree_.data(), way, ways_);
    }
  }
  std::uint32_t victim() {
    return detail::first_invalid(slots_.data(), live_ < ways_ ? ways_ : 0, [this] {
      return replacement_ == TlbReplacement::TreePlru
                 ? TreeBits::victim(tree_.data(), ways_)
                 : static_cast<std::uint32_t>(random_.below(ways_));
    });
  }
  void leave_bucket(std::uint32_t way) {
    std::uint32_t* link = &bucket(TlbProbe(slots_[way].key));
    while (*link != way + 1) link = &next_[*link - 1];
    *link = next_[way];
  }

  TlbReplacement replacement_ = TlbReplacement::Lru;
  std::uint32_t ways_ = 0, live_ = 0;
  unsigned hash_shift_ = 63;  // leaves an index of buckets_
  std::vector<TlbSlot> slots_;
  std::vector<std::uint32_t> next_;  // by way: the next way + 1 of the same bucket, 0 at the end
  std::vector<std::uint32_t> buckets_ = {0, 0};  // the first way + 1; at least 32 for each way, so
                                                 // that chains are rare
  RecencyList list_;                             // of Lru and Fifo
  std::vector<std::uint64_t> tree_;              // of TreePlru
  Random random_{0};
};

// A set of up to 8 ways has one word for the replacement, and if that is LRU or FIFO another with a
// mark for every way (8 bits of the key's hash), by place in the order, so that one subtraction
// finds the candidates. These words lie together and stay in the host's L1 cache (and apart from
// each other, or the compiler changes both in one vector register, which is slower); slots are
// touched only where a mark agrees. Wider sets are FullSets.
class TlbArray {
 public:
  TlbArray() = default;
  TlbArray(TlbGeometry geometry, std::uint64_t seed)
      : sets_(geometry.ways == 0 ? 0 : geometry.sets),
        ways_(geometry.ways),
        set_mask_(sets_ - 1),
        replacement_(geometry.replacement),
        random_(seed) {
    if (ways_ > kSlotsPerSet) {
      for (std::uint32_t set = 0; set < sets_; ++set) {
        wide_.emplace_back(ways_, replacement_, seed + set);
      }
      return;
    }
    if (sets_ == 0) return;
    places_ = RecencyPlaces(ways_);
    orders_.assign(sets_, recency() ? places_.initial() : 0);
    marks_.assign(sets_, 0);
    slots_.resize(std::size_t{sets_} * kSlotsPerSet);
    common_ = replacement_ == TlbReplacement::Lru && std::has_single_bit(sets_);
  }

  bool exists() const { return sets_ != 0; }
  // LRU, up to 8 ways, sets a power of two: what find_common() and insert_common() know.
  bool common() const { return common_; }

  // True: `slot` has the key and was made most recent. Else null if the key is not here; if not
  // null, only the first mark that agreed was tried, and nothing is known (1 in 32 of full sets).
  [[gnu::always_inline]] bool guess_common(const TlbProbe& probe, TlbSlot*& slot) {
    const std::uint64_t set = probe.key & set_mask_;
    const std::uint64_t left = candidates(set, probe);
    slot = nullptr;
    return left != 0 && try_first(set, left, probe, slot);
  }
  // The slot of the key, made most recent; nullptr if it is not here.
  TlbSlot* find_common(const TlbProbe& probe) {
    const std::uint64_t set = probe.key & set_mask_;
    TlbSlot* slot = nullptr;
    for (std::uint64_t left = candidates(set, probe); left != 0; left &= left - 1) {
      if (try_first(set, left, probe, slot)) return slot;
    }
    return nullptr;
  }
  TlbSlot* find(const TlbProbe& probe) {
    if (common_) return find_common(probe);
    const std::uint64_t set = set_of(probe.key);
    if (!wide_.empty()) return wide_[set].find(probe);
    TlbSlot* slot = search(set, probe.key);
    if (slot != nullptr) touch(set, way_of(set, slot), probe);
    return slot;
  }
  // The same, the order unchanged.
  TlbSlot* peek(const TlbProbe& probe) {
    const std::uint64_t set = set_of(probe.key);
    return wide_.empty() ? search(set, probe.key) : wide_[set].peek(probe);
  }

  // The key must not be here.
  [[gnu::always_inline]] void insert_common(const TlbProbe& probe, std::uint64_t data) {
    replace_last(probe.key & set_mask_, probe, data);
  }
  void insert(const TlbProbe& probe, std::uint64_t data) {
    const std::uint64_t set = set_of(probe.key);
    if (!wide_.empty()) return wide_[set].insert(probe, data);
    if (recency()) return replace_last(set, probe, data);
    const std::uint32_t way = victim(set);
    fill(set, way, probe, data);
    touch(set, way, probe);
  }

  bool erase(const TlbProbe& probe) {
    const std::uint64_t set = set_of(probe.key);
    TlbSlot* slot = peek(probe);
    if (slot == nullptr) return false;
    if (wide_.empty()) {
      drop(set, slot);
    } else {
      wide_[set].erase(slot);
    }
    return true;
  }

  // Drops the slots whose key satisfies `condition`; says how many.
  template <class Condition>
  std::uint64_t erase_if(Condition&& condition) {
    std::uint64_t dropped = 0;
    for (FullSet& set : wide_) dropped += set.erase_if(condition);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].key == 0 || !condition(slots_[i].key)) continue;
      drop(i / kSlotsPerSet, &slots_[i]);
      ++dropped;
    }
    return dropped;
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    const auto visit_all = [&visit](const std::vector<TlbSlot>& slots) {
      for (const TlbSlot& slot : slots) {
        if (slot.key != 0) visit(slot);
      }
    };
    visit_all(slots_);
    for (const FullSet& set : wide_) visit_all(set.slots());
  }

 private:
  static constexpr std::uint32_t kSlotsPerSet = RecencyPlaces::kMaxWays;

  bool recency() const {
    return replacement_ == TlbReplacement::Lru || replacement_ == TlbReplacement::Fifo;
  }
  // The set is chosen by the low bits of the page number, or by its remainder.
  std::uint64_t set_of(std::uint64_t key) const {
    return std::has_single_bit(sets_) ? key & set_mask_ : (key & tlb_key::kVpnMask) % sets_;
  }
  std::uint32_t way_of(std::uint64_t set, const TlbSlot* slot) const {
    return static_cast<std::uint32_t>(slot - &slots_[set * kSlotsPerSet]);
  }
  TlbSlot* search(std::uint64_t set, std::uint64_t key) {
    TlbSlot* slots = &slots_[set * kSlotsPerSet];
    for (std::uint32_t way = 0; way < ways_; ++way) {
      if (slots[way].key == key) return slots + way;
    }
    return nullptr;
  }

  // The places whose mark agrees, as bytes::zeros gives them.
  [[gnu::always_inline]] std::uint64_t candidates(std::uint64_t set, const TlbProbe& probe) const {
    return bytes::zeros(marks_[set] ^ probe.mark() * bytes::kOnes);
  }
  // Whether the first of them has the key, which then becomes the most recent.
  [[gnu::always_inline]] bool try_first(std::uint64_t set, std::uint64_t left,
                                        const TlbProbe& probe, TlbSlot*& slot) {
    const std::uint64_t order = orders_[set];
    const std::uint64_t way = bytes::low(order >> bytes::shift_of(left));
    slot = &slots_[set * kSlotsPerSet + way];
    if (slot->key != probe.key) [[unlikely]]
      return false;
    orders_[set] = RecencyPlaces::to_front(order, left, way);
    marks_[set] = RecencyPlaces::to_front(marks_[set], left, probe.mark());
    return true;
  }
  [[gnu::always_inline]] void fill(std::uint64_t set, std::uint64_t way, const TlbProbe& probe,
                                   std::uint64_t data) {
    TlbSlot& slot = slots_[set * kSlotsPerSet + way];
    slot.key = probe.key;
    slot.data = data;
  }
  // Of LRU and FIFO.
  [[gnu::always_inline]] void replace_last(std::uint64_t set, const TlbProbe& probe,
                                           std::uint64_t data) {
    const std::uint64_t way = places_.last(orders_[set]);
    orders_[set] = places_.last_to_front(orders_[set], way);
    marks_[set] = places_.last_to_front(marks_[set], probe.mark());
    fill(set, way, probe, data);
  }
  void touch(std::uint64_t set, std::uint32_t way, const TlbProbe& probe) {
    std::uint64_t& order = orders_[set];
    if (replacement_ == TlbReplacement::Lru) {
      const std::uint64_t high = RecencyPlaces::place_of(order, way);
      order = RecencyPlaces::to_front(order, high, way);
      marks_[set] = RecencyPlaces::to_front(marks_[set], high, probe.mark());
    } else if (replacement_ == TlbReplacement::TreePlru) {
      TreeBits::touch(&order, way, ways_);
    }
  }
  // Of tree-PLRU and random.
  std::uint32_t victim(std::uint64_t set) {
    const std::uint64_t& order = orders_[set];
    return detail::first_invalid(&slots_[set * kSlotsPerSet], ways_, [this, &order] {
      return replacement_ == TlbReplacement::TreePlru
                 ? TreeBits::victim(&order, ways_)
                 : static_cast<std::uint32_t>(random_.below(ways_));
    });
  }
  void drop(std::uint64_t set, TlbSlot* slot) {
    *slot = {};
    if (!recency()) return;
    const std::uint32_t way = way_of(set, slot);
    const std::uint64_t high = RecencyPlaces::place_of(orders_[set], way);
    orders_[set] = places_.to_back(orders_[set], high, way);
    marks_[set] = places_.to_back(marks_[set], high, 0);
  }

  std::uint32_t sets_ = 0, ways_ = 0;
  std::uint64_t set_mask_ = 0;  // if sets_ is a power of two
  TlbReplacement replacement_ = TlbReplacement::Lru;
  bool common_ = false;
  RecencyPlaces places_;
  std::vector<std::uint64_t> orders_;  // by set: RecencyPlaces or TreeBits
  std::vector<std::uint64_t> marks_;   // of RecencyPlaces
  std::vector<TlbSlot> slots_;         // eight for each set; those past ways_ stay invalid
  std::vector<FullSet> wide_;          // instead of both, one for each set of more than eight ways
  Random random_{0};
};

}  // namespace pw::sim
