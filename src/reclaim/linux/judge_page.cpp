// What becomes of a page from the back of an inactive list: shrink_folio_list(),
// folio_check_references() (mm/vmscan.c).
//
//   locked                          set aside, until it is unlocked
//   being written                   waited for if it was to go, else active
//   referenced since the last look  once: another round, marked; again, or by several: active
//   dirty, of a file                active, and the flusher is woken
//   anonymous without copy          gets a slot and is written: gone at once if the device is
//                                   synchronous, else when it is met again
//   clean                           gone; what it leaves behind tells its age
#include <algorithm>

#include "reclaim/leave.hpp"
#include "reclaim/linux/linux_reclaim.hpp"
#include "rmap/rmap.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

// folio_referenced(): accessed bits are cleared without a flush, so a page that a TLB still holds
// leaves no trace of its references.
LinuxReclaim::Look LinuxReclaim::look_at(Pfn pfn) {
  Look look;
  std::vector<const Vma*> seen;  // of a huge page each area counts once
  const bool huge = pool_->in_huge(pfn);
  const auto note = [&](Vma& area, Vpn, x86::Pte& entry) {
    look.locked = look.locked || area.traits.locked;
    look.executable = look.executable || area.rights.execute;
    const bool used = (entry.raw & (x86::kAccessed | kInUse)) != 0;
    entry.raw &= ~x86::kAccessed;
    if (!used || (huge && std::find(seen.begin(), seen.end(), &area) != seen.end())) return;
    if (huge) seen.push_back(&area);
    ++look.referenced;
  };
  if (huge) {
    for_each_mapping_of_huge(*core_, pfn, note);
    return look;
  }
  for_each_mapping(*core_, pfn, note);
  const Frame& frame = pool_->frame(pfn);
  if (frame.kind == FrameKind::Shared && core_->objects.object(frame.owner).locked) {
    look.locked = true;  // SHM_LOCK
  }
  return look;
}

LinuxReclaim::Verdict LinuxReclaim::check_references(Pfn pfn) {
  const Look look = look_at(pfn);
  const bool seen_before = lists_.has(pfn, kLruReferenced);
  const bool file = lists_.has(pfn, kLruFile);
  lists_.unset(pfn, kLruReferenced);
  if (look.locked) return Verdict::Aside;
  if (look.referenced > 0) {
    lists_.set(pfn, kLruReferenced);
    if (seen_before || look.referenced > 1) return Verdict::Activate;
    if (look.executable && file) return Verdict::Activate;
    return Verdict::Keep;
  }
  return seen_before && file ? Verdict::ReclaimClean : Verdict::Reclaim;
}

void LinuxReclaim::activate(Pfn pfn) {
  lists_.set(pfn, kLruActive);
  age_.pass(1);  // move_folios_to_lru()
  ++core_->counters.reclaim.pgactivate;
}

void LinuxReclaim::set_aside(Pfn pfn) {
  Frame& frame = pool_->frame(pfn);
  frame.flags = static_cast<std::uint8_t>((frame.flags & ~kFrameListed) | kFrameAside);
  --listed_;
}

// The page is in no list while this goes on. Returns the frames that are free now.
std::uint64_t LinuxReclaim::try_to_free(Pfn pfn, Tally& tally) {
  const Frame& frame = pool_->frame(pfn);
  const std::uint64_t now = core_->clock.now_ns();
  if (frame.kind == FrameKind::File && (frame.flags & kFrameDirty) != 0) ++tally.dirty_files;
  if (pinned(pfn) || pool_->io_awaited(pfn, now)) {
    enlist_front(pfn);
    return 0;
  }
  if (const auto it = writing_until_.find(pfn.value); it != writing_until_.end()) {
    if (!lists_.has(pfn, kLruReclaim)) {
      lists_.set(pfn, kLruReclaim);
      activate(pfn);
      enlist_front(pfn);
      return 0;
    }
    // folio_wait_writeback(): groups of the old hierarchy have no other brake on writers.
    core_->counters.io_wait_ns += it->second - std::min(it->second, now);
    core_->clock.advance_to(it->second);
    finish_writes();
  }
  switch (check_references(pfn)) {
    case Verdict::Aside:
      set_aside(pfn);
      return 0;
    case Verdict::Activate:
      activate(pfn);
      enlist_front(pfn);
      return 0;
    case Verdict::Keep:
      enlist_front(pfn);
      return 0;
    case Verdict::ReclaimClean:
      if (!is_clean(pfn)) {
        if (frame.kind == FrameKind::File) {
          lists_.set(pfn, kLruReclaim);
          activate(pfn);
        }
        enlist_front(pfn);
        return 0;
      }
      break;
    case Verdict::Reclaim:
      break;
  }
  if (pool_->in_huge(pfn)) {
    if (goes_whole(pfn)) return swap_out_whole(pfn, tally);
    if (swap_left()) {
      tally.pieces = take_apart(pfn);
      return 0;
    }
    activate(pfn);
    enlist_front(pfn);
    return 0;
  }
  switch (let_go(pfn, tally)) {
    case Gone::Freed:
      return 1;
    case Gone::Activated:
      activate(pfn);
      break;
    case Gone::Kept:
      break;
  }
  enlist_front(pfn);
  return 0;
}

LinuxReclaim::Gone LinuxReclaim::let_go(Pfn pfn, Tally& tally) {
  return pool_->frame(pfn).kind == FrameKind::File ? let_file_go(pfn)
                                                   : let_anonymous_go(pfn, tally);
}

// Reclaim does not write to files: the flusher does, and the page waits for it among the active.
LinuxReclaim::Gone LinuxReclaim::let_file_go(Pfn pfn) {
  unmap_everywhere(*core_, pfn, FlushReason::Reclaim);
  if ((pool_->frame(pfn).flags & kFrameDirty) != 0) {
    lists_.set(pfn, kLruReclaim);
    return Gone::Activated;
  }
  note_wasted(*core_, pool_->frame(pfn));
  drop_file_page(*core_, pfn, age_.leave(lists_.has(pfn, kLruWorkingset)));
  return Gone::Freed;
}

LinuxReclaim::Gone LinuxReclaim::let_anonymous_go(Pfn pfn, Tally& tally) {
  Frame& frame = pool_->frame(pfn);
  SwapSlot fresh{};
  if (!swap_copy(frame).valid() && (frame.flags & kFrameLazy) == 0 && !swap_left()) {
    return Gone::Activated;
  }
  unmap_everywhere(*core_, pfn, FlushReason::Reclaim);
  note_wasted(*core_, frame);
  if ((frame.flags & kFrameLazy) != 0 && drop_lazy_page(*core_, pfn)) return Gone::Freed;
  if (!swap_copy(frame).valid()) {
    fresh = store_in_swap(*core_, pfn);
    if (!fresh.valid()) return Gone::Activated;
    ++core_->counters.reclaim.pswpout;
    ++tally.written;
    const std::uint64_t done = core_->swap.submit(fresh, Transfer::Write, core_->clock.now_ns());
    set_swap_copy(frame, fresh);
    frame.flags &= static_cast<std::uint8_t>(~kFrameDirty);
    if (!core_->swap.synchronous(fresh)) {
      lists_.set(pfn, kLruReclaim);
      writing_until_[pfn.value] = done;
      writing_.push_back({pfn, done});
      return Gone::Kept;
    }
    core_->clock.advance_to(done);
  }
  const SwapSlot slot = swap_copy(frame);
  marks_[slot.value] = age_.leave(lists_.has(pfn, kLruWorkingset));
  leave_for_swap(*core_, pfn, slot);
  return Gone::Freed;
}

// Writes that are done: a page that was to go is moved to the back (folio_rotate_reclaimable()).
void LinuxReclaim::finish_writes() {
  const std::uint64_t now = core_->clock.now_ns();
  while (!writing_.empty() && writing_.front().ready_ns <= now) {
    const Writing done = writing_.front();
    writing_.pop_front();
    const auto it = writing_until_.find(done.pfn.value);
    if (it == writing_until_.end() || it->second != done.ready_ns) continue;
    writing_until_.erase(it);
    if (!lists_.has(done.pfn, kLruReclaim)) continue;
    lists_.unset(done.pfn, kLruReclaim);
    if (lists_.listed(done.pfn)) rotate(done.pfn);
  }
}

// lru_move_tail(), mm/swap.c.
void LinuxReclaim::rotate(Pfn pfn) {
  delist(pfn);
  lists_.unset(pfn, kLruActive);
  enlist_back(pfn);
}

// wakeup_flusher_threads(): everything dirty is written, beside the program; pages that were met
// dirty are the next to go (folio_rotate_reclaimable()). The program waits until 32 pages are
// written (reclaim_throttle(), acct_reclaim_writeback()).
void LinuxReclaim::start_flusher() {
  constexpr std::uint64_t kThrottleNs = 1'000'000;
  const std::uint64_t now = core_->clock.now_ns();
  core_->objects.for_each([&](VmObject& file) {
    if (file.kind != ObjectKind::File) return;
    const PageOffset end(file.pages().value);
    (void)write_back(*core_, file, PageOffset(0), end);
    file.slots.for_each(PageOffset(0), end, [&](PageOffset, PageSlot slot) {
      if (!slot.is_resident() || !lists_.has(slot.pfn(), kLruReclaim)) return;
      lists_.unset(slot.pfn(), kLruReclaim);
      if (lists_.listed(slot.pfn())) rotate(slot.pfn());
    });
  });
  core_->clock.advance_to(now + kThrottleNs);
  core_->counters.io_wait_ns += core_->clock.now_ns() - now;
}

}  // namespace pw
