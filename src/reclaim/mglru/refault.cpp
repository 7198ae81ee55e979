// What a page leaves behind and what is made of it when it is back: lru_gen_eviction(),
// lru_gen_test_recent(), lru_gen_refault() (mm/workingset.c).
//
// The mark has the number of the generation that the page was evicted from, its uses through
// descriptors and whether it was in the working set. It is recent as long as that generation is no
// further from the youngest than generations reach; then the tier's refaults are counted, and the
// page has its uses back. Distances play no part.
#include "reclaim/mglru/mglru_reclaim.hpp"

namespace pw {

namespace {

constexpr unsigned kRefsShift = 2;  // LRU_REFS_WIDTH

}  // namespace

std::uint64_t MglruReclaim::leave_mark(const LruUnit& unit) {
  const bool file = has(unit, kLruFile);
  const bool working = has(unit, kLruWorkingset);
  const unsigned refs = generations_.refs(unit.first());
  generations_.tiers().note_evicted(file, Generations::tier_of(refs, working), unit.weight());
  const std::uint64_t token = generations_.min_seq(file) << kRefsShift | (refs > 0 ? refs - 1 : 0);
  return token << 2 | (working ? 2U : 0U) | 1U;
}

std::uint64_t MglruReclaim::left_from(PageSlot slot) const {
  const std::uint64_t mark = mark_of(slot);
  return mark == 0 ? kNoDistance : mark >> 2 >> kRefsShift;
}

void MglruReclaim::returned(std::span<const Pfn> folio, std::uint64_t mark) {
  if (mark == 0) return;
  const bool file = lists_.has(folio.front(), kLruFile);
  const std::uint64_t pages = folio.size();
  ReclaimCounters& counters = core_->counters.reclaim;
  (file ? counters.refault_file : counters.refault_anon) += pages;
  const std::uint64_t token = mark >> 2;
  const bool working = (mark & 2) != 0;
  const std::uint64_t seq = token >> kRefsShift;
  if (!remembers(seq)) return;
  const unsigned refs = static_cast<unsigned>(token & ((1U << kRefsShift) - 1)) + 1;
  generations_.tiers().note_refaulted(file, Generations::tier_of(refs, working), pages);
  if (in_fault_) (file ? counters.activate_file : counters.activate_anon) += pages;
  if (working) counts_.restored[file ? 1 : 0] += pages;
  for (const Pfn pfn : folio) {
    if (working) {
      lists_.set(pfn, kLruWorkingset);
    } else {
      generations_.restore_refs(pfn, refs);
    }
  }
}

}  // namespace pw
