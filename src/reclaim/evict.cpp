// Evicting one page: see the order in reclaimer.hpp.
#include <algorithm>

#include "base/check.hpp"
#include "reclaim/reclaimer.hpp"
#include "rmap/rmap.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

bool Reclaimer::evict(Pfn pfn, std::uint64_t& ready_ns) {
  unmap_everywhere(*core_, pfn, FlushReason::Reclaim);
  Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFramePrefetched) != 0) {
    frame.flags &= static_cast<std::uint8_t>(~kFramePrefetched);
    ++core_->counters.reclaim.prefetch_wasted;
  }
  ++eviction_count_;
  return frame.kind == FrameKind::File ? evict_file(pfn, ready_ns) : evict_anonymous(pfn, ready_ns);
}

bool Reclaimer::evict_file(Pfn pfn, std::uint64_t& ready_ns) {
  Frame& frame = pool_->frame(pfn);
  VmObject& file = core_->objects.object(frame.owner);
  const PageOffset at(frame.index);
  if ((frame.flags & kFrameDirty) != 0) {
    const Result<std::uint64_t> written = page_out_file(pfn);
    if (!written) return false;
    ready_ns = std::max(ready_ns, *written);
  }
  PW_CHECK(frame.refs == 1);
  const std::uint64_t shadow = ids_ == nullptr ? eviction_count_ : ids_->leave_shadow(pfn);
  const bool found = file.slots.replace(at, PageSlot::resident(pfn), PageSlot::shadow(shadow));
  PW_CHECK(found);
  frame.refs = 0;
  pool_->give_back(pfn);
  return true;
}

// The page's bytes in the first area that takes them: one that is out of order, or a compressed one
// that has no memory left, hands on to the next. Invalid: none did.
SwapSlot Reclaimer::write_to_swap(Pfn pfn) {
  std::uint32_t refused = 0;
  for (;;) {
    const SwapSlot slot = core_->swap.allocate(refused);
    if (!slot.valid() || !pool_->carries_bytes()) return slot;
    if (core_->swap.write(slot, {pool_->bytes(pfn), kPageSize})) return slot;
    core_->swap.release(slot);
    refused |= SwapSpace::area_bit(slot);
  }
}

// A page that MADV_FREE named, and that nobody has written since, is not kept: it will be zeros. If
// others hold it too since a fork, it is written like any page.
bool Reclaimer::drop_lazy(Pfn pfn) {
  const Frame& frame = pool_->frame(pfn);
  if (frame.refs != 1) return false;
  const PageOffset at(frame.index);
  for (VmObject* member : core_->objects.family(frame.owner).members) {
    if (member->slots.get(at) != PageSlot::resident(pfn)) continue;
    if (member->slots.shared(at)) return false;
    if (ids_ != nullptr && ids_->of(pfn) != policy::kNoPage) forget(ids_->of(pfn), false);
    member->slots.set(at, PageSlot());  // gives the frame back
    ++core_->counters.reclaim.pglazyfreed;
    return true;
  }
  return false;
}

bool Reclaimer::evict_anonymous(Pfn pfn, std::uint64_t& ready_ns) {
  Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameLazy) != 0 && drop_lazy(pfn)) return true;
  SwapSlot slot = swap_copy(frame);
  if (!slot.valid()) {
    slot = write_to_swap(pfn);
    if (!slot.valid()) return false;
    ready_ns = std::max(ready_ns, write_out(pfn, slot));
    ++core_->counters.reclaim.pswpout;
  }
  const PageOffset at(frame.index);
  const PageSlot from = PageSlot::resident(pfn);
  const PageSlot to = PageSlot::swapped(slot);
  std::uint32_t holders = 0;
  if (frame.kind == FrameKind::Anon) {
    for (VmObject* member : core_->objects.family(frame.owner).members) {
      if (member->slots.replace(at, from, to)) ++holders;
    }
  } else if (core_->objects.object(frame.owner).slots.replace(at, from, to)) {
    holders = 1;
  }
  PW_CHECK_MSG(holders == frame.refs, "a holder of the frame cannot be found");
  core_->swap.retain(slot, holders - 1);
  set_swap_copy(frame, SwapSlot{});
  if (ids_ != nullptr) ids_->leave(pfn, slot);
  frame.refs = 0;
  pool_->give_back(pfn);
  return true;
}

}  // namespace pw
