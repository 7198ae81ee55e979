// SlotRefs of the machine: counts frames and swap slots that slot chunks refer to, and gives them
// back when the last chunk lets go.
#pragma once

#include "object/slot_table.hpp"
#include "phys/frame_pool.hpp"
#include "swap/swap_space.hpp"

namespace pw {

class PageRefs final : public SlotRefs {
 public:
  PageRefs(FramePool& pool, SwapSpace& swap) : pool_(&pool), swap_(&swap) {}

  void retain(PageSlot slot) override {
    if (slot.is_resident()) ++pool_->frame(slot.pfn()).refs;
    if (slot.is_swapped()) swap_->retain(slot.swap());
  }
  void release(PageSlot slot) override {
    if (slot.is_swapped()) swap_->release(slot.swap());
    if (!slot.is_resident()) return;
    Frame& frame = pool_->frame(slot.pfn());
    PW_CHECK(frame.refs > 0);
    if (--frame.refs > 0) return;
    if (frame.kind != FrameKind::File && swap_copy(frame).valid()) swap_->release(swap_copy(frame));
    pool_->give_back(slot.pfn());
  }

 private:
  FramePool* pool_;
  SwapSpace* swap_;
};

}  // namespace pw
