// The data of the report page: what a recording says, brought down to a few megabytes whatever its
// length, so that a browser can draw it and the core in the page can count on it again.
//
// Whole and exact: the report's figures, LRU's and OPT's faults at every size (sizes above 4,096
// pages to one part in 2,048), counters over time, the working set. Brought down: time to bins,
// addresses to rows, areas and call stacks to the largest. A sample: the references that the page's
// core plays policies on; its share of the pages is told, and the core tells the error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "analysis/memory_need.hpp"
#include "base/result.hpp"
#include "record/recording.hpp"
#include "report/report.hpp"

namespace pw::report {

// What faults cost, given the number of first touches.
using NeedCostsOf = std::function<analysis::NeedCosts(std::uint64_t first_touches)>;

struct PageDataOptions {
  std::size_t bins = 512;        // of time, at most
  std::size_t rows = 160;        // of the heat map; see heat_map.hpp
  std::size_t areas = 40;        // told one by one, the rest together
  std::size_t listed = 300;      // areas and processes in tables
  std::size_t stacks = 3000;     // call stacks told one by one
  std::size_t phases = 400;      // at most
  std::size_t sample = 600'000;  // operations in the sample; a quarter of it for larger pages
  NeedCostsOf costs;
  std::function<void(double)> progress;  // gets the part done, 0..1, from any thread; may be empty
};

// In two steps, of which the first knows nothing of machines: it may run in a thread of its own
// beside the replays. The recording has to live as long.
class PageMaker {
 public:
  PageMaker(const record::Recording& recording, const PageDataOptions& options);
  ~PageMaker();
  // Once, first. Errors: those of dense_trace().
  Result<void> analyze();
  // Once, then. Fills in report.need.
  std::string finish(Report& report, const NeedCostsOf& costs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Both steps: a block as page_pack.hpp describes it. Fills in report.need. Errors: those of
// dense_trace().
Result<std::string> page_data(const record::Recording& recording, Report& report,
                              const PageDataOptions& options);

}  // namespace pw::report
