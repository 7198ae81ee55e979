#include "space/commit.hpp"
#include "space/operations.hpp"

namespace pw {

namespace {

// acct_stack_growth(), mm/vma.c.
bool may_grow(AddressSpace& space, const Vma& area, Vpn to) {
  const PageCount more = area.range().begin - to;
  if (!space.may_expand(area, more)) return false;
  if (bytes_of(area.range().end - to).value > space.limits().stack) return false;
  if (area.traits.locked && !may_lock(space, more)) return false;
  return may_commit(space, more);
}

}  // namespace

// expand_downwards(), mm/vma.c: within the limits, and a guard gap away from the area below.
Vma* grow_stack(AddressSpace& space, Vpn vpn) {
  Vma* area = space.areas().lower_bound(vpn);
  if (area == nullptr || !area->grows_down || area->range().begin <= vpn) return nullptr;
  const SpaceLayout& layout = space.layout();
  if (vpn < layout.hint_lowest) return nullptr;
  if (vpn < layout.growth_floor && area->range().begin >= layout.growth_floor) return nullptr;
  const Vma* below = space.areas().prev(*area);
  if (below != nullptr && !below->grows_down && below->accessible() &&
      below->range().end + space.core().options.stack_guard_gap > vpn) {
    return nullptr;
  }
  space.prepare_root(*area);
  // A moved stack counts its pages from where it began: it cannot reach below page 0 of that.
  if (area->range().begin - vpn > PageCount(area->backing_page.value)) return nullptr;
  if (!may_grow(space, *area, vpn)) return nullptr;
  if (!area->shared) space.homes().claim({vpn, area->range().begin});
  space.resize(*area, {vpn, area->range().end});
  return area;
}

}  // namespace pw
