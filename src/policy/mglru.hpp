// MGLRU, the multi-generational LRU of Linux: pages stand in generations by when they were last
// seen in use; the oldest generation is evicted from, and when it runs low, one walk over all
// resident pages sorts those in use into the youngest. Followed is Linux 6.6, mm/vmscan.c
// (try_to_inc_max_seq(), should_run_aging(), scan_folios(), sort_folio()).
//
//        oldest                                     youngest
//        min_seq                                    max_seq
//   evict <- [ generation 7 ] [ generation 8 ] [ generation 9 ] <- fault
//                  |   ^ seen in use by the walk: belongs to 9 from now on, and moves there when
//                  |     its turn in the list comes
//                  +---- found in use just before it would go: to the youngest
//
// Aging makes a new youngest generation, on demand, before a batch of evictions: when only two
// generations are left (MIN_NR_GENS; those are never evicted from), or when of three the youngest
// has more than half of all pages or the oldest less than a quarter. There are four at most.
// Before that it walks: accessed bits are read and cleared, and a page in use gets the number of
// the youngest generation there was. It stays in its old list until eviction meets it there.
//
// So unlike CLOCK it pays for a look at every page, but seldom, and knows of each page in which of
// the last few intervals it was used.
//
// Not followed: where the bits are found. The kernel walks page tables, skips those that a Bloom
// filter calls cold, and looks at a page's neighbours when it finds it in use at eviction; here a
// walk meets every resident page, and there are no neighbours. Tiers, which weigh pages by accesses
// through file descriptors against refaults: pages that are mapped are all of the first tier, so
// that there is nothing to weigh and nothing to remember after an eviction. One kind of pages;
// min_ttl; the bits' meaning across NUMA nodes and groups.
//
// A page that may not go moves on by a generation, as one under writeback. When three walks in one
// search made nothing evictable, the first page of the oldest list that may go is taken, in use or
// not. Parameter: batch, pages scanned between two looks at the generations (MAX_LRU_BATCH).
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class Mglru {
 public:
  static constexpr std::string_view kName = "mglru";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr std::array kParameters{
      Parameter{"batch", 64, 1, 4096, "pages scanned before aging is considered: MAX_LRU_BATCH"}};

  explicit Mglru(const Setup& setup)
      : lists_(setup), batch_(static_cast<std::uint32_t>(setup.value(kParameters, 0))) {}

  std::uint32_t size() const { return lists_.size(); }
  void touch(Id) {}
  void prefetch(Id id) const { lists_.prefetch(id); }
  void insert(Id id) {
    const unsigned youngest = generation(max_seq_);
    lists_.push_back(id, youngest, youngest);
    ++sizes_[youngest];
  }
  void erase(Id id) {
    lists_.check_present(id);
    --sizes_[lists_.flags(id)];
    lists_.remove(id);
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    for (int walks = 0;;) {
      if (left_ == 0 || too_few()) {
        drop_empty_lists();
        if (must_age()) {
          if (walks++ == kMostWalks) return take_any(probe);
          age(probe);
        }
        left_ = batch_;
      }
      while (left_ > 0 && !too_few()) {
        --left_;
        const Id id = lists_.front(generation(min_seq_));
        if (id == kNoPage) {
          left_ = 0;
          break;
        }
        const bool goes = may_evict(id, probe);
        if (goes) erase(id);
        drop_empty_lists();
        if (goes) return id;
      }
    }
  }

 private:
  static constexpr unsigned kMinGenerations = 2, kMaxGenerations = 4;
  static constexpr int kMostWalks = 3;

  static unsigned generation(std::uint32_t seq) { return seq % kMaxGenerations; }
  // Nothing is evicted from the last two.
  bool too_few() const { return max_seq_ - min_seq_ < kMinGenerations; }
  bool must_age() const {
    if (too_few()) return true;
    if (max_seq_ - min_seq_ > kMinGenerations) return false;
    const std::uint64_t total = lists_.size();
    const std::uint64_t young = sizes_[generation(max_seq_)];
    const std::uint64_t old = sizes_[generation(min_seq_)];
    return young * kMinGenerations > total || old * (kMinGenerations + 2) < total;
  }
  template <class Probe>
  void age(Probe& probe) {
    const unsigned youngest = generation(max_seq_);
    for (unsigned list = 0; list < kMaxGenerations; ++list) {
      lists_.for_each(list, [&](Id id) {
        if (probe(id) == Verdict::Accessed) renumber(id, youngest);
      });
    }
    ++max_seq_;
  }
  void renumber(Id id, unsigned to) {
    --sizes_[lists_.flags(id)];
    ++sizes_[to];
    lists_.set_flags(id, to);
  }
  // Looks at the first page of the oldest list; one that stays is in another list then.
  template <class Probe>
  bool may_evict(Id id, Probe& probe) {
    unsigned to = lists_.flags(id);
    if (to == generation(min_seq_)) {
      const Verdict verdict = probe(id);
      if (verdict == Verdict::Idle) return true;
      to = generation(verdict == Verdict::Accessed ? max_seq_ : min_seq_ + 1);
      renumber(id, to);
    }
    lists_.move_to_back(id, to, to);
    return false;
  }
  void drop_empty_lists() {
    while (!too_few() && lists_.size(generation(min_seq_)) == 0) ++min_seq_;
  }
  template <class Probe>
  Id take_any(Probe& probe) {
    Id found = kNoPage;
    for (std::uint32_t i = 0; i < kMaxGenerations && found == kNoPage; ++i) {
      found = lists_.find(generation(min_seq_ + i),
                          [&](Id id) { return probe(id) != Verdict::Unevictable; });
    }
    if (found != kNoPage) erase(found);
    return found;
  }

  IdQueues<kMaxGenerations, 2> lists_;  // by list; the flags are the page's own generation
  std::array<std::uint32_t, kMaxGenerations> sizes_{};  // by the pages' own generations
  std::uint32_t batch_;
  std::uint32_t min_seq_ = 0, max_seq_ = kMinGenerations + 1;  // they wrap
  std::uint32_t left_ = 0;  // pages to scan before aging is considered again
};

}  // namespace pw::policy
