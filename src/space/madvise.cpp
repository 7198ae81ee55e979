#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

// madvise_dontneed_single_vma(), mm/madvise.c: private pages go, shared ones only lose their
// translations.
Result<void> discard(AddressSpace& space, VirtAddr address, ByteCount length) {
  if (!page_aligned(address)) return fail(Errno::Invalid);
  const VpnRange range = range_of(page_of(address), pages_for(length));
  Vpn at = range.begin;
  bool hole = false;
  while (at < range.end) {
    Vma* area = space.areas().lower_bound(at);
    if (area == nullptr || area->range().begin >= range.end) return fail(Errno::NoMemory);
    hole = hole || area->range().begin > at;
    const VpnRange part = intersection(area->range(), range);
    unmap_range(space.core(), *area, part, FlushReason::Unmap);
    if (!area->shared) {
      space.erase_private(part);
    }
    at = part.end;
  }
  if (hole) return fail(Errno::NoMemory);
  return {};
}

}  // namespace pw
