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

void forget_copy(Core& core, Frame& frame) {
  frame.flags &= static_cast<std::uint8_t>(~kFrameLazy);
  if (!swap_copy(frame).valid()) return;
  core.swap.release(swap_copy(frame));
  set_swap_copy(frame, SwapSlot{});
}

void mark_first_change(Core& core, Frame& frame) {
  if (frame.kind == FrameKind::File) {
    frame.extra = core.clock.now_ns();
  } else {
    forget_copy(core, frame);
  }
  frame.flags |= kFrameDirty;
}

void note_used(Core& core, Frame& frame) {
  if ((frame.flags & kFramePrefetched) == 0) return;
  frame.flags &= static_cast<std::uint8_t>(~kFramePrefetched);
  ++core.counters.reclaim.prefetch_used;
}

void note_mapped_many(Core& core, Vma& area, FrameKind kind, std::uint64_t frames) {
  SpaceCounters& space = area.space->counters();
  space.told_resident.add(kind, static_cast<std::int64_t>(frames));
  space.resident_pages += frames;
  space.resident_peak = std::max(space.resident_peak, space.resident_pages);
  AreaCounters& label = core.areas[area.label];
  label.resident_pages += frames;
  label.resident_peak = std::max(label.resident_peak, label.resident_pages);
}

namespace {

void rejoin(Core& core, Pfn page) {
  const Pfn pfn = core.pool.head_of(page);
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

void note_unmapped(Core& core, Vma& area, x86::Pte entry, int level) {
  const Pfn pfn = entry.pfn();
  if (core.is_zero(pfn)) return;
  const std::uint64_t frames = x86::pages_at(level).value;
  for (std::uint64_t i = 0; i < frames; ++i) {
    Frame& frame = core.pool.frame(pfn + PageCount(i));
    PW_CHECK(frame.mapcount > 0);
    --frame.mapcount;
    const bool told = frame.kind == FrameKind::Anon && level == 1 && frame.mapcount > 0;
    if (entry.dirty() && !told) mark_dirty(core, frame);
    if (entry.accessed()) note_used(core, frame);
  }
  const std::uint64_t pages = level == 1 ? pages_of(core.pool.frame(pfn)) : frames;
  SpaceCounters& space = area.space->counters();
  space.resident_pages -= pages;
  space.told_resident.add(core.pool.frame(pfn).kind, -static_cast<std::int64_t>(pages));
  core.areas[area.label].resident_pages -= pages;
  rejoin(core, pfn);
}

bool map_huge(Core& core, Vma& area, Vpn first, Pfn head, std::uint64_t flags) {
  if (!area.space->tables().map_large(first, x86::Pte::make(head, flags | x86::kLarge))) {
    return false;
  }
  area.space->kept_tables().remove(first);
  if (core.is_zero(head)) return true;
  for (std::uint64_t i = 0; i < kHugePages; ++i) ++core.pool.frame(head + PageCount(i)).mapcount;
  note_mapped_many(core, area, FrameKind::Anon, kHugePages);
  return true;
}

// The reserve counts the pages in use.
bool mark_in_use(x86::PageTables& tables, Vpn vpn, bool in_use) {
  x86::Pte& mark = tables.reserve_entry(vpn);
  std::uint16_t& count = tables.reserve_count(vpn);
  const bool before = (mark.raw & kInUse) != 0;
  if (in_use != before) {
    mark.raw ^= kInUse;
    count = static_cast<std::uint16_t>(in_use ? count + 1 : count - 1);
  }
  return count != 0;
}

bool huge_page_shared(Core& core, Pfn head) {
  for (std::uint64_t i = 0; i < kHugePages; ++i) {
    const Frame& frame = core.pool.frame(head + PageCount(i));
    if (is_user(frame.kind) && (frame.refs > 1 || frame.mapcount > 1)) return true;
  }
  return false;
}

void split_translation(Core& core, AddressSpace& space, Vpn vpn) {
  x86::PageTables& tables = space.tables();
  if (!tables.has_large()) return;
  int level = 0;
  const x86::Pte* leaf = tables.find_leaf(vpn, level);
  if (leaf == nullptr || level != 2) return;
  const bool zero = core.is_zero(leaf->pfn());
  tables.split_large(vpn, zero ? core.zero_frame : leaf->pfn(), zero ? 0 : 1, kPageMarks);
  ++core.counters.huge.split_translation;
  core.mmu.invalidate(space.id(), huge_range(vpn), FlushReason::Protect, false);
}

bool map_page(Core& core, Vma& area, Vpn vpn, Pfn pfn, bool writable, bool accessed) {
  x86::PageTables& tables = area.space->tables();
  split_translation(core, *area.space, vpn);
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
  if (!core.is_zero(pfn)) {
    ++core.pool.frame(pfn).mapcount;
    const Frame& frame = core.pool.frame(pfn);
    note_mapped_many(core, area, frame.kind, pages_of(frame));
  }
  if (before.present()) {
    area.space->core().mmu.invalidate(area.space->id(), range_of(vpn, PageCount(1)),
                                      FlushReason::CopyOnWrite, false);
  }
  return true;
}

namespace {

// A program that gives up a mapping tells which pages of the file it had used, once for each folio
// (zap_present_folio_ptes(), mm/memory.c); advice about the order of reading says that it will not
// come back to them (vma_has_recency(), linux/mm_inline.h).
class UsedFolios {
 public:
  UsedFolios(Core& core, const Vma& area, FlushReason reason)
      : core_(core),
        file_(core.options.model == MemoryModel::Linux && reason == FlushReason::Unmap &&
                      !area.traits.random && !area.traits.sequential
                  ? area.backing
                  : nullptr) {}

  void note(x86::Pte entry) {
    if (file_ == nullptr || !entry.accessed()) return;
    const Frame& frame = core_.pool.frame(entry.pfn());
    if (frame.kind != FrameKind::File || last_.contains(PageOffset(frame.index))) return;
    last_ = file_->folios.find(PageOffset(frame.index));
    core_.frames.mark_accessed(entry.pfn());
  }

 private:
  Core& core_;
  const VmObject* file_;
  FolioSpan last_{PageOffset(~std::uint64_t{0} >> 1), 0};
};

}  // namespace

void note_dirty(Core& core, x86::Pte leaf, int level) {
  if (!leaf.dirty() || core.is_zero(leaf.pfn())) return;
  for (PageCount i{0}; i < x86::pages_at(level); i = i + PageCount(1)) {
    mark_dirty(core, core.pool.frame(leaf.pfn() + i));
  }
}

void unmap_range(Core& core, Vma& area, VpnRange range, FlushReason reason) {
  std::optional<Vpn> last;
  std::vector<Vpn> others;  // one page of each table before the last
  AddressSpace& space = *area.space;
  UsedFolios used(core, area, reason);
  const ToldResident::Batch batch(space.counters().told_resident);
  bool large = false;
  split_translation_at(core, space, range.begin);
  split_translation_at(core, space, range.end);
  const auto gone = [&](Vpn vpn, int level, x86::Pte entry) {
    if (level == 2) {  // its table was in reserve, and Linux frees it too
      large = true;
      note_unmapped(core, area, entry, level);
      return;
    }
    if (last && KeptTables::number_of(*last) != KeptTables::number_of(vpn)) others.push_back(*last);
    last = vpn;
    used.note(entry);
    note_unmapped(core, area, entry);
  };
  const bool tables_freed = space.tables().clear_range(range, gone);
  if (!last && !large) return;
  if (tables_freed && last) {
    space.kept_tables().add(*last);
    for (const Vpn vpn : others) space.kept_tables().add(vpn);
  }
  core.mmu.invalidate(space.id(), range, reason, tables_freed);
}

void write_protect(Core& core, Vma& area, VpnRange range, FlushReason reason) {
  bool any = false;
  split_translation_at(core, *area.space, range.begin);
  split_translation_at(core, *area.space, range.end);
  area.space->tables().for_each_leaf(range, [&](Vpn, int level, x86::Pte& entry) {
    note_dirty(core, entry, level);
    if ((entry.raw & (x86::kWritable | x86::kDirty)) == 0) return;
    entry.raw &= ~(x86::kWritable | x86::kDirty);
    any = true;
  });
  if (any) core.mmu.invalidate(area.space->id(), range, reason, false);
}

}  // namespace pw
