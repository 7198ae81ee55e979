// Eviction from the oldest generation: evict_folios(), isolate_folios(), scan_folios(),
// sort_folio(), isolate_folio() (mm/vmscan.c).
//
// Pages are met from the back. What is met is sorted first:
//
//   a walk has given it a younger generation      moves there
//   its tier is spared, or was used to the full   to the next generation
//   dirty page of a file, or being written        to the next generation; goes when it is clean
//   else                                          taken out, to be judged
//
// 64 taken are a batch. Those that stay after all go back, and never to the oldest generation, or
// they would be met again at once.
#include <algorithm>

#include "reclaim/mglru/mglru_reclaim.hpp"

namespace pw {

std::uint64_t MglruReclaim::evict(std::uint64_t wanted, int swappiness, Scan& scan, Round& round) {
  Batch batch = isolate(wanted, swappiness, round);
  batch.scanned += generations_.advance_oldest(swappiness) ? 1 : 0;
  if (generations_.oldest(swappiness) + Generations::kMin > generations_.max_seq()) {
    batch.scanned = 0;
  }
  std::uint64_t freed = 0;
  for (bool retry = true; !batch.units.empty(); retry = false) {
    freed += try_to_free_all(batch.units, round);
    std::vector<LruUnit> clean;
    put_back_kept(batch, retry, clean);
    batch.units = std::move(clean);
  }
  scan.freed += freed;
  ReclaimCounters& counters = core_->counters.reclaim;
  counters.pgsteal_direct += freed;
  (batch.file ? counters.pgsteal_file : counters.pgsteal_anon) += freed;
  return batch.scanned;
}

// From the kind that the tiers' refaults and swappiness point to, or else from the other.
MglruReclaim::Batch MglruReclaim::isolate(std::uint64_t wanted, int swappiness, Round& round) {
  Batch batch;
  batch.file = generations_.tiers().file_first(swappiness);
  for (int kinds = swappiness == 0 ? 1 : 2; kinds > 0; --kinds) {
    batch.scanned = scan_oldest(wanted, batch.file, batch, round);
    if (batch.scanned > 0 || kinds == 1) break;
    batch.file = !batch.file;
  }
  return batch;
}

std::uint64_t MglruReclaim::scan_oldest(std::uint64_t wanted, bool file, Batch& batch,
                                        Round& round) {
  if (generations_.count(file) == Generations::kMin) return 0;
  const unsigned last_tier = generations_.tiers().last_evictable(file);
  std::uint64_t left = std::min(wanted, kMaxBatch);
  std::uint64_t scanned = 0, taken = 0;
  Pfn pfn;
  while (left > 0 && taken < kMinBatch && generations_.back(file, pfn)) {
    const LruUnit unit = unit_of(pfn);
    --left;
    scanned += unit.weight();
    if (sort(unit, last_tier, round)) {
      counts_.sorted += unit.weight();
      continue;
    }
    for (const Pfn each : unit.entries()) generations_.forget_unreferenced(each);
    unset(unit, kLruReclaim);
    take_off(unit);
    batch.units.push_back(unit);
    taken += unit.weight();
  }
  core_->counters.reclaim.pgscan_direct += taken;
  if (file) round.file_taken += taken;
  return taken > 0 || left == 0 ? scanned : 0;
}

// True: it has found another place.
bool MglruReclaim::sort(const LruUnit& unit, unsigned last_tier, Round& round) {
  const Pfn first = unit.first();
  const bool file = has(unit, kLruFile);
  if (!generations_.in_oldest(first)) {
    for (const Pfn pfn : unit.entries()) generations_.relink(pfn, true);
    return true;
  }
  const unsigned tier = generations_.tier(first);
  const bool used_up = generations_.used_up(first);
  if (tier > last_tier || used_up) {
    pass_on(unit);
    if (!used_up) generations_.tiers().note_protected(file, tier, unit.weight());
    counts_.spared += unit.weight();
    return true;
  }
  if (!unwritten(unit)) return false;
  if (file && dirty(unit)) {
    round.file_taken += unit.weight();
    if (writing_.until(first) == 0) round.unqueued_dirty += unit.weight();
  }
  pass_on(unit);
  set(unit, kLruReclaim);
  return true;
}

// To the next generation.
void MglruReclaim::pass_on(const LruUnit& unit) {
  for (const Pfn pfn : unit.entries()) {
    generations_.step(pfn);
    generations_.relink(pfn, true);
  }
}

// shrink_folio_list(). `units` are those that stay, afterwards.
std::uint64_t MglruReclaim::try_to_free_all(std::vector<LruUnit>& units, Round& round) {
  std::vector<LruUnit> kept;
  kept_ = &kept;
  Tally tally;
  std::uint64_t freed = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    core_->clock.advance(core_->options.costs.reclaim_page_ns);
    freed += try_to_free(LruUnit(units[i]), tally);
    for (const Pfn piece : tally.pieces) units.emplace_back(piece);
    tally.pieces.clear();
  }
  kept_ = nullptr;
  round.unqueued_dirty += tally.dirty_files;
  units = std::move(kept);
  return freed;
}

// `clean`: units whose write ended while they were out of the lists, so that nothing rotated them;
// with `retry` they are judged again.
void MglruReclaim::put_back_kept(const Batch& batch, bool retry, std::vector<LruUnit>& clean) {
  for (const LruUnit& unit : batch.units) {
    const Pfn first = unit.first();
    const bool mapped = std::any_of(unit.entries().begin(), unit.entries().end(),
                                    [&](Pfn pfn) { return pool_->frame(pfn).mapcount > 0; });
    if (retry && !has(unit, kLruActive) && !mapped && !unwritten(unit)) {
      clean.push_back(unit);
      continue;
    }
    if (generations_.place_of(first, standing(unit, false)) == generations_.min_seq(batch.file)) {
      set(unit, kLruActive);
      unset(unit, kLruReferenced);
    }
    put_front(unit);
  }
}

}  // namespace pw
