#include "huge/collapse.hpp"

#include <vector>

#include "fault/huge.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

struct Scan {
  std::uint32_t none = 0, swapped = 0, shared = 0, referenced = 0;
  bool busy = false;  // a page is pinned, or a transfer goes on
  std::vector<Vpn> in_use, there;
};

PageSlot slot_of(AddressSpace& space, Vpn vpn) {
  return space.private_object().slots.get(space.private_at(vpn));
}

Scan scan(Core& core, AddressSpace& space, Vpn first) {
  Scan found;
  for (const Vpn end = first + PageCount(kHugePages); first < end; first = first + PageCount(1)) {
    const PageSlot slot = slot_of(space, first);
    if (slot.is_swapped()) ++found.swapped;
    if (slot.is_empty()) ++found.none;
    if (!slot.is_empty()) found.there.push_back(first);
    if (!slot.is_resident()) continue;
    const Frame& frame = core.pool.frame(slot.pfn());
    found.busy = found.busy || frame.aux > 0 ||
                 core.pool.io_pending(slot.pfn(), core.clock.now_ns()) != 0;
    if (frame.mapcount > 1) ++found.shared;
    const x86::Pte* entry = space.tables().find(first);
    if (entry == nullptr || !entry->present()) continue;
    if (entry->accessed()) ++found.referenced;
    if ((entry->raw & kInUse) != 0) found.in_use.push_back(first);
  }
  return found;
}

bool allowed(const Scan& found, const CollapseLimits& limits) {
  if (found.none > limits.max_none || found.swapped > limits.max_swapped) return false;
  if (found.shared > limits.max_shared) return false;
  if (!limits.wants_references) return true;
  return found.referenced > 0 && (found.swapped == 0 || found.referenced >= kHugePages / 2);
}

// The page's bytes into `to`. False: they cannot be read.
bool fetch(Core& core, PageSlot from, Pfn to) {
  if (from.is_resident()) {
    core.pool.copy(to, from.pfn());
    return true;
  }
  if (from.is_empty()) {
    core.pool.zero(to);
    return true;
  }
  if (core.pool.carries_bytes() && !core.swap.read(from.swap(), {core.pool.bytes(to), kPageSize})) {
    return false;
  }
  (void)core.swap.submit(from.swap(), Transfer::Read, core.clock.now_ns());
  ++core.counters.reclaim.pswpin;
  return true;
}

// Which Linux collapses if it lies in its object as in memory (thp_vma_suitable_order(),
// linux/huge_mm.h); the machine has no huge pages there, only the question is allowed.
bool of_shared_memory(const Vma& area) {
  return area.backing != nullptr && area.backing->kind == ObjectKind::Shared &&
         (area.range().begin.value - area.backing_at(area.range().begin).value) % kHugePages == 0;
}

// Whether Linux has a table for what maps 2 MiB each, for this one.
bool has_level_two(AddressSpace& space, Vpn vpn) {
  const PageCount each = x86::pages_at(3);
  const VpnRange around = range_of(Vpn(vpn.value / each.value * each.value), each);
  bool any = !space.kept_tables().meeting(around).empty();
  space.tables().for_each_entry(3, around, [&](Vpn, x86::Pte&) { any = true; });
  return any;
}

void give_back(Core& core, Pfn head) {
  for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) {
    core.pool.frame(head + i).refs = 0;
    core.pool.give_back(head + i);
  }
}

}  // namespace

Collapse collapse(Core& core, Vma& area, Vpn first, const CollapseLimits* limits) {
  AddressSpace& space = *area.space;
  int level = 0;
  if (space.tables().find_any(first, level) != nullptr && level == 2) return Collapse::Huge;
  if (!space.would_have_table(first)) return Collapse::Nothing;
  const Scan before = scan(core, space, first);
  if (before.busy || (limits != nullptr && !allowed(before, *limits))) return Collapse::Refused;
  FrameGrant grant;
  if (!new_huge_page(core, area, first, false, grant)) {
    ++core.counters.huge.collapse_alloc_failed;
    return Collapse::NoMemory;
  }
  ++core.counters.huge.collapse_alloc;
  for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) {
    if (fetch(core, slot_of(space, first + i), grant.pfn + i)) continue;
    give_back(core, grant.pfn);
    return Collapse::Refused;
  }
  space.prepare_root(area);
  unmap_range(core, area, huge_range(first), FlushReason::Migrate);
  SlotTable& slots = space.private_object().slots;
  for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) {
    slots.set(space.private_at(first + i), PageSlot::resident(grant.pfn + i));
    core.pool.frame(grant.pfn + i).flags |= kFrameDirty;
  }
  // Without memory for the reserve, faults bring the translations back, small ones.
  const std::uint64_t flags = leaf_flags(area, true) | x86::kAccessed | x86::kDirty;
  if (map_huge(core, area, first, grant.pfn, flags)) {
    for (const Vpn vpn : before.in_use) {
      (void)mark_in_use(space.tables(), vpn, true);
      space.tables().find_any(vpn, level)->raw |= kInUse;
    }
    for (const Vpn vpn : before.there) space.tables().reserve_entry(vpn).raw |= kWritten;
  }
  core.pool.admit(grant.pfn);
  return Collapse::Done;
}

Result<void> collapse_part(Vma& area, VpnRange part) {
  AddressSpace& space = *area.space;
  const Vpn last_one = huge_begin(Vpn(area.range().end.value - kHugePages));
  const bool holds_any = area.range().pages().value >= kHugePages && last_one >= area.range().begin;
  if (area.traits.no_huge || !may_have_huge(space) || !holds_any) return fail(Errno::Invalid);
  constexpr PageCount kUp(kHugePages - 1);
  const VpnRange whole{huge_begin(part.begin + kUp), huge_begin(part.end)};
  if (whole.begin > whole.end) return fail(Errno::Invalid);
  if (of_shared_memory(area) && whole.begin == whole.end) return {};
  // Where there never was a page, there is no anon root yet: nothing to collapse.
  if (!area.anonymous() || area.anon == 0) return fail(Errno::Invalid);
  Core& core = space.core();
  Collapse last = Collapse::Done;
  for (Vpn at = whole.begin; at < whole.end; at = at + PageCount(kHugePages)) {
    const Collapse result = collapse(core, area, at, nullptr);
    if (result == Collapse::NoMemory) return fail(Errno::NoMemory);
    // An empty entry ends it (SCAN_PMD_NONE), no table for such entries does not (SCAN_PMD_NULL).
    if (result == Collapse::Nothing && has_level_two(space, at)) return fail(Errno::Invalid);
    if (result != Collapse::Done && result != Collapse::Huge) last = result;
  }
  if (last == Collapse::Done) return {};
  return fail(last == Collapse::Nothing ? Errno::Invalid : Errno::Again);
}

}  // namespace pw
