#include "tools/predict_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "predict/close_call.hpp"
#include "predict/truth_file.hpp"
#include "report/report.hpp"
#include "report/table.hpp"
#include "report/units.hpp"

namespace pw::tools {
namespace {

using Json = nlohmann::ordered_json;
using predict::Forecast;
using predict::Forecasts;
using predict::name_of;
using predict::Outcome;
using predict::Quantity;

std::string shown(const Quantity& quantity, double value) {
  if (quantity.name == "seconds" || quantity.name == "cpu_seconds") {
    return report::duration(value * 1e9);
  }
  const auto whole = static_cast<std::uint64_t>(std::llround(std::max(value, 0.0)));
  return quantity.bytes ? report::bytes(ByteCount(whole)) : report::count(whole);
}

std::string slowdown_text(const predict::Slowdown& slowdown) {
  if (slowdown.high - slowdown.low < 0.01) return report::times(slowdown.middle);
  return fmt::format("{} ({}-{})", report::times(slowdown.middle), report::rounded(slowdown.low, 2),
                     report::rounded(slowdown.high, 2));
}

std::string oom_text(const Outcome& outcome) {
  const predict::End end = end_of(outcome);
  if (end != predict::End::Perhaps || outcome.runs == 1) return std::string(name_of(end));
  return fmt::format("{} runs of {}", outcome.kills, outcome.runs);
}

// Empty: the program ends well.
std::string oom_note(const Forecast& row) {
  const Outcome& outcome = row.outcome;
  const predict::End end = end_of(outcome);
  if (end == predict::End::Ends) return {};
  const std::string at = report::bytes(ByteCount(row.conditions.limit_bytes));
  const std::string whom = outcome.oom_victim.empty() ? "the program" : outcome.oom_victim;
  if (end == predict::End::Killed) {
    return fmt::format("At {} the kernel finds nothing to free and kills {}: figures end there.",
                       at, whom);
  }
  std::string note = fmt::format(
      "At {} the kernel perhaps kills {} though swap is free: nearly all pages are in use, and "
      "reclaim goes by statistics that are gathered every now and then. ",
      at, whom);
  if (outcome.runs == 1) {
    return note + (outcome.oom ? "The run that was made is killed: figures end there."
                               : "The run that was made just escapes.");
  }
  return note + fmt::format(
                    "{} of {} runs, somewhat faster or slower and with statistics gathered at "
                    "other times, are killed; the figures are those of one that is not.",
                    outcome.kills, outcome.runs);
}

report::Table table_of(const Forecasts& all) {
  std::vector<report::Align> align(all.rows.size() + 2, report::Align::Right);
  align.front() = report::Align::Left;
  report::Table table(align);
  std::vector<std::string> head{"", "no limit"}, limits{"limit", ""};
  for (const Forecast& row : all.rows) {
    head.push_back(fmt::format("{:.0f} %", row.percent));
    limits.push_back(report::bytes(ByteCount(row.conditions.limit_bytes)));
  }
  table.row(head);
  table.row(limits);
  for (const Quantity& quantity : predict::quantities()) {
    bool worth = quantity.of(all.base) > 0;
    std::vector<std::string> cells{std::string(quantity.label),
                                   shown(quantity, quantity.of(all.base))};
    for (const Forecast& row : all.rows) {
      worth = worth || quantity.of(row.outcome) > 0;
      cells.push_back(shown(quantity, quantity.of(row.outcome)));
    }
    if (worth) table.row(cells);
  }
  if (all.wasted_bytes) {  // at a limit both fill it
    std::vector<std::string> cells{"wasted by huge pages",
                                   report::bytes(ByteCount(*all.wasted_bytes))};
    cells.resize(all.rows.size() + 2, "-");
    table.row(cells);
  }
  std::vector<std::string> slow{"slowdown", "1x"},
      ends{"killed for want of memory", oom_text(all.base)};
  for (const Forecast& row : all.rows) {
    const bool ends_well = row.outcome.kills < row.outcome.runs;
    slow.push_back(ends_well ? slowdown_text(row.slowdown) : "-");
    ends.push_back(oom_text(row.outcome));
  }
  table.row(slow);
  table.row(ends);
  return table;
}

}  // namespace

std::string readahead_text(const predict::Conditions& conditions) {
  constexpr std::uint32_t kUsual = 32;
  if (conditions.readahead_pages == kUsual) return "";
  return ", files read ahead by up to " +
         report::bytes(ByteCount(std::uint64_t{conditions.readahead_pages} << kPageShift));
}

namespace {

std::string conditions_text(const predict::Conditions& c) {
  const std::string flush = c.stat_flush_ns == 2'000'000'000
                                ? std::string("every 2 s, as the kernel does by itself")
                                : fmt::format("every {} ms", c.stat_flush_ns / 1'000'000);
  return fmt::format(
      "Linux{}, one memory group of version {}, swap {}, swappiness {}, page-cluster {}, huge "
      "pages {}, {} {}, statistics gathered {}{}",
      c.ageing == Ageing::Generations ? " with the multi-generational LRU" : "", c.group_version,
      name_of(c.swap), c.swappiness, c.page_cluster, name_of(c.huge_pages), c.cpus,
      c.cpus == 1 ? "CPU" : "CPUs", flush, readahead_text(c));
}

std::vector<std::string> all_notes(const PredictReport& report) {
  std::vector<std::string> notes = report.notes;
  if (report.mglru || report.conditions.ageing == Ageing::Generations) {
    notes.emplace_back(
        "The model of the multi-generational LRU follows the kernel's source; the kernels that it "
        "was compared with, 6.1 and 6.12, have older rules.");
  }
  if (report.forecasts.sample_one_in > 1) {
    notes.push_back(fmt::format(
        "There is much to replay: of private anonymous memory one page in {} was followed, and "
        "stands for {} like it. Say --sample 1 to follow all.",
        report.forecasts.sample_one_in, report.forecasts.sample_one_in));
  }
  for (const std::string& why : report.forecasts.left_out)
    notes.push_back("Left out: " + why + '.');
  for (const Forecast& row : report.forecasts.rows) {
    if (std::string note = oom_note(row); !note.empty()) notes.push_back(std::move(note));
  }
  if (!report.forecasts.base_known) {
    notes.push_back(
        "The program's own time is estimated from its references, so slowdowns are wide: say "
        "--seconds T if you know what it takes without a limit.");
  }
  if (report.other) {
    const Difference difference = largest_difference(report.forecasts, *report.other);
    notes.push_back(fmt::format("The second recording's figures differ by up to {:.1f} %{}.",
                                100 * difference.part,
                                difference.where.empty() ? "" : " (" + difference.where + ")"));
  }
  return notes;
}

Json outcome_json(const Outcome& outcome) {
  Json figures;
  for (const Quantity& quantity : predict::quantities()) {
    figures[std::string(quantity.name)] = quantity.of(outcome);
  }
  return figures;
}

Json rows_json(const Forecasts& forecasts) {
  Json rows = Json::array();
  for (const Forecast& row : forecasts.rows) {
    rows.push_back({{"limit_percent", row.percent},
                    {"limit_bytes", row.conditions.limit_bytes},
                    {"figures", outcome_json(row.outcome)},
                    {"slowdown",
                     {{"middle", row.slowdown.middle},
                      {"low", row.slowdown.low},
                      {"high", row.slowdown.high}}},
                    {"oom", row.outcome.oom},
                    {"oom_victim", row.outcome.oom_victim},
                    {"oom_chance", name_of(end_of(row.outcome))},
                    {"oom_runs", row.outcome.kills},
                    {"runs", row.outcome.runs}});
  }
  return rows;
}

}  // namespace

Difference largest_difference(const Forecasts& a, const Forecasts& b) {
  constexpr double kWorth = 100;  // counts below that differ by chance
  Difference most;
  const auto look = [&](const Outcome& x, const Outcome& y, const std::string& where) {
    for (const Quantity& quantity : predict::quantities()) {
      if (quantity.limited.part == 0 && quantity.unlimited.part == 0) continue;
      const double greater = std::max(quantity.of(x), quantity.of(y));
      if (greater < kWorth) continue;
      const double part = std::fabs(quantity.of(x) - quantity.of(y)) / greater;
      if (part > most.part) most = {part, fmt::format("{} {}", quantity.label, where)};
    }
  };
  look(a.base, b.base, "without a limit");
  for (const Forecast& row : a.rows) {
    const auto same = std::find_if(b.rows.begin(), b.rows.end(), [&](const Forecast& other) {
      return other.asked.percent == row.asked.percent && other.asked.bytes == row.asked.bytes;
    });
    if (same == b.rows.end()) continue;
    look(row.outcome, same->outcome, fmt::format("at {:.0f} %", row.percent));
  }
  return most;
}

std::string predict_text(const PredictReport& report, const report::TextStyle& style) {
  std::string text = report::wrapped(report::command_line(report.command),
                                     "Predicted: ", style.width);
  text += report::wrapped(conditions_text(report.conditions), "On:        ", style.width);
  text += report::wrapped(report.costs, "Times:     ", style.width);
  text += '\n' + table_of(report.forecasts).text();
  if (report.mglru) {
    text += "\nWith the multi-generational LRU in place of active and inactive lists:\n\n";
    text += table_of(*report.mglru).text();
  }
  const std::vector<std::string> notes = all_notes(report);
  if (!notes.empty()) text += '\n';
  for (const std::string& note : notes) text += report::wrapped(note, "- ", style.width);
  text += fmt::format("\nNext: pagewright check --recording {} -- {}\n",
                      report::command_line({report.recording}),
                      report::command_line(report.command));
  return text;
}

std::string predict_json(const PredictReport& report) {
  const predict::Conditions& c = report.conditions;
  Json mglru = nullptr;
  if (report.mglru) mglru = rows_json(*report.mglru);
  Json difference = nullptr, wasted = nullptr;
  if (report.forecasts.wasted_bytes) wasted = *report.forecasts.wasted_bytes;
  if (report.other) difference = largest_difference(report.forecasts, *report.other).part;
  const Json out{{"schema", "pagewright.predict/1"},
                 {"command", report.command},
                 {"knobs",
                  {{"model", name_of(c.ageing)},
                   {"group_version", c.group_version},
                   {"swap", name_of(c.swap)},
                   {"swappiness", c.swappiness},
                   {"page_cluster", c.page_cluster},
                   {"readahead_pages", c.readahead_pages},
                   {"huge_pages", name_of(c.huge_pages)},
                   {"stat_flush_ns", c.stat_flush_ns},
                   {"cpus", c.cpus},
                   {"sample_one_in", report.forecasts.sample_one_in}}},
                 {"peak_bytes", report.forecasts.base.peak_group_bytes},
                 {"base", outcome_json(report.forecasts.base)},
                 {"base_seconds", report.forecasts.base_seconds},
                 {"base_known", report.forecasts.base_known},
                 {"wasted_bytes", wasted},
                 {"rows", rows_json(report.forecasts)},
                 {"mglru_rows", mglru},
                 {"second_recording_differs", difference},
                 {"costs", report.costs},
                 {"notes", all_notes(report)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace pw::tools
