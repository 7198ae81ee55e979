#include "space/commit.hpp"

#include <algorithm>

namespace pw {

bool may_commit(const Core& core, PageCount pages, std::uint64_t mapped_pages) {
  const std::uint64_t ram = core.pool.total().value;
  const std::uint64_t swap = core.swap.total_slots();
  switch (core.options.overcommit) {
    case Overcommit::Always:
      return true;
    case Overcommit::Heuristic:
      return pages.value <= ram + swap;
    case Overcommit::Never:
      break;
  }
  constexpr std::uint64_t kAdminReserve = (8ULL << 20) >> kPageShift;
  constexpr std::uint64_t kUserReserve = (128ULL << 20) >> kPageShift;
  const std::uint64_t limit = ram * core.options.overcommit_percent / 100 + swap;
  const std::uint64_t reserve = kAdminReserve + std::min(mapped_pages / 32, kUserReserve);
  return core.committed_pages + pages.value + reserve <= limit;
}

}  // namespace pw
