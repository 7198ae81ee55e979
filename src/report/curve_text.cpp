#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/curve_report.hpp"
#include "report/report.hpp"
#include "report/table.hpp"
#include "report/units.hpp"

namespace pw::report {
namespace {

using analysis::CurveSummary;
using analysis::Metric;
using analysis::PolicyCurve;
using analysis::SizePoint;

std::string heading(const std::string& text, const TextStyle& style) {
  return style.color ? "\x1b[1m" + text + "\x1b[0m\n" : text + '\n';
}

std::string about(const CurveReport& report) {
  std::string text = fmt::format("  {} ({}): {} references to {}{} pages, {}\n", report.input,
                                 report.format, count(report.references),
                                 report.sweep.cold_error > 0 ? "about " : "", count(report.pages),
                                 page_bytes(report.pages));
  if (!report.command.empty()) {
    text += fmt::format("  recorded: {}\n", shortened(command_line(report.command), 80));
  }
  return text;
}

std::string cell(const CurveReport& report, const PolicyCurve& curve, const SizePoint& point) {
  if (!point.known) return "?";
  std::string text = metric_text(report.metric, report.value(point.misses));
  if (point.error > 0) {
    const double off = report.value(point.misses + point.error) - report.value(point.misses);
    text += " +-" + metric_text(report.metric, off);
  } else if (!report.sampled() && !report.exact(curve, point)) {
    text += " ~";
  }
  return text;
}

// A row for each size, a column for each policy.
std::string by_size(const CurveReport& report) {
  const auto& curves = report.sweep.curves;
  Table table(std::vector<Align>(curves.size() + 2, Align::Right));
  std::vector<std::string> head{"memory", "pages"};
  for (const PolicyCurve& curve : curves) head.push_back(curve.policy.text());
  table.row(head);
  for (std::size_t i = 0; !curves.empty() && i < curves[0].points.size(); ++i) {
    const std::uint64_t pages = curves[0].points[i].pages;
    std::vector<std::string> row{page_bytes(pages), count(pages)};
    for (const PolicyCurve& curve : curves) row.push_back(cell(report, curve, curve.points[i]));
    table.row(row);
  }
  return table.text();
}

// A row for each policy, a column for each of the sizes [first, last).
std::string by_policy(const CurveReport& report, std::size_t first, std::size_t last) {
  const auto& curves = report.sweep.curves;
  std::vector<Align> columns(last - first + 1, Align::Right);
  columns[0] = Align::Left;
  Table table(columns);
  std::vector<std::string> head{""};
  for (std::size_t i = first; i < last; ++i) head.push_back(page_bytes(curves[0].points[i].pages));
  table.row(head);
  for (const PolicyCurve& curve : curves) {
    std::vector<std::string> row{curve.policy.text()};
    for (std::size_t i = first; i < last; ++i) {
      row.push_back(cell(report, curve, curve.points[i]));
    }
    table.row(row);
  }
  return table.text();
}

std::size_t width_of(const std::string& table) { return table.find('\n'); }

// The first layout where it fits; with many policies the second, in as many pieces as it takes.
std::string table(const CurveReport& report, std::size_t width) {
  const std::string wide = by_size(report);
  std::size_t widest = 0;
  for (std::size_t at = 0; at < wide.size(); at = wide.find('\n', at) + 1) {
    widest = std::max(widest, width_of(wide.substr(at)));
  }
  if (widest <= width) return wide;
  std::string text;
  const std::size_t sizes = report.sweep.curves[0].points.size();
  for (std::size_t first = 0; first < sizes;) {
    std::size_t last = first + 1;
    std::string piece = by_policy(report, first, last);
    while (last < sizes) {
      std::string longer = by_policy(report, first, last + 1);
      if (width_of(longer) > width) break;
      piece = std::move(longer);
      ++last;
    }
    text += (text.empty() ? "" : "\n") + piece;
    first = last;
  }
  return text;
}

std::string summaries(const CurveReport& report) {
  Table table({Align::Left, Align::Right, Align::Right, Align::Left});
  table.row({"", "knee", fmt::format("at most {:g} % slower", report.costs.percent), ""});
  for (const PolicyCurve& curve : report.sweep.curves) {
    const CurveSummary s = analysis::summary_of(curve, report.costs, report.base(),
                                                report.sampled());
    const std::string within = s.within ? page_bytes(*s.within) : "more than shown";
    table.row({curve.policy.text(), s.knee == 0 ? "-" : page_bytes(s.knee),
               within + (s.or_less ? " or less" : ""),
               s.every_size ? "of every size" : "of the sizes shown"});
  }
  return table.text();
}

std::string notes(const CurveReport& report, std::size_t width) {
  std::vector<std::string> lines;
  const auto& sweep = report.sweep;
  if (report.sampled()) {
    lines.push_back(fmt::format(
        "Estimated from {} pages chosen by hash, {} of all; behind +- the standard error, from the "
        "spread among four parts of the sample: two of three such samples come closer than that.",
        count(sweep.sampled_pages), percent(sweep.rate)));
  }
  for (const PolicyCurve& curve : sweep.curves) {
    if (curve.points.empty()) continue;
    const SizePoint& largest = curve.points.back();
    if (largest.resident == 0) continue;
    lines.push_back(fmt::format(
        "{} gives up pages unasked: of the largest memory shown it holds {} "
        "on average.",
        curve.policy.text(), page_bytes(static_cast<std::uint64_t>(largest.resident + 0.5))));
  }
  bool assumed = false;
  bool unknown = false;
  for (const PolicyCurve& curve : sweep.curves) {
    for (const SizePoint& p : curve.points) {
      unknown = unknown || !p.known;
      assumed = assumed || (p.known && !report.exact(curve, p) && !report.sampled());
    }
  }
  if (report.filter_pages > 0) {
    lines.push_back(
        fmt::format("The recording leaves out references to the {} pages used last, so "
                    "nothing is known of {}memories of up to that.",
                    report.filter_pages, unknown ? "(?) " : ""));
  }
  if (assumed && report.filter_pages > 0) {
    lines.push_back(
        "~: a model. LRU and OPT are exact on such a recording; the other policies are "
        "told only when a page comes into use and when it was used last. --detail full "
        "records every reference.");
  }
  if (report.inferred > 0) {
    lines.push_back(
        fmt::format("The order of {} page uses was assumed where threads or processes "
                    "took turns; counts may be off by about as much.",
                    count(report.inferred)));
  }
  lines.push_back(fmt::format(
      "Costs: {} a reference, {} a first reference to a page ({}{} of them), {} each further "
      "fault.",
      duration(report.costs.memory_ns), duration(report.costs.first_ns), count(sweep.cold),
      sweep.cold_error > 0
          ? " +-" + count(static_cast<std::uint64_t>(std::llround(sweep.cold_error)))
          : "",
      duration(report.costs.fault_ns)));
  std::string text;
  for (const std::string& line : lines) text += wrapped(line, "  ", width);
  return text;
}

}  // namespace

bool CurveReport::exact(const PolicyCurve& curve, const SizePoint& point) const {
  if (!point.known || sampled() || inferred > 0) return false;
  return filter_pages == 0 || curve.stack.has_value();
}

std::string metric_text(Metric metric, double value) {
  switch (metric) {
    case Metric::Faults:
      return count(static_cast<std::uint64_t>(std::llround(std::max(0.0, value))));
    case Metric::Ratio:
      return percent(value);
    case Metric::Eat:
      return duration(value);
    case Metric::Slowdown:
      return value < 1 ? rounded(value, 3) + "x" : times(value);
  }
  return {};
}

std::string metric_title(Metric metric) {
  switch (metric) {
    case Metric::Faults:
      return "Faults";
    case Metric::Ratio:
      return "Faults per reference";
    case Metric::Eat:
      return "Effective access time";
    case Metric::Slowdown:
      return "Slowdown against enough memory";
  }
  return {};
}

std::string curve_text(const CurveReport& report, const TextStyle& style) {
  return heading("Fault curves", style) + about(report) + '\n' +
         heading(metric_title(report.metric) + " by size of memory", style) +
         table(report, style.width) + '\n' + curve_picture(report, style.width) + '\n' +
         heading("Memory to give", style) + summaries(report) + notes(report, style.width);
}

}  // namespace pw::report
