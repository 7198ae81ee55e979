// Ageing: an approximation of LRU in software. Each page has a counter of a few bits; at each tick
// it is shifted right by one, and the accessed bit comes in on the left and is cleared. The page
// with the lowest counter goes: its last uses are the oldest, as far as ticks can tell.
//
//   accessed before tick   1   2   3   4   5          counter after tick 5, of 8 bits
//   page a                 1   1   0   1   1          11011000
//   page b                 1   0   0   0   0          00001000     b goes first
//   page c                 0   1   0   1   0          01010000
//
// Source: Tanenbaum, Bos, "Modern operating systems", 3.4.7. The book compares counters only, so
// that a page which came in since the last tick, or was first used since, would go first of all.
// Here the accessed bit stands in front of the counter also between ticks: a page found referenced
// by a search counts as higher than all that were not, until the tick shifts the bit in. Ties,
// which the book leaves open: who would have gone first before the shift goes first still (which is
// what a longer counter would say); new pages and those just found referenced go after their
// equals.
//
// Parameters: `bits` of the counter; `tick`: references between two ticks, 0, the default, means
// three for each frame. A new page's counter is 0. A page that may not go keeps its place. Where
// time stands still (a caller without ticks) the policy knows only referenced pages and others.
//
// The pages with the same bit and counter make a list: 2^(bits + 1) of them. A tick handles every
// page, a fault one page and those found referenced, each of them once between two ticks. Memory:
// see SlotLists.
#pragma once

#include <algorithm>
#include <vector>

#include "policy/policy.hpp"
#include "policy/slot_lists.hpp"
#include "policy/tick_clock.hpp"

namespace pw::policy {

class Ageing {
 public:
  static constexpr std::string_view kName = "ageing";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr std::array kParameters{
      Parameter{"bits", 8, 1, 16, "length of the counters"},
      Parameter{"tick", 0, 0, 1e15, "references between two ticks; 0: three for each frame"}};

  explicit Ageing(const Setup& setup)
      : used_(1U << static_cast<unsigned>(setup.value(kParameters, 0))),
        lists_(setup, 2 * used_),
        clock_(setup.value(kParameters, 1), 3, setup.frames) {}

  std::uint32_t size() const { return lists_.size(); }
  void insert(Id id) { lists_.push_back(id, 0); }
  void touch(Id) {}
  void erase(Id id) { lists_.remove(id); }

  template <class Probe>
  Id victim(Probe&& probe) {
    for (std::uint32_t list = 0; list < 2 * used_; list = std::max(list + 1, lowest_)) {
      for (Id id = lists_.front(list); id != kNoPage;) {
        const Id next = lists_.next(id);
        const Verdict verdict = probe(id);
        if (verdict == Verdict::Idle || (verdict == Verdict::Accessed && list >= used_)) {
          lists_.remove(id);
          return id;
        }
        if (verdict == Verdict::Accessed) {
          lists_.move_to_back(id, list + used_);
          lowest_ = std::min(lowest_, list + used_);
        }
        id = next;
      }
      if (lowest_ == list && lists_.front(list) == kNoPage) ++lowest_;
    }
    return kNoPage;
  }

  template <class Probe>
  std::uint64_t tick(std::uint64_t now, Probe&& probe) {
    if (clock_.due(now)) age(probe);
    return clock_.next();
  }

  // The accessed bit, as far as known, and the counter below it.
  std::uint32_t counter(Id id) const { return lists_.list_of(id); }

 private:
  // Shifts all counters, page by page in the order of eviction, which so stays where it can. Pages
  // that are still to come leave the list in which they stand before those that came to it.
  template <class Probe>
  void age(Probe&& probe) {
    std::vector<Id> order;
    order.reserve(lists_.size());
    for (std::uint32_t list = 0; list < 2 * used_; ++list) {
      for (Id id = lists_.front(list); id != kNoPage; id = lists_.next(id)) order.push_back(id);
    }
    for (const Id id : order) {
      const std::uint32_t list = lists_.list_of(id);
      const bool accessed = probe(id) == Verdict::Accessed || list >= used_;
      lists_.move_to_back(id, list % used_ / 2 + (accessed ? used_ / 2 : 0));
    }
    lowest_ = 1;
  }

  std::uint32_t used_;  // lists [0, used_): by counter; from used_ on: the same with the bit
  SlotLists lists_;
  TickClock clock_;
  std::uint32_t lowest_ = 1;  // between list 0, where pages come in, and this one all are empty
};

}  // namespace pw::policy
