// Page-out clustering: one request for the device writes a dirty victim and those of its neighbours
// that will have to be written soon as well, since requests cost more than pages (BSD's
// vm_pageout_cluster(); Linux asks for SWAPFILE_CLUSTER neighbouring slots for the same reason,
// mm/swapfile.c).
//
//   offsets      ... 7  8  9  10 ...        8 is the victim; 9 and 10 are resident, dirty and idle:
//   swap slots       41 42 43               one request writes 41..43, then 8 goes, 9 and 10 stay
//                                           with a clean copy, and cost no write when they go.
#include <algorithm>

#include "reclaim/leave.hpp"
#include "reclaim/reclaimer.hpp"
#include "rmap/rmap.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

// May be written ahead of its time: known to reclaim, nobody holds it, not referenced since the
// last look.
bool Reclaimer::idle(Pfn pfn) {
  const Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameListed) == 0 || frame.aux > 0 || pool_->in_huge(pfn)) {
    return false;
  }
  if (pool_->io_awaited(pfn, core_->clock.now_ns())) return false;
  bool used = false;
  for_each_mapping(*core_, pfn, [&](Vma& area, Vpn, x86::Pte& entry) {
    used = used || area.traits.locked || entry.accessed() || (entry.raw & kInUse) != 0;
  });
  return !used;
}

void Reclaimer::protect_everywhere(Pfn pfn) {
  for_each_mapping(*core_, pfn, [&](Vma& area, Vpn vpn, x86::Pte&) {
    write_protect(*core_, area, range_of(vpn, PageCount(1)), FlushReason::WriteProtect);
  });
}

// The victim is in `slot` already; its translations are gone.
std::uint64_t Reclaimer::write_out(Pfn pfn, SwapSlot slot) {
  const Frame& victim = pool_->frame(pfn);
  const SlotTable& slots = victim.kind == FrameKind::Anon
                               ? core_->objects.family(victim.owner).members.front()->slots
                               : core_->objects.object(victim.owner).slots;
  std::uint64_t pages = 1;
  while (pages < config_.cluster) {
    const PageSlot neighbour = slots.get(PageOffset(victim.index + pages));
    if (!neighbour.is_resident()) break;
    Frame& frame = pool_->frame(neighbour.pfn());
    if (frame.kind != victim.kind || frame.owner != victim.owner) break;
    if (is_clean(neighbour.pfn())) break;
    if (!idle(neighbour.pfn())) break;
    protect_everywhere(neighbour.pfn());
    const SwapSlot next = store_in_swap(*core_, neighbour.pfn());
    if (!next.valid()) break;
    if (next.value != slot.value + pages) {  // no neighbouring slot: it would be another request
      core_->swap.release(next);
      break;
    }
    set_swap_copy(frame, next);
    frame.flags &= static_cast<std::uint8_t>(~kFrameDirty);
    note_swap_write(*core_, neighbour.pfn(), next);
    ++pages;
  }
  core_->counters.reclaim.clustered += pages - 1;
  return core_->swap.submit(slot, Transfer::Write, core_->clock.now_ns(), pages);
}

Result<std::uint64_t> Reclaimer::page_out_file(Pfn pfn) {
  const Frame& victim = pool_->frame(pfn);
  VmObject& file = core_->objects.object(victim.owner);
  PW_TRY(store_file_page(*core_, file, PageOffset(victim.index), pfn));
  std::uint64_t pages = 1;
  while (pages < config_.cluster) {
    const PageOffset at(victim.index + pages);
    const PageSlot neighbour = file.slots.get(at);
    if (!neighbour.is_resident() || is_clean(neighbour.pfn())) break;
    if (!idle(neighbour.pfn())) break;
    protect_everywhere(neighbour.pfn());
    if (!store_file_page(*core_, file, at, neighbour.pfn())) break;
    ++pages;
  }
  core_->counters.reclaim.clustered += pages - 1;
  const std::uint64_t now = core_->clock.now_ns();
  if (file.queue == nullptr) return now;
  return file.queue->submit(now, Transfer::Write, victim.index, pages);
}

}  // namespace pw
