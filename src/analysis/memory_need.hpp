// What a miss curve says about the memory a program needs: the knee, the memory for a slowdown of
// at most x percent, and the sizes worth showing. A curve is any function pages -> misses that
// never rises with the size.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/stack_curve.hpp"

namespace pw::analysis {

using MissCurve = std::function<std::uint64_t(std::uint64_t pages)>;

// The size farthest below the chord from (from, misses(from)) to (to, misses(to)), both axes scaled
// to 0..1: the knee as in Kneedle without smoothing, as the counts are exact (Satopaa, Albrecht,
// Irwin, Raghavan, ICDCSW 2011). `to` if the curve is flat or a straight line; from <= to.
std::uint64_t knee(const MissCurve& misses, std::uint64_t from, std::uint64_t to);

// The smallest size in [from, to] whose misses stay within `allowed`; to + 1 if none does.
std::uint64_t smallest_within(const MissCurve& misses, std::uint64_t from, std::uint64_t to,
                              std::uint64_t allowed);

// The misses that slow a run of `base_ns` by at most `percent` when each beyond the `unavoidable`
// ones takes `miss_ns` (> 0).
std::uint64_t allowed_misses(double percent, double base_ns, double miss_ns,
                             std::uint64_t unavoidable);

// At most `count` sizes from `from` to `to`, each rounded to a readable number of pages (three
// leading bits), roughly equally spaced in their logarithm; ascending, without doubles,
// `to` included.
std::vector<std::uint64_t> sizes_to_show(std::uint64_t from, std::uint64_t to, std::size_t count);

struct MissPoint {
  std::uint64_t pages = 0;
  std::uint64_t lru = 0;
  std::uint64_t opt = 0;
};

// What is said of one program; all sizes in pages.
struct MemoryNeed {
  std::uint64_t known_from = 0;     // smaller memories are not known
  std::uint64_t first_touches = 0;  // misses of every memory
  std::uint64_t fits_in = 0;        // LRU has no other misses from here on
  std::uint64_t knee = 0;
  double percent = 0;          // the slowdown asked for
  std::uint64_t within = 0;    // the memory for it, under LRU; known_from: that or less
  double base_ns = 0;          // the run with enough memory
  double miss_ns = 0;          // cost of one more miss
  std::uint64_t inferred = 0;  // see DenseTrace; 0: exact
  std::vector<MissPoint> points;
};

struct NeedCosts {
  double base_ns = 0;
  double miss_ns = 1;  // > 0
  double percent = 5;
};

// `points`: how many sizes to count at. `progress` gets the part done, 0..1; may be empty.
MemoryNeed memory_need(const DenseTrace& trace, const NeedCosts& costs, std::size_t points,
                       const std::function<void(double)>& progress = {});

// The same from curves that are there: LRU's and OPT's, of a trace with a filter of so many pages.
MemoryNeed memory_need(const StackCurve& lru, const StackCurve& opt, std::uint32_t filter_pages,
                       const NeedCosts& costs, std::size_t points);

}  // namespace pw::analysis
