#include "phys/frame_allocator.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pw {
namespace {

constexpr std::uint64_t frames_in(unsigned order) { return std::uint64_t{1} << order; }

}  // namespace

FrameAllocator::FrameAllocator(FrameTable& table) : table_(table), free_pages_(table.size().value) {
  heads_.fill(kNoFrame);
  cache_.fill(kNoFrame);
}

void FrameAllocator::link(Pfn pfn, unsigned order) {
  Frame& head = table_[pfn];
  const Pfn next = heads_[order];
  head.flags = kListed;
  head.aux = static_cast<std::uint16_t>(order);
  head.index = next.value;
  head.extra = kNoFrame.value;
  if (next != kNoFrame) table_[next].extra = pfn.value;
  heads_[order] = pfn;
  ++listed_[order];
  listed_orders_ |= 1U << order;
}

void FrameAllocator::unlink(Pfn pfn, unsigned order) {
  Frame& head = table_[pfn];
  const Pfn next(head.index);
  const Pfn previous(head.extra);
  if (next != kNoFrame) table_[next].extra = previous.value;
  if (previous != kNoFrame) {
    table_[previous].index = next.value;
  } else {
    heads_[order] = next;
  }
  head = Frame{};
  if (--listed_[order] == 0) listed_orders_ &= ~(1U << order);
}

// Puts a block whose head is zero on the free lists, joined with its buddy as long as that is free
// too.
void FrameAllocator::give(Pfn pfn, unsigned order) {
  while (order < kMaxOrder) {
    const Pfn buddy(pfn.value ^ frames_in(order));
    // Fresh frames carry no mark, so that blocks never grow into them: they were cut at maximal
    // size.
    if (buddy.value + frames_in(order) > fresh_) break;
    const Frame& other = table_[buddy];
    if ((other.flags & kListed) == 0 || other.kind != FrameKind::Free || other.aux != order) break;
    unlink(buddy, order);
    pfn = std::min(pfn, buddy);
    ++order;
  }
  link(pfn, order);
}

// Keeps the lowest 2^wanted frames of the block; the rest goes to the free lists.
void FrameAllocator::give_upper_halves(Pfn pfn, unsigned order, unsigned wanted) {
  while (order > wanted) {
    --order;
    link(pfn + PageCount(frames_in(order)), order);
  }
}

Pfn FrameAllocator::take_listed(unsigned order) {
  const std::uint32_t enough = listed_orders_ >> order << order;
  if (enough == 0) return kNoFrame;
  const auto found = static_cast<unsigned>(std::countr_zero(enough));
  const Pfn pfn = heads_[found];
  unlink(pfn, found);
  give_upper_halves(pfn, found, order);
  return pfn;
}

// Cuts fresh blocks until one is large enough; the smaller ones before it, which only the end of a
// RAM of odd size has, become free blocks.
Pfn FrameAllocator::take_fresh(unsigned order) {
  while (fresh_ < total().value) {
    const Pfn pfn(fresh_);
    const unsigned size = fresh_order(fresh_);
    fresh_ += frames_in(size);
    if (size >= order) {
      give_upper_halves(pfn, size, order);
      return pfn;
    }
    link(pfn, size);
  }
  return kNoFrame;
}

// Fills the empty cache with one block, so that its lowest frame comes out first. The smallest
// listed blocks go first: large ones are left whole for those who need them.
bool FrameAllocator::refill_cache() {
  unsigned order = kRefillOrder;
  Pfn pfn = listed_orders_ == 0 ? take_fresh(order) : kNoFrame;
  if (pfn == kNoFrame) {
    if (listed_orders_ == 0) return false;
    order = std::min(order, static_cast<unsigned>(std::countr_zero(listed_orders_)));
    pfn = take_listed(order);
  }
  for (std::uint64_t i = frames_in(order); i-- > 0;) cache_[cached_++] = pfn + PageCount(i);
  return true;
}

Pfn FrameAllocator::allocate_block(unsigned order) {
  PW_CHECK(order <= kMaxOrder);
  if (order == 0) return refill_cache() ? take_cached() : kNoFrame;
  Pfn pfn = take_listed(order);
  if (pfn == kNoFrame) pfn = take_fresh(order);
  if (pfn == kNoFrame && cached_ > 0 && free_pages_ >= frames_in(order)) {
    drain_cache();
    pfn = take_listed(order);
  }
  if (pfn == kNoFrame) return kNoFrame;
  free_pages_ -= frames_in(order);
  table_[pfn].kind = FrameKind::Taken;
  return pfn;
}

void FrameAllocator::free_block(Pfn pfn, unsigned order) {
  PW_CHECK(order <= kMaxOrder);
  PW_CHECK(pfn.value % frames_in(order) == 0 && pfn.value + frames_in(order) <= fresh_);
  if (order == 0) {  // the cache is full: half of it leaves, the coldest first
    for (unsigned i = 0; i < kSpillFrames; ++i) give(cache_[i], 0);
    std::copy(cache_.begin() + kSpillFrames, cache_.end(), cache_.begin());
    cached_ -= kSpillFrames;
    put_cached(pfn);
    return;
  }
  release_head(pfn);
  free_pages_ += frames_in(order);
  give(pfn, order);
}

void FrameAllocator::drain_cache() {
  while (cached_ > 0) give(cache_[--cached_], 0);
}

std::uint64_t FrameAllocator::free_blocks(unsigned order) const {
  PW_CHECK(order <= kMaxOrder);
  std::uint64_t blocks = listed_[order] + (order == 0 ? cached_ : 0);
  for (std::uint64_t at = fresh_; at < total().value;) {
    const unsigned size = fresh_order(at);
    if (size == kMaxOrder) {  // all the largest ones in one step
      const std::uint64_t largest = (total().value - at) >> kMaxOrder;
      blocks += order == kMaxOrder ? largest : 0;
      at += largest << kMaxOrder;
      continue;
    }
    blocks += size == order ? 1 : 0;
    at += frames_in(size);
  }
  return blocks;
}

void FrameAllocator::verify() const {
  std::uint64_t pages = 0;
  for_each_free_block([&](Pfn first, unsigned order) {
    PW_CHECK(first.value % frames_in(order) == 0);
    PW_CHECK(first.value + frames_in(order) <= total().value);
    pages += frames_in(order);
    if (first.value >= fresh_) return;
    PW_CHECK(table_[first].kind == FrameKind::Free);
    if ((table_[first].flags & kListed) == 0 || order == kMaxOrder) return;
    PW_CHECK(table_[first].aux == order);
    const Pfn buddy(first.value ^ frames_in(order));
    if (buddy.value + frames_in(order) > fresh_) return;
    const Frame& other = table_[buddy];
    PW_CHECK(other.kind != FrameKind::Free || (other.flags & kListed) == 0 || other.aux != order);
  });
  PW_CHECK(pages == free_pages_);
}

}  // namespace pw
