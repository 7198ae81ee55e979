// madvise(2): advice that changes areas, and advice that empties them.
#include <algorithm>
#include <utility>

#include "space/advice.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// What mlock, dumps and the like leave alone: VM_SPECIAL.
bool special(const Vma& area) { return area.role == AreaRole::Vdso; }

bool discards(Advice advice) {
  switch (advice) {
    case Advice::DontNeed:
    case Advice::DontNeedLocked:
    case Advice::Free:
    case Advice::Remove:
    case Advice::DontFork:
    case Advice::WipeOnFork:
      return true;
    default:
      return false;
  }
}

// vma_ksm_compatible(), mm/ksm.c: others ignore the advice.
bool may_merge_pages(const Vma& area) {
  return !area.shared && !special(area) && !area.traits.droppable;
}

// What the advice makes of an area's traits. Error: Invalid.
Result<AreaTraits> advised_traits(const Vma& area, Advice advice) {
  AreaTraits traits = area.traits;
  switch (advice) {
    case Advice::Normal:
      traits.random = traits.sequential = false;
      break;
    case Advice::Random:
      traits.random = true;
      traits.sequential = false;
      break;
    case Advice::Sequential:
      traits.random = false;
      traits.sequential = true;
      break;
    case Advice::DontFork:
    case Advice::DoFork:
      traits.dont_fork = advice == Advice::DontFork;
      break;
    case Advice::WipeOnFork:
      if (area.backing != nullptr || area.shared) return fail(Errno::Invalid);
      traits.wipe_on_fork = true;
      break;
    case Advice::KeepOnFork:
      if (traits.droppable) return fail(Errno::Invalid);
      traits.wipe_on_fork = false;
      break;
    case Advice::DontDump:
      traits.dont_dump = true;
      break;
    case Advice::DoDump:
      if (special(area) || traits.droppable) return fail(Errno::Invalid);
      traits.dont_dump = false;
      break;
    case Advice::Mergeable:
      traits.mergeable = traits.mergeable || may_merge_pages(area);
      break;
    case Advice::Unmergeable:
      traits.mergeable = false;
      break;
    case Advice::HugePage:
    case Advice::NoHugePage:
      traits.huge = advice == Advice::HugePage;
      traits.no_huge = !traits.huge;
      break;
    default:
      return fail(Errno::Invalid);
  }
  return traits;
}

}  // namespace

Result<VpnRange> advised_range(VirtAddr address, ByteCount length) {
  if (!page_aligned(address)) return fail(Errno::Invalid);
  const std::uint64_t bytes = (length.value + kPageSize - 1) & ~(kPageSize - 1);
  if (length.value != 0 && bytes == 0) return fail(Errno::Invalid);
  if (address.value + bytes < address.value) return fail(Errno::Invalid);
  return range_of(page_of(address), PageCount(bytes >> kPageShift));
}

// can_madvise_modify(), mm/madvise.c.
Result<void> may_advise(const Vma& area, Advice advice) {
  const bool sealed = area.traits.sealed && area.backing == nullptr && !area.rights.write;
  if (sealed && discards(advice)) return fail(Errno::Perm);
  if (advice != Advice::Free) return {};
  if (area.traits.locked || area.shared || area.backing != nullptr) return fail(Errno::Invalid);
  return {};
}

Result<void> advise_area(AddressSpace& space, Vma& area, VpnRange part, Advice advice) {
  const Result<AreaTraits> traits = advised_traits(area, advice);
  if (!traits) return tl::unexpected(traits.error());
  if (*traits == area.traits) return {};
  if (space.modify(area, part, {area.rights, *traits})) return {};
  return fail(Errno::Again);
}

Result<void> discard(Vma& area, VpnRange part, bool even_locked) {
  if (area.traits.locked && !even_locked) return fail(Errno::Invalid);
  AddressSpace& space = *area.space;
  unmap_range(space.core(), area, part, FlushReason::Unmap);
  for (const Vpn table : space.kept_tables().meeting(part)) {  // PT_RECLAIM
    const VpnRange pages = KeptTables::pages_of(KeptTables::number_of(table));
    if (intersection(pages, part) == pages) space.kept_tables().remove(table);
  }
  if (!area.shared) space.erase_private(part);
  return {};
}

namespace {

// Forgets that this space ever wrote to a page: what it holds now need not outlive it. False: that
// the page is changed, or a copy of it in swap, is known of the frame, and relatives rely on it.
bool make_lazy(Core& core, x86::Pte& entry, Frame& frame, bool sole) {
  const bool copied = swap_copy(frame).valid();
  if (!sole && (copied || (frame.flags & kFrameDirty) != 0)) return false;
  if (copied) {
    core.swap.release(swap_copy(frame));
    set_swap_copy(frame, SwapSlot{});
  }
  entry.raw &= ~(x86::kAccessed | x86::kDirty);
  if ((frame.flags & kFrameLazy) == 0) ++core.counters.reclaim.pglazyfree;
  frame.flags = static_cast<std::uint8_t>((frame.flags & ~kFrameDirty) | kFrameLazy);
  return true;
}

}  // namespace

// madvise_free_pte_range(), mm/madvise.c: what is mapped becomes clean for this space, what is in
// swap or only cached goes at once. Relatives that share a page since a fork keep it: their
// translations are dirty, or the page is.
void free_lazily(Vma& area, VpnRange part, std::vector<Pfn>& freed) {
  AddressSpace& space = *area.space;
  Core& core = space.core();
  SlotTable& slots = space.private_object().slots;
  std::vector<PageOffset> absent;
  const std::size_t before = freed.size();
  Pfn last_huge = HugeBlocks::kNone;
  bool last_shared = false;
  const auto of_shared_huge = [&](Pfn pfn) {
    if (!core.pool.in_huge(pfn)) return false;
    const Pfn head = HugeBlocks::head_of(pfn);
    if (std::exchange(last_huge, head) != head) last_shared = huge_page_shared(core, head);
    return last_shared;
  };
  auto free_page = [&](Vpn vpn, PageOffset at, PageSlot slot) {
    int level = 0;
    x86::Pte* entry = slot.is_resident() ? space.tables().find_any(vpn, level) : nullptr;
    if (entry == nullptr || !entry->present()) return absent.push_back(at);
    if (of_shared_huge(slot.pfn())) return;
    Frame& frame = core.pool.frame(slot.pfn());
    const bool sole = frame.mapcount == 1 && frame.refs == 1 && !slots.shared(at);
    if (make_lazy(core, *entry, frame, sole)) freed.push_back(slot.pfn());
  };
  space.homes().for_each_run(part, [&](VpnRange run, PageOffset first) {
    slots.for_each(first, first + run.pages(), [&](PageOffset at, PageSlot slot) {
      free_page(run.begin + (at - first), at, slot);
    });
  });
  for (const PageOffset at : absent) slots.set(at, PageSlot());
  if (freed.size() > before) {
    core.mmu.invalidate(space.id(), part, FlushReason::WriteProtect, false);
  }
}

Result<void> remove_pages(Vma& area, VpnRange part) {
  if (area.traits.locked || area.backing == nullptr) return fail(Errno::Invalid);
  if (!area.shared || !area.may.write) return fail(Errno::Access);
  VmObject& object = *area.backing;
  const ByteCount begin(area.backing_at(part.begin).value << kPageShift);
  // vfs_fallocate(), fs/open.c: beyond what a file may have (s_maxbytes), of ext4 2^32 - 1 pages.
  constexpr std::uint64_t kMostOfDisk = ((1ULL << 32) - 1) << kPageShift, kMost = ~0ULL >> 1;
  const std::uint64_t most = object.kind == ObjectKind::File ? kMostOfDisk : kMost;
  if ((begin + bytes_of(part.pages())).value > most) return fail(Errno::FileTooBig);
  const ByteCount end = std::min(begin + bytes_of(part.pages()), bytes_of(object.pages()));
  if (begin >= end) return {};
  constexpr std::uint32_t kWriteSeals = 8 | 16;  // F_SEAL_WRITE, F_SEAL_FUTURE_WRITE
  if ((object.seals & kWriteSeals) != 0) return fail(Errno::Perm);
  return punch_hole(area.space->core(), object, begin, end);
}

}  // namespace pw
