// FrameAllocator: hands out physical frames in naturally aligned blocks of 2^order, a buddy system.
//
// Source: Knowlton, "A fast storage allocator", CACM 8(10), 1965; Knuth, TAOCP vol. 1, 2.5,
// algorithms R and S. Three stores, asked in this order:
//   - cache: up to kCacheFrames single frames, last in first out, not joined (in Linux: the
//     per-CPU lists);
//   - free lists: one per order, linked through the free blocks' Frames;
//   - fresh: the frames from fresh_ up, never used. Not one byte of their metadata was written, so
//     that a machine of 64 GiB starts at once. Handed out lowest first, in the largest aligned
//     blocks.
// Deterministic: the same calls give the same frames.
//
// Owned by Machine, over a FrameTable that outlives it. Invariants: every frame is in exactly one
// of the three stores or allocated; two buddies are never both in the free lists; free_pages()
// counts all stores.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/units.hpp"
#include "phys/frame.hpp"
#include "phys/frame_table.hpp"

namespace pw {

class FrameAllocator {
 public:
  static constexpr unsigned kMaxOrder = 18;  // 1 GiB
  static constexpr unsigned kOrders = kMaxOrder + 1;
  static constexpr unsigned kCacheFrames = 512;

  // All frames of `table`, which are fresh (all zero).
  explicit FrameAllocator(FrameTable& table);
  FrameAllocator(const FrameAllocator&) = delete;
  FrameAllocator& operator=(const FrameAllocator&) = delete;

  // First frame of a block of 2^order frames, aligned to its size, or kNoFrame. Its Frame is zero
  // but for kind Taken; the Frames behind it are zero. The bytes of the frames are whatever they
  // were.
  Pfn allocate(unsigned order) {
    if (order == 0 && cached_ > 0) return take_cached();
    return allocate_block(order);
  }
  // Takes back a block, or an aligned part of one. The head's kind is not Free (a part's head gets
  // a kind before); the Frames behind the head are zero.
  void free(Pfn pfn, unsigned order) {
    if (order == 0 && cached_ < kCacheFrames) return put_cached(pfn);
    free_block(pfn, order);
  }

  PageCount total() const { return table_.size(); }
  PageCount free_pages() const { return PageCount(free_pages_); }
  PageCount used_pages() const { return PageCount(total().value - free_pages_); }
  // Blocks of exactly this order among those that for_each_free_block() meets.
  std::uint64_t free_blocks(unsigned order) const;
  // Returns the cached single frames to the free lists, joining them with their buddies.
  void drain_cache();

  // Calls visit(Pfn first, unsigned order) for every free block: cached frames, free lists, fresh
  // frames.
  template <class Visit>
  void for_each_free_block(Visit&& visit) const {
    for (unsigned i = 0; i < cached_; ++i) visit(cache_[i], 0U);
    for (unsigned order = 0; order < kOrders; ++order) {
      for (Pfn at = heads_[order]; at != kNoFrame; at = Pfn(table_[at].index)) visit(at, order);
    }
    for (std::uint64_t at = fresh_; at < total().value;) {
      const unsigned order = fresh_order(at);
      visit(Pfn(at), order);
      at += std::uint64_t{1} << order;
    }
  }
  // Proves the invariants (PW_CHECK); time in proportion to the free blocks.
  void verify() const;

 private:
  // Bits of Frame::flags while a frame is free. A block's order is in `aux`, its list neighbours
  // are in `index` (next) and `extra` (previous).
  static constexpr std::uint8_t kListed = 1;
  static constexpr unsigned kRefillOrder = 5;                 // into an empty cache
  static constexpr unsigned kSpillFrames = kCacheFrames / 2;  // out of a full one

  Pfn take_cached() {
    const Pfn pfn = cache_[--cached_];
    --free_pages_;
    table_[pfn].kind = FrameKind::Taken;
    return pfn;
  }
  void put_cached(Pfn pfn) {
    release_head(pfn);
    cache_[cached_++] = pfn;
    ++free_pages_;
  }
  void release_head(Pfn pfn) {
    Frame& head = table_[pfn];
    PW_CHECK_MSG(head.kind != FrameKind::Free, "frame freed twice");
    head = Frame{};
  }

  // Largest aligned block of fresh frames that starts at frame `at`.
  unsigned fresh_order(std::uint64_t at) const {
    const auto aligned = static_cast<unsigned>(
        std::countr_zero(at | std::uint64_t{1} << kMaxOrder));
    const auto fits = static_cast<unsigned>(std::bit_width(total().value - at)) - 1;
    return aligned < fits ? aligned : fits;
  }
  Pfn allocate_block(unsigned order);
  void free_block(Pfn pfn, unsigned order);
  Pfn take_listed(unsigned order);
  Pfn take_fresh(unsigned order);
  void give(Pfn pfn, unsigned order);
  void give_upper_halves(Pfn pfn, unsigned order, unsigned wanted);
  void link(Pfn pfn, unsigned order);
  void unlink(Pfn pfn, unsigned order);
  bool refill_cache();

  FrameTable& table_;
  std::uint64_t free_pages_;
  std::uint64_t fresh_ = 0;
  std::uint32_t listed_orders_ = 0;  // bit k: the list of order k is not empty
  unsigned cached_ = 0;
  std::array<Pfn, kOrders> heads_;
  std::array<std::uint64_t, kOrders> listed_{};  // blocks on each list
  std::array<Pfn, kCacheFrames> cache_;
};

}  // namespace pw
