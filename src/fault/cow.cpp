// Copy on write: of a private page that somebody else holds too, and of a file's page.
#include <optional>

#include "fault/file_fault.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// A private copy of `source` for the faulting page, mapped writable, unless it was made for a
// reader (wp_page_copy(), mm/memory.c).
LeafResult copy_page(PageFault& fault, Pfn source) {
  Core& core = fault.core;
  if (const std::uint64_t ready = core.pool.io_pending(source, core.clock.now_ns()); ready != 0) {
    return {LeafResult::Kind::Wait, ready, core.options.model == MemoryModel::Linux};
  }
  std::optional<FramePin> pin(std::in_place, core.pool, source);
  VmObject& object = fault.area.space->private_object();
  const PageOffset at = fault.area.space->private_at(fault.vpn);
  const std::uint32_t pages = core.sample.pages(fault.area, fault.vpn);
  FrameGrant grant;
  if (!new_user_frame(core, FrameKind::Anon, object.family->id, at, {}, grant, false, pages)) {
    return {LeafResult::Kind::NoMemory};
  }
  core.pool.copy(grant.pfn, source);
  // The translation first: if there is no memory for it, the slot still tells the truth. Reclaim
  // does not know the new frame before it is admitted.
  if (!map_page(core, fault.area, fault.vpn, grant.pfn, !fault.request.unshare, true)) {
    core.pool.frame(grant.pfn).refs = 0;
    core.pool.give_back(grant.pfn);
    return {LeafResult::Kind::NoMemory};
  }
  pin.reset();  // the page of a huge page that others share may have been this space's alone
  object.slots.set(at, PageSlot::resident(grant.pfn));
  core.pool.admit(grant.pfn);
  ++core.counters.faults.copy_on_write;
  const std::uint64_t cost = pages * core.options.costs.copy_ns;
  core.clock.advance(cost);
  core.counters.kernel_ns += cost;
  return {LeafResult::Kind::Mapped, grant.ready_ns};
}

}  // namespace

// A page that was found in the swap cache counts as used before it is copied (do_swap_page(),
// mm/memory.c).
LeafResult copy_on_write(PageFault& fault) {
  const Pfn source = fault.view.own.pfn();
  Frame& frame = fault.core.pool.frame(source);
  const bool as_linux = fault.core.options.model == MemoryModel::Linux;
  if (as_linux && swap_copy(frame).valid() && !fault.view.translation.present()) {
    note_swap_hit(fault.area, fault.vpn, (frame.flags & kFramePrefetched) != 0);
    note_used(fault.core, frame);
  }
  return copy_page(fault, source);
}

LeafResult copy_file_page(PageFault& fault) { return copy_page(fault, fault.view.common.pfn()); }

// A page that is mapped for reading is copied as it is (wp_page_copy(), mm/memory.c); one that is
// not is looked up first.
LeafResult copy_from_object(PageFault& fault) {
  if (follows_linux(fault) && !fault.view.translation.present()) return fault_on_file(fault);
  return copy_file_page(fault);
}

}  // namespace pw
