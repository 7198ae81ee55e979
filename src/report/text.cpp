#include "report/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <sstream>

#include "report/plot.hpp"
#include "report/table.hpp"
#include "report/units.hpp"

namespace pw::report {
namespace {

class Painter {
 public:
  explicit Painter(bool color) : color_(color) {}
  std::string heading(const std::string& s) const { return paint("\x1b[1m", s) + '\n'; }
  std::string faint(const std::string& s) const { return paint("\x1b[2m", s); }
  std::string strong(const std::string& s) const { return paint("\x1b[1m", s); }

 private:
  std::string paint(const char* code, const std::string& s) const {
    return color_ ? code + s + "\x1b[0m" : s;
  }
  bool color_;
};

using Columns = std::span<const Column>;
using Cell = std::function<std::string(const Column&)>;

// Rows of one number for each machine.
class Figures {
 public:
  explicit Figures(Columns columns) : columns_(columns) {}

  void row(const std::string& name, const Cell& cell) { rows_.push_back({name, cell}); }
  // The same, left out where every machine counts none.
  void row_if_any(const std::string& name,
                  const std::function<std::uint64_t(const Column&)>& number) {
    if (std::any_of(columns_.begin(), columns_.end(),
                    [&](const Column& c) { return number(c) > 0; })) {
      row(name, [number](const Column& c) { return count(number(c)); });
    }
  }
  void section(const std::string& name) { rows_.push_back({name, {}}); }

  std::string text(const Painter& paint) const {
    constexpr std::size_t kAtOnce = 5;  // fit beside the names on 100 columns
    std::string out;
    for (std::size_t at = 0; at < columns_.size(); at += kAtOnce) {
      out += block(columns_.subspan(at, std::min(kAtOnce, columns_.size() - at)), paint);
    }
    return out;
  }

 private:
  struct Row {
    std::string name;
    Cell cell;  // empty: a heading
  };

  std::string block(Columns columns, const Painter& paint) const {
    std::vector<Align> aligns(columns.size() + 1, Align::Right);
    aligns[0] = Align::Left;
    Table table(aligns);
    if (columns_.size() > 1) {
      std::vector<std::string> head{""};
      for (const Column& c : columns) head.push_back(shortened(c.label, 24));
      table.row(head);
    }
    for (const Row& row : rows_) {
      if (!row.cell) continue;
      std::vector<std::string> cells{"  " + row.name};
      for (const Column& c : columns) cells.push_back(row.cell(c));
      table.row(cells);
    }
    std::istringstream lines(table.text());
    std::string out;
    std::string line;
    if (columns_.size() > 1 && std::getline(lines, line)) out += '\n' + line.substr(2) + '\n';
    for (const Row& row : rows_) {
      if (!row.cell) {
        out += '\n' + paint.heading(row.name);
      } else if (std::getline(lines, line)) {
        out += line.substr(2) + '\n';  // the table's own indent
      }
    }
    return out;
  }

  Columns columns_;
  std::vector<Row> rows_;
};

void add_faults(Figures& figures) {
  const auto faults = [](std::uint64_t FaultCounters::*member) {
    return [member](const Column& c) { return c.result.counters.faults.*member; };
  };
  figures.section("Page faults");
  figures.row("minor (no device)",
              [](const Column& c) { return count(c.result.counters.faults.minor); });
  figures.row_if_any("  new anonymous page", faults(&FaultCounters::anonymous));
  figures.row_if_any("  zero page", faults(&FaultCounters::zero_page));
  figures.row_if_any("  file page in cache", faults(&FaultCounters::file_mapped));
  figures.row_if_any("  copy on write", faults(&FaultCounters::copy_on_write));
  figures.row_if_any("  last owner writes", faults(&FaultCounters::reused));
  figures.row_if_any("  first write to a shared page", faults(&FaultCounters::write_notify));
  figures.row_if_any("  spurious", faults(&FaultCounters::spurious));
  figures.row("major (waited for a device)",
              [](const Column& c) { return count(c.result.counters.faults.major); });
  figures.row_if_any("  brought back from swap", faults(&FaultCounters::swap_in));
  figures.row_if_any("SIGSEGV", faults(&FaultCounters::segv));
  figures.row_if_any("SIGBUS", faults(&FaultCounters::bus));
  figures.row_if_any("out of memory", faults(&FaultCounters::oom));
}

void add_memory(Figures& figures) {
  const auto pages = [](std::uint64_t MachineCounters::*member) {
    return [member](const Column& c) { return page_bytes(c.result.counters.*member); };
  };
  const auto reclaim = [](std::uint64_t ReclaimCounters::*member) {
    return [member](const Column& c) { return c.result.counters.reclaim.*member; };
  };
  figures.section("Memory");
  figures.row("RAM of the machine", [](const Column& c) { return bytes(c.result.config.ram); });
  figures.row("peak resident", pages(&MachineCounters::resident_peak));
  figures.row("peak mapped", pages(&MachineCounters::mapped_peak));
  figures.row("page tables at the peak", pages(&MachineCounters::table_peak));
  figures.row_if_any("pages swapped out", reclaim(&ReclaimCounters::pswpout));
  figures.row_if_any("  along with another", reclaim(&ReclaimCounters::clustered));
  figures.row_if_any("pages swapped in", reclaim(&ReclaimCounters::pswpin));
  figures.row_if_any("file pages read", reclaim(&ReclaimCounters::file_read));
  figures.row_if_any("file pages written", reclaim(&ReclaimCounters::file_written));
  figures.row_if_any("dirty pages passed over", reclaim(&ReclaimCounters::dirty_passed));
  figures.row_if_any("evictions at an allowance", reclaim(&ReclaimCounters::local_evictions));
  figures.row_if_any("frames of lower priority", reclaim(&ReclaimCounters::taken_from_lower));
  figures.row_if_any("pages read ahead", reclaim(&ReclaimCounters::prefetched));
  figures.row_if_any("  of these used", reclaim(&ReclaimCounters::prefetch_used));
}

std::string signed_count(std::int64_t value) {
  const std::string digits = count(static_cast<std::uint64_t>(value < 0 ? -value : value));
  return value < 0 ? "-" + digits : digits;
}

std::string signed_bytes(std::int64_t pages) {
  const std::string size = page_bytes(static_cast<std::uint64_t>(pages < 0 ? -pages : pages));
  return pages < 0 ? "-" + size : size;
}

// Against the same machine without huge pages.
void add_huge_pages(Figures& figures, Columns columns) {
  const bool any = std::any_of(columns.begin(), columns.end(),
                               [](const Column& c) { return c.small_pages.has_value(); });
  if (!any) return;
  const auto huge = [](std::uint64_t HugeCounters::*member) {
    return [member](const Column& c) { return count(c.result.counters.huge.*member); };
  };
  figures.section("Huge pages (saved and wasted: against the same machine without them)");
  figures.row("brought by faults", huge(&HugeCounters::fault_alloc));
  figures.row("collapsed from small pages", huge(&HugeCounters::collapse_alloc));
  figures.row("not to be had", huge(&HugeCounters::fault_fallback));
  figures.row("split", huge(&HugeCounters::split_page));
  figures.row("page walks saved",
              [](const Column& c) { return signed_count(huge_balance(c).walks_saved); });
  figures.row("  table entries not read",
              [](const Column& c) { return signed_count(huge_balance(c).entries_saved); });
  figures.row("page faults saved",
              [](const Column& c) { return signed_count(huge_balance(c).faults_saved); });
  figures.row("memory wasted at the peak",
              [](const Column& c) { return signed_bytes(huge_balance(c).pages_wasted); });
}

void add_translation(Figures& figures, bool estimated) {
  figures.section(estimated ? "Translation (TLB figures are estimates, see below)" : "Translation");
  const auto derived = [](double Derived::*member) {
    return [member](const Column& c) { return percent(derive(c.result).*member); };
  };
  figures.row("hits in the L1 TLB", derived(&Derived::l1_ratio));
  figures.row("hits in the L2 TLB", derived(&Derived::l2_ratio));
  figures.row("page walks", derived(&Derived::walk_ratio));
  figures.row("table entries read",
              [](const Column& c) { return count(c.result.tlb.walk_references); });
  figures.row("  entries per walk", [](const Column& c) {
    return fmt::format("{:.2f}", derive(c.result).references_per_walk);
  });
  figures.row_if_any("shootdowns", [](const Column& c) { return c.result.counters.shootdowns; });
}

void add_time(Figures& figures) {
  figures.section("Time (modelled)");
  figures.row("access without faults",
              [](const Column& c) { return duration(derive(c.result).translation_ns); });
  figures.row("effective access time",
              [](const Column& c) { return duration(derive(c.result).access_ns); });
  figures.row("  times slower by faults",
              [](const Column& c) { return times(derive(c.result).slowdown); });
  figures.row("in the kernel", [](const Column& c) {
    return duration(static_cast<double>(c.result.counters.kernel_ns));
  });
  figures.row("waiting for devices", [](const Column& c) {
    return duration(static_cast<double>(c.result.counters.io_wait_ns));
  });
  figures.row("the whole run",
              [](const Column& c) { return duration(static_cast<double>(c.result.simulated_ns)); });
}

std::string run_section(const Report& report, const TextStyle& style, const Painter& paint) {
  const record::RecordingInfo& info = report.recording;
  const replay::ReplayResult& first = report.columns.front().result;
  std::string out = paint.strong(shortened(command_line(info.command), style.width)) + "\n\n";
  Table table({Align::Left, Align::Left});
  table.row({"recorded by",
             fmt::format("{}, detail {}", recorder_name(info.recorder), detail_name(info.detail))});
  table.row({"", exactness(info)});
  table.row({"references", fmt::format("{} in {} record{}", count(first.references),
                                       count(first.records), first.records == 1 ? "" : "s")});
  if (info.exit_status > 0) table.row({"exit status", fmt::to_string(info.exit_status)});
  table.row({"machine", machine_line(first.config)});
  return out + table.text();
}

std::string area_section(const Report& report, const TextStyle& style, const Painter& paint) {
  std::vector<replay::AreaReport> areas = report.columns.front().result.areas;
  std::stable_sort(areas.begin(), areas.end(), [](const auto& a, const auto& b) {
    const auto key = [](const AreaCounters& c) {
      return std::pair(c.faults.minor + c.faults.major, c.touched_pages);
    };
    return key(a.counters) > key(b.counters);
  });
  if (areas.empty()) return {};
  Table table({Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right});
  table.row({"", "mapped", "touched", "resident", "faults", "major"});
  const auto add = [&](const std::string& name, const AreaCounters& c) {
    table.row({name, page_bytes(c.mapped_peak), page_bytes(c.touched_pages),
               page_bytes(c.resident_peak), count(c.faults.minor + c.faults.major),
               count(c.faults.major)});
  };
  constexpr std::size_t kNumbers = 52;  // what the other columns take
  const std::size_t shown = std::min(style.areas, areas.size());
  for (std::size_t i = 0; i < shown; ++i) {
    add(shortened(areas[i].name, style.width - kNumbers), areas[i].counters);
  }
  AreaCounters rest;
  for (std::size_t i = shown; i < areas.size(); ++i) {
    const AreaCounters& c = areas[i].counters;
    rest.mapped_peak += c.mapped_peak;
    rest.touched_pages += c.touched_pages;
    rest.resident_peak += c.resident_peak;
    rest.faults.minor += c.faults.minor;
    rest.faults.major += c.faults.major;
  }
  if (shown < areas.size()) add(fmt::format("{} more", count(areas.size() - shown)), rest);
  return '\n' + paint.heading("Areas (mapped and resident at their peak, touched in all)") +
         table.text();
}

std::string process_section(const Report& report, const TextStyle& style, const Painter& paint) {
  const auto& processes = report.columns.front().result.processes;
  if (processes.size() < 2) return {};
  std::vector<std::size_t> order(processes.size());  // the busiest, in the order of their start
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return processes[a].references > processes[b].references;
  });
  const std::size_t shown = std::min(style.processes, order.size());
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown));
  Table table({Align::Right, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right,
               Align::Left});
  table.row({"process", "parent", "references", "faults", "major", "resident", "command"});
  constexpr std::size_t kNumbers = 64;  // what the other columns take
  for (std::size_t i = 0; i < shown; ++i) {
    const replay::ProcessReport& p = processes[order[i]];
    table.row({fmt::to_string(p.pid), p.parent == 0 ? "-" : fmt::to_string(p.parent),
               count(p.references), count(p.faults.minor + p.faults.major), count(p.faults.major),
               page_bytes(p.resident_peak), shortened(p.command, style.width - kNumbers)});
  }
  if (shown < order.size()) {
    replay::ProcessReport rest;
    for (std::size_t i = shown; i < order.size(); ++i) {
      const replay::ProcessReport& p = processes[order[i]];
      rest.references += p.references;
      rest.faults.minor += p.faults.minor;
      rest.faults.major += p.faults.major;
    }
    table.row({"", "", count(rest.references), count(rest.faults.minor + rest.faults.major),
               count(rest.faults.major), "", fmt::format("{} more", count(order.size() - shown))});
  }
  return '\n' + paint.heading("Processes") + table.text();
}

}  // namespace

std::string text(const Report& report, const TextStyle& wanted) {
  TextStyle style = wanted;
  style.width = std::max<std::size_t>(style.width, 80);
  const Painter paint(style.color);
  std::string out = run_section(report, style, paint);
  Figures figures(report.columns);
  add_faults(figures);
  add_memory(figures);
  add_translation(figures, report.recording.detail == record::Detail::Pages);
  add_huge_pages(figures, report.columns);
  add_time(figures);
  out += figures.text(paint);
  if (report.need) {
    out += '\n' + paint.heading("Page faults by size of RAM") + plot(*report.need, style.width);
    out += '\n' + paint.heading("Memory needed") + need_lines(*report.need, style.width);
  }
  if (report.checked) {
    out += '\n' + paint.heading("Prediction beside measurement") + report.checked->text;
  }
  out += area_section(report, style, paint);
  out += process_section(report, style, paint);
  const std::vector<std::string> notes = all_notes(report);
  if (!notes.empty()) {
    out += '\n' + paint.heading("Notes");
    for (const std::string& note : notes) out += paint.faint(wrapped(note, "  - ", style.width));
  }
  if (!report.next_command.empty()) {
    out += '\n' + paint.heading("Next") + "  " + report.next_command + '\n';
  }
  return out;
}

}  // namespace pw::report
