#include "report/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "replay/labels.hpp"
#include "report/stack_names.hpp"

namespace pw::report {
namespace {

// The figures of one side, in the order in which they are told.
class Figures {
 public:
  std::vector<Figure> list;

  void side(const Report& report, bool second) {
    second_ = second;
    at_ = 0;
    const replay::ReplayResult& result = report.columns.front().result;
    faults(result.counters.faults);
    memory(result.counters);
    need(report);
    translation(result);
    time(result);
  }

 private:
  void add(const char* section, const char* name, const char* key, Unit unit, double value) {
    if (!second_) {
      list.push_back({section, name, key, unit, value, 0});
    } else {
      list[at_++].b = value;
    }
  }
  void count(const char* section, const char* name, const char* key, std::uint64_t value,
             Unit unit = Unit::Count) {
    add(section, name, key, unit, static_cast<double>(value));
  }

  void faults(const FaultCounters& f) {
    constexpr const char* kSection = "Page faults";
    count(kSection, "all", "faults", f.minor + f.major);
    count(kSection, "minor (no device)", "minor", f.minor);
    count(kSection, "  new anonymous page", "anonymous", f.anonymous);
    count(kSection, "  zero page", "zero_page", f.zero_page);
    count(kSection, "  file page in cache", "file_mapped", f.file_mapped);
    count(kSection, "  copy on write", "copy_on_write", f.copy_on_write);
    count(kSection, "major (device)", "major", f.major);
    count(kSection, "  swapped in", "swap_in", f.swap_in);
  }
  void memory(const MachineCounters& c) {
    constexpr const char* kSection = "Memory";
    count(kSection, "peak resident", "resident_peak_pages", c.resident_peak, Unit::Pages);
    count(kSection, "peak mapped", "mapped_peak_pages", c.mapped_peak, Unit::Pages);
    count(kSection, "page tables at the peak", "table_peak_pages", c.table_peak, Unit::Pages);
    count(kSection, "pages swapped out", "pswpout", c.reclaim.pswpout);
    count(kSection, "file pages read", "file_read", c.reclaim.file_read);
    count(kSection, "processes at once", "processes_peak", c.processes_peak);
    count(kSection, "forks", "forks", c.forks);
  }
  void need(const Report& report) {
    constexpr const char* kSection = "Memory needed";
    const analysis::MemoryNeed need = report.need.value_or(analysis::MemoryNeed());
    count(kSection, "for the slowdown allowed", "slowdown_pages", need.within, Unit::Pages);
    count(kSection, "knee of the curve", "knee_pages", need.knee, Unit::Pages);
    count(kSection, "every page fetched once", "fits_in_pages", need.fits_in, Unit::Pages);
    count(kSection, "pages touched first", "first_touches", need.first_touches, Unit::Pages);
  }
  void translation(const replay::ReplayResult& result) {
    constexpr const char* kSection = "Translation";
    count(kSection, "references", "references", result.references);
    count(kSection, "page walks", "walks", result.tlb.walks);
    count(kSection, "table entries read", "walk_references", result.tlb.walk_references);
    add(kSection, "walks of references", "walk_ratio", Unit::Ratio, derive(result).walk_ratio);
  }
  void time(const replay::ReplayResult& result) {
    constexpr const char* kSection = "Time (modelled)";
    add(kSection, "effective access time", "effective_access_ns", Unit::Ns,
        derive(result).access_ns);
    count(kSection, "in the kernel", "kernel_ns", result.counters.kernel_ns, Unit::Ns);
    count(kSection, "waiting for devices", "io_wait_ns", result.counters.io_wait_ns, Unit::Ns);
    count(kSection, "the whole run", "simulated_ns", result.simulated_ns, Unit::Ns);
  }

  bool second_ = false;
  std::size_t at_ = 0;
};

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }
bool is_file(const std::string& name) { return !name.empty() && name.front() == '/'; }

using ByName = std::map<std::string, Amounts>;

ByName areas_of(const Report& report) {
  ByName areas;
  for (const replay::AreaReport& area : report.columns.front().result.areas) {
    Amounts& sum = areas[area.name];
    sum.faults += area.counters.faults.minor + area.counters.faults.major;
    sum.major += area.counters.faults.major;
    sum.touched_pages += area.counters.touched_pages;
    sum.resident_peak += area.counters.resident_peak;
  }
  return areas;
}

// Base name -> path of the files in `own` that `other` lacks, where that is unique.
std::map<std::string, std::string> lonely_files(const ByName& own, const ByName& other) {
  std::map<std::string, std::string> found;
  std::set<std::string> several;
  for (const auto& [name, amounts] : own) {
    if (!is_file(name) || other.contains(name)) continue;
    const std::string base = base_name(name);
    if (!found.try_emplace(base, name).second) several.insert(base);
  }
  for (const std::string& base : several) found.erase(base);
  return found;
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

std::uint64_t weight(const Change& change) {
  return std::max(distance(change.a.faults, change.b.faults),
                  distance(change.a.touched_pages, change.b.touched_pages));
}

std::vector<Change> matched(const ByName& a, const ByName& b) {
  const auto only_a = lonely_files(a, b);
  const auto only_b = lonely_files(b, a);
  std::vector<Change> changes;
  std::set<std::string> taken;  // of B
  for (const auto& [name, amounts] : a) {
    Change change{name, {}, true, false, amounts, {}};
    auto other = b.find(name);
    if (other == b.end() && is_file(name)) {
      const std::string base = base_name(name);
      const auto mine = only_a.find(base);
      const auto theirs = only_b.find(base);
      if (mine != only_a.end() && theirs != only_b.end()) other = b.find(theirs->second);
    }
    if (other != b.end()) {
      change.in_b = true;
      change.b = other->second;
      if (other->first != name) change.other = other->first;
      taken.insert(other->first);
    }
    changes.push_back(std::move(change));
  }
  for (const auto& [name, amounts] : b) {
    if (!taken.contains(name)) changes.push_back({name, {}, false, true, {}, amounts});
  }
  std::stable_sort(changes.begin(), changes.end(), [](const Change& x, const Change& y) {
    return std::pair(weight(x), x.a.faults + x.b.faults) >
           std::pair(weight(y), y.a.faults + y.b.faults);
  });
  return changes;
}

std::vector<std::string> notes_of(const Diff& diff) {
  std::vector<std::string> notes;
  const auto& [a, b] = diff.sides;
  if (a.report.recording.detail != b.report.recording.detail ||
      a.report.recording.recorder != b.report.recording.recorder) {
    notes.push_back(fmt::format(
        "A was recorded by {} with detail {}, B by {} with detail {}: TLB figures and small "
        "differences in faults may come from that.",
        recorder_name(a.report.recording.recorder), detail_name(a.report.recording.detail),
        recorder_name(b.report.recording.recorder), detail_name(b.report.recording.detail)));
  }
  const MachineConfig& machine_a = a.report.columns.front().result.config;
  const MachineConfig& machine_b = b.report.columns.front().result.config;
  if (machine_a.ram.value != machine_b.ram.value) {
    notes.push_back(
        "RAM is a part of each recording's own peak, so the machines differ: give --ram in bytes "
        "for equal ones.");
  }
  for (const DiffSide& side : diff.sides) {
    for (const std::string& note : all_notes(side.report)) {
      notes.push_back((&side == &a ? "A: " : "B: ") + note);
    }
  }
  return notes;
}

}  // namespace

Sites sites_of(const record::Recording& recording, const replay::FaultLog& log) {
  constexpr std::string_view kAnonymous = "anon: ";
  replay::CallSiteNames names(recording);
  Sites sites;
  for (const auto& [stack, sum] : log.stacks()) {
    std::string name = kNoStackName;
    if (stack < recording.stack_count()) {
      name = names.of(stack);
      if (name.starts_with(kAnonymous)) name.erase(0, kAnonymous.size());
    }
    Amounts& site = sites[name];
    site.faults += sum.faults.minor + sum.faults.major;
    site.major += sum.faults.major;
    site.touched_pages += sum.touched;
  }
  return sites;
}

Diff diff_of(DiffSide&& a, DiffSide&& b) {
  Diff diff{{std::move(a), std::move(b)}, {}, {}, {}, {}};
  Figures figures;
  figures.side(diff.sides[0].report, false);
  figures.side(diff.sides[1].report, true);
  diff.figures = std::move(figures.list);
  diff.areas = matched(areas_of(diff.sides[0].report), areas_of(diff.sides[1].report));
  diff.sites = matched(diff.sides[0].sites, diff.sides[1].sites);
  diff.notes = notes_of(diff);
  return diff;
}

std::string change_text(double a, double b) {
  if (a == b) return "=";
  if (a == 0) return "new";
  if (b == 0) return "gone";
  const double percent = (b - a) / a * 100;
  const double size = std::fabs(percent);
  if (size >= 9'999.5) return fmt::format("{:.0f} times", b / a);
  return fmt::format("{:+.{}f} %", percent, size < 0.1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
}

}  // namespace pw::report
