// What a page that comes back is told about the time it was away: workingset_refault()
// (mm/workingset.c).
#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {

void LinuxReclaim::gone(PageSlot slot) {
  if (slot.is_swapped()) marks_.erase(slot.swap().value);
}

void LinuxReclaim::note_refault(const FrameWant& want, Pfn pfn) {
  const bool file = want.kind == FrameKind::File;
  std::uint64_t mark = want.shadow;
  if (want.swapped.valid()) {
    const auto it = marks_.find(want.swapped.value);
    if (it == marks_.end()) return;
    mark = it->second;
    marks_.erase(it);
  }
  if (mark == 0) return;
  ReclaimCounters& counters = core_->counters.reclaim;
  ++(file ? counters.refault_file : counters.refault_anon);
  statistics_.look(core_->clock.now_ns());
  const NonresidentAge::Refault refault = age_.judge(mark, file, statistics_, swap_left());
  if (!refault.soon) return;
  lists_.set(pfn, kLruActive);
  age_.pass(1);
  statistics_.count_activation(file);
  ++(file ? counters.activate_file : counters.activate_anon);
  if (!refault.was_working) return;
  lists_.set(pfn, kLruWorkingset);
  balance_.note(file, 1, 0, seen_in_lists());  // lru_note_cost_refault()
}

}  // namespace pw
