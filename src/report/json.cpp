#include "report/json.hpp"

#include <nlohmann/json.hpp>

namespace pw::report {
namespace {

using Json = nlohmann::ordered_json;

Json faults_json(const FaultCounters& f) {
  return {{"minor", f.minor},
          {"major", f.major},
          {"copy_on_write", f.copy_on_write},
          {"reused", f.reused},
          {"zero_page", f.zero_page},
          {"anonymous", f.anonymous},
          {"file_mapped", f.file_mapped},
          {"swap_in", f.swap_in},
          {"write_notify", f.write_notify},
          {"spurious", f.spurious},
          {"segv", f.segv},
          {"bus", f.bus},
          {"oom", f.oom}};
}

Json reclaim_json(const ReclaimCounters& r) {
  return {{"pgscan_kswapd", r.pgscan_kswapd},
          {"pgscan_direct", r.pgscan_direct},
          {"pgsteal_kswapd", r.pgsteal_kswapd},
          {"pgsteal_direct", r.pgsteal_direct},
          {"pswpin", r.pswpin},
          {"pswpout", r.pswpout},
          {"file_read", r.file_read},
          {"file_written", r.file_written},
          {"allocstall", r.allocstall},
          {"kswapd_wakeups", r.kswapd_wakeups},
          {"prefetched", r.prefetched},
          {"prefetch_used", r.prefetch_used},
          {"prefetch_wasted", r.prefetch_wasted},
          {"oom_kills", r.oom_kills},
          {"clustered", r.clustered},
          {"dirty_passed", r.dirty_passed},
          {"local_evictions", r.local_evictions},
          {"taken_from_lower", r.taken_from_lower},
          {"swapped_out_whole", r.swapped_out_whole},
          {"swap_requests", r.swap_requests}};
}

Json memory_json(const MachineCounters& c) {
  return {{"resident_peak_pages", c.resident_peak},
          {"mapped_peak_pages", c.mapped_peak},
          {"table_peak_pages", c.table_peak},
          {"forks", c.forks},
          {"execs", c.execs},
          {"processes_peak", c.processes_peak}};
}

Json tlb_json(const replay::ReplayResult& r, bool estimated) {
  const Derived d = derive(r);
  return {{"estimated", estimated},
          {"references", r.tlb.references},
          {"hidden_references", d.hidden},
          {"l1_hits", r.tlb.l1_hits},
          {"l2_hits", r.tlb.l2_hits},
          {"walks", r.tlb.walks},
          {"walk_references", r.tlb.walk_references},
          {"l1_ratio", d.l1_ratio},
          {"l2_ratio", d.l2_ratio},
          {"walk_ratio", d.walk_ratio},
          {"assists", r.tlb.assists},
          {"flushes_full", r.tlb.flushes_full},
          {"flushes_page", r.tlb.flushes_page},
          {"space_switches", r.tlb.space_switches},
          {"shootdowns", r.counters.shootdowns},
          {"shootdown_ipis", r.counters.shootdown_ipis}};
}

Json time_json(const replay::ReplayResult& r) {
  const Derived d = derive(r);
  return {{"simulated_ns", r.simulated_ns},
          {"kernel_ns", r.counters.kernel_ns},
          {"io_wait_ns", r.counters.io_wait_ns},
          {"idle_ns", r.counters.idle_ns},
          {"fault_probability", d.fault_probability},
          {"access_without_faults_ns", d.translation_ns},
          {"fault_ns", d.fault_ns},
          {"effective_access_ns", d.access_ns},
          {"slowdown", d.slowdown}};
}

Json config_json(const MachineConfig& c) {
  return {{"ram_bytes", c.ram.value},
          {"swap_bytes", c.swap.value},
          {"swap_device", c.swap_device.name},
          {"file_device", c.file_device.name},
          {"policy", c.policy},
          {"cpus", c.cpus},
          {"levels", c.levels},
          {"kpti", c.kpti},
          {"cold_page_cache", c.cold_page_cache},
          {"swappiness", c.swappiness},
          {"fault_around_pages", c.prefetch.fault_around_pages},
          {"file_readahead_pages", c.prefetch.file_readahead_pages},
          {"swap_readahead_pages", c.prefetch.swap_readahead_pages},
          {"seed", c.seed}};
}

Json areas_json(const std::vector<replay::AreaReport>& areas) {
  Json list = Json::array();
  for (const replay::AreaReport& area : areas) {
    list.push_back({{"name", area.name},
                    {"mapped_peak_pages", area.counters.mapped_peak},
                    {"resident_peak_pages", area.counters.resident_peak},
                    {"touched_pages", area.counters.touched_pages},
                    {"faults", faults_json(area.counters.faults)}});
  }
  return list;
}

Json processes_json(const std::vector<replay::ProcessReport>& processes) {
  Json list = Json::array();
  for (const replay::ProcessReport& p : processes) {
    list.push_back({{"pid", p.pid},
                    {"parent", p.parent},
                    {"command", p.command},
                    {"references", p.references},
                    {"resident_peak_pages", p.resident_peak},
                    {"killed_by_oom", p.killed_by_oom},
                    {"faults", faults_json(p.faults)}});
  }
  return list;
}

Json huge_json(const Column& column) {
  const HugeCounters& huge = column.result.counters.huge;
  const HugeBalance balance = huge_balance(column);
  return {{"fault_alloc", huge.fault_alloc},
          {"fault_fallback", huge.fault_fallback},
          {"collapse_alloc", huge.collapse_alloc},
          {"split_page", huge.split_page},
          {"split_pmd", huge.split_translation},
          {"walks_saved", balance.walks_saved},
          {"walk_references_saved", balance.entries_saved},
          {"faults_saved", balance.faults_saved},
          {"wasted_peak_pages", balance.pages_wasted}};
}

Json machine_json(const Column& column, bool estimated) {
  const replay::ReplayResult& r = column.result;
  Json out{{"label", column.label},
           {"config", config_json(r.config)},
           {"references", r.references},
           {"records", r.records},
           {"faults", faults_json(r.counters.faults)},
           {"memory", memory_json(r.counters)},
           {"reclaim", reclaim_json(r.counters.reclaim)},
           {"tlb", tlb_json(r, estimated)},
           {"time", time_json(r)},
           {"areas", areas_json(r.areas)},
           {"processes", processes_json(r.processes)},
           {"inferred_areas", r.inferred_areas}};
  if (column.small_pages) out["huge_pages"] = huge_json(column);
  return out;
}

Json need_json(const analysis::MemoryNeed& need) {
  Json points = Json::array();
  for (const analysis::MissPoint& p : need.points) {
    points.push_back({{"pages", p.pages}, {"lru_faults", p.lru}, {"opt_faults", p.opt}});
  }
  return {{"known_from_pages", need.known_from},
          {"first_touches", need.first_touches},
          {"fits_in_pages", need.fits_in},
          {"knee_pages", need.knee},
          {"slowdown_percent", need.percent},
          {"slowdown_pages", need.within},
          {"run_ns", need.base_ns},
          {"fault_ns", need.miss_ns},
          {"exact", need.inferred == 0},
          {"assumed_references", need.inferred},
          {"points", points}};
}

Json recording_json(const Report& report) {
  const record::RecordingInfo& info = report.recording;
  Json losses = Json::array();
  for (const record::Loss& loss : report.losses) {
    losses.push_back({{"offset", loss.offset}, {"what", loss.what}});
  }
  Json out{{"command", info.command},
           {"recorder", recorder_name(info.recorder)},
           {"detail", detail_name(info.detail)},
           {"filter_pages", info.filter_pages},
           {"exactness", exactness(info)},
           {"redacted", info.redacted},
           {"losses", losses}};
  out["exit_status"] = info.exit_status < 0 ? Json(nullptr) : Json(info.exit_status);
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::uint64_t>> growing_counters(const MachineCounters& counters,
                                                                    const sim::TlbCounters& tlb) {
  std::vector<std::pair<std::string, std::uint64_t>> all;
  const auto add = [&](const std::string& group, const Json& values) {
    for (const auto& [name, value] : values.items()) all.emplace_back(group + '.' + name, value);
  };
  add("faults", faults_json(counters.faults));
  add("memory", {{"forks", counters.forks}, {"execs", counters.execs}});
  add("reclaim", reclaim_json(counters.reclaim));
  add("tlb", {{"references", tlb.references},
              {"l1_hits", tlb.l1_hits},
              {"l2_hits", tlb.l2_hits},
              {"walks", tlb.walks},
              {"walk_references", tlb.walk_references},
              {"assists", tlb.assists},
              {"flushes_full", tlb.flushes_full},
              {"flushes_page", tlb.flushes_page},
              {"space_switches", tlb.space_switches},
              {"shootdowns", counters.shootdowns},
              {"shootdown_ipis", counters.shootdown_ipis}});
  add("time", {{"kernel_ns", counters.kernel_ns},
               {"io_wait_ns", counters.io_wait_ns},
               {"idle_ns", counters.idle_ns}});
  return all;
}

std::string json(const Report& report) {
  const bool estimated = report.recording.detail == record::Detail::Pages;
  Json machines = Json::array();
  for (const Column& column : report.columns) machines.push_back(machine_json(column, estimated));
  Json out{{"schema", "pagewright.report/1"},
           {"recording", recording_json(report)},
           {"machines", machines}};
  out["need"] = report.need ? need_json(*report.need) : Json(nullptr);
  out["check"] = report.checked ? Json::parse(report.checked->json) : Json(nullptr);
  out["notes"] = all_notes(report);
  // Names in a recording are bytes of another program: what is not UTF-8 is replaced, not thrown
  // on.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace pw::report
