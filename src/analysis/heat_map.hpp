// Which memory was in use when: addresses by time, in so many cells that a page can draw it.
//
// Time is cut into equal stretches of references (bins). Pages are sorted by process and address
// and cut into rows of about equally many pages; untouched addresses take no room. A row lies in
// one area, or holds several that are too small for a row of their own. A cell says how many pages
// of the row were in use at some time in the bin: exact, but that a page in use counts during the
// hidden references between its Use and its Rest.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_log.hpp"

namespace pw::analysis {

struct HeatRow {
  std::uint32_t pid = 0;
  std::uint32_t area = 0;   // of the first page
  std::uint32_t areas = 1;  // different ones in it
  std::uint64_t begin = 0;  // page numbers, half-open; of the first process if there are several
  std::uint64_t end = 0;
  std::uint32_t pages = 0;  // touched
};

struct HeatMap {
  std::size_t bins = 0;
  std::vector<HeatRow> rows;
  std::vector<std::uint32_t> cells;  // by row, then bin: pages in use
  std::vector<std::uint32_t> areas;  // by area, then bin: pages in use
  std::vector<std::uint32_t> fresh;  // by area, then bin: pages used for the first time
};

// The bins of references, asked for in order: reference t, counted from 0, of n lies in bin
// floor(t * bins / n).
class BinWalk {
 public:
  BinWalk(std::uint64_t references, std::size_t bins) : references_(references), bins_(bins) {
    next_ = first_of(1);
  }
  // Of reference `time`, counted from 1, no smaller than the one before.
  std::size_t at(std::uint64_t time) {
    while (time > next_ && bin_ + 1 < bins_) next_ = first_of(++bin_ + 1);
    return bin_;
  }

 private:
  // References before bin `bin`.
  std::uint64_t first_of(std::uint64_t bin) const {
    const std::uint64_t rest = bin * (references_ % bins_);
    return bin * (references_ / bins_) + (rest + bins_ - 1) / bins_;
  }

  std::uint64_t references_;
  std::uint64_t bins_;  // > 0
  std::uint64_t bin_ = 0;
  std::uint64_t next_ = 0;  // references before the next bin
};

// Needs trace.times. `rows`: about so many, never more than five times as many; `areas`: numbers
// of areas in `places`.
HeatMap heat_map(const DenseTrace& trace, const std::vector<PagePlace>& places, std::size_t areas,
                 std::size_t bins, std::size_t rows);

}  // namespace pw::analysis
