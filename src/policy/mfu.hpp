// MFU: the page with the most references since it came in goes; of several with as many, the one
// that came to this count first.
//
// Source: Silberschatz, Galvin, Gagne, "Operating system concepts", 10.4.6 (counting-based page
// replacement). The argument for it is that a page with few references was probably just brought
// in and has yet to be used. No parameters. Neither common nor good: it is here because courses
// teach it, and as the other end of the scale that LFU opens.
//
// The textbook says nothing of ties; the oldest goes, as in lfu.hpp, whose structure this shares.
// Pages that may not go and erased pages: as in lfu.hpp. O(1) a reference.
#pragma once

#include "policy/counting.hpp"

namespace pw::policy {

class Mfu : public Counting {
 public:
  static constexpr std::string_view kName = "mfu";

  using Counting::Counting;

  template <class Probe>
  Id victim(Probe&& probe) {
    return order_.take_highest(probe);
  }
};

}  // namespace pw::policy
