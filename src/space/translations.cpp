#include "space/translations.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace pw {

std::uint64_t leaf_flags(const Vma& area, bool writable) {
  std::uint64_t flags = x86::kPresent;
  if (area.rights.read || area.rights.write || area.rights.execute) flags |= x86::kUser;
  if (writable && area.rights.write) flags |= x86::kWritable;
  if (!area.rights.execute) flags |= x86::kNoExecute;
  flags |= std::uint64_t{area.traits.key} << x86::kProtectionKeyShift;
  return flags;
}

void mark_first_change(Core& core, Frame& frame) {
  if (frame.kind == FrameKind::File) {
    frame.extra = core.clock.now_ns();
  } else if (swap_copy(frame).valid()) {  // the copy in swap is out of date
    core.swap.release(swap_copy(frame));
    set_swap_copy(frame, SwapSlot{});
  }
  frame.flags = static_cast<std::uint8_t>((frame.flags & ~kFrameLazy) | kFrameDirty);
}

void note_used(Core& core, Frame& frame) {
  if ((frame.flags & kFramePrefetched) == 0) return;
  frame.flags &= static_cast<std::uint8_t>(~kFramePrefetched);
  ++core.counters.reclaim.prefetch_used;
}

void note_mapped_many(Core& core, Vma& area, std::uint64_t frames) {
  SpaceCounters& space = area.space->counters();
  space.resident_pages += frames;
  space.resident_peak = std::max(space.resident_peak, space.resident_pages);
  AreaCounters& label = core.areas[area.label];
  label.resident_pages += frames;
  label.resident_peak = std::max(label.resident_peak, label.resident_pages);
}

namespace {

void rejoin(Core& core, Pfn pfn) {
  Frame& frame = core.pool.frame(pfn);
  if ((frame.flags & kFrameAside) == 0) return;
  frame.flags &= static_cast<std::uint8_t>(~kFrameAside);
  core.pool.admit(pfn);
}

}  // namespace

void rejoin_reclaim(Core& core, Vma& area, VpnRange part) {
  area.space->tables().for_each_leaf(part,
                                     [&](Vpn, int, x86::Pte& entry) { rejoin(core, entry.pfn()); });
}

void note_unmapped(Core& core, Vma& area, x86::Pte entry) {
  const Pfn pfn = entry.pfn();
  if (pfn == core.zero_frame) return;
  Frame& frame = core.pool.frame(pfn);
  PW_CHECK(frame.mapcount > 0);
  --frame.mapcount;
  --area.space->counters().resident_pages;
  --core.areas[area.label].resident_pages;
  if (entry.dirty()) mark_dirty(core, frame);
  if (entry.accessed()) note_used(core, frame);
  rejoin(core, pfn);
}

bool map_page(Core& core, Vma& area, Vpn vpn, Pfn pfn, bool writable, bool accessed) {
  x86::PageTables& tables = area.space->tables();
  x86::Pte* entry = tables.ensure(vpn);
  if (entry == nullptr) return false;
  const x86::Pte before = *entry;
  std::uint64_t flags = leaf_flags(area, writable);
  if (accessed) flags |= x86::kAccessed;
  const x86::Pte after = x86::Pte::make(pfn, flags);
  if (before.present() && before.pfn() == pfn) {  // more rights for the same page
    tables.write(entry, x86::Pte{after.raw | (before.raw & (x86::kDirty | x86::kAccessed))});
    return true;
  }
  if (before.present()) note_unmapped(core, area, before);
  tables.write(entry, after);
  if (pfn != core.zero_frame) {
    ++core.pool.frame(pfn).mapcount;
    note_mapped_many(core, area, 1);
  }
  if (before.present()) {
    area.space->core().mmu.invalidate(area.space->id(), range_of(vpn, PageCount(1)),
                                      FlushReason::CopyOnWrite, false);
  }
  return true;
}

void unmap_range(Core& core, Vma& area, VpnRange range, FlushReason reason) {
  std::optional<Vpn> last;
  std::vector<Vpn> others;  // one page of each table before the last
  AddressSpace& space = *area.space;
  const bool tables_freed = space.tables().clear_range(range, [&](Vpn vpn, int, x86::Pte entry) {
    if (last && KeptTables::number_of(*last) != KeptTables::number_of(vpn)) others.push_back(*last);
    last = vpn;
    note_unmapped(core, area, entry);
  });
  if (!last) return;
  if (tables_freed) {
    space.kept_tables().add(*last);
    for (const Vpn vpn : others) space.kept_tables().add(vpn);
  }
  core.mmu.invalidate(space.id(), range, reason, tables_freed);
}

void write_protect(Core& core, Vma& area, VpnRange range, FlushReason reason) {
  bool any = false;
  area.space->tables().for_each_leaf(range, [&](Vpn, int, x86::Pte& entry) {
    if (entry.dirty() && entry.pfn() != core.zero_frame) {
      mark_dirty(core, core.pool.frame(entry.pfn()));
    }
    if ((entry.raw & (x86::kWritable | x86::kDirty)) == 0) return;
    entry.raw &= ~(x86::kWritable | x86::kDirty);
    any = true;
  });
  if (any) core.mmu.invalidate(area.space->id(), range, reason, false);
}

}  // namespace pw
