#include "space/commit.hpp"

#include <algorithm>

namespace pw {

PageCount commit_limit(const Core& core) {
  return PageCount(core.pool.total().value * core.options.overcommit_percent / 100 +
                   core.swap.total_slots());
}

PageCount committed(const Core& core) {
  return PageCount(core.committed_pages) + core.objects.promised();
}

bool may_commit(const AddressSpace& space, PageCount pages) {
  const Core& core = space.core();
  const std::uint64_t ram = core.pool.total().value;
  switch (core.options.overcommit) {
    case Overcommit::Always:
      return true;
    case Overcommit::Heuristic:
      return pages.value <= ram + core.swap.total_slots();
    case Overcommit::Never:
      break;
  }
  // init_admin_reserve(), init_user_reserve(): 3 % of a small memory.
  constexpr std::uint64_t kAdmin = (8ULL << 20) >> kPageShift;
  constexpr std::uint64_t kUser = (128ULL << 20) >> kPageShift;
  const std::uint64_t part = ram / 32;
  const std::uint64_t admin_reserve = std::min(part, kAdmin);
  const std::uint64_t user_reserve = std::min(part, kUser);
  const std::uint64_t reserve = (space.limits().may_administer ? 0 : admin_reserve) +
                                std::min(space.counters().mapped_pages / 32, user_reserve);
  return committed(core).value + pages.value + reserve < commit_limit(core).value;
}

}  // namespace pw
