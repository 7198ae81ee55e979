#include <optional>

#include "space/operations.hpp"

namespace pw {

namespace {

// The place of the new area; ranges that wrap or leave the user half do not fit.
Result<VpnRange> place(AddressSpace& space, const MmapRequest& request) {
  const PageCount pages = pages_for(request.length);
  const SpaceLayout& layout = space.layout();
  const Vpn wish = page_of(request.address);
  const bool inside = wish >= layout.lowest && wish < layout.user_end &&
                      pages.value <= layout.user_end.value - wish.value;
  if (request.fixed || request.fixed_noreplace) {
    if (!page_aligned(request.address)) return fail(Errno::Invalid);
    if (wish < layout.lowest) return fail(Errno::Perm);  // vm.mmap_min_addr
    if (!inside) return fail(Errno::NoMemory);
    if (request.fixed_noreplace && space.areas().overlaps(range_of(wish, pages))) {
      return fail(Errno::Exists);
    }
    return range_of(wish, pages);
  }
  if (request.address.value != 0 && inside && !space.areas().overlaps(range_of(wish, pages))) {
    return range_of(wish, pages);
  }
  const std::optional<Vpn> gap = space.find_gap(pages);
  if (!gap) return fail(Errno::NoMemory);
  return range_of(*gap, pages);
}

}  // namespace

Result<VirtAddr> mmap(AddressSpace& space, const MmapRequest& request) {
  if (request.length.value == 0 || (request.shared && request.grows_down)) {
    return fail(Errno::Invalid);
  }
  if (request.length.value > address_of(space.layout().user_end).value)
    return fail(Errno::NoMemory);
  if (request.shared && request.rights.write && !request.may.write) return fail(Errno::Access);
  const Result<VpnRange> range = place(space, request);
  if (!range) return tl::unexpected(range.error());
  if (request.fixed) PW_TRY(munmap(space, address_of(range->begin), bytes_of(range->pages())));

  Vma area;
  area.range_ = *range;
  area.rights = request.rights;
  area.may = request.may;
  area.shared = request.shared;
  area.grows_down = request.grows_down;
  area.role = request.role;
  area.label = request.label;
  area.backing = request.backing;
  area.backing_page = request.backing_page;
  if (request.grows_down) area.guard = space.core().options.stack_guard_gap;
  VmObject* fresh = nullptr;
  if (request.shared && request.backing == nullptr) {
    fresh = &space.core().objects.create(ObjectKind::Shared);
    fresh->size = bytes_of(range->pages());
    area.backing = fresh;
  }
  area.private_page = request.shared ? PageOffset(0) : space.private_home(*range);
  space.insert(area);
  if (fresh != nullptr) space.core().objects.release(*fresh);  // the area holds it now
  return address_of(range->begin);
}

}  // namespace pw
