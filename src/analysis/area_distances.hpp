// LRU stack distances by area of memory: which areas would miss in a memory, or in a TLB, of so
// many entries. One pass of lru_curve.hpp's kind. A fully associative TLB with true LRU of E
// entries misses just where a memory of E pages would fault, so the same numbers tell both.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/stack_curve.hpp"

namespace pw::analysis {

struct AreaDistances {
  std::vector<std::uint64_t> sizes;   // as asked for, ascending
  std::vector<std::uint64_t> cold;    // by area: first references
  std::vector<std::uint64_t> beyond;  // by area, then size: references with a larger distance
  StackCurve all;                     // of all areas together: what lru_curve() tells
  // By area, stretch of time, then size: references with a distance of at most that size and more
  // than the size before; after the last size two more: larger distances, and first references.
  std::vector<std::uint32_t> over_time;
};

// Over time: in so many equal stretches of the references, for the sizes up to `most`.
struct DistancesOverTime {
  std::size_t bins = 0;  // 0: not at all; else trace.times is needed
  std::uint64_t most = ~std::uint64_t{0};
};

// `area_of`: by page id, each below `areas`. Sizes below trace.filter_pages are not known: what is
// hidden there is missing from the counts.
AreaDistances area_distances(const DenseTrace& trace, const std::vector<std::uint32_t>& area_of,
                             std::size_t areas, const std::vector<std::uint64_t>& sizes,
                             const DistancesOverTime& over_time = {});

}  // namespace pw::analysis
