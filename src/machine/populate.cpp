// Making pages resident before anybody touches them: populate_vma_page_range() and
// faultin_page_range(), mm/gup.c. The faults are those that accesses would take, and are counted
// so.
#include "machine/machine.hpp"
#include "space/protection_keys.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

bool translated(AddressSpace& space, Vpn vpn, Access access) {
  int level = 0;
  const x86::Pte* entry = space.tables().find_any(vpn, level);
  return entry != nullptr && entry->present() && entry->user() &&
         (access == Access::Read || entry->writable());
}

// Of a sample, for which other pages stand for it.
bool left_out(const PageSample& sample, AddressSpace& space, Vpn vpn) {
  if (sample.one_in() == 1) return false;
  const Vma* area = space.find(vpn);
  return area != nullptr && sample.thins(*area) && !sample.follows(area->backing_at(vpn).value);
}

// The rights that the kernel asks for when it acts for the program: those for reading are PROT_READ
// itself, although the CPU reads what may only be written or executed.
bool grants(const Vma& area, Access access) {
  return access == Access::Write ? area.rights.write : area.rights.read;
}

}  // namespace

// Until the page is mapped. Nobody is killed if there is no memory.
// `forgets`: a try that had to wait for a file is not remembered, so that the next one counts as
// minor (__mm_populate() starts anew without FOLL_TRIED).
FaultOutcome Machine::fault_in(Process& process, Vpn vpn, Access access, bool forgets) {
  const FaultTally tally(process);
  FaultRequest request{process.space.get(), address_of(vpn), access};
  request.retried = true;  // the kernel does not try with the area's lock alone
  sim::SimCpu& cpu = mmu_->cpu(process.cpu);
  bool faulted = false;
  while (!translated(*process.space, vpn, access)) {
    faulted = true;
    sync_clock(cpu);
    run_due();
    const Vma* area = process.space->find(vpn);
    const bool file = area != nullptr && area->backing != nullptr &&
                      area->backing->kind == ObjectKind::File;
    if (forgets && file) request.major = request.retried = request.tried = false;
    const FaultOutcome outcome = handle_fault(*core_, request, watcher_);
    if (outcome.kind == FaultOutcome::Kind::Wait) {
      if (outcome.until_ns <= clock_.now_ns()) continue;
      counters_.io_wait_ns += outcome.until_ns - clock_.now_ns();
      clock_.advance_to(outcome.until_ns);
    } else if (outcome.kind != FaultOutcome::Kind::Resolved) {
      return outcome;
    }
  }
  int level = 0;
  x86::Pte& leaf = *process.space->tables().find_any(vpn, level);
  const Pfn pfn = frame_under(leaf, level, vpn);
  if (access == Access::Write) {
    const bool anonymous = pool_->frame(pfn).kind == FrameKind::Anon && level == 1;
    if (anonymous && faulted) leaf.raw |= x86::kDirty;
    // follow_page_pte(), mm/gup.c
    if (!anonymous || !leaf.dirty()) mark_dirty(*core_, pool_->frame(pfn));
  }
  reclaimer_->after_fault(pool_->head_of(pfn));
  if (reclaimer_->wants_references()) note_reference(pfn);
  return FaultOutcome::resolved();
}

Result<void> Machine::populate_area(Process& process, VpnRange part, Access access, bool forgets) {
  for (Vpn vpn = part.begin; vpn < part.end; vpn = vpn + PageCount(1)) {
    if (left_out(core_->sample, *process.space, vpn)) continue;
    const FaultOutcome outcome = fault_in(process, vpn, access, forgets);
    if (outcome.kind == FaultOutcome::Kind::Oom) return fail(Errno::NoMemory);
    if (outcome.kind != FaultOutcome::Kind::Resolved) return fail(Errno::Fault);
  }
  return {};
}

Result<void> Machine::populate(Process& process, VpnRange range, Populate how, bool go_on) {
  const bool as_locked = how == Populate::AsLocked;
  for (Vpn at = range.begin; at < range.end;) {
    const Vma* area = process.space->areas().lower_bound(at);
    if (area == nullptr || area->range().begin >= range.end) {
      if (as_locked) return {};
      return fail(Errno::NoMemory);
    }
    if (area->range().begin > at && !as_locked) return fail(Errno::NoMemory);
    const VpnRange part = intersection(area->range(), {at, range.end});
    at = part.end;
    if (as_locked && area->traits.lock_on_fault) continue;
    const bool write = as_locked ? area->rights.write && !area->shared : how == Populate::Write;
    const Access access = write ? Access::Write : Access::Read;
    // check_vma_flags(). The key of what may only be executed denies all access.
    const bool by_key = key_denies(process.pkru, area->traits.key, write);
    if (as_locked && (by_key || !area->accessible())) {  // no signal for what is not even tried
      if (go_on) continue;
      return fail(Errno::Fault);
    }
    if (!as_locked && (by_key || !grants(*area, access))) return fail(Errno::Invalid);
    const Result<void> done = populate_area(process, part, access, as_locked);
    if (!done && !go_on) return done;
  }
  return {};
}

void Machine::populate_new(Pid pid, VpnRange range, bool wanted) {
  Process& process = *processes_.find(pid);
  const Vma* area = process.space->find(range.begin);
  if (area == nullptr || (!wanted && !area->traits.locked)) return;
  (void)populate(process, range, Populate::AsLocked, true);  // as much of it as can be had
}

}  // namespace pw
