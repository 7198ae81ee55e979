#include "reclaim/leave.hpp"

#include "base/check.hpp"
#include "space/address_space.hpp"

namespace pw {

namespace {

EventPage page_of_event(Core& core, Pfn pfn) {
  const Frame& frame = core.pool.frame(pfn);
  EventPage page{pfn, frame.kind, frame.owner, frame.index};
  if (frame.kind != FrameKind::Anon) return page;
  for (const VmObject* member : core.objects.family(frame.owner).members) {
    if (member->space == nullptr) continue;
    if (member->slots.get(PageOffset(frame.index)) != PageSlot::resident(pfn)) continue;
    page.space = member->space->id();
    break;
  }
  return page;
}

// Before its slots change.
void tell_evicted(Core& core, Pfn pfn, MemoryEvent::To to, SwapSlot slot, WasDirty dirty) {
  if (core.listener == nullptr) return;
  MemoryEvent event;
  event.page = page_of_event(core, pfn);
  event.to = to;
  event.slot = slot;
  event.written = dirty == WasDirty::Yes;
  core.listener->happened(event);
}

}  // namespace

void drop_file_page(Core& core, Pfn pfn, std::uint64_t shadow, WasDirty dirty) {
  tell_evicted(core, pfn, MemoryEvent::To::File, SwapSlot{}, dirty);
  Frame& frame = core.pool.frame(pfn);
  PW_CHECK(frame.refs == 1);
  VmObject& file = core.objects.object(frame.owner);
  const bool found = file.slots.replace(PageOffset(frame.index), PageSlot::resident(pfn),
                                        PageSlot::shadow(shadow));
  PW_CHECK(found);
  file.folios.forget(PageOffset(frame.index));  // its other pages stay, each by itself
  frame.refs = 0;
  core.pool.give_back(pfn);
}

bool drop_lazy_page(Core& core, Pfn pfn) {
  const Frame& frame = core.pool.frame(pfn);
  if (frame.refs != 1) return false;
  const PageOffset at(frame.index);
  for (VmObject* member : core.objects.family(frame.owner).members) {
    if (member->slots.get(at) != PageSlot::resident(pfn)) continue;
    if (member->slots.shared(at)) return false;
    tell_evicted(core, pfn, MemoryEvent::To::Nowhere, SwapSlot{}, WasDirty::No);
    member->slots.set(at, PageSlot());  // gives the frame back
    ++core.counters.reclaim.pglazyfreed;
    return true;
  }
  return false;
}

SwapSlot store_in_swap(Core& core, Pfn pfn) {
  std::uint32_t refused = 0;
  for (;;) {
    const SwapSlot slot = core.swap.allocate(refused);
    if (!slot.valid() || !core.pool.carries_bytes()) return slot;
    if (core.swap.write(slot, {core.pool.bytes(pfn), kPageSize})) return slot;
    core.swap.release(slot);
    refused |= SwapSpace::area_bit(slot);
  }
}

void note_swap_write(Core& core, Pfn pfn, SwapSlot slot) {
  core.counters.reclaim.pswpout += pages_of(core.pool.frame(pfn));
  if (core.listener == nullptr) return;
  MemoryEvent event;
  event.kind = MemoryEvent::Kind::SwapWrite;
  event.page = page_of_event(core, pfn);
  event.slot = slot;
  core.listener->happened(event);
}

void leave_for_swap(Core& core, Pfn pfn, SwapSlot slot, WasDirty dirty) {
  tell_evicted(core, pfn, MemoryEvent::To::Swap, slot, dirty);
  Frame& frame = core.pool.frame(pfn);
  const PageOffset at(frame.index);
  const PageSlot from = PageSlot::resident(pfn);
  const PageSlot to = PageSlot::swapped(slot);
  std::uint32_t holders = 0;
  if (frame.kind == FrameKind::Anon) {
    for (VmObject* member : core.objects.family(frame.owner).members) {
      if (member->slots.replace(at, from, to)) ++holders;
    }
  } else if (core.objects.object(frame.owner).slots.replace(at, from, to)) {
    holders = 1;
  }
  PW_CHECK_MSG(holders == frame.refs, "a holder of the frame cannot be found");
  core.swap.retain(slot, holders - 1);
  set_swap_copy(frame, SwapSlot{});
  frame.refs = 0;
  core.pool.give_back(pfn);
}

void note_wasted(Core& core, Frame& frame) {
  if ((frame.flags & kFramePrefetched) == 0) return;
  frame.flags &= static_cast<std::uint8_t>(~kFramePrefetched);
  ++core.counters.reclaim.prefetch_wasted;
}

}  // namespace pw
