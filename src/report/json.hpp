// A report as JSON: schema "pagewright.report/1", described by data/report.schema.json. Sizes are
// in pages of 4 KiB or bytes, as their names say; times in nanoseconds. Members are only ever added
// within a version.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/report.hpp"

namespace pw::report {

std::string json(const Report& report);  // indented by two, with a newline at the end

// The counters among them that grow over a run, as "GROUP.NAME": over a part of it they are
// differences.
std::vector<std::pair<std::string, std::uint64_t>> growing_counters(const MachineCounters& counters,
                                                                    const sim::TlbCounters& tlb);

}  // namespace pw::report
