// Working sets (Denning, "The working set model for program behavior", CACM 11(5), 1968): W(t, tau)
// is the number of different pages referenced by the last tau references up to and including
// reference t. Time is counted in references, from 1 to T.
//
// Averages come from the intervals between the references of a page (Denning & Schwartz,
// "Properties of the working-set model", CACM 15(3), 1972): a page is in the working set for
// min(tau, x) references from a reference that is followed by x-1 references to others. So one pass
// counts the intervals, and then the average and the faults are known, exactly, for every tau:
//   sum over t of W(t, tau) = sum over the intervals of min(tau, x)
//   faults                  = first references + intervals x > tau
// where the last interval of each page ends at T, or when its memory is given back.
//
// On a recording (DenseTrace) a page in use, from its Use to its Rest, counts as in the working set
// all the time: references that the recorder's filter of K pages hides are between these two. W is
// then too large by less than K pages, never too small; the intervals from a Rest to the next Use
// are exact, and the faults told are those between them: faults of pages in use are missing. Detail
// full hides nothing: all is exact.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/name_map.hpp"
#include "analysis/page_trace.hpp"

namespace pw::analysis {

// How often each length occurs. Add, then seal, then ask.
class LengthCounts {
 public:
  void add(std::uint64_t length) {
    if (length < kDense) {
      if (length >= dense_.size()) dense_.resize(2 * length + 1);
      ++dense_[length];
    } else {
      ++sparse_[length];
    }
  }
  void seal();

  std::uint64_t beyond(std::uint64_t length) const;   // how many are longer
  std::uint64_t sum_up_to(std::uint64_t most) const;  // of min(length, most)

 private:
  static constexpr std::uint64_t kDense = std::uint64_t{1} << 20;
  struct Row {
    std::uint64_t length;
    std::uint64_t count_below;  // lengths smaller than this one
    std::uint64_t sum_below;
  };
  Row row_after(std::uint64_t length) const;  // the first row with a larger length

  std::vector<std::uint64_t> dense_;
  NameMap<std::uint64_t> sparse_;
  std::vector<Row> rows_;  // ascending; the last one stands for the end
};

// Working set by area of memory: a share of the whole.
struct AreaWorkingSet {
  std::string name;
  std::uint64_t pages = 0;       // that were referenced at all
  std::vector<double> averages;  // by tau, as asked for
};

struct WorkingSets {
  std::uint64_t references = 0;    // T
  std::uint32_t filter_pages = 0;  // K; 0 and 1: everything is exact
  std::uint64_t first = 0;         // first references to a page
  std::vector<std::uint64_t> taus;
  std::vector<std::uint64_t> times;               // at which W was looked at, ascending
  std::vector<std::vector<std::uint64_t>> sizes;  // by tau, by time: W(t, tau)
  std::vector<AreaWorkingSet> areas;              // largest first; empty: not known

  bool exact() const { return filter_pages <= 1; }
  // Exact for any tau > 0, not only those asked for.
  double average(std::uint64_t tau) const;
  std::uint64_t faults(std::uint64_t tau) const;
  // The largest W that was looked at.
  std::uint64_t largest(std::size_t tau_index) const;

  // What the above are computed from.
  LengthCounts returns;      // intervals that end with a reference
  LengthCounts ends;         // that end with the trace, or because the memory was given back
  std::uint64_t in_use = 0;  // references during which pages were in use, summed over the pages
};

struct WorkingSetOptions {
  std::vector<std::uint64_t> taus;  // each > 0
  std::size_t points = 100;         // at most so many times, evenly spaced, T the last
  bool lengths = true;              // count intervals: without, only `times` and `sizes` are told
  // By page id, with the names of the areas; null: not known.
  const std::vector<std::uint32_t>* area_of_page = nullptr;
  const std::vector<std::string>* area_names = nullptr;
};

WorkingSets working_sets(const PageTrace& trace, const WorkingSetOptions& options);
// Needs trace.times.
WorkingSets working_sets(const DenseTrace& trace, const WorkingSetOptions& options);

}  // namespace pw::analysis
