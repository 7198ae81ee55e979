// LRU stack distances by area of memory: which areas would miss in a memory, or in a TLB, of so
// many entries. One pass of lru_curve.hpp's kind. A fully associative TLB with true LRU of E
// entries misses just where a memory of E pages would fault, so the same numbers tell both.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"

namespace pw::analysis {

struct AreaDistances {
  std::vector<std::uint64_t> sizes;   // as asked for, ascending
  std::vector<std::uint64_t> cold;    // by area: first references
  std::vector<std::uint64_t> beyond;  // by area, then size: references with a larger distance
};

// `area_of`: by page id, each below `areas`. Sizes below trace.filter_pages are not known: what is
// hidden there is missing from the counts.
AreaDistances area_distances(const DenseTrace& trace, const std::vector<std::uint32_t>& area_of,
                             std::size_t areas, const std::vector<std::uint64_t>& sizes);

}  // namespace pw::analysis
