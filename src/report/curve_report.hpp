// Fault curves as people and programs read them: text, JSON (schema pagewright.curve/1, described
// by data/curve.schema.json), CSV, SVG. The same report gives the same bytes.
#pragma once

#include <string>
#include <vector>

#include "analysis/curve_costs.hpp"
#include "analysis/sweep.hpp"
#include "report/text.hpp"

namespace pw::report {

struct CurveReport {
  std::string input;                 // its name
  std::string format;                // "recording", or that of a trace
  std::vector<std::string> command;  // what was recorded, if known
  std::uint64_t references = 0;
  std::uint64_t pages = 0;         // different ones; sweep.cold_error > 0: by estimate
  std::uint32_t filter_pages = 0;  // K of a recording's filter; 0: every reference is there
  std::uint64_t inferred = 0;      // pages whose order was assumed
  analysis::Metric metric = analysis::Metric::Faults;
  analysis::CurveCosts costs;
  analysis::Sweep sweep;

  bool sampled() const { return sweep.rate < 1; }
  analysis::CurveBase base() const { return {references, sweep.cold}; }
  double value(double misses) const { return analysis::metric_of(metric, costs, base(), misses); }
  // Counted, not assumed or estimated, at this size.
  bool exact(const analysis::PolicyCurve& curve, const analysis::SizePoint& point) const;
};

std::string curve_text(const CurveReport& report, const TextStyle& style);
std::string curve_json(const CurveReport& report);
std::string curve_csv(const CurveReport& report);
std::string curve_svg(const CurveReport& report);

// For the text: a picture of lines, one letter a curve; the sizes run to the right on a logarithmic
// scale.
std::string curve_picture(const CurveReport& report, std::size_t width);

// A metric's value as people read it: 1,234,567; 12.3 %; 1.23 us; 1.25x.
std::string metric_text(analysis::Metric metric, double value);
// What the numbers are: "Faults", "Faults per reference", ...
std::string metric_title(analysis::Metric metric);

}  // namespace pw::report
