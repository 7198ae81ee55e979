// Charging, and reclaim by whoever is charged: try_charge_memcg() (mm/memcontrol.c),
// try_to_free_mem_cgroup_pages(), do_try_to_free_pages(), prepare_scan_control() (mm/vmscan.c).
//
// Rounds get more urgent: at priority p each looks at a 2^p-th of each list. A whole call frees 32
// pages or more, or gives up. The active lists are only shortened where the inactive ones are too
// short or refaults show that the active pages are not worth keeping; if that alone kept a call
// from freeing anything, it is made again without asking.
#include <algorithm>

#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {

bool LinuxReclaim::swap_left() const { return !core_->swap.full(); }

namespace {
constexpr int kRetries = 16;  // MAX_RECLAIM_RETRIES
}

// The RAM itself is used up, whatever the group may have.
bool LinuxReclaim::make_frames_free() {
  for (int retries = kRetries; retries >= 0; --retries) {
    if (reclaim_group(1) > 0) return true;
  }
  return drop_zero_translations();
}

bool LinuxReclaim::charge(std::uint64_t pages) {
  for (;;) {
    if (pay(pages, false)) return true;
    // Tables that hold translations of the zero page alone can be had back by faults.
    const std::uint64_t before = used();
    (void)drop_zero_translations();
    if (used() >= before) return false;
  }
}

// try_charge_memcg(). `once`: __GFP_NORETRY, as readahead asks. What is "costly" is given up after
// some tries, even if each of them freed something.
bool LinuxReclaim::pay(std::uint64_t pages, bool once) {
  constexpr std::uint64_t kCostly = 8;  // 1 << PAGE_ALLOC_COSTLY_ORDER
  bool drained = false;
  for (int retries = kRetries;;) {
    if (group_.charge(used(), pages)) {
      core_->counters.reclaim.group_peak = group_.peak();
      return true;
    }
    const std::uint64_t freed = reclaim_group(pages);
    if (group_.margin(used()) >= pages) continue;
    if (!drained) {
      group_.drain_stock();
      drained = true;
      continue;
    }
    if (once) return false;
    if (freed > 0 && pages <= kCostly) continue;
    if (--retries < 0) return false;
  }
}

std::uint64_t LinuxReclaim::reclaim_group(std::uint64_t pages) {
  finish_writes();
  ++core_->counters.reclaim.allocstall;
  Scan scan;
  scan.wanted = std::max(pages, kClusterMax);
  for (;;) {
    for (scan.priority = kFirstPriority; scan.priority >= 0; --scan.priority) {
      prepare(scan);
      shrink_lists(scan);
      if (scan.freed >= scan.wanted) break;
    }
    // snapshot_refaults(): what was seen now is nothing new at the next call.
    seen_refaults_[0] = statistics_.activations(false);
    seen_refaults_[1] = statistics_.activations(true);
    if (swap_left() && (scan.freed < scan.wanted || runs_dry())) {
      ++core_->counters.reclaim.close_calls;
    }
    if (scan.freed > 0) return scan.freed;
    if (scan.skipped_deactivate && !scan.force_deactivate) {
      scan.force_deactivate = true;
      scan.skipped_deactivate = false;
    } else if (!wait_for_write()) {
      return 0;
    }
  }
}

// reclaim_throttle(): whoever finds nothing but pages being written waits for them. False: there
// are none.
bool LinuxReclaim::wait_for_write() {
  const std::uint64_t until = writing_.when_written(1);
  if (until == 0) return false;
  const std::uint64_t now = core_->clock.now_ns();
  core_->clock.advance_to(until);
  core_->counters.io_wait_ns += core_->clock.now_ns() - now;
  finish_writes();
  return true;
}

bool LinuxReclaim::inactive_is_low(bool file) const {
  const std::uint64_t inactive = statistics_.size(list_of(file, false));
  const std::uint64_t active = statistics_.size(list_of(file, true));
  const std::uint64_t gib = (inactive + active) >> (30 - kPageShift);
  std::uint64_t ratio = 1;
  if (gib > 0) {
    while ((ratio + 1) * (ratio + 1) <= 10 * gib) ++ratio;
  }
  return inactive * ratio < active;
}

// The inactive list nears its end, and the statistics do not tell.
bool LinuxReclaim::runs_dry() const {
  constexpr std::uint64_t kNearly = 16;
  return lists_.size(Lru::InactiveAnon) * kNearly < lists_.size(Lru::ActiveAnon) &&
         !inactive_is_low(false);
}

void LinuxReclaim::prepare(Scan& scan) {
  statistics_.look(core_->clock.now_ns());
  for (const bool file : {false, true}) {
    bool& may = scan.may_deactivate[file ? 1 : 0];
    may = scan.force_deactivate || statistics_.activations(file) != seen_refaults_[file ? 1 : 0] ||
          inactive_is_low(file);
  }
  const std::uint64_t cache = statistics_.size(Lru::InactiveFile);
  scan.trim_cache = (cache >> scan.priority) != 0 && !scan.may_deactivate[1];
}

}  // namespace pw
