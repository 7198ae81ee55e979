// Phases: stretches of a run in which the set of pages in use stays much the same.
//
// The run is cut into windows of equal length, and the sets of pages referenced in two windows that
// follow each other are compared by the relative working set distance (Dhodapkar & Smith, "Managing
// multi-configuration hardware via dynamic working set analysis", ISCA 2002):
//   distance = 1 - |A and B| / |A or B|
// A distance above the limit ends a phase. Whole sets are compared, not signatures of them. A
// window unlike both its neighbours belongs to a transition. (Bounded-locality intervals, Madison &
// Batson 1976, find nested phases of every size, but at the cost of a walk down the LRU stack for
// each reference.)
//
// The window must be long enough to see a locality whole: of pages drawn at random from N, a window
// of tau references sees the fraction 1 - exp(-tau/N). On a recording, a page in use counts as
// referenced in every window that it is in use in.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_trace.hpp"

namespace pw::analysis {

struct Phase {
  std::uint64_t begin = 0;  // references before it
  std::uint64_t end = 0;    // half-open
  double pages = 0;         // different pages in a window, on average
  bool transition = false;  // windows that differ from their neighbours
};

inline constexpr std::uint64_t kMostWindows = std::uint64_t{1} << 24;

struct PhaseOptions {
  std::uint64_t window = 0;  // references, > 0
  double limit = 0.5;        // 0..1
};

// Phases follow each other without gaps from 0; references after the last whole window belong to
// the last phase. Empty if there is no whole window, or more than kMostWindows.
std::vector<Phase> phases(const PageTrace& trace, const PhaseOptions& options);
// Needs trace.times.
std::vector<Phase> phases(const DenseTrace& trace, const PhaseOptions& options);

}  // namespace pw::analysis
