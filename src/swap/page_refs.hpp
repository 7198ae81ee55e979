// SlotRefs of the machine: counts frames and swap slots that slot chunks refer to, and gives them
// back when the last chunk lets go.
#pragma once

#include "object/slot_table.hpp"
#include "phys/frame_pool.hpp"
#include "swap/swap_space.hpp"

namespace pw {

// Told of pages that are gone for good while they were out of memory.
class AbsentPages {
 public:
  virtual ~AbsentPages() = default;
  virtual void gone(PageSlot slot) = 0;  // Swapped or Shadow
};

class PageRefs final : public SlotRefs {
 public:
  PageRefs(FramePool& pool, SwapSpace& swap) : pool_(&pool), swap_(&swap) {}

  void retain(PageSlot slot) override {
    if (slot.is_resident()) ++pool_->frame(slot.pfn()).refs;
    if (slot.is_swapped()) swap_->retain(slot.swap());
  }
  void release(PageSlot slot) override {
    if (slot.is_swapped()) swap_->release(slot.swap());
    if (!slot.is_resident()) {
      tell_of(slot);
      return;
    }
    Frame& frame = pool_->frame(slot.pfn());
    PW_CHECK(frame.refs > 0);
    if (--frame.refs > 0) return;
    if (frame.kind != FrameKind::File && swap_copy(frame).valid()) swap_->release(swap_copy(frame));
    pool_->give_back(slot.pfn());
  }
  // From now on; null: nobody.
  void tell(AbsentPages* absent) { absent_ = absent; }

 private:
  void tell_of(PageSlot slot) {
    if (absent_ == nullptr || slot.is_empty()) return;
    if (slot.is_shadow() || swap_->count(slot.swap()) == 0) absent_->gone(slot);
  }

  FramePool* pool_;
  SwapSpace* swap_;
  AbsentPages* absent_ = nullptr;
};

}  // namespace pw
