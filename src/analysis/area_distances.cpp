#include "analysis/area_distances.hpp"

#include <algorithm>

#include "analysis/heat_map.hpp"
#include "analysis/lru_curve.hpp"
#include "base/check.hpp"

namespace pw::analysis {
namespace {

class OverTime {
 public:
  OverTime(const DenseTrace& trace, std::size_t areas, std::size_t sizes, std::size_t bins)
      : trace_(trace),
        bins_(bins),
        sizes_(sizes),
        walk_(trace.references, std::max<std::size_t>(bins, 1)),
        counts_(areas * bins * (sizes + 2)) {
    PW_CHECK(bins == 0 || trace.times.size() == trace.ops.size());
  }
  // Operation i refers to `area`. `size`: the first that holds its distance.
  void count(std::size_t i, std::uint32_t area, std::size_t size) {
    add(i, area, std::min(size, sizes_));
  }
  void count_first(std::size_t i, std::uint32_t area) { add(i, area, sizes_ + 1); }
  std::vector<std::uint32_t> counts() { return std::move(counts_); }

 private:
  void add(std::size_t i, std::uint32_t area, std::size_t place) {
    if (bins_ == 0) return;
    ++counts_[(area * bins_ + walk_.at(trace_.times[i])) * (sizes_ + 2) + place];
  }

  const DenseTrace& trace_;
  std::size_t bins_, sizes_;
  BinWalk walk_;
  std::vector<std::uint32_t> counts_;
};

}  // namespace

AreaDistances area_distances(const DenseTrace& trace, const std::vector<std::uint32_t>& area_of,
                             std::size_t areas, const std::vector<std::uint64_t>& sizes,
                             const DistancesOverTime& over_time) {
  AreaDistances result;
  result.sizes = sizes;
  result.cold.resize(areas);
  // By area: distances up to sizes[0], up to sizes[1], ..., larger ones.
  std::vector<std::uint64_t> within(areas * (sizes.size() + 1));
  const auto timed = std::upper_bound(sizes.begin(), sizes.end(), over_time.most) - sizes.begin();
  OverTime times(trace, areas, static_cast<std::size_t>(timed), over_time.bins);
  RestStack rest(trace.ids);
  std::uint64_t in_use = 0;
  result.all.known_from = trace.filter_pages;
  result.all.inferred = trace.inferred;
  for (std::size_t i = 0; i < trace.ops.size(); ++i) {
    const Op op = trace.ops[i];
    const PageId id = op.id();
    if (op.kind() == OpKind::Use) {
      if (rest.contains(id)) {
        const std::uint64_t distance = in_use + rest.above(id) + 1;
        result.all.count(distance);
        const auto at = std::lower_bound(sizes.begin(), sizes.end(), distance) - sizes.begin();
        ++within[area_of[id] * (sizes.size() + 1) + static_cast<std::size_t>(at)];
        times.count(i, area_of[id], static_cast<std::size_t>(at));
        rest.remove(id);
      } else {
        times.count_first(i, area_of[id]);
        ++result.cold[area_of[id]];
        ++result.all.cold;
      }
      ++in_use;
    } else if (op.kind() == OpKind::Rest) {
      --in_use;
      rest.push(id);
    } else if (rest.contains(id)) {
      rest.remove(id);
    }
  }
  result.over_time = times.counts();
  result.all.sum_up();
  result.beyond.resize(areas * sizes.size());
  for (std::size_t area = 0; area < areas; ++area) {
    std::uint64_t sum = 0;
    for (std::size_t i = sizes.size(); i-- > 0;) {
      sum += within[area * (sizes.size() + 1) + i + 1];
      result.beyond[area * sizes.size() + i] = sum;
    }
  }
  return result;
}

}  // namespace pw::analysis
