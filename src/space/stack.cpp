#include "space/operations.hpp"

namespace pw {

// expand_downwards(), mm/mmap.c: within the limit, and a guard gap away from the area below.
Vma* grow_stack(AddressSpace& space, Vpn vpn) {
  Vma* area = space.areas().lower_bound(vpn);
  if (area == nullptr || !area->grows_down || area->range().begin <= vpn) return nullptr;
  if (vpn < space.layout().lowest) return nullptr;
  const MemoryOptions& options = space.core().options;
  if (bytes_of(area->range().end - vpn) > options.stack_limit) return nullptr;
  const Vma* below = space.areas().prev(*area);
  if (below != nullptr && !below->grows_down) {
    const bool accessible = below->rights.read || below->rights.write || below->rights.execute;
    if (accessible && below->range().end + options.stack_guard_gap > vpn) return nullptr;
    if (below->range().end > vpn) return nullptr;
  }
  if (below != nullptr && below->range().end > vpn) return nullptr;
  const VpnRange more{vpn, area->range().begin};
  if (area->shared || space.private_free_below(*area, more.pages())) {
    space.resize(*area, {vpn, area->range().end});
    return area;
  }
  // Pages that moved away hold the private offsets that come next: what grows is an area of its
  // own.
  Vma lower = *area;
  lower.set_range(more);
  lower.private_page = space.private_home(more);
  area->guard = PageCount(0);
  space.resize(*area, area->range());
  return &space.insert(lower);
}

}  // namespace pw
