#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// Forgets a whole area: translations first, then (flushed) the private pages, then the area.
void unmap_area(AddressSpace& space, Vma& area) {
  Core& core = space.core();
  unmap_range(core, area, area.range(), FlushReason::Unmap);
  if (!area.shared) {
    space.erase_private(area.range());
    space.homes().release(area.range());
  }
  space.remove(area);
}

}  // namespace

// vms_gather_munmap_vmas(), mm/vma.c.
Result<void> prepare_unmap(AddressSpace& space, VpnRange range) {
  Vma* area = space.areas().lower_bound(range.begin);
  if (area == nullptr || area->range().begin >= range.end) return {};
  const bool hole_inside = area->range().begin < range.begin && area->range().end > range.end;
  if (hole_inside && !space.may_have_areas(1)) return fail(Errno::NoMemory);
  if (area->range().begin < range.begin) {
    if (area->traits.sealed) return fail(Errno::Perm);
    area = &space.split(*area, range.begin);
  }
  // Found sealed only now, an area leaves the cut at the begin behind, as in the kernel.
  for (; area != nullptr && area->range().begin < range.end; area = space.areas().next(*area)) {
    if (area->traits.sealed) return fail(Errno::Perm);
    if (area->range().end > range.end) space.split(*area, range.end);
  }
  return {};
}

// do_vmi_munmap(), mm/vma.c.
Result<void> munmap(AddressSpace& space, VirtAddr address, ByteCount length) {
  const std::uint64_t end = address_of(space.layout().user_end).value;
  if (!page_aligned(address) || length.value == 0) return fail(Errno::Invalid);
  if (address.value > end || length.value > end - address.value) return fail(Errno::Invalid);
  const VpnRange range = range_of(page_of(address), pages_for(length));
  PW_TRY(prepare_unmap(space, range));
  Vma* area = space.areas().lower_bound(range.begin);
  while (area != nullptr && area->range().begin < range.end) {
    Vma* next = space.areas().next(*area);
    unmap_area(space, *area);
    area = next;
  }
  return {};
}

void unmap_all(AddressSpace& space) {
  for (Vma* area = space.areas().first(); area != nullptr;) {
    Vma* next = space.areas().next(*area);
    unmap_area(space, *area);
    area = next;
  }
  space.core().mmu.drop_space(space.id(), FlushReason::Unmap);
}

}  // namespace pw
