#include "analysis/area_distances.hpp"

#include <algorithm>

#include "analysis/lru_curve.hpp"

namespace pw::analysis {

AreaDistances area_distances(const DenseTrace& trace, const std::vector<std::uint32_t>& area_of,
                             std::size_t areas, const std::vector<std::uint64_t>& sizes) {
  AreaDistances result;
  result.sizes = sizes;
  result.cold.resize(areas);
  // By area: distances up to sizes[0], up to sizes[1], ..., larger ones.
  std::vector<std::uint64_t> within(areas * (sizes.size() + 1));
  RestStack rest(trace.ids);
  std::uint64_t in_use = 0;
  for (const Op op : trace.ops) {
    const PageId id = op.id();
    if (op.kind() == OpKind::Use) {
      if (rest.contains(id)) {
        const std::uint64_t distance = in_use + rest.above(id) + 1;
        const auto at = std::lower_bound(sizes.begin(), sizes.end(), distance) - sizes.begin();
        ++within[area_of[id] * (sizes.size() + 1) + static_cast<std::size_t>(at)];
        rest.remove(id);
      } else {
        ++result.cold[area_of[id]];
      }
      ++in_use;
    } else if (op.kind() == OpKind::Rest) {
      --in_use;
      rest.push(id);
    } else if (rest.contains(id)) {
      rest.remove(id);
    }
  }
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
