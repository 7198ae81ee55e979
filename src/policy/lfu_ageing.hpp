// LFU with ageing: LFU whose counts are halved at regular intervals, so that a count is a usage
// average that decays exponentially, and a page that was popular once does not stay for ever.
//
//   count           9    4    3    1                  a: 9 references long ago, none since
//   page            a    b    c    d
//   after a tick    4    2    1    0
//   next            2    1    0    0                  c and d: c had more, d still goes first
//
// Source: Silberschatz, Galvin, Gagne, "Operating system concepts", 10.4.6: "shift the counts right
// by 1 bit at regular intervals". Other ways to forget: LFU with dynamic ageing (Arlitt et al.,
// Performance Evaluation Review 27(4), 2000) adds the last victim's key to the count of what is
// referenced; it needs no interval, but no textbook has it, and it never lowers a count.
//
// Parameter `tick`: references between two halvings; 0, the default, means ten for each frame. A
// new page has count 1. Halving keeps the order of the pages as it is: of two pages that come to
// the same count by it, the one that would have gone first still does. A halving visits each
// resident page once at most: amortised O(1) a reference while `tick` is not below the frames.
// Where time stands still (a caller without ticks) this is LFU. Pages that may not go and erased
// pages: as in lfu.hpp.
#pragma once

#include "policy/counting.hpp"
#include "policy/tick_clock.hpp"

namespace pw::policy {

class LfuAgeing : public Counting {
 public:
  static constexpr std::string_view kName = "lfu-ageing";
  static constexpr std::array kParameters{
      Parameter{"tick", 0, 0, 1e15, "references between two halvings; 0: ten for each frame"}};

  explicit LfuAgeing(const Setup& setup)
      : Counting(setup), clock_(setup.value(kParameters, 0), 10, setup.frames) {}

  template <class Probe>
  Id victim(Probe&& probe) {
    return order_.take_lowest(probe);
  }
  // A caller that comes late by several intervals has missed them: one halving.
  template <class Probe>
  std::uint64_t tick(std::uint64_t now, Probe&&) {
    if (clock_.due(now)) order_.halve();
    return clock_.next();
  }

 private:
  TickClock clock_;
};

}  // namespace pw::policy
