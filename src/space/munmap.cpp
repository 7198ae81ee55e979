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

// The next area that begins inside the range; null without a look at the tree where `area` reaches
// to its end, as most do: a neighbour among many areas is in no cache of the CPU.
Vma* next_inside(AddressSpace& space, const Vma& area, VpnRange range) {
  if (area.range().end >= range.end) return nullptr;
  Vma* next = space.areas().next(area);
  return next != nullptr && next->range().begin < range.end ? next : nullptr;
}

}  // namespace

// vms_gather_munmap_vmas(), mm/vma.c.
Result<Vma*> prepare_unmap(AddressSpace& space, VpnRange range) {
  Vma* first = space.areas().lower_bound(range.begin);
  if (first == nullptr || first->range().begin >= range.end) return nullptr;
  const bool hole_inside = first->range().begin < range.begin && first->range().end > range.end;
  if (hole_inside && !space.may_have_areas(1)) return fail(Errno::NoMemory);
  if (first->range().begin < range.begin) {
    if (first->traits.sealed) return fail(Errno::Perm);
    first = &space.split(*first, range.begin);
  }
  // Found sealed only now, an area leaves the cut at the begin behind, as in the kernel.
  for (Vma* area = first; area != nullptr; area = next_inside(space, *area, range)) {
    if (area->traits.sealed) return fail(Errno::Perm);
    if (area->range().end > range.end) space.split(*area, range.end);
  }
  return first;
}

// do_vmi_munmap(), mm/vma.c.
Result<void> munmap(AddressSpace& space, VirtAddr address, ByteCount length) {
  const std::uint64_t end = address_of(space.layout().user_end).value;
  if (!page_aligned(address) || length.value == 0) return fail(Errno::Invalid);
  if (address.value > end || length.value > end - address.value) return fail(Errno::Invalid);
  const VpnRange range = range_of(page_of(address), pages_for(length));
  const Result<Vma*> first = prepare_unmap(space, range);
  if (!first) return tl::unexpected(first.error());
  for (Vma* area = *first; area != nullptr;) {
    Vma* next = next_inside(space, *area, range);
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
