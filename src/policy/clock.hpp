// CLOCK: the resident pages stand in a circle, and a hand points at the next candidate. A page
// whose accessed bit is set is passed over and its bit cleared; the first one found idle goes. An
// approximation of LRU that needs one bit a page and no work on a reference.
//
// Source: Corbato, "A paging experiment with the Multics system", MIT Project MAC, MAC-M-384, 1968.
// A new page stands just behind the hand, so that it is looked at last. A page that
// may not go is passed over.
//
// A referenced page is spared once in a search: when all were referenced, the hand comes round and
// takes the first, even if its bit was set anew meanwhile. So a search ends after two turns.
#pragma once

#include "policy/list.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class Clock {
 public:
  static constexpr std::string_view kName = "clock";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr std::array kParameters{
      Parameter{"fresh", 1, 0, 1, "whether the reference that faults sets the accessed bit"}};

  explicit Clock(const Setup& setup)
      : circle_(setup.ids), marks_new_(setup.value(kParameters, 0) != 0) {}
  bool marks_new() const { return marks_new_; }

  std::uint32_t size() const { return circle_.size(); }
  void insert(Id id) {
    if (hand_ == kNoPage) {
      circle_.push_back(id);
      hand_ = id;
    } else {
      circle_.insert_before(id, hand_);
    }
  }
  void touch(Id) {}
  void erase(Id id) {
    if (id == hand_) hand_ = circle_.size() == 1 ? kNoPage : after(id);
    circle_.remove(id);
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    bool spared = false;
    for (int turn = 0; turn < 2; ++turn) {
      for (std::uint32_t left = circle_.size(); left > 0; --left) {
        const Id id = hand_;
        const Verdict verdict = probe(id);
        if (verdict == Verdict::Idle || (verdict == Verdict::Accessed && turn == 1)) {
          erase(id);
          return id;
        }
        spared = spared || verdict == Verdict::Accessed;
        hand_ = after(id);
      }
      if (!spared) break;
    }
    return kNoPage;
  }

 private:
  Id after(Id id) const {
    const Id next = circle_.next(id);
    return next == kNoPage ? circle_.front() : next;
  }

  IdLists<> circle_;  // a list whose back is followed by its front
  bool marks_new_;
  Id hand_ = kNoPage;  // kNoPage while the circle is empty
};

}  // namespace pw::policy
