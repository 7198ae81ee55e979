#include "report/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/eat.hpp"
#include "report/units.hpp"

namespace pw::report {
namespace {

constexpr double kPsPerNs = 1000;

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void note_column(const Column& column, bool several, std::vector<std::string>& notes) {
  const replay::ReplayResult& r = column.result;
  const std::string where = several ? fmt::format(" ({})", column.label) : "";
  if (r.inferred_areas > 0) {
    notes.push_back(
        fmt::format("{} area{} had to be assumed{}: references fell outside everything that the "
                    "recording maps.",
                    count(r.inferred_areas), r.inferred_areas == 1 ? "" : "s", where));
  }
  for (const replay::ProcessReport& p : r.processes) {
    if (!p.killed_by_oom) continue;
    notes.push_back(fmt::format(
        "Process {} ({}) was killed for want of memory{}: give the machine more --ram or --swap.",
        p.pid, p.command.empty() ? "?" : p.command, where));
  }
}

}  // namespace

Derived derive(const replay::ReplayResult& result) {
  Derived d;
  const sim::TlbCounters& tlb = result.tlb;
  const sim::CpuCosts& costs = result.config.cpu.costs;
  d.faults = result.counters.faults.minor + result.counters.faults.major;
  d.fault_probability = std::min(1.0, ratio(d.faults, result.references));
  // References that the recording's filter hid were not replayed one by one: hits of the L1 TLB.
  d.hidden = result.references - std::min(result.references, tlb.references);
  const std::uint64_t all = tlb.references + d.hidden;
  d.l1_ratio = ratio(tlb.l1_hits + d.hidden, all);
  d.l2_ratio = ratio(tlb.l2_hits, all);
  d.walk_ratio = ratio(tlb.walks, all);
  d.references_per_walk = ratio(tlb.walk_references, tlb.walks);
  if (all > 0) {
    const double extra_ps = static_cast<double>(tlb.l2_hits) *
                                static_cast<double>(costs.l2_tlb_hit_ps) +
                            static_cast<double>(tlb.walk_references) *
                                static_cast<double>(costs.walk_reference_ps);
    d.translation_ns = (static_cast<double>(costs.reference_ps) +
                        extra_ps / static_cast<double>(all)) /
                       kPsPerNs;
  }
  d.fault_ns = ratio(result.counters.kernel_ns + result.counters.io_wait_ns, d.faults);
  d.access_ns = analysis::eat_paging_ns(d.fault_probability, d.translation_ns,
                                        d.translation_ns + d.fault_ns);
  if (d.translation_ns > 0) d.slowdown = d.access_ns / d.translation_ns;
  return d;
}

SmallPages small_pages(const replay::ReplayResult& result) {
  return {result.tlb.walks, result.tlb.walk_references, result.counters.resident_peak,
          result.counters.faults.minor + result.counters.faults.major};
}

HugeBalance huge_balance(const Column& column) {
  if (!column.small_pages) return {};
  const SmallPages huge = small_pages(column.result);
  const SmallPages& small = *column.small_pages;
  const auto less = [](std::uint64_t before, std::uint64_t after) {
    return static_cast<std::int64_t>(before - after);
  };
  return {less(small.walks, huge.walks), less(small.walk_references, huge.walk_references),
          less(small.faults, huge.faults), less(huge.resident_peak, small.resident_peak)};
}

std::vector<std::string> all_notes(const Report& report) {
  std::vector<std::string> notes;
  const record::RecordingInfo& info = report.recording;
  if (info.detail == record::Detail::Pages) {
    notes.push_back(fmt::format(
        "TLB figures are estimates: references to the {} pages last used are not recorded one by "
        "one and count as hits of the L1 TLB. A recording with --detail switches is exact.",
        info.filter_pages));
  }
  if (report.need && report.need->inferred > 0) {
    notes.push_back(fmt::format(
        "Processes or threads took turns: the order of {} references was assumed, and the fault "
        "counts by RAM size are off by about as many at most.",
        count(report.need->inferred)));
  }
  for (const Column& column : report.columns) {
    note_column(column, report.columns.size() > 1, notes);
  }
  constexpr std::size_t kLossesShown = 3;
  for (std::size_t i = 0; i < std::min(kLossesShown, report.losses.size()); ++i) {
    notes.push_back(fmt::format("The recording is damaged at byte {}: {}.",
                                count(report.losses[i].offset), report.losses[i].what));
  }
  if (report.losses.size() > kLossesShown) {
    notes.push_back(fmt::format("{} more parts of the recording are damaged.",
                                count(report.losses.size() - kLossesShown)));
  }
  if (info.redacted) notes.emplace_back("Names were replaced by hashes when this was recorded.");
  notes.insert(notes.end(), report.notes.begin(), report.notes.end());
  return notes;
}

std::string recorder_name(record::Recorder recorder) {
  switch (recorder) {
    case record::Recorder::Valgrind:
      return "valgrind";
    case record::Recorder::Qemu:
      return "qemu";
    case record::Recorder::Imported:
      return "imported";
  }
  return "unknown";
}

std::string detail_name(record::Detail detail) {
  switch (detail) {
    case record::Detail::Pages:
      return "pages";
    case record::Detail::Switches:
      return "switches";
    case record::Detail::Full:
      return "full";
  }
  return "unknown";
}

std::string exactness(const record::RecordingInfo& info) {
  switch (info.detail) {
    case record::Detail::Pages:
      return fmt::format("exact for memories of {} pages ({}) and more", info.filter_pages,
                         page_bytes(info.filter_pages));
    case record::Detail::Switches:
      return "every change of page: exact for the TLB";
    case record::Detail::Full:
      return "every reference";
  }
  return "unknown";
}

std::string machine_line(const MachineConfig& config) {
  const std::string swap = config.swap.value == 0 ? "no swap"
                                                  : fmt::format("{} swap on {}", bytes(config.swap),
                                                                config.swap_device.name);
  constexpr const char* kSchemes[] = {"equal", "proportional", "priority"};
  const std::string local = config.replacement == Replacement::Global
                                ? ""
                                : fmt::format(" (local, {})",
                                              kSchemes[static_cast<int>(config.allocation)]);
  return fmt::format("{} RAM, {}, policy {}{}, {} CPU{}, {}-level tables", bytes(config.ram), swap,
                     config.policy, local, config.cpus, config.cpus == 1 ? "" : "s", config.levels);
}

std::string command_line(const std::vector<std::string>& command) {
  constexpr const char*
      kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  std::string line;
  for (const std::string& word : command) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace pw::report
