// Dirty pages of files on their way to the device, as reclaim sees it: wakeup_flusher_threads()
// (fs/fs-writeback.c), reclaim_throttle() (mm/vmscan.c), folio_end_writeback() (mm/filemap.c).
//
//   met dirty          marked (PG_reclaim) and active: reclaim writes no files
//   all of a batch     the flusher begins to write whatever is dirty, and reclaim sleeps until
//   met dirty          enough pages have been written, or 100 ms (groups of version 1 only)
//   written            what is marked is the next to go: to the back of its inactive list
#include <algorithm>

#include "reclaim/linux/linux_reclaim.hpp"
#include "space/operations.hpp"

namespace pw {

// The device does what is asked of it in order. Pages that were written again meanwhile, and those
// that reclaim looks at just now, stay where they are (folio_rotate_reclaimable()).
void LinuxReclaim::finish_writes() {
  writing_.end(core_->clock.now_ns(), [&](Pfn pfn) {
    core_->counters.reclaim.writes_ended += pw::pages_of(pool_->frame(pfn));
    if (!lists_.has(pfn, kLruReclaim)) return;
    const LruUnit unit = unit_of(pfn);
    unset(unit, kLruReclaim);
    if (!enlisted(pfn) || (pool_->frame(pfn).kind == FrameKind::File && dirty(unit))) return;
    rotate(unit);
  });
}

// lru_move_tail(), mm/swap.c.
void LinuxReclaim::rotate(const LruUnit& unit) {
  take_off(unit);
  unset(unit, kLruActive);
  put_back(unit);
}

void LinuxReclaim::write_began(Pfn pfn, std::uint64_t until_ns) {
  if (until_ns <= core_->clock.now_ns() || lists_.has(pfn, kLruForeign)) return;
  writing_.begin(pfn, until_ns);
}

// Sleeping ends when 32 pages have been written since it began (SWAP_CLUSTER_MAX), by whomever and
// to whatever. They are counted by each CPU for itself, and seen by those who sleep when it has
// counted more than calculate_normal_threshold() (mm/vmstat.c) allows: 36 pages with two CPUs and
// 16 GiB or more. So what counts is the step that ends next, however many are left of it.
//
// In groups of version 2 reclaim does not sleep (writeback_throttling_sane()): who writes is made
// to wait for the device as he does so (balance_dirty_pages()), of which the wait for what is being
// written, here, is what is left.
void LinuxReclaim::start_flusher() {
  constexpr std::uint64_t kStep = 37;
  constexpr std::uint64_t kLongestNs = 100'000'000;  // HZ / 10
  core_->objects.for_each([&](VmObject& file) {
    if (file.kind != ObjectKind::File) return;
    (void)write_back(*core_, file, PageOffset(0), PageOffset(file.pages().value));
  });
  ReclaimCounters& counters = core_->counters.reclaim;
  const std::uint64_t now = core_->clock.now_ns();
  const std::uint64_t left = kStep - counters.writes_ended % kStep;
  std::uint64_t enough = writing_.when_written(left);
  if (enough == 0 && options_.group_version == 2) {
    enough = std::max(now, writing_.when_all_written());
  }
  const bool long_sleep = enough == 0 || enough > now + kLongestNs;
  core_->clock.advance_to(long_sleep ? now + kLongestNs : enough);
  core_->counters.io_wait_ns += core_->clock.now_ns() - now;
  if (long_sleep) {
    ++counters.throttled;
    counters.throttled_until = counters.writes_ended + left;
  }
  finish_writes();
}

}  // namespace pw
