// Pages that a program says it will not need, or not soon: MADV_COLD, MADV_PAGEOUT, MADV_FREE.
//
// Replacement policies know nothing of advice. Pages that were called cold wait in a list of their
// own, beside their places in the policy's order, and go before the policy is asked; one that was
// referenced since is an ordinary page again (lru_deactivate() and lru_lazyfree(), mm/swap.c, move
// it in the order instead).
#include <utility>
#include <vector>

#include "reclaim/frames_of.hpp"
#include "reclaim/reclaimer.hpp"
#include "rmap/huge_split.hpp"
#include "rmap/rmap.hpp"

namespace pw {

namespace {

void warm_up(Frame& frame) { frame.flags &= static_cast<std::uint8_t>(~kFrameCold); }

}  // namespace

void Reclaimer::deactivate(Pfn pfn) {
  Frame& frame = pool_->frame(pfn);
  if ((frame.flags & (kFrameCold | kFrameListed)) != kFrameListed) return;
  if (cold_.size() >= pool_->total().value) forget_warm();
  frame.flags |= kFrameCold;
  cold_.push_back(pfn);
}

// Leaves each frame that is cold in the list once, and no other.
void Reclaimer::forget_warm() {
  std::deque<Pfn> cold;
  for (const Pfn pfn : cold_) {
    Frame& frame = pool_->frame(pfn);
    if ((frame.flags & kFrameCold) == 0) continue;
    warm_up(frame);
    cold.push_back(pfn);
  }
  for (const Pfn pfn : cold) pool_->frame(pfn).flags |= kFrameCold;
  cold_ = std::move(cold);
}

void Reclaimer::deactivate(Vma& area, VpnRange part) {
  split_huge_pages(*core_, area, part, true);
  for (const Pfn pfn : frames_of_alone(*pool_, area, part)) {
    for_each_mapping(*core_, pfn, [](Vma&, Vpn, x86::Pte& entry) { entry.raw &= ~x86::kAccessed; });
    deactivate(pfn);
  }
  // The next reference must set the bit again, or the page would go although it is used.
  core_->mmu.invalidate(area.space->id(), part, FlushReason::WriteProtect, false);
}

bool Reclaimer::reclaim_cold(Who who, std::uint64_t& ready_ns) {
  while (!cold_.empty()) {
    const Pfn pfn = cold_.front();
    cold_.pop_front();
    Frame& frame = pool_->frame(pfn);
    if ((frame.flags & kFrameCold) == 0) continue;  // another page by now
    warm_up(frame);
    if (probe(pfn, who) != policy::Verdict::Idle || !evict_unasked(pfn, ready_ns)) continue;
    count_stolen(who);
    return true;
  }
  return false;
}

bool Reclaimer::evict_unasked(Pfn pfn, std::uint64_t& ready_ns) {
  if (pool_->in_huge(pfn)) break_up(HugeBlocks::head_of(pfn));
  const Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameListed) == 0 || frame.aux > 0) return false;
  if (pool_->io_awaited(pfn, core_->clock.now_ns())) return false;
  if (frame.kind != FrameKind::File && !can_swap(frame)) return false;
  pool_->withdraw(pfn);
  if (evict(pfn, ready_ns)) return true;
  readmit(pfn);
  return false;
}

}  // namespace pw
