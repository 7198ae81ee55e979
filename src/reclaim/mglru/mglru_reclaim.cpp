// Where pages join and leave the generations.
#include "reclaim/mglru/mglru_reclaim.hpp"

#include <algorithm>

namespace pw {

MglruReclaim::MglruReclaim(FramePool& pool, const LinuxOptions& options, unsigned cpus)
    : LinuxReclaim(pool, options, cpus),
      generations_(lists_, pool.total().value),
      walk_(generations_, [this](Pfn pfn) { return unit_of(pfn); }) {
  charges_spaces_ = true;  // to be told which space runs
}

bool MglruReclaim::unwritten(const LruUnit& unit) const {
  for (const Pfn pfn : unit.entries()) {
    if (writing_.until(pfn) != 0) return true;
  }
  return pool_->frame(unit.first()).kind == FrameKind::File && dirty(unit);
}

Generations::Standing MglruReclaim::standing(const LruUnit& unit, bool reclaiming) const {
  const Frame& frame = pool_->frame(unit.first());
  const bool cached = frame.kind != FrameKind::File && swap_copy(frame).valid();
  return {reclaiming, cached, unwritten(unit), pool_->in_huge(unit.first())};
}

// folio_add_lru(): what a fault brings in, read ahead or not, is in use.
void MglruReclaim::admitted(Pfn pfn) {
  ++listed_;
  if (lists_.has(pfn, kLruForeign)) {
    ++foreign_;
    return;
  }
  if (in_fault_ && !reclaiming_) lists_.set(pfn, kLruActive);
  if (pool_->in_huge(pfn) || in_folio(pfn)) {  // large ones don't wait in batches
    drain();
    return enlist_front(pfn);
  }
  lists_.set(pfn, kLruBatched);
  new_.push_back(pfn);
  if (new_.size() >= LruLists::kBatch) drain();
}

void MglruReclaim::departed(Pfn pfn) {
  LinuxReclaim::departed(pfn);
  generations_.reset(pfn);
}

void MglruReclaim::drain() {
  for (const Pfn pfn : new_) {
    lists_.unset(pfn, kLruBatched);
    enlist_front(pfn);
  }
  new_.clear();
}

void MglruReclaim::enlist_front(Pfn pfn) { generations_.add(pfn, standing(LruUnit(pfn), false)); }

// lru_move_tail(): what was written to go, and is clean now, goes next.
void MglruReclaim::enlist_back(Pfn pfn) { generations_.add(pfn, standing(LruUnit(pfn), true)); }

void MglruReclaim::put_front(const LruUnit& unit) {
  if (kept_ != nullptr) return kept_->push_back(unit);
  const Generations::Standing now = standing(unit, false);
  for (const Pfn pfn : unit.entries()) generations_.add(pfn, now);
}

void MglruReclaim::delist(Pfn pfn) {
  if (lists_.has(pfn, kLruBatched)) {
    lists_.unset(pfn, kLruBatched);
    new_.erase(std::find(new_.begin(), new_.end(), pfn));
  } else if (generations_.listed(pfn)) {
    generations_.remove(pfn);
  }
}

// folio_mark_accessed().
void MglruReclaim::mark_accessed(Pfn pfn) {
  if ((pool_->frame(pfn).flags & kFrameListed) == 0 || lists_.has(pfn, kLruForeign)) return;
  const LruUnit unit = unit_of(pfn);
  for (const Pfn each : unit.entries()) generations_.inc_refs(each);
}

// folio_deactivate(), lru_lazyfree(), lru_deactivate_file(), mm/swap.c: the page is as good as new
// in its kind; one of a file that nobody maps is the next to go once it is clean.
void MglruReclaim::deactivate(Pfn pfn) {
  const Frame& frame = pool_->frame(pfn);
  if ((frame.flags & kFrameListed) == 0 || lists_.has(pfn, kLruForeign)) return;
  drain();
  if (!generations_.listed(pfn)) return;
  const LruUnit unit = unit_of(pfn);
  for (const Pfn each : unit.entries()) generations_.clear_refs(each);
  const bool lazy = (frame.flags & kFrameLazy) != 0;
  const bool unmapped = frame.kind == FrameKind::File && frame.mapcount == 0;
  if (!lazy && !unmapped && generations_.in_oldest(pfn)) return;
  take_off(unit);
  if (lazy) set(unit, kLruFile);
  if (unmapped && !unwritten(unit)) return put_back(unit);
  if (unmapped) set(unit, kLruReclaim);
  put_front(unit);
}

const char* MglruReclaim::check() const {
  for (std::uint64_t n = 0; n < pool_->total().value; ++n) {
    const Frame& frame = pool_->frame(Pfn(n));
    const bool user = is_user(frame.kind) || frame.kind == FrameKind::Spare;
    const bool known = user && (frame.flags & kFrameListed) != 0 &&
                       !lists_.has(Pfn(n), kLruForeign);
    const bool waits = lists_.has(Pfn(n), kLruBatched);
    if (known && generations_.listed(Pfn(n)) == waits) {
      return "a page of the group is in no generation, or is to join one and has";
    }
    if (!known && generations_.listed(Pfn(n))) return "a generation has a page that is gone";
  }
  if (generations_.entries() + new_.size() + foreign_ != listed_) {
    return "generations hold other pages";
  }
  return generations_.check();
}

}  // namespace pw
