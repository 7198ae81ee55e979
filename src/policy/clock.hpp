// CLOCK: the resident pages stand in a circle, and a hand points at the next candidate. A page
// whose accessed bit is set is passed over and its bit cleared; the first one found idle goes. An
// approximation of LRU that needs one bit a page and no work on a reference.
//
// Source: Corbato, "A paging experiment with the Multics system", MIT Project MAC, MAC-M-384, 1968.
// A new page stands just behind the hand, so that it is looked at last. A page that
// may not go is passed over.
//
// The circle is a queue bent round: what the hand passes over moves from the front to the back, and
// that is why it evicts the same pages as second_chance.hpp, whose search it shares: a referenced
// page is spared once, so that a search ends after two turns.
//
// Variants differ in the bit of a new page: hardware sets it, since the reference that faulted is
// repeated (parameter fresh=1, the default); simulators often leave it clear (fresh=0).
#pragma once

#include "policy/policy.hpp"
#include "policy/second_chance.hpp"

namespace pw::policy {

class Clock : public SecondChance {
 public:
  static constexpr std::string_view kName = "clock";
  static constexpr std::array kParameters{
      Parameter{"fresh", 1, 0, 1, "whether the reference that faults sets the accessed bit"}};

  explicit Clock(const Setup& setup)
      : SecondChance(setup), marks_new_(setup.value(kParameters, 0) != 0) {}
  bool marks_new() const { return marks_new_; }
  std::vector<ShownList> lists() const {
    std::vector<ShownList> lists = SecondChance::lists();
    lists[0].name = "circle";
    if (!lists[0].pages.empty()) lists[0].hand = lists[0].pages[0];
    return lists;
  }

 private:
  bool marks_new_;
};

}  // namespace pw::policy
