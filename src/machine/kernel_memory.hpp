// Frames that the machine keeps for itself at the request of a port. Owned by Machine; outlives
// what it charges.
#pragma once

#include <vector>

#include "phys/frame_pool.hpp"
#include "port/memory_charge.hpp"

namespace pw {

class KernelMemory final : public MemoryCharge {
 public:
  explicit KernelMemory(FramePool& pool) : pool_(&pool) {}

  bool take_frame() override {
    Pfn pfn;
    if (!pool_->take(FrameKind::Kernel, pfn)) return false;
    taken_.push_back(pfn);
    return true;
  }
  void return_frame() override {
    PW_CHECK(!taken_.empty());
    pool_->give_back(taken_.back());
    taken_.pop_back();
  }
  std::uint64_t frames() const override { return taken_.size(); }

 private:
  FramePool* pool_;
  std::vector<Pfn> taken_;
};

}  // namespace pw
