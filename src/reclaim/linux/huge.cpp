// Huge pages at a group's limit.
//
//   a fault        charges 512 pages at once; only for those who asked for huge pages is anything
//                  reclaimed (vma_thp_gfp_mask(), defrag = madvise)
//   in a list      one entry of 512 pages; referenced if any translation of any part was
//   let go         written whole to swap on compressed RAM, which like all block devices offers
//   blocks
//                  of 512 slots (folio_alloc_swap(), CONFIG_THP_SWAP); to other swap, or if it is
//                  partly used, split: its pages are judged at once, the first one first, then from
//                  the last one back (split_folio_to_list() in shrink_folio_list()); pages of zeros
//                  are free
//   partly used    a shrinker splits those when reclaim gets urgent (deferred_split_scan())
#include <algorithm>

#include "reclaim/linux/linux_reclaim.hpp"
#include "rmap/huge_split.hpp"

namespace pw {

std::int64_t LinuxReclaim::pages_of(Pfn pfn) const {
  return static_cast<std::int64_t>(pool_->in_huge(pfn) ? HugeBlocks::kFrames
                                                       : pw::pages_of(pool_->frame(pfn)));
}

bool LinuxReclaim::pinned(Pfn pfn) const {
  if (!pool_->in_huge(pfn)) return pool_->frame(pfn).aux > 0;
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) {
    if (pool_->frame(pfn + PageCount(i)).aux > 0) return true;
  }
  return false;
}

// Nobody is killed for a huge page.
bool LinuxReclaim::charge_huge(bool light) {
  constexpr std::uint64_t kPages = HugeBlocks::kFrames;
  if (!light) return pay(kPages, false);
  if (!group_.charge(used(), kPages)) return false;
  core_->counters.reclaim.group_peak = group_.peak();
  return true;
}

bool LinuxReclaim::allocate_huge(const FrameWant& want, FrameGrant& out) {
  if (!charge_huge(want.light) || !pool_->take_huge(want.kind, out.pfn)) return false;
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) lists_.flags(out.pfn + PageCount(i)) = 0;
  return true;
}

// Its pages are in the lists afterwards, each by itself, with what was known of the whole.
void LinuxReclaim::break_up(Pfn head) {
  const std::uint8_t known = lists_.flags(head) & (kLruActive | kLruReferenced | kLruWorkingset);
  for (std::uint64_t i = 1; i < HugeBlocks::kFrames; ++i) {
    lists_.flags(head + PageCount(i)) = known;
  }
  split_huge_page(*core_, head);
}

// The same, but in no list, in the order in which they are judged.
std::vector<Pfn> LinuxReclaim::take_apart(Pfn head) {
  break_up(head);
  std::vector<Pfn> pieces;
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) {
    const Pfn pfn = head + PageCount((HugeBlocks::kFrames - i) % HugeBlocks::kFrames);
    if (!is_user(pool_->frame(pfn).kind)) continue;
    delist(pfn);
    pieces.push_back(pfn);
  }
  return pieces;
}

bool LinuxReclaim::goes_whole(Pfn head) const {
  const SwapSpace& swap = core_->swap;
  return swap.all_synchronous() && swap.total_slots() - swap.used_slots() >= HugeBlocks::kFrames &&
         pool_->huge().used(head) == HugeBlocks::kFrames &&
         (pool_->frame(head).flags & kFrameLazy) == 0;
}

// THP_SWAP: its pages go with one decision, and come back each by itself.
std::uint64_t LinuxReclaim::swap_out_whole(Pfn head, Tally& tally) {
  const std::uint8_t known = lists_.flags(head) & (kLruActive | kLruReferenced | kLruWorkingset);
  end_huge_page(*core_, head);
  std::uint64_t freed = 0;
  for (std::uint64_t i = 0; i < HugeBlocks::kFrames; ++i) {
    const Pfn pfn = head + PageCount(i);
    lists_.flags(pfn) = known;
    if (let_anonymous_go(pfn, tally) == Gone::Freed) {
      ++freed;
    } else {
      pool_->admit(pfn);
    }
  }
  ++core_->counters.huge.swapped_out;
  return freed;
}

// do_shrink_slab() with two seeks for each, in batches of 128.
void LinuxReclaim::split_partly_used_ones(int priority) {
  constexpr std::uint64_t kBatch = 128;
  const std::uint64_t there = pool_->huge().partly_used();
  const std::uint64_t wanted = (there >> priority) * 2;
  if (wanted == 0 || wanted < std::min(there, kBatch)) return;
  (void)split_partly_used(*core_, std::min(wanted, there));
}

}  // namespace pw
