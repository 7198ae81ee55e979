#include "fault/handler.hpp"

#include "fault/huge.hpp"
#include "fault/leaves.hpp"
#include "space/operations.hpp"

namespace pw {

namespace {

LeafResult resolve(PageFault& fault, FaultKind kind) {
  switch (kind) {
    case FaultKind::Spurious:
      ++fault.core.counters.faults.spurious;
      return {};
    case FaultKind::ZeroPage:
      return map_zero_page(fault);
    case FaultKind::FreshPage:
      return map_fresh_page(fault);
    case FaultKind::MapPrivate:
      return map_private(fault);
    case FaultKind::CopyOnWrite:
      return copy_on_write(fault);
    case FaultKind::SwapIn:
      return swap_in(fault);
    case FaultKind::MapObject:
      return map_object(fault);
    case FaultKind::CopyFromObject:
      return copy_from_object(fault);
    case FaultKind::ReadFile:
      return read_file(fault);
    case FaultKind::FreshShared:
      return add_fresh_shared(fault);
    case FaultKind::BeyondEnd:
      return beyond_end(fault);
    case FaultKind::HugeZero:
      return map_huge_zero(fault);
    case FaultKind::HugePage:
      return map_huge_page(fault);
    case FaultKind::HugeReuse:
      return reuse_huge_page(fault);
  }
  return {LeafResult::Kind::Bus};
}

// Counts a fault where it is done: for the machine, the space and the area's label.
void count_done(Core& core, const FaultRequest& request, const Vma& area, FaultKind kind) {
  const std::uint64_t pages = core.sample.pages(area, page_of(request.address));
  auto count = [&](FaultCounters& counters) {
    (request.major ? counters.major : counters.minor) += pages;
  };
  count(core.counters.faults);
  FaultCounters& space = request.space->counters().faults;
  FaultCounters& label = core.areas[area.label].faults;
  count(space);
  count(label);
  const bool copied = kind == FaultKind::CopyOnWrite || kind == FaultKind::CopyFromObject;
  for (FaultCounters* counters : {&space, &label}) {
    counters->copy_on_write += copied ? 1 : 0;
    counters->zero_page += kind == FaultKind::ZeroPage || kind == FaultKind::HugeZero ? 1 : 0;
    counters->anonymous += kind == FaultKind::FreshPage || kind == FaultKind::HugePage ? 1 : 0;
    counters->file_mapped += kind == FaultKind::MapObject ? 1 : 0;
    counters->swap_in += kind == FaultKind::MapPrivate && request.major ? 1 : 0;
  }
  const std::uint64_t cost = pages * (request.major ? core.options.costs.major_ns
                                                    : core.options.costs.minor_ns);
  core.clock.advance(cost);
  core.counters.kernel_ns += cost;
}

FaultOutcome signal(Core& core, FaultRequest& request, std::uint64_t FaultCounters::*which,
                    FaultOutcome outcome) {
  ++(core.counters.faults.*which);
  ++(request.space->counters().faults.*which);
  return outcome;
}

// Frames that transfers hold can be had before long: no reason to kill anybody, unless that was
// tried often enough (MAX_RECLAIM_RETRIES, mm/page_alloc.c). Until when to wait; 0: in vain.
std::uint64_t memory_wait(Core& core, FaultRequest& request) {
  constexpr std::uint32_t kMaxWaits = 16;
  if (request.memory_waits == kMaxWaits) return 0;
  ++request.memory_waits;
  return core.pool.next_io_release(core.clock.now_ns());
}

// Tells reclaim that what comes in is wanted by a fault.
class InFault {
 public:
  InFault(FrameSource& frames, const Vma& area) : frames_(frames) {
    frames_.fault_begins(!area.traits.random && !area.traits.sequential);
  }
  ~InFault() { frames_.fault_ends(); }
  InFault(const InFault&) = delete;
  InFault& operator=(const InFault&) = delete;

 private:
  FrameSource& frames_;
};

bool translated(AddressSpace& space, Vpn vpn) {
  int level = 0;
  const x86::Pte* entry = space.tables().find_any(vpn, level);
  return entry != nullptr && entry->present();
}

}  // namespace

FaultOutcome handle_fault(Core& core, FaultRequest& request, FaultWatcher* watcher) {
  auto tell = [&](FaultStep step, std::uint64_t detail) {
    if (watcher != nullptr) watcher->step(step, request, detail);
  };
  tell(FaultStep::Request, request.address.value);
  AddressSpace& space = *request.space;
  const Vpn vpn = page_of(request.address);
  Vma* area = vpn < space.layout().user_end ? space.find(vpn) : nullptr;
  if (area == nullptr && vpn < space.layout().user_end) area = grow_stack(space, vpn);
  if (area == nullptr) {
    return signal(core, request, &FaultCounters::segv, FaultOutcome::segv(SignalCode::MapErr));
  }
  tell(FaultStep::Area, area->range().begin.value);
  const bool data = request.access != Access::Execute;
  if (data && key_denies(request.pkru, area->traits.key, request.access == Access::Write)) {
    return signal(core, request, &FaultCounters::segv, FaultOutcome::segv(SignalCode::PkuErr));
  }
  // A fetch from a page that is not there is not told from a read: the page is brought in, and the
  // next try is refused (access_error(), arch/x86/mm/fault.c).
  const bool blind_fetch = !data && area->accessible() && !translated(space, vpn);
  if (!blind_fetch && !area->allows(request.access)) {
    return signal(core, request, &FaultCounters::segv, FaultOutcome::segv(SignalCode::AccErr));
  }
  // Whatever a write to private memory does, it may make a private page (vmf_anon_prepare()).
  if (request.access == Access::Write && !area->shared) space.prepare_root(*area);
  const InFault in_fault(core.frames, *area);
  // Each Again brings the page one state nearer to a translation; a page has few states. Reclaim
  // may throw one back in between, so the bound is generous; passing it means that memory cannot
  // hold one access's pages.
  for (int step = 0; step < 16; ++step) {
    const Access access = request.unshare ? Access::Write : request.access;
    PageFault fault{core, request, *area, vpn, view_page(core, *area, vpn, access)};
    const FaultKind kind = classify(*area, fault.view, access);
    tell(FaultStep::Frame, static_cast<std::uint64_t>(kind));
    const LeafResult result = resolve(fault, kind);
    switch (result.kind) {
      case LeafResult::Kind::Again:
        tell(FaultStep::PageIn, 0);
        continue;
      case LeafResult::Kind::Wait:
        tell(FaultStep::PageIn, result.until_ns);
        request.major = request.major || !result.minor;
        return FaultOutcome::wait(result.until_ns);
      case LeafResult::Kind::Bus:
        return signal(core, request, &FaultCounters::bus, FaultOutcome::bus());
      case LeafResult::Kind::NoMemory:
        if (const std::uint64_t until = memory_wait(core, request); until != 0) {
          return FaultOutcome::wait(until);
        }
        return signal(core, request, &FaultCounters::oom, FaultOutcome::oom());
      case LeafResult::Kind::Mapped:
        break;
    }
    tell(FaultStep::Install, vpn.value);
    if (kind != FaultKind::Spurious) count_done(core, request, *area, kind);
    tell(FaultStep::Restart, result.until_ns);
    if (result.until_ns > core.clock.now_ns()) return FaultOutcome::wait(result.until_ns);
    return FaultOutcome::resolved();
  }
  return signal(core, request, &FaultCounters::oom, FaultOutcome::oom());
}

}  // namespace pw
