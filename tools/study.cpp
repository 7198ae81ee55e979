#include "tools/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "analysis/dense_trace.hpp"
#include "replay/replay.hpp"
#include "report/units.hpp"
#include "tools/console.hpp"

namespace pw::tools {
namespace {

Result<replay::ReplayResult> replay_on(const record::Recording& recording,
                                       const MachineConfig& config, const std::string& label) {
  Progress progress("replaying (" + label + ")");
  return replay::replay(recording, config, progress.callback());
}

bool in_percent(const Machines& machines) {
  return machines.base.ram_percent.has_value() ||
         std::any_of(machines.what_if.begin(), machines.what_if.end(),
                     [](const WhatIf& w) { return w.request.ram_percent.has_value(); });
}

bool was_short_of_ram(const replay::ReplayResult& result) {
  const ReclaimCounters& r = result.counters.reclaim;
  return r.pgsteal_kswapd + r.pgsteal_direct + r.oom_kills > 0;
}

// Time of the run on a machine with enough RAM: the replay's own if it had enough, else what
// remains without the faults that more RAM would have avoided.
double time_with_enough_ram(const replay::ReplayResult& result, std::uint64_t first_touches) {
  if (!was_short_of_ram(result)) return static_cast<double>(result.simulated_ns);
  return static_cast<double>(result.references) * report::derive(result).translation_ns +
         static_cast<double>(first_touches) * static_cast<double>(result.config.costs.minor_ns);
}

Result<analysis::MemoryNeed> curves(const record::Recording& recording,
                                    const replay::ReplayResult& result, double percent) {
  constexpr std::size_t kSizes = 12;
  Progress progress("counting faults for every size of RAM");
  const Result<analysis::DenseTrace> trace = analysis::dense_trace(
      recording, [&progress](double part) { progress(part / 2); });
  if (!trace) return tl::unexpected(trace.error());
  analysis::NeedCosts costs;
  const DeviceModel& device = result.config.swap_device;
  costs.percent = percent;
  costs.miss_ns = static_cast<double>(result.config.costs.major_ns + device.seek_ns +
                                      device.read_ns + device.per_page_ns);
  costs.base_ns = time_with_enough_ram(result, trace->ids);
  return analysis::memory_need(*trace, costs, kSizes,
                               [&progress](double part) { progress(0.5 + part / 2); });
}

}  // namespace

Result<report::Report> study(const record::Recording& recording, const Machines& machines,
                             const StudyOptions& options) {
  report::Report report;
  report.recording = recording.info();
  report.losses = recording.losses();
  std::optional<replay::ReplayResult> base;
  PageCount peak(0);
  if (!machines.base.ram_percent) {
    Result<replay::ReplayResult> result = replay_on(recording, resolve(machines.base, peak),
                                                    "base");
    if (!result) return tl::unexpected(result.error());
    base = std::move(*result);
    peak = PageCount(base->counters.resident_peak);
  }
  if (in_percent(machines) && (!base || was_short_of_ram(*base))) {
    const Result<replay::ReplayResult> plenty = replay_on(recording, unlimited(machines.base),
                                                          "plenty of RAM");
    if (!plenty) return tl::unexpected(plenty.error());
    peak = PageCount(plenty->counters.resident_peak);
  }
  if (!base) {
    Result<replay::ReplayResult> result = replay_on(recording, resolve(machines.base, peak),
                                                    "base");
    if (!result) return tl::unexpected(result.error());
    base = std::move(*result);
  }
  report.columns.push_back({"base", std::move(*base)});
  for (const WhatIf& column : machines.what_if) {
    Result<replay::ReplayResult> result = replay_on(recording, resolve(column.request, peak),
                                                    column.label);
    if (!result) return tl::unexpected(result.error());
    report.columns.push_back({column.label, std::move(*result)});
  }
  if (options.curves) {
    Result<analysis::MemoryNeed> need = curves(recording, report.columns.front().result,
                                               options.percent);
    if (need) {
      report.need = std::move(*need);
    } else {
      report.notes.push_back("No faults by size of RAM: " + need.error().message + ".");
    }
  }
  return report;
}

std::string next_step(const report::Report& report, const std::string& path) {
  const std::string columns = "--what-if ram=50%,ram=25%";
  if (path.empty()) {
    const std::string command = report::command_line(report.recording.command);
    if (report.columns.size() == 1) return "pagewright run " + columns + " -- " + command;
    return "pagewright record -o program.pwrec -- " + command;
  }
  const std::string file = report::command_line({path});
  if (!report.need) return "pagewright report " + file;
  if (report.columns.size() == 1) return "pagewright report " + file + ' ' + columns;
  const std::uint64_t kib = report.need->within * (kPageSize >> 10);
  return fmt::format("pagewright replay {} --ram {}K", file, kib);
}

}  // namespace pw::tools
