#include "analysis/memory_need.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "analysis/lru_curve.hpp"
#include "analysis/opt_curve.hpp"
#include "base/check.hpp"

namespace pw::analysis {

std::uint64_t knee(const MissCurve& misses, std::uint64_t from, std::uint64_t to) {
  PW_CHECK(from <= to);
  const auto high = static_cast<double>(misses(from));
  const auto low = static_cast<double>(misses(to));
  if (from == to || high <= low) return to;
  double farthest = 0;
  std::uint64_t at = to;
  for (std::uint64_t pages = from; pages <= to; ++pages) {
    const double x = static_cast<double>(pages - from) / static_cast<double>(to - from);
    const double y = (static_cast<double>(misses(pages)) - low) / (high - low);
    const double below = 1 - x - y;
    if (below > farthest) {
      farthest = below;
      at = pages;
    }
  }
  return at;
}

std::uint64_t smallest_within(const MissCurve& misses, std::uint64_t from, std::uint64_t to,
                              std::uint64_t allowed) {
  PW_CHECK(from <= to);
  std::uint64_t low = from;
  std::uint64_t high = to + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (misses(middle) <= allowed) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::uint64_t allowed_misses(double percent, double base_ns, double miss_ns,
                             std::uint64_t unavoidable) {
  PW_CHECK(miss_ns > 0);
  return unavoidable + static_cast<std::uint64_t>(percent / 100 * base_ns / miss_ns);
}

std::vector<std::uint64_t> sizes_to_show(std::uint64_t from, std::uint64_t to, std::size_t count) {
  PW_CHECK(from >= 1 && count >= 2);
  std::vector<std::uint64_t> sizes;
  const double steps = static_cast<double>(count - 1);
  const double ratio = static_cast<double>(std::max(from, to)) / static_cast<double>(from);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const double wanted = static_cast<double>(from) *
                          std::pow(ratio, static_cast<double>(i) / steps);
    const auto pages = static_cast<std::uint64_t>(wanted + 0.5);
    const int unit = std::max(0, static_cast<int>(std::bit_width(pages)) - 3);  // keep three
                                                                                // leading bits
    const std::uint64_t rounded = (pages >> unit) << unit;
    if (rounded >= from && rounded < to && (sizes.empty() || rounded > sizes.back())) {
      sizes.push_back(rounded);
    }
  }
  sizes.push_back(std::max(from, to));
  return sizes;
}

MemoryNeed memory_need(const DenseTrace& trace, const NeedCosts& costs, std::size_t points,
                       const std::function<void(double)>& progress) {
  const LruCurve lru = lru_curve(trace);
  const StackCurve opt = opt_curve(
      trace, progress ? [&progress](double part) { progress(0.2 + 0.8 * part); } : progress);
  return memory_need(lru, opt, trace.filter_pages, costs, points);
}

MemoryNeed memory_need(const StackCurve& lru, const StackCurve& opt, std::uint32_t filter_pages,
                       const NeedCosts& costs, std::size_t points) {
  const auto lru_misses = [&lru](std::uint64_t pages) { return lru.misses(pages); };
  MemoryNeed need;
  need.known_from = std::uint64_t{filter_pages} + 1;  // OPT is known only above the filter
  need.first_touches = lru.cold;
  need.fits_in = std::max(need.known_from, lru.fits_in());
  need.knee = knee(lru_misses, need.known_from, need.fits_in);
  need.percent = costs.percent;
  need.base_ns = costs.base_ns;
  need.miss_ns = costs.miss_ns;
  need.within = smallest_within(
      lru_misses, need.known_from, need.fits_in,
      allowed_misses(costs.percent, costs.base_ns, costs.miss_ns, lru.cold));
  need.inferred = lru.inferred;
  for (const std::uint64_t pages : sizes_to_show(need.known_from, need.fits_in, points)) {
    need.points.push_back({pages, lru.misses(pages), opt.misses(pages)});
  }
  return need;
}

}  // namespace pw::analysis
