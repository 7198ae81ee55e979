// Faults on fresh memory, and on private pages that are in memory.
#include "fault/leaves.hpp"
#include "space/translations.hpp"

namespace pw {

bool new_user_frame(Core& core, FrameKind kind, std::uint32_t owner, PageOffset index, PageSlot was,
                    FrameGrant& out, bool foreign, std::uint32_t pages) {
  FrameWant want{kind};
  want.foreign = foreign;
  want.pages = pages;
  if (was.is_swapped()) want.swapped = was.swap();
  if (was.is_shadow()) want.shadow = was.note();
  if (!core.frames.allocate(want, out)) return false;
  Frame& frame = core.pool.frame(out.pfn);
  frame.owner = owner;
  frame.index = index.value;
  frame.refs = 1;
  return true;
}

LeafResult map_zero_page(PageFault& fault) {
  if (!map_page(fault.core, fault.area, fault.vpn, fault.core.zero_frame, false, true)) {
    return {LeafResult::Kind::NoMemory};
  }
  ++fault.core.counters.faults.zero_page;
  return {};
}

namespace {

// One page of zeros in the private object, mapped writable.
bool place_fresh(PageFault& fault, Vpn vpn, bool accessed, std::uint64_t& ready_ns) {
  Core& core = fault.core;
  VmObject& object = fault.area.space->private_object();
  const PageOffset at = fault.area.space->private_at(vpn);
  FrameGrant grant;
  if (!new_user_frame(core, FrameKind::Anon, object.family->id, at, {}, grant, false,
                      core.sample.pages(fault.area, vpn))) {
    return false;
  }
  core.pool.zero(grant.pfn);
  object.slots.set(at, PageSlot::resident(grant.pfn));
  if (!map_page(core, fault.area, vpn, grant.pfn, true, accessed)) {
    object.slots.set(at, PageSlot());
    return false;
  }
  core.pool.admit(grant.pfn);
  ready_ns = grant.ready_ns;
  return true;
}

// Pages after the one that faulted that were never touched either: mapped along, if frames are
// free.
void prepage(PageFault& fault) {
  Core& core = fault.core;
  for (std::uint32_t i = 1; i < core.options.prefetch.prepage_pages; ++i) {
    const Vpn vpn = fault.vpn + PageCount(i);
    if (!fault.area.range().contains(vpn) || core.pool.free_frames().value == 0) return;
    if (!view_page(core, fault.area, vpn).own.is_empty()) return;
    const x86::Pte* entry = fault.area.space->tables().find(vpn);
    if (entry != nullptr && entry->present()) return;
    std::uint64_t ready_ns = 0;
    if (!place_fresh(fault, vpn, false, ready_ns)) return;
    const PageSlot slot = fault.area.space->private_object().slots.get(
        fault.area.space->private_at(vpn));
    core.pool.frame(slot.pfn()).flags |= kFramePrefetched;
    ++core.counters.reclaim.prefetched;
  }
}

}  // namespace

LeafResult map_fresh_page(PageFault& fault) {
  LeafResult result;
  if (!place_fresh(fault, fault.vpn, true, result.until_ns)) return {LeafResult::Kind::NoMemory};
  ++fault.core.counters.faults.anonymous;
  prepage(fault);
  return result;
}

LeafResult add_fresh_shared(PageFault& fault) {
  VmObject& object = *fault.area.backing;
  const PageOffset at = fault.area.backing_at(fault.vpn);
  FrameGrant grant;
  if (!new_user_frame(fault.core, FrameKind::Shared, object.id, at, {}, grant)) {
    return {LeafResult::Kind::NoMemory};
  }
  fault.core.pool.zero(grant.pfn);
  object.slots.set(at, PageSlot::resident(grant.pfn));
  fault.core.pool.admit(grant.pfn);
  if (grant.ready_ns > fault.core.clock.now_ns()) {
    fault.core.pool.start_io(grant.pfn, grant.ready_ns);
  }
  return {LeafResult::Kind::Again};
}

LeafResult map_private(PageFault& fault) {
  Core& core = fault.core;
  const Pfn pfn = fault.view.own.pfn();
  if (const std::uint64_t ready = core.pool.io_pending(pfn, core.clock.now_ns()); ready != 0) {
    // Whoever waits for what is read ahead has read nothing (folio_lock_or_retry(), mm/filemap.c).
    return {LeafResult::Kind::Wait, ready, core.options.model == MemoryModel::Linux};
  }
  const FramePin pin(core.pool, pfn);
  Frame& frame = core.pool.frame(pfn);
  // Exclusive pages are mapped writable even for a read (do_swap_page(), mm/memory.c): no second
  // fault.
  const bool writable = !fault.view.own_shared && !fault.request.unshare;
  if (swap_copy(frame).valid() && !fault.view.translation.present()) {
    note_swap_hit(fault.area, fault.vpn, (frame.flags & kFramePrefetched) != 0);
  }
  if (!map_page(core, fault.area, fault.vpn, pfn, writable, true)) {
    return {LeafResult::Kind::NoMemory};
  }
  note_used(core, frame);
  if (fault.request.access == Access::Write) {
    forget_copy(core, frame);
    if (fault.view.translation.present()) ++core.counters.faults.reused;
  }
  return {};
}

}  // namespace pw
