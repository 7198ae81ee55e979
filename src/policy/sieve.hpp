// SIEVE: a queue in the order of arrival and a hand that sifts through it from the oldest page to
// the newest. Pages with their accessed bit set stay where they are and lose the bit; the first one
// without it goes. A new page enters at the head, behind which the hand may be far away:
//
//      oldest                                        newest
//        A*      B       C*      D       E*      F  <- G enters here
//                        ^hand
//   the search clears C, evicts D and leaves the hand at E; CLOCK would put G behind the hand
//
// So pages that were found used gather on the old side and are sifted seldom, while a new page that
// is not used again meets the hand soon: quick demotion, with one bit a page and no work on a
// reference. It has no memory of what went: a scan longer than the queue of new pages, or a change
// of the working set, leaves it holding on to old pages for long.
//
// Source: Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is simpler than LRU", NSDI 2024, algorithm 1.
// There a new page's visited bit is 0, hence fresh=0; hardware sets the bit with the reference that
// faults (fresh=1), and then a page survives its first meeting with the hand for nothing.
//
// A page that may not go is passed over and keeps its place. A referenced page is spared once in a
// search, as in clock: a search ends after two rounds. O(1) a fault, amortised by the bits set.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class Sieve {
 public:
  static constexpr std::string_view kName = "sieve";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr std::array kParameters{
      Parameter{"fresh", 0, 0, 1, "whether the reference that faults sets the accessed bit"}};

  explicit Sieve(const Setup& setup)
      : queue_(setup), marks_new_(setup.value(kParameters, 0) != 0) {}
  bool marks_new() const { return marks_new_; }

  std::uint32_t size() const { return queue_.size(); }
  void insert(Id id) { queue_.push_back(id, 0); }
  void touch(Id) {}
  void erase(Id id) {
    if (id == hand_) hand_ = queue_.next(id);
    queue_.remove(id);
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    bool spared = false;
    for (int round = 0; round < 2; ++round) {
      for (std::uint32_t left = queue_.size(); left > 0; --left) {
        if (hand_ == kNoPage) hand_ = queue_.front(0);
        const Id id = hand_;
        const Verdict verdict = probe(id);
        hand_ = queue_.next(id);
        if (verdict == Verdict::Idle || (verdict == Verdict::Accessed && round == 1)) {
          queue_.remove(id);
          return id;
        }
        spared = spared || verdict == Verdict::Accessed;
      }
      if (!spared) break;
    }
    return kNoPage;
  }
  std::vector<ShownList> lists() {
    ShownList list = shown_queue(queue_, 0, "queue");
    list.hand = hand_ == kNoPage && !list.pages.empty() ? list.pages[0] : hand_;
    return {list};
  }

 private:
  IdQueues<1> queue_;  // oldest in front
  bool marks_new_;
  Id hand_ = kNoPage;  // the next candidate; kNoPage: past the newest, so the oldest is next
};

}  // namespace pw::policy
