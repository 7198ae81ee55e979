// What a page that comes back is told about the time it was away: workingset_refault()
// (mm/workingset.c).
#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {

void LinuxReclaim::gone(PageSlot slot) {
  if (slot.is_swapped()) (void)marks_.take(slot.swap());
}

std::uint64_t LinuxReclaim::mark_of(PageSlot slot) const {
  if (slot.is_shadow()) return slot.note();
  return slot.is_swapped() ? marks_.of(slot.swap()) : 0;
}

std::uint64_t LinuxReclaim::refault_distance(PageSlot slot) const {
  const std::uint64_t mark = mark_of(slot);
  return mark == 0 ? kNoDistance : age_.distance(mark);
}

std::uint64_t LinuxReclaim::leave_mark(const LruUnit& unit) {
  return age_.leave(has(unit, kLruWorkingset), unit.weight());
}

void LinuxReclaim::note_refault(const FrameWant& want, Pfn pfn) {
  returned({&pfn, 1}, want.swapped.valid() ? marks_.take(want.swapped) : want.shadow);
}

// A folio is judged as a whole, by what one of its pages left (filemap_add_folio()).
void LinuxReclaim::returned(std::span<const Pfn> folio, std::uint64_t mark) {
  if (mark == 0) return;
  const bool file = lists_.has(folio.front(), kLruFile);
  const auto pages = folio.size() == 1 ? static_cast<std::uint64_t>(pages_of(folio.front()))
                                       : folio.size();
  ReclaimCounters& counters = core_->counters.reclaim;
  (file ? counters.refault_file : counters.refault_anon) += pages;
  statistics_.look(core_->clock.now_ns());
  const NonresidentAge::Refault refault = age_.judge(mark, file, statistics_, swap_left());
  if (!refault.soon) return;
  for (const Pfn pfn : folio) lists_.set(pfn, kLruActive);
  age_.pass(pages);
  statistics_.count_activation(file, pages);
  (file ? counters.activate_file : counters.activate_anon) += pages;
  if (!refault.was_working) return;
  for (const Pfn pfn : folio) lists_.set(pfn, kLruWorkingset);
  balance_.note(file, pages, 0, seen_in_lists());  // lru_note_cost_refault()
}

}  // namespace pw
