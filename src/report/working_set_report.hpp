// What `pagewright workingset` says, as text, JSON (schema "pagewright.workingset/1", described by
// data/workingset.schema.json) and CSV. Sizes are pages of 4 KiB, times are numbers of references.
#pragma once

#include <string>
#include <vector>

#include "analysis/phases.hpp"
#include "analysis/working_set.hpp"
#include "report/text.hpp"

namespace pw::report {

struct WorkingSetReport {
  std::string input;
  std::string format;
  std::vector<std::string> command;  // what was recorded; empty: an imported trace
  std::uint64_t pages = 0;
  std::uint64_t inferred = 0;  // see DenseTrace
  analysis::WorkingSets sets;
  std::uint64_t phase_window = 0;  // references; 0: phases were not looked for
  double phase_limit = 0.5;
  std::vector<analysis::Phase> phases;
};

std::string working_set_text(const WorkingSetReport& report, const TextStyle& style);
std::string working_set_json(const WorkingSetReport& report);
// A row for each time, a column for each tau: W(time, tau).
std::string working_set_csv(const WorkingSetReport& report);

}  // namespace pw::report
