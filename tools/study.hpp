// From a recording or a script to a report: replays on the machines asked for, and the curves.
#pragma once

#include <string>

#include "base/result.hpp"
#include "record/recording.hpp"
#include "replay/watcher.hpp"
#include "report/report.hpp"
#include "script/program.hpp"
#include "tools/machine_flags.hpp"

namespace pw::tools {

struct StudyOptions {
  bool curves = true;
  double percent = 5;                  // slowdown for which the memory is told
  std::size_t points = 0;              // of Column::series
  replay::Watcher* watcher = nullptr;  // hears of the replay on the first machine
};

Result<report::Report> study(const record::Recording& recording, const Machines& machines,
                             const StudyOptions& options);

// The same of a script, as if it were a recording (replay/script_replay.hpp); no curves.
Result<report::Report> study(const script::Program& program, const Machines& machines);

// What one more fault costs on the first machine of `report`, and what the run does with enough
// RAM.
analysis::NeedCosts need_costs(const report::Report& report, std::uint64_t first_touches,
                               double percent);

// What to type after this report on the recording in `path`; empty path: it was not kept.
std::string next_step(const report::Report& report, const std::string& path);

}  // namespace pw::tools
