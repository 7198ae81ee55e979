// Pages by generation, as a lruvec has them with the multi-generational LRU (struct lru_gen_folio,
// include/linux/mmzone.h; lru_gen_folio_seq(), lru_gen_add_folio(), lru_gen_del_folio(),
// include/linux/mm_inline.h; folio_update_gen(), folio_inc_gen(), inc_min_seq(),
// try_to_inc_min_seq(), inc_max_seq(), mm/vmscan.c; lru_gen_inc_refs(), lru_gen_clear_refs(),
// mm/swap.c; Linux 6.14 to 6.18).
//
//        oldest                            youngest
//   min_seq[kind]                          max_seq
//   evict <- [ 7 ]   [ 8 ]   [ 9 ]   [ 10 ]
//             |                ^       ^ referenced, and had been before
//             |                +-- brought in by a fault; referenced for the first time
//             +-- read ahead, or by read(2)
//
// Anonymous and files' pages have lists of their own, and each kind its own oldest generation; the
// youngest is common. There are two to four generations, kept at their numbers modulo four. Nothing
// is evicted from the last two: a page must be found idle twice.
//
// A page's flags say its generation, the list it stands in may be another one's: a walk over page
// tables only changes the flags, and eviction moves the page where it belongs when it meets it.
// Sizes go by the flags.
//
// What is known of references: through page tables, kLruReferenced at the first, kLruWorkingset
// from the second on, with a move to the youngest generation; through descriptors, kLruReferenced,
// then two bits that count (refs()), then kLruWorkingset.
//
// Owned by MglruReclaim; the flags are those of LruLists. Invariants: kMin <= count(kind) <= kMax;
// a page is in a list if and only if it has a generation; sizes are those of the flags.
#pragma once

#include <array>
#include <cstdint>

#include "base/units.hpp"
#include "policy/list.hpp"
#include "reclaim/linux/lru_lists.hpp"
#include "reclaim/mglru/tier_control.hpp"

namespace pw {

class Generations {
 public:
  static constexpr unsigned kMin = 2;   // MIN_NR_GENS
  static constexpr unsigned kMax = 4;   // MAX_NR_GENS
  static constexpr unsigned kRefs = 4;  // BIT(LRU_REFS_WIDTH): refs() counts up to it

  Generations(LruLists& flags, std::uint64_t frames)
      : flags_(&flags), lists_(static_cast<std::uint32_t>(frames)), states_(frames) {}

  std::uint64_t max_seq() const { return max_seq_; }
  std::uint64_t min_seq(bool file) const { return min_seq_[kind(file)]; }
  std::uint64_t count(bool file) const { return max_seq_ - min_seq(file) + 1; }
  // Of the kinds that may be evicted (evictable_min_seq()).
  std::uint64_t oldest(int swappiness) const {
    const bool both = swappiness != 0 && min_seq_[0] < min_seq_[1];
    return both ? min_seq_[0] : min_seq_[1];
  }
  TierControl& tiers() { return tiers_; }
  const TierControl& tiers() const { return tiers_; }

  bool listed(Pfn pfn) const { return states_[pfn.value].generation != 0; }
  // Of a page that is listed: a number modulo kMax.
  unsigned generation(Pfn pfn) const { return states_[pfn.value].generation - 1U; }
  bool in_oldest(Pfn pfn) const { return generation(pfn) == slot(min_seq(file(pfn))); }
  bool in_youngest(Pfn pfn) const { return generation(pfn) == slot(max_seq_); }
  // Uses through descriptors, 0 to kRefs; and the tier that follows from them.
  unsigned refs(Pfn pfn) const {
    return flags_->has(pfn, kLruReferenced) ? states_[pfn.value].refs + 1U : 0;
  }
  static unsigned tier_of(unsigned refs, bool working);
  unsigned tier(Pfn pfn) const { return tier_of(refs(pfn), flags_->has(pfn, kLruWorkingset)); }
  // Used so often through descriptors that it is spared whatever its tier's fate.
  bool used_up(Pfn pfn) const { return refs(pfn) == kRefs && flags_->has(pfn, kLruWorkingset); }

  std::uint64_t pages(Pfn pfn) const { return states_[pfn.value].huge != 0 ? kHuge : 1; }
  // Pages of a generation, of all that may be evicted; and what is in the lists, where a huge page
  // is one.
  std::uint64_t size(bool file, std::uint64_t seq) const { return sizes_[slot(seq)][kind(file)]; }
  std::uint64_t size(int swappiness) const;
  std::uint64_t entries() const;

  // What decides where a page goes beside its flags.
  struct Standing {
    bool reclaiming = false;   // goes to the very back: it can be evicted at once
    bool swap_cached = false;  // has a copy in swap
    bool unwritten = false;    // dirty, or being written
    bool huge = false;         // stands for 512 pages
  };
  std::uint64_t place_of(Pfn pfn, const Standing& standing) const;  // lru_gen_folio_seq()
  void add(Pfn pfn, const Standing& standing);                      // lru_gen_add_folio()
  void remove(Pfn pfn);                                             // lru_gen_del_folio()
  // A frame that holds another page now.
  void reset(Pfn pfn) { states_[pfn.value] = State{}; }

  // The page of the oldest generation that is met next; false: its list is empty.
  bool back(bool file, Pfn& out) const;
  // The pages of a list in the order in which eviction would meet them, each with the generation
  // that its flags say.
  template <class Visit>
  void for_each(bool file, std::uint64_t seq, Visit&& visit) const {
    for (policy::Id at = lists_.back(list_at(slot(seq), file)); at != policy::kNoPage;
         at = lists_.prev(at)) {
      visit(Pfn(at), seq + ((generation(Pfn(at)) - slot(seq)) & (kMax - 1)));
    }
  }
  // Puts a page, which stays in the lists, where its flags say.
  void relink(Pfn pfn, bool front);

  // A reference was seen by a walk: the second moves the page to the youngest generation. True: it
  // did.
  bool update(Pfn pfn);
  // A reference was seen by eviction. True: it was not the first.
  bool set_refs(Pfn pfn);
  // From the oldest generation to the next, unless a walk has moved it already.
  void step(Pfn pfn);
  // A reference through a descriptor (folio_mark_accessed()), and: forget all of them.
  void inc_refs(Pfn pfn);
  void clear_refs(Pfn pfn);
  void restore_refs(Pfn pfn, unsigned refs) { states_[pfn.value].refs = (refs - 1U) & 3U; }
  void forget_unreferenced(Pfn pfn) {
    if (!flags_->has(pfn, kLruReferenced)) states_[pfn.value].refs = 0;
  }

  // Oldest generations that are empty are given up. True: any.
  bool advance_oldest(int swappiness);
  // A new youngest generation; what stands in the way of it becomes part of the next but oldest.
  void add_youngest(int swappiness);

  const char* check() const;  // what is wrong; null: nothing

 private:
  struct State {
    std::uint16_t generation : 3;  // + 1; 0: in no list
    std::uint16_t refs : 2;        // LRU_REFS_MASK
    std::uint16_t list : 3;        // where it stands
    std::uint16_t huge : 1;
  };
  static constexpr std::uint64_t kHuge = 512;
  static unsigned slot(std::uint64_t seq) { return static_cast<unsigned>(seq % kMax); }
  static unsigned kind(bool file) { return file ? 1 : 0; }
  static unsigned list_at(unsigned slot, bool file) { return slot * 2 + kind(file); }
  static bool evictable(bool file, int swappiness) { return file || swappiness != 0; }
  static policy::Id id(Pfn pfn) { return static_cast<policy::Id>(pfn.value); }
  bool file(Pfn pfn) const { return flags_->has(pfn, kLruFile); }
  void put(Pfn pfn, bool front);
  void renumber(Pfn pfn, unsigned to);
  void empty_oldest(bool file);

  LruLists* flags_;
  policy::IdLists<2 * kMax> lists_;
  policy::ZeroedArray<State> states_;
  std::array<std::array<std::uint64_t, 2>, kMax> sizes_{};
  TierControl tiers_;
  std::uint64_t max_seq_ = kMin + 1;  // lru_gen_init_lruvec()
  std::array<std::uint64_t, 2> min_seq_{};
};

}  // namespace pw
