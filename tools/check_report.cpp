#include "tools/check_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/report.hpp"
#include "report/table.hpp"
#include "report/units.hpp"
#include "tools/predict_report.hpp"

namespace pw::tools {
namespace {

using Json = nlohmann::ordered_json;
using predict::Comparison;
using predict::Figure;
using predict::name_of;
using predict::RowComparison;
using predict::TruthRow;
using report::Align;

bool is_time(const predict::Quantity& quantity) {
  return quantity.name == "seconds" || quantity.name == "cpu_seconds";
}

std::string shown(const predict::Quantity& quantity, double value) {
  if (quantity.name == "slowdown") return report::times(value);
  if (is_time(quantity)) return report::duration(value * 1e9);
  const auto whole = static_cast<std::uint64_t>(std::llround(std::max(value, 0.0)));
  return quantity.bytes ? report::bytes(ByteCount(whole)) : report::count(whole);
}

std::string spread_text(const Figure& figure) {
  if (figure.low == figure.high) return "0 %";
  return fmt::format("{:.1f} %", 100 * figure.spread());
}

std::string error_text(const Comparison& figure) {
  if (figure.error == 0) return "0 %";
  if (!std::isfinite(figure.error)) return "new";
  return fmt::format("{:+.1f} %", 100 * figure.error);
}

std::string bar_text(const Comparison& figure) {
  if (!figure.allowed) return "";
  if (figure.within) return "ok";
  if (figure.measured.median <= 0) return fmt::format("off, bar {:.0f}", *figure.allowed);
  return fmt::format("off, bar {:.0f} %", 100 * *figure.allowed / figure.measured.median);
}

// Figures that are 0 on both sides say nothing.
bool worth_a_line(const Figure& measured, double predicted) {
  return measured.high > 0 || predicted > 0;
}

std::string heading(const TruthRow& row) {
  std::string text = row.limited()
                         ? fmt::format("Limit {} ({:g} % of the peak)",
                                       report::bytes(ByteCount(row.conditions.limit_bytes)),
                                       row.percent)
                         : std::string("No limit");
  text += fmt::format(", {} {}", row.runs, row.runs == 1 ? "run" : "runs");
  if (row.killed > 0) {
    text += fmt::format(", {} killed for want of memory", row.killed);
    if (!row.oom_victim.empty()) text += fmt::format(" ({})", row.oom_victim);
  }
  if (row.late > 0) text += fmt::format(", {} stopped for time", row.late);
  return text;
}

void measured_lines(const TruthRow& row, report::Table& table) {
  table.row({"", "measured", "spread"});
  for (std::size_t q = 0; q < predict::kQuantities; ++q) {
    const predict::Quantity& quantity = predict::quantities()[q];
    const Figure& figure = row.figures[q];
    if (!worth_a_line(figure, 0)) continue;
    table.row({std::string(quantity.label), shown(quantity, figure.median), spread_text(figure)});
  }
}

// The interval of the slowdown; nothing: it is not told.
const predict::Slowdown* interval(const CheckReport& report, std::size_t row,
                                  const Comparison& figure) {
  const bool told = figure.quantity->name == "slowdown" && row < report.slowdowns.size();
  return told ? &report.slowdowns[row] : nullptr;
}

std::string predicted_text(const CheckReport& report, std::size_t row, const Comparison& figure) {
  const predict::Slowdown* const slow = interval(report, row, figure);
  const std::string middle = shown(*figure.quantity, figure.predicted);
  if (slow == nullptr || slow->high - slow->low < 0.01) return middle;
  return fmt::format("{} ({}-{})", middle, report::rounded(slow->low, 2),
                     report::rounded(slow->high, 2));
}

void compared_lines(const CheckReport& report, std::size_t at, const RowComparison& row,
                    report::Table& table) {
  table.row({"", "predicted", "measured", "spread", "error", ""});
  for (const Comparison& figure : row.figures) {
    if (!worth_a_line(figure.measured, figure.predicted)) continue;
    table.row({std::string(figure.quantity->label), predicted_text(report, at, figure),
               shown(*figure.quantity, figure.measured.median), spread_text(figure.measured),
               error_text(figure), bar_text(figure)});
  }
}

std::string end_text(unsigned kills, unsigned runs, const std::string& victim) {
  if (kills == 0) return "runs to its end";
  std::string text = "is killed for want of memory";
  if (!victim.empty()) text += fmt::format(" ({})", victim);
  if (kills < runs) text += fmt::format(" in {} of {} runs", kills, runs);
  return text;
}

std::string oom_line(const RowComparison& row) {
  return fmt::format("  Predicted: {}; measured: {}: {}\n",
                     end_text(row.predicted.kills, row.predicted.runs, row.predicted.oom_victim),
                     end_text(row.row->killed, row.row->runs, row.row->oom_victim),
                     !row.oom_agrees     ? "off"
                     : row.victim_agrees ? "ok"
                                         : "off, another process");
}

std::vector<std::string> all_notes(const CheckReport& report) {
  std::vector<std::string> notes = report.truth.notes;
  if (!report.truth.of_machine.empty()) {
    std::string names;
    for (const std::string& name : report.truth.of_machine) {
      names += (names.empty() ? "" : ", ") + name;
    }
    notes.push_back(
        fmt::format("The group does not count {}: these are changes of /proc/vmstat, "
                    "and what other programs did meanwhile is in them.",
                    names));
  }
  const Ageing kernel = report.truth.rows[0].conditions.ageing;
  if (!report.predicted.empty() && report.ageing != kernel) {
    notes.push_back(
        fmt::format("The kernel that was measured ages pages as --model {} does; the "
                    "prediction is of --model {}.",
                    name_of(kernel), name_of(report.ageing)));
  }
  notes.insert(notes.end(), report.notes.begin(), report.notes.end());
  return notes;
}

std::string conditions_text(const CheckReport& report) {
  const predict::Truth& truth = report.truth;
  const predict::Conditions& c = truth.rows.back().conditions;
  const std::string cpus = truth.cpu >= 0
                               ? fmt::format("CPU {}", truth.cpu)
                               : fmt::format("{} {}", c.cpus, c.cpus == 1 ? "CPU" : "CPUs");
  const std::string flush = c.stat_flush_ns < 2'000'000'000
                                ? fmt::format("every {} ms", c.stat_flush_ns / 1'000'000)
                                : "by the kernel";
  return fmt::format(
      "Linux {}{}, groups {}, swap {}, swappiness {}, page-cluster {}, huge pages {}, "
      "{}, statistics gathered {}{}",
      truth.kernel, c.ageing == Ageing::Generations ? " with the multi-generational LRU" : "",
      truth.group_version, name_of(c.swap), c.swappiness, c.page_cluster, name_of(c.huge_pages),
      cpus, flush, readahead_text(c));
}

Json figure_json(const Figure& figure) {
  return {{"median", figure.median}, {"low", figure.low}, {"high", figure.high}};
}

Json row_json(const CheckReport& report, std::size_t at, const RowComparison* compared) {
  const TruthRow& row = report.truth.rows[at];
  Json figures = Json::array();
  for (std::size_t q = 0; compared == nullptr && q < predict::kQuantities; ++q) {
    figures.push_back({{"name", predict::quantities()[q].name},
                       {"label", predict::quantities()[q].label},
                       {"measured", figure_json(row.figures[q])},
                       {"predicted", nullptr},
                       {"predicted_low", nullptr},
                       {"predicted_high", nullptr},
                       {"error", nullptr},
                       {"allowed", nullptr},
                       {"within", nullptr}});
  }
  for (std::size_t i = 0; compared != nullptr && i < compared->figures.size(); ++i) {
    const Comparison& figure = compared->figures[i];
    const predict::Slowdown* const slow = interval(report, at, figure);
    figures.push_back({{"name", figure.quantity->name},
                       {"label", figure.quantity->label},
                       {"measured", figure_json(figure.measured)},
                       {"predicted", figure.predicted},
                       {"predicted_low", slow == nullptr ? Json(nullptr) : Json(slow->low)},
                       {"predicted_high", slow == nullptr ? Json(nullptr) : Json(slow->high)},
                       {"error", std::isfinite(figure.error) ? Json(figure.error) : Json(nullptr)},
                       {"allowed", figure.allowed ? Json(*figure.allowed) : Json(nullptr)},
                       {"within", figure.allowed ? Json(figure.within) : Json(nullptr)}});
  }
  return {
      {"limit_percent", row.percent},
      {"limit_bytes", row.conditions.limit_bytes},
      {"runs", row.runs},
      {"killed", row.killed},
      {"late", row.late},
      {"oom_victim", row.oom_victim},
      {"oom_predicted", compared == nullptr ? Json(nullptr) : Json(compared->predicted.oom)},
      {"oom_victim_predicted",
       compared == nullptr ? Json(nullptr) : Json(compared->predicted.oom_victim)},
      {"oom_runs_predicted", compared == nullptr ? Json(nullptr) : Json(compared->predicted.kills)},
      {"runs_predicted", compared == nullptr ? Json(nullptr) : Json(compared->predicted.runs)},
      {"within", compared == nullptr ? Json(nullptr) : Json(compared->within)},
      {"figures", figures}};
}

}  // namespace

Result<void> predict_rows(CheckReport& report, const record::Recording& recording,
                          const predict::Costs& costs, const Predictor& predict) {
  predict::Truth asked = report.truth;
  for (TruthRow& row : asked.rows) row.conditions.ageing = report.ageing;
  auto outcomes = predict::predict_truth(recording, asked, costs, predict);
  if (!outcomes) return tl::unexpected(outcomes.error());
  report.predicted = std::move(*outcomes);
  report.slowdowns = predict::slowdowns(asked, report.predicted, costs,
                                        predict::effort_of(recording.info().contents));
  return {};
}

bool within_bars(const CheckReport& report) {
  for (const RowComparison& row : compare(report.truth, report.predicted)) {
    if (!row.within) return false;
  }
  return true;
}

std::string check_text(const CheckReport& report, const report::TextStyle& style) {
  const predict::Truth& truth = report.truth;
  std::string text = report::wrapped(report::command_line(truth.command), "Checked: ", style.width);
  text += report::wrapped(conditions_text(report), "On:      ", style.width);
  text += fmt::format("Peak:    {} in the group without a limit\n",
                      report::bytes(ByteCount(truth.peak_bytes)));
  if (!report.costs.empty()) text += report::wrapped(report.costs, "Times:   ", style.width);
  const std::vector<RowComparison> compared = compare(truth, report.predicted);
  for (std::size_t r = 0; r < truth.rows.size(); ++r) {
    text += '\n' + heading(truth.rows[r]) + '\n';
    const bool both = r < compared.size();
    const std::size_t columns = both ? 5 : 2;
    std::vector<Align> align(columns + 1, Align::Right);
    align.front() = Align::Left;
    if (both) align.back() = Align::Left;
    report::Table table(align);
    both ? compared_lines(report, r, compared[r], table) : measured_lines(truth.rows[r], table);
    const bool told = !both || !compared[r].figures.empty();
    if (told) text += table.text();
    if (both && (truth.rows[r].killed > 0 || compared[r].predicted.kills > 0)) {
      text += oom_line(compared[r]);
    }
  }
  const std::vector<std::string> notes = all_notes(report);
  if (!notes.empty()) text += '\n';
  for (const std::string& note : notes) text += report::wrapped(note, "- ", style.width);
  if (!compared.empty()) {
    text += within_bars(report) ? "\nEvery prediction is within its bar.\n"
                                : "\nPredictions marked off are beyond their bars.\n";
  }
  return text;
}

std::string check_json(const CheckReport& report) {
  const predict::Truth& truth = report.truth;
  const std::vector<RowComparison> compared = compare(truth, report.predicted);
  const predict::Conditions& c = truth.rows.back().conditions;
  Json rows = Json::array();
  for (std::size_t r = 0; r < truth.rows.size(); ++r) {
    rows.push_back(row_json(report, r, r < compared.size() ? &compared[r] : nullptr));
  }
  const Json out{{"schema", "pagewright.check/1"},
                 {"command", truth.command},
                 {"kernel", truth.kernel},
                 {"group_version", truth.group_version},
                 {"ageing", name_of(c.ageing)},
                 {"model", compared.empty() ? Json(nullptr) : Json(name_of(report.ageing))},
                 {"knobs",
                  {{"swap", name_of(c.swap)},
                   {"swappiness", c.swappiness},
                   {"page_cluster", c.page_cluster},
                   {"readahead_pages", c.readahead_pages},
                   {"huge_pages", name_of(c.huge_pages)},
                   {"stat_flush_ns", c.stat_flush_ns},
                   {"cpu", truth.cpu},
                   {"cpus", c.cpus}}},
                 {"peak_bytes", truth.peak_bytes},
                 {"costs", report.costs},
                 {"rows", rows},
                 {"within", compared.empty() ? Json(nullptr) : Json(within_bars(report))},
                 {"notes", all_notes(report)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace pw::tools
