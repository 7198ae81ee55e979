// Who is killed when a group is at its limit and nothing can be freed: oom_badness(),
// select_bad_process() and oom_kill_process() of mm/oom_kill.c.
//
// The process that takes most: its resident pages, its entries in swap, its page tables. Of two
// that take the same the later one goes (oom_evaluate_task() compares with <). Whoever has the same
// memory goes with it, as does a child of vfork(2) that has none of its own yet. Without bodies to
// compare (no adjustments, one user) nothing else decides. The memory is free at once: the kernel
// lets the faulting process wait for it.
#include "machine/machine.hpp"

namespace pw {
namespace {

constexpr int kKilledStatus = 128 + 9;  // SIGKILL

std::uint64_t badness(Process& process) {
  AddressSpace& space = *process.space;
  std::uint64_t points = space.counters().resident_pages;
  const auto count_swapped = [&points](PageOffset, PageSlot slot) {
    if (slot.is_swapped()) ++points;
  };
  space.private_object().slots.for_each(PageOffset(0), PageOffset(~std::uint64_t{0}),
                                        count_swapped);
  return points + space.tables().table_count();
}

}  // namespace

bool Machine::kill_for_memory(const Process& faulting) {
  Process* victim = nullptr;
  std::uint64_t most = 0;
  processes_.for_each([&](Process& process) {
    if (process.state != ProcessState::Running || process.space == nullptr) return;
    const std::uint64_t points = badness(process);
    if (victim != nullptr && points < most) return;
    victim = &process;
    most = points;
  });
  if (victim == nullptr || victim->space == faulting.space) return false;
  const std::shared_ptr<AddressSpace> space = victim->space;
  processes_.for_each([&](Process& process) {
    if (process.space != space) return;
    (void)exit(process.pid, kKilledStatus, ExitCause::OutOfMemory);
  });
  return true;
}

}  // namespace pw
