#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/curve_report.hpp"

namespace pw::report {
namespace {

using analysis::PolicyCurve;
using analysis::SizePoint;
using Json = nlohmann::ordered_json;

Json point_of(const CurveReport& report, const PolicyCurve& curve, const SizePoint& p) {
  Json out{{"pages", p.pages}, {"known", p.known}};
  if (!p.known) return out;
  out["exact"] = report.exact(curve, p);
  out["faults"] = p.misses;
  if (report.sampled()) out["faults_error"] = p.error;
  for (const auto metric :
       {analysis::Metric::Ratio, analysis::Metric::Eat, analysis::Metric::Slowdown}) {
    const double value = analysis::metric_of(metric, report.costs, report.base(), p.misses);
    out[metric == analysis::Metric::Eat ? "eat_ns" : std::string(name_of(metric))] = value;
  }
  if (p.modelled > 0) out["modelled_references"] = p.modelled;
  if (p.resident > 0) out["mean_resident_pages"] = p.resident;
  return out;
}

Json curve_of(const CurveReport& report, const PolicyCurve& curve) {
  const auto summary = analysis::summary_of(curve, report.costs, report.base(), report.sampled());
  Json points = Json::array();
  for (const SizePoint& p : curve.points) points.push_back(point_of(report, curve, p));
  return {{"policy", curve.policy.text()},
          {"knee_pages", summary.knee == 0 ? Json(nullptr) : Json(summary.knee)},
          {"slowdown_pages", summary.within ? Json(*summary.within) : Json(nullptr)},
          {"every_size", summary.every_size},
          {"points", points}};
}

}  // namespace

std::string curve_json(const CurveReport& report) {
  Json curves = Json::array();
  for (const PolicyCurve& curve : report.sweep.curves) curves.push_back(curve_of(report, curve));
  Json sample = nullptr;
  if (report.sampled()) {
    sample = {{"rate", report.sweep.rate},
              {"pages", report.sweep.sampled_pages},
              {"first_references_error", report.sweep.cold_error}};
  }
  const Json out{{"schema", "pagewright.curve/1"},
                 {"input",
                  {{"name", report.input},
                   {"format", report.format},
                   {"command", report.command},
                   {"references", report.references},
                   {"pages", report.pages},
                   {"filter_pages", report.filter_pages},
                   {"inferred", report.inferred}}},
                 {"sample", sample},
                 {"first_references", report.sweep.cold},
                 {"costs",
                  {{"memory_ns", report.costs.memory_ns},
                   {"first_ns", report.costs.first_ns},
                   {"fault_ns", report.costs.fault_ns},
                   {"slowdown_percent", report.costs.percent}}},
                 {"metric", name_of(report.metric)},
                 {"curves", curves}};
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

std::string curve_csv(const CurveReport& report) {
  std::string text = "pages,bytes";
  for (const PolicyCurve& curve : report.sweep.curves) {
    text += ',' + curve.policy.text();
    if (report.sampled()) text += ',' + curve.policy.text() + " error";
  }
  text += '\n';
  const auto& curves = report.sweep.curves;
  for (std::size_t i = 0; !curves.empty() && i < curves[0].points.size(); ++i) {
    const std::uint64_t pages = curves[0].points[i].pages;
    text += fmt::format("{},{}", pages, pages * kPageSize);
    for (const PolicyCurve& curve : curves) {
      const SizePoint& p = curve.points[i];
      const double value = report.value(p.misses);
      text += p.known ? fmt::format(",{}", value) : ",";
      if (!report.sampled()) continue;
      text += p.known ? fmt::format(",{}", report.value(p.misses + p.error) - value) : ",";
    }
    text += '\n';
  }
  return text;
}

}  // namespace pw::report
