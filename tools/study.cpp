#include "tools/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "analysis/dense_trace.hpp"
#include "replay/fork_bill.hpp"
#include "replay/replay.hpp"
#include "replay/script_replay.hpp"
#include "report/units.hpp"
#include "tools/console.hpp"

namespace pw::tools {
namespace {

constexpr const char* kBase = "base";  // label of the first machine

// Replays what is studied on a machine with that label.
using ReplayOn = std::function<Result<report::Column>(const MachineConfig& config,
                                                      const std::string& label)>;

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
                                    const report::Report& report, double percent) {
  constexpr std::size_t kSizes = 12;
  Progress progress("counting faults for every size of RAM");
  const Result<analysis::DenseTrace> trace = analysis::dense_trace(
      recording, [&progress](double part) { progress(part / 2); });
  if (!trace) return tl::unexpected(trace.error());
  return analysis::memory_need(*trace, need_costs(report, trace->ids, percent), kSizes,
                               [&progress](double part) { progress(0.5 + part / 2); });
}

// What a machine with huge pages would be without them, beside its column.
Result<report::Column> with_small_pages(const ReplayOn& replay_on, report::Column&& column) {
  MachineConfig small = column.result.config;
  if (small.linux_options.huge_pages == HugePages::Never) return std::move(column);
  small.linux_options.huge_pages = HugePages::Never;
  const auto without = replay_on(small, column.label + " without huge pages");
  if (!without) return tl::unexpected(without.error());
  column.small_pages = report::small_pages(without->result);
  return std::move(column);
}

// A column for each machine; those whose RAM is a part of the peak need a replay with plenty first.
Result<std::vector<report::Column>> columns(const ReplayOn& replay_on, const Machines& machines) {
  std::optional<report::Column> base;
  PageCount peak(0);
  if (!machines.base.ram_percent) {
    Result<report::Column> column = replay_on(resolve(machines.base, peak), kBase);
    if (!column) return tl::unexpected(column.error());
    base = std::move(*column);
    peak = PageCount(base->result.counters.resident_peak);
  }
  if (in_percent(machines) && (!base || was_short_of_ram(base->result))) {
    const auto plenty = replay_on(unlimited(machines.base), "plenty of RAM");
    if (!plenty) return tl::unexpected(plenty.error());
    peak = PageCount(plenty->result.counters.resident_peak);
  }
  if (!base) {
    Result<report::Column> column = replay_on(resolve(machines.base, peak), kBase);
    if (!column) return tl::unexpected(column.error());
    base = std::move(*column);
  }
  std::vector<report::Column> all;
  const auto add = [&](Result<report::Column>&& column) -> Result<void> {
    if (!column) return tl::unexpected(column.error());
    Result<report::Column> whole = with_small_pages(replay_on, std::move(*column));
    if (!whole) return tl::unexpected(whole.error());
    all.push_back(std::move(*whole));
    return {};
  };
  if (const auto added = add(std::move(*base)); !added) return tl::unexpected(added.error());
  for (const WhatIf& what_if : machines.what_if) {
    const auto added = add(replay_on(resolve(what_if.request, peak), what_if.label));
    if (!added) return tl::unexpected(added.error());
  }
  return all;
}

bool has_children(const record::Recording& recording) {
  const auto& chunks = recording.chunks();
  return std::any_of(chunks.begin(), chunks.end(), [&](const record::ChunkInfo& chunk) {
    return chunk.pid != chunks.front().pid;
  });
}

}  // namespace

Result<report::Report> study(const record::Recording& recording, const Machines& machines,
                             const StudyOptions& options) {
  report::Report report;
  report.recording = recording.info();
  report.losses = recording.losses();
  auto replayed = columns(
      [&](const MachineConfig& config, const std::string& label) -> Result<report::Column> {
        Progress progress("replaying (" + label + ")");
        report::Column column;
        column.label = label;
        column.series.points = options.points;
        const bool detailed = options.points > 0;
        replay::Watcher* watcher = label == kBase ? options.watcher : nullptr;
        replay::ForkBill bill(watcher);
        if (detailed && label == kBase && has_children(recording)) watcher = &bill;
        auto result = replay::replay(recording, config, progress.callback(), nullptr,
                                     detailed ? &column.series : nullptr, watcher);
        if (!result) return tl::unexpected(result.error());
        column.forks = bill.sites();
        column.result = std::move(*result);
        return column;
      },
      machines);
  if (!replayed) return tl::unexpected(replayed.error());
  report.columns = std::move(*replayed);
  if (report.columns.front().result.left_recorder_out) {
    report.notes.push_back(
        "What Valgrind had loaded into the programs (vgpreload_*.so) was left out.");
  }
  if (options.curves) {
    Result<analysis::MemoryNeed> need = curves(recording, report, options.percent);
    if (need) {
      report.need = std::move(*need);
    } else {
      report.notes.push_back("No faults by size of RAM: " + need.error().message + ".");
    }
  }
  return report;
}

Result<report::Report> study(const script::Program& program, const Machines& machines) {
  report::Report report;
  report.recording.recorder = record::Recorder::Imported;
  report.recording.detail = record::Detail::Full;
  report.recording.filter_pages = 0;
  auto replayed = columns(
      [&](const MachineConfig& config, const std::string& label) -> Result<report::Column> {
        Result<replay::ScriptReplay> done = replay::replay(program, config);
        if (!done) return tl::unexpected(done.error());
        if (done->run.failed > 0) {
          report.notes.push_back(fmt::format("On the machine '{}' {} of {} checks failed.", label,
                                             done->run.failed, done->run.checks));
        }
        return report::Column{label, std::move(done->result), {}};
      },
      machines);
  if (!replayed) return tl::unexpected(replayed.error());
  report.columns = std::move(*replayed);
  return report;
}

analysis::NeedCosts need_costs(const report::Report& report, std::uint64_t first_touches,
                               double percent) {
  const replay::ReplayResult& result = report.columns.front().result;
  const DeviceModel& device = result.config.swap_device;
  analysis::NeedCosts costs;
  costs.percent = percent;
  costs.miss_ns = static_cast<double>(result.config.costs.major_ns + device.seek_ns +
                                      device.read_ns + device.per_page_ns);
  costs.base_ns = time_with_enough_ram(result, first_touches);
  return costs;
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
