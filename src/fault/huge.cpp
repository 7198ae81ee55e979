#include "fault/huge.hpp"

#include "rmap/huge_split.hpp"
#include "space/translations.hpp"

namespace pw {

bool may_have_huge(AddressSpace& space) {
  constexpr std::uint8_t kCompletely = 1;
  return space.core().options.linux_options.huge_pages != HugePages::Never &&
         space.settings().thp_disabled != kCompletely;
}

bool may_have_huge(const Core& core, const Vma& area) {
  const HugePages policy = core.options.linux_options.huge_pages;
  if (policy == HugePages::Never || !area.anonymous() || area.shared) return false;
  if (area.role == AreaRole::Vdso || area.traits.no_huge) return false;
  constexpr std::uint8_t kExceptAdvised = 2;  // PR_THP_DISABLE_EXCEPT_ADVISED, as prctl tells it
  const std::uint8_t disabled = area.space->settings().thp_disabled;
  if (disabled != 0 && ((disabled & kExceptAdvised) == 0 || !area.traits.huge)) return false;
  return policy == HugePages::Always || area.traits.huge;
}

bool huge_allowed(const Core& core, const Vma& area, Vpn vpn) {
  return area.range().contains(huge_range(vpn)) && may_have_huge(core, area);
}

bool huge_somewhere(const Core& core, const Vma& area) {
  if (area.range().pages().value < kHugePages) return false;
  return huge_allowed(core, area, Vpn(area.range().end.value - kHugePages));
}

namespace {

bool any_slot(AddressSpace& space, VpnRange range) {
  bool any = false;
  space.homes().for_each_run(range, [&](VpnRange pages, PageOffset at) {
    any = any || space.private_object().slots.any_in(at, at + pages.pages());
  });
  return any;
}

// Whether any page of the huge page is held by somebody else too: its translation is nobody's own
// then (folio_maybe_mapped_shared()).
bool held_by_others(Core& core, AddressSpace& space, Vpn vpn, Pfn pfn) {
  const SlotTable& slots = space.private_object().slots;
  return slots.shared(space.private_at(vpn)) || huge_page_shared(core, HugeBlocks::head_of(pfn));
}

}  // namespace

void look_for_huge(Core& core, Vma& area, Vpn vpn, Access access, PageView& view) {
  if (area.shared) return;
  AddressSpace& space = *area.space;
  if (view.own.is_empty() && area.backing == nullptr) {
    const bool huge_zero = view.level == 2;
    if (huge_zero) {
      view.huge_fits = access == Access::Write;
    } else if (!space.would_have_table(vpn)) {
      view.huge_fits = huge_allowed(core, area, vpn) && !any_slot(space, huge_range(vpn));
    }
  }
  if (access != Access::Write || view.translation.writable()) return;
  if (view.own.is_resident() && core.pool.in_huge(view.own.pfn())) {
    view.huge_shared = held_by_others(core, space, vpn, view.own.pfn());
  }
}

LeafResult map_huge_zero(PageFault& fault) {
  Core& core = fault.core;
  fault.area.space->prepare_root(fault.area);
  if (core.huge_zero_frame == kNoFrame) {
    Pfn first;
    if (!core.pool.take_block(FrameKind::Kernel, HugeBlocks::kOrder, first)) {
      ++core.counters.huge.fault_fallback;
      return map_zero_page(fault);
    }
    for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) core.pool.zero(first + i);
    core.huge_zero_frame = first;
    ++core.counters.huge.zero_page_alloc;
  }
  const std::uint64_t flags = leaf_flags(fault.area, false) | x86::kAccessed;
  if (!map_huge(core, fault.area, huge_begin(fault.vpn), core.huge_zero_frame, flags)) {
    return {LeafResult::Kind::NoMemory};
  }
  ++core.counters.faults.zero_page;
  ++core.counters.huge.zero_page_faults;
  return {};
}

bool new_huge_page(Core& core, Vma& area, Vpn first, bool light, FrameGrant& out) {
  FrameWant want{FrameKind::Anon};
  want.order = HugeBlocks::kOrder;
  want.light = light;
  if (!core.frames.allocate(want, out)) return false;
  const AddressSpace& space = *area.space;
  for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) {
    Frame& frame = core.pool.frame(out.pfn + i);
    frame.owner = area.space->private_object().family->id;
    frame.index = space.private_at(first + i).value;
    frame.refs = 1;
  }
  return true;
}

LeafResult map_huge_page(PageFault& fault) {
  Core& core = fault.core;
  AddressSpace& space = *fault.area.space;
  const VpnRange range = huge_range(fault.vpn);
  FrameGrant grant;
  // Only for those who asked is memory reclaimed (vma_thp_gfp_mask() with defrag = madvise).
  if (!new_huge_page(core, fault.area, range.begin, !fault.area.traits.huge, grant)) {
    ++core.counters.huge.fault_fallback;
    return map_fresh_page(fault);
  }
  unmap_range(core, fault.area, range, FlushReason::CopyOnWrite);  // the huge zero page
  SlotTable& slots = space.private_object().slots;
  for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) {
    core.pool.zero(grant.pfn + i);
    slots.set(space.private_at(range.begin + i), PageSlot::resident(grant.pfn + i));
  }
  const std::uint64_t flags = leaf_flags(fault.area, true) | x86::kAccessed | x86::kDirty;
  if (!map_huge(core, fault.area, range.begin, grant.pfn, flags)) {
    space.erase_private(range);
    return {LeafResult::Kind::NoMemory};
  }
  core.pool.admit(grant.pfn);
  ++core.counters.faults.anonymous;
  ++core.counters.huge.fault_alloc;
  core.clock.advance(core.options.costs.huge_page_ns);
  core.counters.kernel_ns += core.options.costs.huge_page_ns;
  return {LeafResult::Kind::Mapped, grant.ready_ns};
}

LeafResult reuse_huge_page(PageFault& fault) {
  int level = 0;
  x86::Pte* leaf = fault.area.space->tables().find_any(fault.vpn, level);
  leaf->raw = (leaf->raw & ~kSharedByFork) | leaf_flags(fault.area, true) | x86::kAccessed |
              x86::kDirty;
  ++fault.core.counters.faults.reused;
  return {};
}

}  // namespace pw
