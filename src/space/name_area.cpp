#include "space/operations.hpp"

namespace pw {

// madvise_set_anon_name(), mm/madvise.c.
Result<void> name_area(AddressSpace& space, VirtAddr address, ByteCount length, LabelId name) {
  if (!page_aligned(address)) return fail(Errno::Invalid);
  const Vpn begin = page_of(address);
  const PageCount pages = pages_for(length);
  if (pages.value > (1ULL << (64 - kPageShift)) - 1 - begin.value) return fail(Errno::Invalid);
  const VpnRange range = range_of(begin, pages);
  bool hole = false;
  for (Vpn at = range.begin; at < range.end;) {
    Vma* area = space.areas().lower_bound(at);
    if (area == nullptr || area->range().begin >= range.end) return fail(Errno::NoMemory);
    hole = hole || area->range().begin > at;
    const VpnRange part = intersection(area->range(), range);
    at = part.end;
    if (area->file != 0 || area->segment) return fail(Errno::BadFile);
    if (area->traits.name == name) continue;
    AreaTraits traits = area->traits;
    traits.name = name;
    const Result<Vma*> changed = space.modify(*area, part, {area->rights, traits});
    if (!changed) return fail(Errno::Again);
  }
  if (hole) return fail(Errno::NoMemory);
  return {};
}

}  // namespace pw
