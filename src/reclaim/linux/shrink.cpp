// One round over the lists: shrink_lruvec(), shrink_list(), shrink_active_list(),
// shrink_inactive_list() (mm/vmscan.c).
//
// The four lists are scanned in turn, 32 pages each, until their shares are used up; once enough
// was freed, the kind with less left is dropped and the other is scanned in the same proportion.
#include <algorithm>
#include <array>

#include "reclaim/linux/linux_reclaim.hpp"
#include "rmap/rmap.hpp"

namespace pw {

namespace {

using Targets = std::array<std::uint64_t, kLruLists>;

std::uint64_t& at(Targets& targets, Lru list) { return targets[static_cast<unsigned>(list)]; }

// Enough was freed: what is left of the round, in proportion. False: nothing.
bool trim(Targets& left, Targets& targets) {
  const std::uint64_t file = at(left, Lru::InactiveFile) + at(left, Lru::ActiveFile);
  const std::uint64_t anon = at(left, Lru::InactiveAnon) + at(left, Lru::ActiveAnon);
  if (file == 0 || anon == 0) return false;
  const bool drop_files = file <= anon;
  const Lru inactive = list_of(drop_files, false);
  const Lru active = list_of(drop_files, true);
  const std::uint64_t target = at(targets, inactive) + at(targets, active) + 1;
  const std::uint64_t percentage = (drop_files ? file : anon) * 100 / target;
  at(left, inactive) = at(left, active) = 0;
  for (const bool is_active : {false, true}) {
    const Lru list = list_of(!drop_files, is_active);
    const std::uint64_t scanned = at(targets, list) - at(left, list);
    const std::uint64_t share = at(targets, list) * (100 - percentage) / 100;
    at(left, list) = share - std::min(share, scanned);
  }
  return true;
}

}  // namespace

std::uint64_t LinuxReclaim::seen_in_lists() const {
  std::uint64_t pages = 0;
  for (unsigned list = 0; list < kLruLists; ++list) pages += statistics_.size(Lru(list));
  return pages;
}

void LinuxReclaim::shrink_lists(Scan& scan) {
  const ScanChoice choice = choose_scan(balance_, options_.swappiness, scan.priority, swap_left(),
                                        scan.trim_cache);
  Targets targets{};
  for (unsigned list = 0; list < kLruLists; ++list) {
    targets[list] = scan_target(choice, Lru(list), lists_.size(Lru(list)), scan.priority);
  }
  Targets left = targets;
  std::uint64_t freed = 0;
  bool trimmed = false;
  while (at(left, Lru::InactiveAnon) + at(left, Lru::ActiveFile) + at(left, Lru::InactiveFile) >
         0) {
    for (unsigned list = 0; list < kLruLists; ++list) {
      const std::uint64_t pages = std::min(left[list], kClusterMax);
      if (pages == 0) continue;
      left[list] -= pages;
      freed += shrink(Lru(list), pages, scan);
    }
    if (freed < scan.wanted || trimmed) continue;
    if (!trim(left, targets)) break;
    trimmed = true;
  }
  scan.freed += freed;
  split_partly_used_ones(scan.priority);
  if (swap_left() && inactive_is_low(false)) shrink_active(Lru::ActiveAnon, kClusterMax);
}

std::uint64_t LinuxReclaim::shrink(Lru list, std::uint64_t pages, Scan& scan) {
  if (!is_active(list)) return shrink_inactive(list, pages);
  if (scan.may_deactivate[is_file(list) ? 1 : 0]) {
    shrink_active(list, pages);
  } else {
    scan.skipped_deactivate = true;
  }
  return 0;
}

// Takes units off the back of the list. Oldest first.
std::vector<LruUnit> LinuxReclaim::isolate(Lru list, std::uint64_t pages) {
  std::vector<LruUnit> taken;
  Pfn pfn;
  for (std::uint64_t n = 0; n < pages && lists_.back(list, pfn);) {
    taken.push_back(unit_of(pfn));
    take_off(taken.back());
    n += taken.back().weight();
  }
  return taken;
}

void LinuxReclaim::shrink_active(Lru list, std::uint64_t pages) {
  lists_.drain();
  std::uint64_t spared = 0;
  for (const LruUnit& unit : isolate(list, pages)) {
    core_->clock.advance(unit.alike() * core_->options.costs.reclaim_page_ns);
    const Look look = look_at(unit);
    if (look.locked) {
      set_aside(unit);
      continue;
    }
    // Programs' text is worth another round (VM_EXEC); other pages go down even if referenced.
    if (look.referenced > 0 && look.executable && is_file(list)) {
      spared += unit.weight();
      age_.pass(unit.weight());  // move_folios_to_lru()
      put_front(unit);
      continue;
    }
    unset(unit, kLruActive);
    set(unit, kLruWorkingset);
    core_->counters.reclaim.pgdeactivate += unit.weight();
    put_front(unit);
  }
  balance_.note(is_file(list), 0, spared, seen_in_lists());
}

std::uint64_t LinuxReclaim::shrink_inactive(Lru list, std::uint64_t pages) {
  finish_writes();  // the device does not wait for reclaim to end
  lists_.drain();
  std::vector<LruUnit> taken = isolate(list, pages);
  if (taken.empty()) return 0;
  ReclaimCounters& counters = core_->counters.reclaim;
  std::uint64_t scanned = 0;
  for (const LruUnit& unit : taken) scanned += unit.weight();
  counters.pgscan_direct += scanned;
  Tally tally;
  std::uint64_t freed = 0;
  const FaultCosts& costs = core_->options.costs;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    // Few pages of files that go are mapped: they take less than a look through page tables.
    const bool other = is_file(list) && costs.file_free_ns != 0;
    if (!other) core_->clock.advance(taken[i].alike() * costs.reclaim_page_ns);
    const std::uint64_t gone = try_to_free(taken[i], tally);
    if (other) core_->clock.advance(gone > 0 ? costs.file_free_ns : costs.reclaim_page_ns);
    freed += gone;
    for (const Pfn piece : tally.pieces) taken.emplace_back(piece);
    tally.pieces.clear();
  }
  counters.pgsteal_direct += freed;
  (is_file(list) ? counters.pgsteal_file : counters.pgsteal_anon) += freed;
  balance_.note(is_file(list), tally.written, scanned - freed, seen_in_lists());
  if (tally.dirty_files == scanned) start_flusher();
  return freed;
}

}  // namespace pw
