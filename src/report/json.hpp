// A report as JSON: schema "pagewright.report/1", described by data/report.schema.json. Sizes are
// in pages of 4 KiB or bytes, as their names say; times in nanoseconds. Members are only ever added
// within a version.
#pragma once

#include <string>

#include "report/report.hpp"

namespace pw::report {

std::string json(const Report& report);  // indented by two, with a newline at the end

}  // namespace pw::report
