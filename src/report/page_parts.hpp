// The parts of a page's data, each put into the pack by a function of its own. Inside src/report
// only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_log.hpp"
#include "analysis/stack_curve.hpp"
#include "record/recording.hpp"
#include "report/page_data.hpp"
#include "report/page_pack.hpp"

namespace pw::report {

// The areas that the page tells one by one, largest first; the last stands for all others.
struct ShownAreas {
  std::vector<std::string> names;
  std::vector<std::uint32_t> shown;  // by number of PageLog::areas()
};
ShownAreas shown_areas(const analysis::PageLog& log, std::size_t most);

// Array "NAME.distance", "NAME.count": references by stack distance.
void add_histogram(PagePack& pack, const std::string& name, const analysis::StackCurve& curve);

// A sample of a trace for the page's core, as array "NAME.ops" with what else it needs in the meta
// data. `area`: by page id. `stack`: likewise, may be empty.
struct SampleNeeds {
  const std::vector<std::uint32_t>* area = nullptr;
  const std::vector<std::uint32_t>* stack = nullptr;
  std::size_t bins = 1;
  std::size_t budget = 0;  // operations, about
};
void add_sample(PagePack& pack, const std::string& name, const analysis::DenseTrace& trace,
                const SampleNeeds& needs);

// Call stacks of first touches: "stacks" in the meta data, arrays "touch.*". Gives the number of
// the stack as the page knows it, by page id.
std::vector<std::uint32_t> add_stacks(PagePack& pack, const record::Recording& recording,
                                      const analysis::DenseTrace& trace,
                                      const analysis::PageLog& log, const PageDataOptions& options,
                                      std::size_t bins);

// Areas of a machine in the order of the page's table, those touched most first; only the first
// `listed` have a row of their own, the others share one.
std::vector<std::uint32_t> order_of_areas(const std::vector<replay::AreaReport>& areas);

// The machines over time, by their number N: arrays "series.N.NAME" of what the views draw;
// "counters.N.GROUP.NAME", what each bin added to each counter that is not 0; and what the bins
// added to areas, "changes.N.bin", ".area" (row of the table), ".touched", ".minor", ".major",
// ".copy_on_write", ".reused", unless there are too many areas.
void add_series(PagePack& pack, const Report& report, std::size_t listed);

}  // namespace pw::report
