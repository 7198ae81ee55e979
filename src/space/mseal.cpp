#include "space/operations.hpp"

namespace pw {

// do_mseal(), mm/mseal.c.
Result<void> seal(AddressSpace& space, VirtAddr address, ByteCount length) {
  constexpr std::uint64_t kAllPages = 1ULL << (64 - kPageShift);
  const std::uint64_t pages = pages_for(length).value;
  const Vpn begin = page_of(address);
  if (!page_aligned(address) || pages >= kAllPages - begin.value) return fail(Errno::Invalid);
  const VpnRange range = range_of(begin, PageCount(pages));
  for (Vpn at = range.begin; at < range.end;) {
    const Vma* area = space.find(at);
    if (area == nullptr) return fail(Errno::NoMemory);
    at = area->range().end;
  }
  for (Vpn at = range.begin; at < range.end;) {
    Vma* area = space.find(at);
    const VpnRange part = intersection(area->range(), range);
    at = part.end;
    if (area->traits.sealed) continue;
    AreaTraits traits = area->traits;
    traits.sealed = true;
    const Result<Vma*> sealed = space.modify(*area, part, {area->rights, traits});
    if (!sealed) return tl::unexpected(sealed.error());
  }
  return {};
}

}  // namespace pw
