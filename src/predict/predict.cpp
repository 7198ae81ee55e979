#include "predict/predict.hpp"

#include <algorithm>
#include <cmath>

#include "predict/side_by_side.hpp"

namespace pw::predict {

namespace {

// A TLB miss takes what it takes: with huge pages, a limit adds misses, whatever the program does.
void set_pace(double pace, sim::CpuCosts& costs) {
  const double scaled = std::round(static_cast<double>(costs.reference_ps) * pace);
  costs.reference_ps = static_cast<std::uint64_t>(std::max(scaled, 1.0));
}

}  // namespace

MachineConfig machine_for(const Conditions& conditions, const Costs& costs, PageWork page) {
  constexpr ByteCount kAmple{64ULL << 30};
  MachineConfig config;
  config.contents = Contents::MetadataOnly;
  config.model = MemoryModel::Linux;
  config.ram = kAmple;
  config.swap = conditions.swap == SwapKind::None ? ByteCount(0) : kAmple;
  config.cpus = conditions.cpus;
  config.linux_options.limit_pages = conditions.limit_bytes >> kPageShift;
  config.linux_options.group_version = conditions.group_version;
  config.linux_options.swappiness = conditions.swappiness;
  config.linux_options.page_cluster = conditions.page_cluster;
  config.prefetch.file_readahead_pages = std::max(conditions.readahead_pages, 1U);
  config.linux_options.stat_flush_ns = conditions.stat_flush_ns;
  config.linux_options.stat_phase_ns = static_cast<std::uint64_t>(
      conditions.stat_phase * static_cast<double>(conditions.stat_flush_ns));
  config.linux_options.ageing = conditions.ageing;
  config.linux_options.huge_pages = conditions.huge_pages;
  config.linux_options.mapped_in_memory = conditions.mapped_in_memory;
  config.linux_options.sample_one_in = conditions.sample_one_in;
  apply(costs, conditions.swap, page, config);
  if (conditions.pace != 1) set_pace(conditions.pace, config.cpu.costs);
  return config;
}

Outcome outcome_of(const replay::ReplayResult& result) {
  const MachineCounters& counters = result.counters;
  const ReclaimCounters& reclaim = counters.reclaim;
  Outcome outcome;
  outcome.minor_faults = counters.faults.minor;
  outcome.major_faults = counters.faults.major;
  outcome.swap_in = reclaim.pswpin;
  outcome.swap_out = reclaim.pswpout;
  outcome.scanned = reclaim.pgscan_direct + reclaim.pgscan_kswapd;
  outcome.stolen_anon = reclaim.pgsteal_anon;
  outcome.stolen_file = reclaim.pgsteal_file;
  outcome.refault_anon = reclaim.refault_anon;
  outcome.refault_file = reclaim.refault_file;
  outcome.activate_anon = reclaim.activate_anon;
  outcome.activate_file = reclaim.activate_file;
  outcome.file_read = reclaim.file_read;
  outcome.huge_faults = counters.huge.fault_alloc;
  outcome.huge_splits = counters.huge.split_page;
  for (const replay::ProcessReport& process : result.processes) {
    outcome.peak_resident_bytes = std::max(outcome.peak_resident_bytes,
                                           process.told_peak << kPageShift);
    if (process.killed_by_oom && !outcome.oom) {
      outcome.oom = true;
      outcome.oom_victim = process.command;
    }
  }
  outcome.kills = outcome.oom ? 1 : 0;
  if (result.config.linux_options.ageing == Ageing::Lists) {
    outcome.close_calls = reclaim.close_calls;
  }
  outcome.peak_group_bytes = reclaim.group_peak << kPageShift;
  outcome.seconds = static_cast<double>(result.simulated_ns) / 1e9;
  const std::uint64_t all_ns = result.simulated_ns + result.overlapped_ns;
  outcome.cpu_seconds = static_cast<double>(
                            all_ns - std::min(counters.io_wait_ns + counters.idle_ns, all_ns)) /
                        1e9;
  outcome.reference_seconds = static_cast<double>(result.references) *
                              static_cast<double>(result.config.cpu.costs.reference_ps) / 1e12;
  return outcome;
}

Result<Outcome> predict(const record::Recording& recording, const Conditions& conditions,
                        const Costs& costs) {
  const Effort effort = effort_of(recording.info().contents);
  const MachineConfig machine = machine_for(conditions, costs, {effort.middle, effort.copied});
  const Result<replay::ReplayResult> result = replay::replay(recording, machine);
  if (!result) return tl::unexpected(result.error());
  return outcome_of(*result);
}

Result<std::vector<Outcome>> predict_all(const Source& source,
                                         const std::vector<Conditions>& conditions,
                                         const Costs& costs) {
  const Effort effort = effort_of(source.recording->info().contents);
  std::vector<MachineConfig> machines;
  for (const Conditions& one : conditions) {
    machines.push_back(machine_for(one, costs, {effort.middle, effort.copied}));
  }
  const auto results = replay_side_by_side(source, machines);
  if (!results) return tl::unexpected(results.error());
  std::vector<Outcome> outcomes;
  for (const replay::ReplayResult& result : *results) outcomes.push_back(outcome_of(result));
  return outcomes;
}

}  // namespace pw::predict
