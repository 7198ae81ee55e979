// The options of report and run that write faults in the formats of other tools.
#pragma once

#include <string>

#include "base/result.hpp"
#include "record/recording.hpp"
#include "replay/fault_log.hpp"
#include "report/report.hpp"

namespace CLI {
class App;
}

namespace pw::tools {

struct ExportFlags {
  std::string perfetto, speedscope, folded;  // files; empty: not asked for
  std::string folded_of = "faults";

  bool any() const { return !perfetto.empty() || !speedscope.empty() || !folded.empty(); }
};

// `flags` must outlive the parsing.
void add_export_flags(CLI::App& verb, ExportFlags& flags);

// What can be known before anything long is done. Errors: Exists without `force`; Invalid: two of
// the files, or `other` and one of them, have one name.
Result<void> check_export_files(const ExportFlags& flags, const std::string& other, bool force);

// Writes each file that is asked for, and says so. `log` has watched the first machine of `report`.
// Errors: those of write_result().
Result<void> write_exports(const record::Recording& recording, const report::Report& report,
                           replay::FaultLog& log, const ExportFlags& flags, bool force);

}  // namespace pw::tools
