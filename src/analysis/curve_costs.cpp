#include "analysis/curve_costs.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/memory_need.hpp"

namespace pw::analysis {
namespace {

constexpr std::array<std::string_view, 4> kNames{"faults", "ratio", "eat", "slowdown"};

double base_ns(const CurveCosts& costs, const CurveBase& base) {
  return static_cast<double>(base.references) * costs.memory_ns +
         static_cast<double>(base.cold) * costs.first_ns;
}

// Of the sizes shown alone: the one farthest below the chord, as knee() does for every size.
std::uint64_t knee_of(const std::vector<const SizePoint*>& points) {
  if (points.size() < 3) return 0;
  const SizePoint& first = *points.front();
  const SizePoint& last = *points.back();
  const double fall = first.misses - last.misses;
  if (fall <= 0) return last.pages;
  double farthest = 0;
  std::uint64_t at = last.pages;
  for (const SizePoint* p : points) {
    const double x = static_cast<double>(p->pages - first.pages) /
                     static_cast<double>(last.pages - first.pages);
    const double below = 1 - x - (p->misses - last.misses) / fall;
    if (below > farthest) {
      farthest = below;
      at = p->pages;
    }
  }
  return at;
}

CurveSummary from_every_size(const StackCurve& stack, std::uint64_t allowed) {
  CurveSummary summary;
  const auto misses = [&stack](std::uint64_t pages) { return stack.misses(pages); };
  const std::uint64_t from = stack.known_from;
  const std::uint64_t to = stack.fits_in();
  summary.every_size = true;
  summary.knee = knee(misses, from, to);
  summary.within = smallest_within(misses, from, to, allowed);
  summary.or_less = *summary.within == from && from > 1;
  return summary;
}

}  // namespace

double metric_of(Metric metric, const CurveCosts& costs, const CurveBase& base, double misses) {
  const double references = std::max(1.0, static_cast<double>(base.references));
  if (metric == Metric::Faults) return misses;
  if (metric == Metric::Ratio) return misses / references;
  const double again = std::max(0.0, misses - static_cast<double>(base.cold));
  const double ns = base_ns(costs, base) + again * costs.fault_ns;
  return metric == Metric::Eat ? ns / references : ns / std::max(1e-9, base_ns(costs, base));
}

std::optional<Metric> metric_named(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<Metric>(at - kNames.begin());
}

std::string_view name_of(Metric metric) { return kNames[static_cast<std::size_t>(metric)]; }

CurveSummary summary_of(const PolicyCurve& curve, const CurveCosts& costs, const CurveBase& base,
                        bool sampled) {
  const std::uint64_t allowed = allowed_misses(costs.percent, base_ns(costs, base), costs.fault_ns,
                                               base.cold);
  if (curve.stack && !sampled) return from_every_size(*curve.stack, allowed);
  CurveSummary summary;
  std::vector<const SizePoint*> points;
  for (const SizePoint& point : curve.points) {
    if (point.known) points.push_back(&point);
  }
  summary.knee = knee_of(points);
  // A curve may rise with the size (Belady's anomaly): all larger sizes must do as well.
  for (auto at = points.rbegin(); at != points.rend(); ++at) {
    if ((*at)->misses > static_cast<double>(allowed)) break;
    summary.within = (*at)->pages;
    summary.or_less = *at == points.front();
  }
  return summary;
}

}  // namespace pw::analysis
