// Bringing pages back from swap, neighbours along with them.
#include "fault/leaves.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// Where a swapped page belongs: everything that holds it says "swapped" at the same offset.
struct Home {
  VmObject& object;
  FrameKind kind;
  std::uint32_t owner;
  PageOffset at;
  std::uint32_t pages;  // that it stands for
};

Home home_of(PageFault& fault, Vpn vpn) {
  VmObject& own = fault.area.space->private_object();
  if (!fault.area.shared && own.slots.get(fault.area.space->private_at(vpn)).is_swapped()) {
    return {own, FrameKind::Anon, own.family->id, fault.area.space->private_at(vpn),
            fault.core.sample.pages(fault.area, vpn)};
  }
  VmObject& common = *fault.area.backing;
  return {common, FrameKind::Shared, common.id, fault.area.backing_at(vpn), 1};
}

enum class Way : std::uint8_t { Direct, Cached, Ahead };

// Linux reads a page from a synchronous device for the one who asks alone, and keeps no copy in
// swap (do_swap_page(), mm/memory.c). If others have the page too it goes by the swap cache, as all
// do that are read ahead, whoever has them (__read_swap_cache_async(), mm/swap_state.c). Spaces
// that share a chunk of slots since a fork count once in the slot's count.
Way way_of(const Core& core, const Home& home) {
  const SwapSlot slot = home.object.slots.get(home.at).swap();
  const bool direct = core.options.model == MemoryModel::Linux && core.swap.synchronous(slot) &&
                      core.swap.count(slot) == 1 && !home.object.slots.shared(home.at);
  return direct ? Way::Direct : Way::Cached;
}

// Tells every holder of the slot that the page is in `pfn` now; the frame keeps the slot as its
// clean copy.
void settle(Core& core, const Home& home, SwapSlot slot, Pfn pfn) {
  const PageSlot from = PageSlot::swapped(slot);
  const PageSlot to = PageSlot::resident(pfn);
  std::uint32_t holders = 0;
  if (home.kind == FrameKind::Anon) {
    for (VmObject* member : home.object.family->members) {
      if (member->slots.replace(home.at, from, to)) ++holders;
    }
  } else if (home.object.slots.replace(home.at, from, to)) {
    holders = 1;
  }
  PW_CHECK(holders > 0 && holders == core.swap.count(slot));
  Frame& frame = core.pool.frame(pfn);
  frame.refs = holders;
  set_swap_copy(frame, slot);
  for (std::uint32_t i = 1; i < holders; ++i)
    core.swap.release(slot);  // the frame holds the last one
}

// Starts bringing one page in; `pfn` and when it will be there. Errors: NoMemory, Io.
Result<std::uint64_t> start_swap_in(Core& core, const Home& home, Way way) {
  const SwapSlot slot = home.object.slots.get(home.at).swap();
  FrameGrant grant;
  if (!new_user_frame(core, home.kind, home.owner, home.at, PageSlot::swapped(slot), grant, false,
                      home.pages)) {
    return fail(Errno::NoMemory);
  }
  if (core.pool.carries_bytes()) {
    const Result<void> read = core.swap.read(slot, {core.pool.bytes(grant.pfn), kPageSize});
    if (!read) {
      core.pool.frame(grant.pfn).refs = 0;
      core.pool.give_back(grant.pfn);
      return tl::unexpected(read.error());
    }
  }
  settle(core, home, slot, grant.pfn);
  const std::uint64_t now = core.clock.now_ns();
  std::uint64_t ready = core.swap.submit(slot, Transfer::Read, now, 1, home.pages);
  if (way == Way::Direct) {
    set_swap_copy(core.pool.frame(grant.pfn), SwapSlot{});
    core.swap.release(slot);
  }
  if (core.options.model == MemoryModel::Linux && core.swap.synchronous(slot)) {
    core.clock.advance_to(ready);
    ready = 0;
  }
  if (grant.ready_ns > ready) ready = grant.ready_ns;
  if (ready > now) core.pool.start_io(grant.pfn, ready);
  if (way == Way::Ahead) core.pool.frame(grant.pfn).flags |= kFramePrefetched;
  core.pool.admit(grant.pfn);
  core.counters.reclaim.pswpin += home.pages;
  return ready;
}

// The aligned window around the page: swapped neighbours of the same area, read along
// (swap_vma_readahead(), mm/swap_state.c, without its adaptation). The page itself is pinned by its
// transfer.
void swap_readahead(PageFault& fault) {
  const std::uint64_t window = fault.core.options.prefetch.swap_readahead_pages;
  if (window <= 1) return;
  const Vpn first(fault.vpn.value - fault.vpn.value % window);
  const VpnRange around = intersection(range_of(first, PageCount(window)), fault.area.range());
  for (Vpn vpn = around.begin; vpn < around.end; vpn = vpn + PageCount(1)) {
    if (vpn == fault.vpn) continue;
    const PageView view = view_page(fault.core, fault.area, vpn);
    const bool swapped = view.own.is_swapped() || (view.own.is_empty() && view.common.is_swapped());
    if (!swapped) continue;
    if (!start_swap_in(fault.core, home_of(fault, vpn), Way::Ahead)) return;
    ++fault.core.counters.reclaim.prefetched;
  }
}

}  // namespace

namespace {

bool is_swapped(const PageView& view) {
  return view.own.is_swapped() || (view.own.is_empty() && view.common.is_swapped());
}

// swapin_readahead(): the whole window in the order of addresses; the page that was asked for is
// `home`.
Result<std::uint64_t> swap_in_window(PageFault& fault, const Home& home) {
  Core& core = fault.core;
  Result<std::uint64_t> asked = 0;
  Frame* pinned = nullptr;  // those that come after it must not push it out
  const VpnRange window = swap_window(core, fault.area, fault.vpn);
  for (Vpn vpn = window.begin; vpn < window.end; vpn = vpn + PageCount(1)) {
    if (vpn == fault.vpn) {
      asked = start_swap_in(core, home, Way::Cached);
      if (!asked) return asked;
      pinned = &core.pool.frame(home.object.slots.get(home.at).pfn());
      ++pinned->aux;
    } else if (is_swapped(view_page(core, fault.area, vpn)) &&
               start_swap_in(core, home_of(fault, vpn), Way::Ahead)) {
      ++core.counters.reclaim.prefetched;
    }
  }
  --pinned->aux;
  return asked;
}

}  // namespace

bool swap_in_ahead(Core& core, Vma& area, Vpn vpn) {
  const PageView view = view_page(core, area, vpn);
  if (!view.own.is_swapped() && !(view.own.is_empty() && view.common.is_swapped())) return true;
  FaultRequest request;
  PageFault fault{core, request, area, vpn, view};
  if (!start_swap_in(core, home_of(fault, vpn), Way::Ahead)) return false;
  ++core.counters.reclaim.prefetched;
  return true;
}

LeafResult swap_in(PageFault& fault) {
  Core& core = fault.core;
  const Home home = home_of(fault, fault.vpn);
  const bool as_linux = core.options.model == MemoryModel::Linux;
  const Way way = way_of(core, home);
  // Whoever had to wait for memory asks for no more than it needs.
  const bool window = as_linux && way == Way::Cached && fault.request.memory_waits == 0;
  const Result<std::uint64_t> ready = window ? swap_in_window(fault, home)
                                             : start_swap_in(core, home, way);
  if (!ready && ready.error().code == Errno::NoMemory) return {LeafResult::Kind::NoMemory};
  if (!ready) return {LeafResult::Kind::Bus};
  fault.request.major = true;
  ++core.counters.faults.swap_in;
  if (!as_linux) {
    const FramePin pin(core.pool, home.object.slots.get(home.at).pfn());
    swap_readahead(fault);
  }
  if (*ready > core.clock.now_ns()) return {LeafResult::Kind::Wait, *ready};
  return {LeafResult::Kind::Again};
}

}  // namespace pw
