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

// folio_referenced(): the accessed bits of small translations are cleared without a flush, so a
// page that a TLB still holds leaves no trace of its references (ptep_clear_flush_young() of x86).
// Those of large ones are flushed (pmdp_clear_flush_young()): the next reference shows, whatever
// the TLB held. Of a unit of several pages each area counts once.
LinuxReclaim::Look LinuxReclaim::look_at(const LruUnit& unit) {
  Look look;
  std::vector<const Vma*> seen;
  const bool several = unit.weight() > 1;
  const bool huge = pool_->in_huge(unit.first());
  const auto note = [&](Vma& area, Vpn vpn, x86::Pte& entry) {
    look.locked = look.locked || area.traits.locked;
    look.executable = look.executable || area.rights.execute;
    const bool used = (entry.raw & (x86::kAccessed | kInUse)) != 0;
    if (huge && entry.accessed() && area.space->tables().find(vpn, 2) == &entry) {
      core_->mmu.invalidate(area.space->id(), huge_range(vpn), FlushReason::Reclaim, false);
    }
    entry.raw &= ~x86::kAccessed;
    if (!used || (several && std::find(seen.begin(), seen.end(), &area) != seen.end())) return;
    if (several) seen.push_back(&area);
    ++look.referenced;
  };
  if (huge) {
    for_each_mapping_of_huge(*core_, unit.first(), note);
    return look;
  }
  for (const Pfn pfn : unit.entries()) for_each_mapping(*core_, pfn, note);
  const Frame& frame = pool_->frame(unit.first());
  if (frame.kind == FrameKind::Shared && core_->objects.object(frame.owner).locked) {
    look.locked = true;  // SHM_LOCK
  }
  return look;
}

LinuxReclaim::Verdict LinuxReclaim::check_references(const LruUnit& unit) {
  const Look look = look_at(unit);
  const bool seen_before = has(unit, kLruReferenced);
  const bool file = has(unit, kLruFile);
  unset(unit, kLruReferenced);
  if (look.locked) return Verdict::Aside;
  if (look.referenced > 0) {
    set(unit, kLruReferenced);
    if (seen_before || look.referenced > 1) return Verdict::Activate;
    if (look.executable && file) return Verdict::Activate;
    return Verdict::Keep;
  }
  return seen_before && file ? Verdict::ReclaimClean : Verdict::Reclaim;
}

void LinuxReclaim::activate(const LruUnit& unit) {
  set(unit, kLruActive);
  age_.pass(unit.weight());  // move_folios_to_lru()
  core_->counters.reclaim.pgactivate += unit.weight();
}

void LinuxReclaim::set_aside(const LruUnit& unit) {
  for (const Pfn pfn : unit.entries()) {
    Frame& frame = pool_->frame(pfn);
    frame.flags = static_cast<std::uint8_t>((frame.flags & ~kFrameListed) | kFrameAside);
    --listed_;
  }
}

// A locked folio: something is done to it, or it is being read.
bool LinuxReclaim::busy(const LruUnit& unit) const {
  const std::uint64_t now = core_->clock.now_ns();
  for (const Pfn pfn : unit.entries()) {
    if (pinned(pfn) || pool_->io_awaited(pfn, now)) return true;
  }
  return false;
}

// What is being written and meets reclaim for the first time goes to the active list, marked, to be
// had as soon as that is done. The second time reclaim waits (folio_wait_writeback()): groups of
// the old hierarchy have no other brake on writers. True: it may be judged now.
bool LinuxReclaim::wait_for_writing(const LruUnit& unit) {
  std::uint64_t until = 0;
  for (const Pfn pfn : unit.entries()) until = std::max(until, writing_.until(pfn));
  if (until == 0) return true;
  if (!has(unit, kLruReclaim)) {
    set(unit, kLruReclaim);
    return false;
  }
  const std::uint64_t now = core_->clock.now_ns();
  core_->counters.io_wait_ns += until - std::min(until, now);
  core_->clock.advance_to(until);
  finish_writes();
  return true;
}

// The unit is in no list while this goes on. Returns the frames that are free now.
std::uint64_t LinuxReclaim::try_to_free(const LruUnit& unit, Tally& tally) {
  if (busy(unit)) {
    put_front(unit);
    return 0;
  }
  const bool file = pool_->frame(unit.first()).kind == FrameKind::File;
  const bool unwritten = file && dirty(unit);
  if (unwritten && writing_.until(unit.first()) == 0) tally.dirty_files += unit.weight();
  if (!wait_for_writing(unit)) {
    activate(unit);
    put_front(unit);
    return 0;
  }
  switch (check_references(unit)) {
    case Verdict::Aside:
      set_aside(unit);
      return 0;
    case Verdict::Activate:
      activate(unit);
      put_front(unit);
      return 0;
    case Verdict::Keep:
      put_front(unit);
      return 0;
    case Verdict::ReclaimClean:
      if (unwritten) {
        set(unit, kLruReclaim);
        activate(unit);
      }
      if (unwritten || !is_clean(unit.first())) {
        put_front(unit);
        return 0;
      }
      break;
    case Verdict::Reclaim:
      break;
  }
  if (pool_->in_huge(unit.first())) {
    if (goes_whole(unit.first())) return swap_out_whole(unit.first(), tally);
    if (swap_left()) {
      tally.pieces = take_apart(unit.first());
      return 0;
    }
    activate(unit);
    put_front(unit);
    return 0;
  }
  switch (let_go(unit, tally)) {
    case Gone::Freed:
      return unit.weight();
    case Gone::Activated:
      activate(unit);
      break;
    case Gone::Kept:
      break;
  }
  put_front(unit);
  return 0;
}

LinuxReclaim::Gone LinuxReclaim::let_go(const LruUnit& unit, Tally& tally) {
  if (pool_->frame(unit.first()).kind == FrameKind::File) return let_file_go(unit);
  core_->clock.advance(unit.alike() * core_->options.costs.swap_out_ns);
  return let_anonymous_go(unit.first(), tally);
}

// Reclaim does not write to files: the flusher does, and the page waits for it among the active.
LinuxReclaim::Gone LinuxReclaim::let_file_go(const LruUnit& unit) {
  for (const Pfn pfn : unit.entries()) unmap_everywhere(*core_, pfn, FlushReason::Reclaim);
  if (dirty(unit)) {
    set(unit, kLruReclaim);
    return Gone::Activated;
  }
  const std::uint64_t mark = leave_mark(unit);
  for (const Pfn pfn : unit.entries()) {
    note_wasted(*core_, pool_->frame(pfn));
    drop_file_page(*core_, pfn, mark, WasDirty::No);
  }
  return Gone::Freed;
}

namespace {
// What it takes the CPU to hand a page to a device's queue (swap_writeout(), submit_bio()).
constexpr std::uint64_t kSubmitNs = 1'000;
}  // namespace

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
    note_swap_write(*core_, pfn, fresh);
    const std::uint64_t pages = pw::pages_of(frame);
    tally.written += pages;
    const std::uint64_t done = core_->swap.submit(fresh, Transfer::Write, core_->clock.now_ns(), 1,
                                                  pages);
    set_swap_copy(frame, fresh);
    frame.flags &= static_cast<std::uint8_t>(~kFrameDirty);
    if (!core_->swap.synchronous(fresh)) {
      core_->clock.advance(pages * kSubmitNs);
      lists_.set(pfn, kLruReclaim);
      writing_.begin(pfn, done, pages);
      return Gone::Kept;
    }
    core_->clock.advance_to(done);
    core_->counters.reclaim.writes_ended += pages;
  }
  const SwapSlot slot = swap_copy(frame);
  marks_.set(slot, leave_mark(unit_of(pfn)));
  leave_for_swap(*core_, pfn, slot, fresh.valid() ? WasDirty::Yes : WasDirty::No);
  return Gone::Freed;
}

}  // namespace pw
