#include <utility>
#include <vector>

#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// An area like `area` for `range`, which is to continue it `ahead` pages after its begin.
Vma continuation(AddressSpace& space, const Vma& area, VpnRange range, PageCount ahead) {
  Vma more = area;
  more.range_ = range;
  more.backing_page = area.backing_page + ahead;
  more.private_page = area.shared ? PageOffset(0) : space.private_home(range);
  more.guard = PageCount(0);
  return more;
}

// Moves a whole area to `to`, same length, with its pages and translations. Private pages keep
// their offsets: only the area remembers that they are not at home, so that relatives still find
// them.
void move_area(AddressSpace& space, Vma& area, Vpn to) {
  Core& core = space.core();
  std::vector<std::pair<PageCount, x86::Pte>> present;
  const Vpn from = area.range().begin;
  space.tables().for_each_leaf(area.range(), [&](Vpn vpn, int, x86::Pte& entry) {
    present.emplace_back(vpn - from, entry);
  });
  unmap_range(core, area, area.range(), FlushReason::Unmap);
  Vma moved = area;
  moved.range_ = range_of(to, area.range().pages());
  if (moved.backing != nullptr) ++moved.backing->holders;  // the area is its own holder again below
  space.remove(area);
  Vma* placed = &space.insert(moved);
  if (moved.backing != nullptr) core.objects.release(*moved.backing);
  for (const auto& [ahead, entry] : present) {
    const Vpn vpn = to + ahead;
    placed = space.find(vpn);
    if (entry.pfn() == core.zero_frame) {
      map_page(core, *placed, vpn, entry.pfn(), false, entry.accessed());
      continue;
    }
    // Making tables may have evicted the page meanwhile: then a fault will find it.
    const PageSlot own = placed->shared ? PageSlot()
                                        : space.private_object().slots.get(placed->private_at(vpn));
    const PageSlot slot = own.is_empty() && placed->backing != nullptr
                              ? placed->backing->slots.get(placed->backing_at(vpn))
                              : own;
    if (slot != PageSlot::resident(entry.pfn())) continue;
    const FramePin pin(core.pool, entry.pfn());
    map_page(core, *placed, vpn, entry.pfn(), entry.writable(), entry.accessed());
  }
}

Result<VirtAddr> move_elsewhere(AddressSpace& space, Vma& area, const MremapRequest& request,
                                PageCount pages) {
  Vpn target = page_of(request.new_address);
  if (request.fixed) {
    PW_TRY(munmap(space, request.new_address, bytes_of(pages)));
  } else {
    const auto gap = space.find_gap(pages);
    if (!gap) return fail(Errno::NoMemory);
    target = *gap;
  }
  Vma* source = space.find(area.range().begin);
  const PageCount old_pages = source->range().pages();
  const Vma like = *source;
  move_area(space, *source, target);
  if (pages > old_pages) {
    const VpnRange rest{target + old_pages, target + pages};
    space.insert(continuation(space, like, rest, old_pages));
  }
  return address_of(target);
}

}  // namespace

Result<VirtAddr> mremap(AddressSpace& space, const MremapRequest& request) {
  const PageCount pages = pages_for(request.new_length);
  PageCount old_pages = pages_for(request.old_length);
  if (!page_aligned(request.address) || pages.value == 0 || old_pages.value == 0) {
    return fail(Errno::Invalid);
  }
  if (request.fixed && (!page_aligned(request.new_address) || !request.may_move)) {
    return fail(Errno::Invalid);
  }
  const Vpn begin = page_of(request.address);
  Vma* area = space.find(begin);
  if (area == nullptr || old_pages > area->range().end - begin) return fail(Errno::Fault);
  if (request.fixed) {
    const VpnRange target = range_of(page_of(request.new_address), pages);
    if (target.begin < space.layout().lowest) return fail(Errno::Perm);  // vm.mmap_min_addr
    if (target.overlaps(range_of(begin, old_pages))) return fail(Errno::Invalid);
    if (target.end > space.layout().user_end) return fail(Errno::Invalid);
  }
  if (pages < old_pages) {
    PW_TRY(munmap(space, address_of(begin + pages), bytes_of(old_pages - pages)));
    old_pages = pages;
  }
  if (pages == old_pages && !request.fixed) return request.address;
  area = space.find(begin);
  const VpnRange more{begin + old_pages, begin + pages};
  const bool at_end = area->range().end == more.begin;
  if (!request.fixed && at_end && more.end <= space.layout().user_end &&
      !space.areas().overlaps(more)) {
    const PageCount ahead = more.begin - area->range().begin;
    space.insert(continuation(space, *area, more, ahead));
    return request.address;
  }
  if (!request.may_move) return fail(Errno::NoMemory);
  space.isolate(range_of(begin, old_pages));
  return move_elsewhere(space, *space.find(begin), request, pages);
}

}  // namespace pw
