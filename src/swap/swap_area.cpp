#include "swap/swap_area.hpp"

#include "base/check.hpp"

namespace pw {

std::uint32_t SwapArea::allocate() {
  PW_CHECK(!full());
  for (;; ++cursor_) {
    if (cursor_ == slots_) cursor_ = 0;
    if (cursor_ >= counts_.size()) counts_.resize(cursor_ + 1);
    if (counts_[cursor_] == 0) break;
  }
  counts_[cursor_] = 1;
  ++used_;
  return cursor_++;
}

void SwapArea::release(std::uint32_t slot) {
  PW_CHECK(slot < counts_.size() && counts_[slot] > 0);
  if (--counts_[slot] > 0) return;
  --used_;
  if (store_ != nullptr) {
    store_->discard(ByteCount(std::uint64_t{slot} * kPageSize), ByteCount(kPageSize));
  }
}

Result<void> SwapArea::read(std::uint32_t slot, std::span<std::byte> out) {
  if (store_ == nullptr) return {};
  return store_->read(ByteCount(std::uint64_t{slot} * kPageSize), out);
}

Result<void> SwapArea::write(std::uint32_t slot, std::span<const std::byte> bytes) {
  if (store_ == nullptr) return {};
  return store_->write(ByteCount(std::uint64_t{slot} * kPageSize), bytes);
}

}  // namespace pw
