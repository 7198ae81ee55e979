// Dirty pages of files on their way to the device, as reclaim sees it: wakeup_flusher_threads()
// (fs/fs-writeback.c), reclaim_throttle() (mm/vmscan.c), folio_end_writeback() (mm/filemap.c).
//
//   met dirty          marked (PG_reclaim) and active: reclaim writes no files
//   all of a batch     the flusher begins to write whatever is dirty, and reclaim sleeps until 32
//   met dirty          pages have been written, or 100 ms
//   written            what is marked is the next to go: to the back of its inactive list
#include "reclaim/linux/linux_reclaim.hpp"
#include "space/operations.hpp"

namespace pw {

// The device does what is asked of it in order. Pages that were written again meanwhile, and those
// that reclaim looks at just now, stay where they are (folio_rotate_reclaimable()).
void LinuxReclaim::finish_writes() {
  writing_.end(core_->clock.now_ns(), [&](Pfn pfn) {
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

void LinuxReclaim::start_flusher() {
  constexpr std::uint64_t kEnoughPages = 32;         // SWAP_CLUSTER_MAX
  constexpr std::uint64_t kLongestNs = 100'000'000;  // HZ / 10
  core_->objects.for_each([&](VmObject& file) {
    if (file.kind != ObjectKind::File) return;
    (void)write_back(*core_, file, PageOffset(0), PageOffset(file.pages().value));
  });
  const std::uint64_t now = core_->clock.now_ns();
  const std::uint64_t enough = writing_.when_written(kEnoughPages + 1);
  core_->clock.advance_to(std::min(enough, now + kLongestNs));
  core_->counters.io_wait_ns += core_->clock.now_ns() - now;
  finish_writes();
}

}  // namespace pw
