// One swap area: slots of a page each on a backing store, with counts of who refers to them.
//
// Owned by SwapSpace. A slot's count is the number of slot chunks that say "swapped here" plus one
// while a resident frame keeps it as its clean copy. Slots are given out next-fit, so that pages
// evicted together lie together. Memory grows with the highest slot used, not with the area.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "port/backing_store.hpp"
#include "port/device_queue.hpp"

namespace pw {

class SwapArea {
 public:
  // `store` must hold `slots` pages; null: contents are not kept (replay of metadata only).
  SwapArea(std::unique_ptr<BackingStore> store, std::uint32_t slots, int priority,
           const DeviceModel& device)
      : store_(std::move(store)), slots_(slots), priority_(priority), queue_(device) {}

  std::uint32_t slots() const { return slots_; }
  std::uint32_t used() const { return used_; }
  // Slots from here on were never used.
  std::uint32_t known_slots() const { return static_cast<std::uint32_t>(counts_.size()); }
  bool full() const { return used_ == slots_; }
  int priority() const { return priority_; }
  DeviceQueue& queue() { return queue_; }
  const DeviceQueue& queue() const { return queue_; }

  // A free slot with count 1; the area must not be full.
  std::uint32_t allocate();
  void retain(std::uint32_t slot, std::uint32_t n = 1) { counts_[slot] += n; }
  void release(std::uint32_t slot);
  std::uint32_t count(std::uint32_t slot) const {
    return slot < counts_.size() ? counts_[slot] : 0;
  }

  Result<void> read(std::uint32_t slot, std::span<std::byte> out);
  Result<void> write(std::uint32_t slot, std::span<const std::byte> bytes);

 private:
  std::unique_ptr<BackingStore> store_;
  std::uint32_t slots_;
  std::uint32_t used_ = 0;
  std::uint32_t cursor_ = 0;
  int priority_;
  DeviceQueue queue_;
  std::vector<std::uint32_t> counts_;
};

}  // namespace pw
