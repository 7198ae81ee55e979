// Sets of translations: what TLBs are made of.
//
// A key names a translation, 64 bits of data are what is known of it. TlbArray is one array of any
// number of sets and ways, with four replacements. FullSet is one fully associative set of any
// width, found by hashing: those of arrays too wide for TlbArray's own layout. Owned by TlbUnit.
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
#include "ports/sim/tlb_row.hpp"

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

// A key with its hash, made once for all arrays of one search.
struct TlbProbe {
  std::uint64_t key;
  std::uint64_t hash;

  constexpr explicit TlbProbe(std::uint64_t k) : key(k), hash(k * 0x9E3779B97F4A7C15ULL) {}
};

struct TlbSlot {
  std::uint64_t key = 0;  // 0: invalid
  std::uint64_t data = 0;
};

namespace detail {
// The way to fill: the lowest one without a key, else `choose()`.
template <class Key, class Choose>
std::uint32_t first_invalid(std::uint32_t ways, Key&& key, Choose&& choose) {
  for (std::uint32_t way = 0; way < ways; ++way) {
    if (key(way) == 0) return way;
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
  TlbSlot* peek(const TlbProbe& probe) {
    for (std::uint32_t i = bucket(probe); i != 0; i = next_[i - 1]) {
      if (slots_[i - 1].key == probe.key) return &slots_[i - 1];
    }
    return nullptr;
  }
  // The key must not be here.
  void insert(const TlbProbe& probe, std::uint64_t data) {
    if (recency()) return fill(list_.last_to_front(), probe, data);
    const std::uint32_t way = victim();
    fill(way, probe, data);
    if (replacement_ == TlbReplacement::TreePlru) TreeBits::touch(tree_.data(), way, ways_);
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
    const auto key = [this](std::uint32_t way) { return slots_[way].key; };
    return detail::first_invalid(live_ < ways_ ? ways_ : 0, key, [this] {
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

// Where a key is in its set, or where it would go; from TlbArray::place_common.
struct TlbPlace {
  TlbRow* row;
  TlbChoice choice;
  bool found() const { return choice.found(); }
  std::uint64_t found_mask() const { return choice.found_mask(); }
  std::uint64_t data() const { return row->data[choice.way()]; }
};

// A set of up to 8 ways is a row, whose stamps count if it is LRU or FIFO. Wider sets are FullSets.
//
// A reference that misses the L1 TLB looks for a key in the L2 and then, found or not, has it most
// recent there. place_common() and put_common() do this without a branch on the verdict, which in
// a TLB too small for its program no host can guess.
class TlbArray {
 public:
  TlbArray() = default;
  TlbArray(TlbGeometry geometry, std::uint64_t seed)
      : sets_(geometry.ways == 0 ? 0 : geometry.sets),
        ways_(geometry.ways),
        set_mask_(sets_ - 1),
        replacement_(geometry.replacement),
        random_(seed) {
    if (ways_ > TlbRow::kWays) {
      for (std::uint32_t set = 0; set < sets_; ++set) {
        wide_.emplace_back(ways_, replacement_, seed + set);
      }
      return;
    }
    if (sets_ == 0) return;
    rows_.assign(sets_, TlbRow(ways_));
    if (replacement_ == TlbReplacement::TreePlru) trees_.assign(sets_, 0);
    common_ = replacement_ == TlbReplacement::Lru && std::has_single_bit(sets_);
  }

  bool exists() const { return sets_ != 0; }
  // LRU, up to 8 ways, sets a power of two: what the calls with this word in their names know.
  bool common() const { return common_; }

  // Changes nothing.
  [[gnu::always_inline]] TlbPlace place_common(const TlbProbe& probe) {
    return place(probe.key & set_mask_, probe.key);
  }
  // The same again, from its choice.
  [[gnu::always_inline]] TlbPlace place_common(const TlbProbe& probe, TlbChoice choice) {
    return {&rows_[probe.key & set_mask_], choice};
  }
  // The key into its place, with new data or the same, as the most recent. After this and the next
  // call, and before any other, make_room() if spent().
  [[gnu::always_inline]] void put_common(const TlbPlace& place, const TlbProbe& probe,
                                         std::uint64_t data) {
    place.row->stamps[place.choice.way()] = ++now_;
    place.row->keys[place.choice.way()] = probe.key;
    place.row->data[place.choice.way()] = data;
  }
  // The key in its place, where it was found, as the most recent.
  [[gnu::always_inline]] void touch_common(const TlbPlace& place) {
    place.row->stamps[place.choice.way()] = ++now_;
  }
  // Stamps have run out.
  bool spent() const { return now_ == TlbRow::kLatest; }
  void make_room() {
    if (spent()) [[unlikely]]
      renumber();
  }

  // The data of a key, which becomes the most recent; nullptr if it is not here.
  std::uint64_t* find(const TlbProbe& probe) {
    const std::uint64_t set = set_of(probe.key);
    if (!wide_.empty()) return data_of(wide_[set].find(probe));
    const TlbPlace at = place(set, probe.key);
    if (!at.found()) return nullptr;
    if (replacement_ == TlbReplacement::Lru) {
      touch_common(at);
      make_room();
    } else {
      touch_tree(set, at.choice.way());
    }
    return &at.row->data[at.choice.way()];
  }
  // The same, the order unchanged.
  std::uint64_t* peek(const TlbProbe& probe) {
    const std::uint64_t set = set_of(probe.key);
    if (!wide_.empty()) return data_of(wide_[set].peek(probe));
    const TlbPlace at = place(set, probe.key);
    return at.found() ? &at.row->data[at.choice.way()] : nullptr;
  }
  // The key must not be here.
  void insert(const TlbProbe& probe, std::uint64_t data) {
    const std::uint64_t set = set_of(probe.key);
    if (!wide_.empty()) return wide_[set].insert(probe, data);
    if (recency()) {
      put_common(place(set, probe.key), probe, data);
      return make_room();
    }
    const std::uint32_t way = victim(set);
    rows_[set].keys[way] = probe.key;
    rows_[set].data[way] = data;
    touch_tree(set, way);
  }

  bool erase(const TlbProbe& probe) {
    const std::uint64_t set = set_of(probe.key);
    if (!wide_.empty()) {
      TlbSlot* slot = wide_[set].peek(probe);
      if (slot != nullptr) wide_[set].erase(slot);
      return slot != nullptr;
    }
    const TlbPlace at = place(set, probe.key);
    if (at.found()) drop(*at.row, at.choice.way());
    return at.found();
  }

  // Drops the slots whose key satisfies `condition`; says how many.
  template <class Condition>
  std::uint64_t erase_if(Condition&& condition) {
    std::uint64_t dropped = 0;
    for (FullSet& set : wide_) dropped += set.erase_if(condition);
    for (TlbRow& row : rows_) {
      for (std::uint32_t way = 0; way < ways_; ++way) {
        if (row.keys[way] == 0 || !condition(row.keys[way])) continue;
        drop(row, way);
        ++dropped;
      }
    }
    return dropped;
  }

  // visit(TlbSlot)
  template <class Visit>
  void for_each(Visit&& visit) const {
    const auto visit_valid = [&visit](const TlbSlot& slot) {
      if (slot.key != 0) visit(slot);
    };
    for (const TlbRow& row : rows_) {
      for (std::uint32_t way = 0; way < ways_; ++way) visit_valid({row.keys[way], row.data[way]});
    }
    for (const FullSet& set : wide_) {
      for (const TlbSlot& slot : set.slots()) visit_valid(slot);
    }
  }
  std::uint32_t sets() const { return sets_; }
  std::uint32_t ways() const { return ways_; }
  // visit(set, way, TlbSlot): the same with their places.
  template <class Visit>
  void for_each_place(Visit&& visit) const {
    for (std::uint32_t set = 0; set < sets_; ++set) {
      for (std::uint32_t way = 0; way < ways_; ++way) {
        const TlbSlot slot = wide_.empty() ? TlbSlot{rows_[set].keys[way], rows_[set].data[way]}
                                           : wide_[set].slots()[way];
        if (slot.key != 0) visit(set, way, slot);
      }
    }
  }

 private:
  bool recency() const {
    return replacement_ == TlbReplacement::Lru || replacement_ == TlbReplacement::Fifo;
  }
  // The set is chosen by the low bits of the page number, or by its remainder.
  std::uint64_t set_of(std::uint64_t key) const {
    return std::has_single_bit(sets_) ? key & set_mask_ : (key & tlb_key::kVpnMask) % sets_;
  }
  static std::uint64_t* data_of(TlbSlot* slot) { return slot == nullptr ? nullptr : &slot->data; }

  // (Where it would go: of LRU and FIFO only.)
  [[gnu::always_inline]] TlbPlace place(std::uint64_t set, std::uint64_t key) {
    TlbRow& row = rows_[set];
    return {&row, choose(row, key)};
  }
  [[gnu::noinline]] void renumber() {
    for (TlbRow& row : rows_) row.renumber();
    now_ = TlbRow::kOldest + TlbRow::kWays;
  }

  // Of tree-PLRU and random.
  void touch_tree(std::uint64_t set, std::uint32_t way) {
    if (replacement_ == TlbReplacement::TreePlru) TreeBits::touch(&trees_[set], way, ways_);
  }
  std::uint32_t victim(std::uint64_t set) {
    const auto key = [&row = rows_[set]](std::uint32_t way) { return row.keys[way]; };
    return detail::first_invalid(ways_, key, [this, set] {
      return replacement_ == TlbReplacement::TreePlru
                 ? TreeBits::victim(&trees_[set], ways_)
                 : static_cast<std::uint32_t>(random_.below(ways_));
    });
  }
  static void drop(TlbRow& row, std::uint32_t way) {
    row.keys[way] = 0;
    row.data[way] = 0;
    row.stamps[way] = TlbRow::kInvalid;
  }

  std::uint32_t sets_ = 0, ways_ = 0;
  std::uint64_t set_mask_ = 0;  // if sets_ is a power of two
  TlbReplacement replacement_ = TlbReplacement::Lru;
  bool common_ = false;
  std::uint16_t now_ = TlbRow::kOldest - 1;  // the latest stamp
  std::vector<std::uint64_t> trees_;         // by set, of tree-PLRU
  std::vector<TlbRow> rows_;                 // by set; ways past ways_ stay invalid
  std::vector<FullSet> wide_;  // instead of both, one for each set of more than eight ways
  Random random_{0};
};

}  // namespace pw::sim
