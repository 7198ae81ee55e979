// From a recording to a report: replays on the machines asked for, and the curves.
#pragma once

#include <string>

#include "base/result.hpp"
#include "record/recording.hpp"
#include "report/report.hpp"
#include "tools/machine_flags.hpp"

namespace pw::tools {

struct StudyOptions {
  bool curves = true;
  double percent = 5;  // slowdown for which the memory is told
};

Result<report::Report> study(const record::Recording& recording, const Machines& machines,
                             const StudyOptions& options);

// What to type after this report on the recording in `path`; empty path: it was not kept.
std::string next_step(const report::Report& report, const std::string& path);

}  // namespace pw::tools
