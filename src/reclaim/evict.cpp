// Evicting one page: see the order in reclaimer.hpp.
#include <algorithm>

#include "reclaim/leave.hpp"
#include "reclaim/reclaimer.hpp"
#include "rmap/rmap.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

bool Reclaimer::evict(Pfn pfn, std::uint64_t& ready_ns) {
  unmap_everywhere(*core_, pfn, FlushReason::Reclaim);
  Frame& frame = pool_->frame(pfn);
  note_wasted(*core_, frame);
  ++eviction_count_;
  return frame.kind == FrameKind::File ? evict_file(pfn, ready_ns) : evict_anonymous(pfn, ready_ns);
}

bool Reclaimer::evict_file(Pfn pfn, std::uint64_t& ready_ns) {
  const bool dirty = (pool_->frame(pfn).flags & kFrameDirty) != 0;
  if (dirty) {
    const Result<std::uint64_t> written = page_out_file(pfn);
    if (!written) return false;
    ready_ns = std::max(ready_ns, *written);
  }
  drop_file_page(*core_, pfn, ids_ == nullptr ? eviction_count_ : ids_->leave_shadow(pfn),
                 dirty ? WasDirty::Yes : WasDirty::No);
  return true;
}

bool Reclaimer::evict_anonymous(Pfn pfn, std::uint64_t& ready_ns) {
  Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameLazy) != 0) {
    const policy::Id id = ids_ == nullptr ? policy::kNoPage : ids_->of(pfn);
    if (drop_lazy_page(*core_, pfn)) {
      if (id != policy::kNoPage) forget(id, false);
      return true;
    }
  }
  SwapSlot slot = swap_copy(frame);
  const bool dirty = !slot.valid();
  if (dirty) {
    slot = store_in_swap(*core_, pfn);
    if (!slot.valid()) return false;
    note_swap_write(*core_, pfn, slot);
    ready_ns = std::max(ready_ns, write_out(pfn, slot));
  }
  if (ids_ != nullptr) ids_->leave(pfn, slot);
  leave_for_swap(*core_, pfn, slot, dirty ? WasDirty::Yes : WasDirty::No);
  return true;
}

}  // namespace pw
