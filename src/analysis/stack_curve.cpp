#include "analysis/stack_curve.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw::analysis {

std::uint64_t StackCurve::misses(std::uint64_t pages) const {
  PW_CHECK(known(pages));
  return cold + (pages < beyond.size() ? beyond[pages] : 0);
}

std::uint64_t StackCurve::fits_in() const {
  return std::max<std::uint64_t>(known_from, beyond.empty() ? 0 : beyond.size() - 1);
}

void StackCurve::sum_up() {
  beyond.assign(by_distance.size(), 0);
  std::uint64_t sum = 0;
  for (std::size_t d = by_distance.size(); d-- > 0;) {
    beyond[d] = sum;
    sum += by_distance[d];
  }
}

}  // namespace pw::analysis
