// HugeBlocks: which blocks of 512 frames are huge pages, and how much of each is still in use.
//
// A huge page is one in everything that concerns memory: it was taken as a block, reclaim knows it
// by its head, and its frames come back together. A page of it that nobody holds any more is
// *spare*: its frame stays until the rest has gone, or until the huge page is split (a folio of
// order 9 and deferred_split_folio(), mm/huge_memory.c of Linux). How the pages are mapped, by one
// entry of 2 MiB or by small ones, is not known here.
//
// Owned by the FramePool. Invariant: 1 to 512 pages of each block are in use.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/check.hpp"
#include "base/units.hpp"

namespace pw {

class HugeBlocks {
 public:
  static constexpr unsigned kOrder = 9;
  static constexpr std::uint64_t kFrames = std::uint64_t{1} << kOrder;

  static constexpr Pfn head_of(Pfn pfn) { return Pfn(pfn.value & ~(kFrames - 1)); }

  std::uint64_t count() const { return count_; }
  bool holds(Pfn pfn) const { return count_ != 0 && blocks_[pfn.value >> kOrder].used != 0; }
  // Pages in use of the block that holds `pfn`.
  std::uint64_t used(Pfn pfn) const { return blocks_[pfn.value >> kOrder].used; }

  void add(Pfn head, std::uint64_t frames_of_machine) {
    if (blocks_.empty()) blocks_.resize((frames_of_machine >> kOrder) + 1);
    Block& block = blocks_[head.value >> kOrder];
    PW_CHECK(block.used == 0);
    block.used = kFrames;
    ++count_;
  }
  // A page of the block is in use no more. False: it was the last one, and the block is no huge
  // page now.
  bool drop_page(Pfn pfn) {
    Block& block = blocks_[pfn.value >> kOrder];
    if (--block.used == 0) {
      forget(block);
      return false;
    }
    if (block.queued) return true;
    block.queued = true;
    ++queued_;
    ++ever_queued_;
    partly_used_.push_back(head_of(pfn));
    return true;
  }
  void remove(Pfn head) {
    Block& block = blocks_[head.value >> kOrder];
    PW_CHECK(block.used != 0);
    forget(block);
  }

  // Huge pages that are partly used, the one that became so first comes first. kNone: there are
  // none.
  static constexpr Pfn kNone{~std::uint64_t{0}};
  std::uint64_t partly_used() const { return queued_; }
  std::uint64_t ever_partly_used() const { return ever_queued_; }
  Pfn first_partly_used() {
    while (!partly_used_.empty()) {
      const Pfn head = partly_used_.front();
      if (blocks_[head.value >> kOrder].queued) return head;
      partly_used_.pop_front();
    }
    return kNone;
  }

 private:
  struct Block {
    std::uint16_t used = 0;  // 0: no huge page
    bool queued = false;     // partly used
  };
  void forget(Block& block) {
    if (block.queued) --queued_;
    block = Block{};
    --count_;
  }

  std::vector<Block> blocks_;  // by frame number / 512; empty until the first
  std::uint64_t count_ = 0, queued_ = 0, ever_queued_ = 0;
  std::deque<Pfn> partly_used_;  // with some that no longer are
};

}  // namespace pw
