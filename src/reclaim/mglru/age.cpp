// A round of reclaim of a group at its limit: lru_gen_shrink_lruvec(), try_to_shrink_lruvec(),
// get_nr_to_scan(), should_run_aging() (mm/vmscan.c).
//
// At priority p a 2^p-th of all pages that may be evicted is looked at, whatever has been freed
// meanwhile. When only three generations are left, the round that would look at pages ages instead,
// except the first round of a call, which gets away with what is there; when two are left there is
// nothing to evict until a walk has been made.
#include <algorithm>

#include "reclaim/mglru/mglru_reclaim.hpp"

namespace pw {

void MglruReclaim::shrink_lists(Scan& scan) {
  drain();
  reclaiming_ = true;
  const int swappiness = this->swappiness();
  Round round;
  std::uint64_t scanned = 0;
  for (;;) {
    const std::int64_t wanted = pages_to_scan(scan.priority, swappiness);
    if (wanted <= 0) break;
    const std::uint64_t some = evict(static_cast<std::uint64_t>(wanted), swappiness, scan, round);
    scanned += some;
    if (some == 0 || scanned >= static_cast<std::uint64_t>(wanted)) break;
  }
  if (round.unqueued_dirty != 0 && round.unqueued_dirty == round.file_taken) start_flusher();
  split_partly_used_ones(scan.priority);
  reclaiming_ = false;
}

// get_swappiness(): anonymous pages are left alone when swap is all but full.
int MglruReclaim::swappiness() const {
  const std::uint64_t left = core_->swap.total_slots() - core_->swap.used_slots();
  return left < kMinBatch ? 0 : options_.swappiness;
}

bool MglruReclaim::should_age(int swappiness, std::uint64_t& size) const {
  size = 0;
  const std::uint64_t last = generations_.oldest(swappiness) + Generations::kMin;
  if (last > generations_.max_seq()) return true;
  size = generations_.size(swappiness);
  return last == generations_.max_seq();
}

// Negative: a generation began, and this round is over.
std::int64_t MglruReclaim::pages_to_scan(int priority, int swappiness) {
  std::uint64_t size = 0;
  if (!should_age(swappiness, size) || priority == kFirstPriority) {
    return static_cast<std::int64_t>(size >> priority);
  }
  age(swappiness);
  return -1;
}

// try_to_inc_max_seq().
void MglruReclaim::age(int swappiness) {
  if (core_->counters.io_wait_ns != waited_ns_) walk_.waited();
  waited_ns_ = core_->counters.io_wait_ns;
  const std::uint64_t pages = walk_.run(*core_, swappiness);
  core_->clock.advance(pages * core_->options.costs.reclaim_page_ns);
  generations_.add_youngest(swappiness);
}

}  // namespace pw
