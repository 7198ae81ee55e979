// Exact miss counts of OPT, the policy that evicts the page whose next use is farthest (Belady, IBM
// Systems Journal 5(2), 1966; optimal: Mattson et al. 1970), at a list of memory sizes.
//
// Why a filtered recording is enough for every memory of more than K pages. Between two hidden
// references of a page fewer than K other pages are referenced. So while a page is in use (Use to
// Rest), at most K-1 other pages have a nearer next reference; a memory of more than K pages holds
// another one whose next reference is farther, and OPT takes that: pages in use are never evicted
// and count as pinned. A page at rest is next referenced at its next Use, which the trace has, and
// the miss count does not depend on how OPT breaks ties. Pages in the filter when the recording
// ends have no Rest and stay pinned; they are the K last referenced pages, so what is fetched after
// the last reference of any of them is itself among them, and a page outside that never comes again
// is there to go instead. A dropped page frees its frame.
//
// Next uses come from one pass backwards; each size then keeps its pages at rest in a heap by next
// use: O(log pages) an operation.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"

namespace pw::analysis {

// For each operation that is a Rest: the index of the page's next Use in `ops`, else kNever.
inline constexpr std::uint32_t kNever = 0xFFFF'FFFFU;
std::vector<std::uint32_t> next_uses(const DenseTrace& trace);

class OptCurve {
 public:
  explicit OptCurve(const DenseTrace& trace);  // refers to `trace`, which must outlive it

  bool known(std::uint64_t pages) const { return pages > trace_.filter_pages; }
  std::uint64_t misses(std::uint64_t pages) const;  // known(pages)

 private:
  const DenseTrace& trace_;
  std::vector<std::uint32_t> next_use_;
};

}  // namespace pw::analysis
