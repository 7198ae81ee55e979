// LFU: the page with the fewest references since it came in goes; of several with as few, the one
// that came to this count first.
//
// Source: the idea is as old as paging (Belady, IBM Systems Journal 5(2), 1966, has it among those
// that look at the past); O(1): Shah, Mitra, Matani, "An O(1) algorithm for implementing the LFU
// cache eviction scheme", 2010. No parameters.
//
// Variants differ in two things. Counts: those since the page came in are kept here (in-cache LFU);
// perfect LFU goes on counting for pages that are out. Ties: the oldest of the lowest count goes
// here, which makes the order (count, time of the last reference); others take the newest, or any.
//
//   count 1:  d e      <- d goes first
//   count 2:  b
//   count 9:  a c      a may have been useless for hours: LFU never forgets (see lfu_ageing.hpp)
//
// A page that may not go keeps its place and its count. An erased one loses its count, as an
// evicted one does: nothing is known of pages that are out. O(1) a reference; O(pages that may not
// go) a fault. Memory: see CountOrder.
#pragma once

#include "policy/counting.hpp"

namespace pw::policy {

class Lfu : public Counting {
 public:
  static constexpr std::string_view kName = "lfu";

  using Counting::Counting;

  template <class Probe>
  Id victim(Probe&& probe) {
    return order_.take_lowest(probe);
  }
};

}  // namespace pw::policy
