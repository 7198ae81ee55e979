#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/report.hpp"
#include "report/table.hpp"
#include "report/units.hpp"
#include "report/working_set_report.hpp"

namespace pw::report {
namespace {

using analysis::WorkingSets;

std::string heading(const std::string& text, const TextStyle& style) {
  return style.color ? "\x1b[1m" + text + "\x1b[0m\n" : text + '\n';
}

std::string page_size(double pages) { return page_bytes(static_cast<std::uint64_t>(pages + 0.5)); }

std::string about(const WorkingSetReport& report) {
  std::string text = fmt::format("  {} ({}): {} references to {} pages, {}\n", report.input,
                                 report.format, count(report.sets.references), count(report.pages),
                                 page_bytes(report.pages));
  if (!report.command.empty()) {
    text += fmt::format("  recorded: {}\n", shortened(command_line(report.command), 80));
  }
  return text;
}

std::string averages(const WorkingSets& sets) {
  Table table(std::vector<Align>(5, Align::Right));
  table.row({"tau", "average", "", "largest", "faults"});
  for (std::size_t i = 0; i < sets.taus.size(); ++i) {
    const double pages = sets.average(sets.taus[i]);
    table.row({count(sets.taus[i]), fmt::format("{:.1f}", pages), page_size(pages),
               count(sets.largest(i)), count(sets.faults(sets.taus[i]))});
  }
  return table.text();
}

// Over time, at about kRows of the times: the numbers for every tau and a bar for the last one.
std::string over_time(const WorkingSets& sets, std::size_t width) {
  constexpr std::size_t kRows = 20;
  std::vector<Align> columns(sets.taus.size() + 1, Align::Right);
  columns.push_back(Align::Left);
  Table table(columns);
  std::vector<std::string> head{"references"};
  for (const std::uint64_t tau : sets.taus) head.push_back("tau " + count(tau));
  std::size_t taken = 4;
  for (const std::string& cell : head) taken += cell.size() + 2;
  const auto cells = static_cast<double>(width > taken + 10 ? width - taken : 10);
  const auto most = static_cast<double>(
      std::max<std::uint64_t>(sets.largest(sets.taus.size() - 1), 1));
  table.row(head);
  const std::size_t rows = std::min(kRows, sets.times.size());
  for (std::size_t r = 1; r <= rows; ++r) {
    const std::size_t k = r * sets.times.size() / rows - 1;
    std::vector<std::string> row{count(sets.times[k])};
    for (const auto& sizes : sets.sizes) row.push_back(count(sizes[k]));
    const double part = static_cast<double>(sets.sizes.back()[k]) / most;
    row.push_back('|' + std::string(static_cast<std::size_t>(std::lround(part * cells)), '='));
    table.row(row);
  }
  return table.text();
}

std::string by_area(const WorkingSets& sets, const TextStyle& style) {
  std::vector<Align> columns{Align::Left, Align::Right};
  std::vector<std::string> head{"area", "touched"};
  for (const std::uint64_t tau : sets.taus) {
    columns.push_back(Align::Right);
    head.push_back("tau " + count(tau));
  }
  Table table(columns);
  table.row(head);
  analysis::AreaWorkingSet rest;
  rest.averages.resize(sets.taus.size());
  const auto row = [&table](const std::string& name, const analysis::AreaWorkingSet& area) {
    std::vector<std::string> cells{name, page_bytes(area.pages)};
    for (const double pages : area.averages) cells.push_back(page_size(pages));
    table.row(cells);
  };
  for (std::size_t i = 0; i < sets.areas.size(); ++i) {
    if (i < style.areas) {
      row(shortened(sets.areas[i].name, style.width / 2), sets.areas[i]);
      continue;
    }
    rest.pages += sets.areas[i].pages;
    for (std::size_t t = 0; t < rest.averages.size(); ++t) {
      rest.averages[t] += sets.areas[i].averages[t];
    }
  }
  if (sets.areas.size() > style.areas) {
    row(fmt::format("{} others", sets.areas.size() - style.areas), rest);
  }
  return table.text();
}

std::string phase_table(const WorkingSetReport& report) {
  constexpr std::size_t kRows = 30;
  Table table({Align::Right, Align::Right, Align::Right, Align::Right, Align::Left});
  table.row({"from", "to", "references", "pages", ""});
  for (std::size_t i = 0; i < std::min(kRows, report.phases.size()); ++i) {
    const analysis::Phase& p = report.phases[i];
    table.row({count(p.begin), count(p.end), count(p.end - p.begin), fmt::format("{:.1f}", p.pages),
               p.transition ? "transition" : ""});
  }
  std::string text = table.text();
  if (report.phases.size() > kRows) {
    text += fmt::format("  {} more: see --json\n", report.phases.size() - kRows);
  }
  return text;
}

std::string exactness(const WorkingSetReport& report, std::size_t width) {
  std::string text;
  if (report.sets.exact() && report.inferred == 0) {
    text = "Every number is exact.";
  } else {
    text = fmt::format(
        "The recording holds what passed a filter of {} pages: a page in it counts as in use "
        "all the time. Sizes are too large by less than {} pages for each stream of references, "
        "never too small; faults within the filter are not counted.",
        report.sets.filter_pages, report.sets.filter_pages);
    if (report.sets.filter_pages <= 1) text.clear();
    if (report.inferred != 0) {
      text += fmt::format("{}The order of {} references was assumed where threads took turns.",
                          text.empty() ? "" : " ", count(report.inferred));
    }
  }
  return wrapped(text, "  ", width);
}

}  // namespace

std::string working_set_text(const WorkingSetReport& report, const TextStyle& style) {
  const WorkingSets& sets = report.sets;
  std::string text = heading("Working sets", style) + about(report);
  text += '\n' + heading("Size by tau, in pages (the window, in references)", style);
  text += averages(sets);
  text += '\n' + heading("Size over time, in pages", style) + over_time(sets, style.width);
  if (!sets.areas.empty()) {
    text += '\n' + heading("Average by area", style) + by_area(sets, style);
  }
  if (report.phase_window != 0) {
    text += '\n' + heading(fmt::format("Phases (windows of {} references, distance at most {:g})",
                                       count(report.phase_window), report.phase_limit),
                           style);
    text += report.phases.empty() ? "  the run is shorter than one window\n" : phase_table(report);
  }
  return text + '\n' + exactness(report, style.width);
}

}  // namespace pw::report
