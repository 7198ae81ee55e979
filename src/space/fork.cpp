#include <algorithm>

#include "space/commit.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// Whether fork copies the translations of an area or leaves them to faults (vma_needs_copy(),
// mm/memory.c): only where a fault could not find the page again in a file or shared object, that
// is, where there may be private pages.
bool copies_translations(const Vma& area) { return !area.shared && area.anon != 0; }

// What becomes of an area in the child (dup_mmap(), mm/mmap.c).
Vma inherited_area(AddressSpace& child, const Vma& area) {
  Vma copy = area;
  copy.space = nullptr;
  copy.traits.locked = copy.traits.lock_on_fault = false;
  const bool has_pages = area.anon != 0 && !area.traits.wipe_on_fork;
  copy.anon = has_pages ? child.new_root() : 0;
  copy.inherited = has_pages;
  return copy;
}

struct CopyCount {
  std::uint64_t anonymous = 0, others = 0;  // pages translated (not to the zero page)
  std::uint16_t entries = 0;
  bool weakened = false;  // the parent lost write permission somewhere
};

// Copies `count` entries between two level-1 tables, taking write permission from both sides. Under
// the Linux model the child has not referenced anything yet (__copy_present_ptes(), mm/memory.c),
// so that reclaim does not take the page for one that several use.
CopyCount copy_entries(Core& core, x86::Pte* from, x86::Pte* to, std::uint64_t count) {
  CopyCount done;
  std::uint64_t cleared = kInUse;
  if (core.options.model == MemoryModel::Linux) cleared |= x86::kAccessed;
  for (std::uint64_t i = 0; i < count; ++i) {
    x86::Pte entry = from[i];
    if (!entry.present()) continue;
    ++done.entries;
    if (!core.is_zero(entry.pfn())) {
      Frame& frame = core.pool.frame(entry.pfn());
      ++frame.mapcount;
      (frame.kind == FrameKind::Anon ? done.anonymous : done.others) += pages_of(frame);
      if (frame.kind == FrameKind::Anon) from[i].raw |= kSharedByFork;
    }
    if (entry.writable()) {
      from[i].raw &= ~x86::kWritable;
      done.weakened = true;
    }
    entry = from[i];
    to[i] = x86::Pte{entry.raw & ~cleared};
  }
  return done;
}

// Gives the child the parent's translation of a huge page, or of the huge zero page, which nobody
// may write from now on (copy_huge_pmd(), mm/huge_memory.c). False: no memory.
bool copy_huge(Core& core, Vma& from, Vpn at, Vma& to, bool& weakened) {
  int level = 0;
  x86::Pte* leaf = from.space->tables().find_any(at, level);
  const Pfn head = leaf->pfn();
  // Making the child's tables may reclaim, and so break up what is copied here.
  const FramePin pin(core.pool, head);
  weakened = weakened || leaf->writable();
  leaf->raw &= ~x86::kWritable;
  if (!core.is_zero(head)) leaf->raw |= kSharedByFork;
  const std::uint64_t flags = leaf->raw & ~(x86::kAddressMask | kInUse);
  if (!map_huge(core, to, at, head, flags)) return false;
  for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) {
    const x86::Pte mark = from.space->tables().reserve_entry(at + i);
    to.space->tables().reserve_entry(at + i).raw = mark.raw & kWritten;
  }
  return true;
}

// Copies the translations of one area, a level-1 table at a time: the child's table is made first,
// since making it may reclaim, and so change the parent's. False: no memory.
bool copy_translations(Core& core, Vma& from, AddressSpace& child, Vma& to) {
  const VpnRange all = from.range();
  std::uint64_t anonymous = 0, others = 0;
  bool weakened = false, enough = true;
  for (Vpn at = all.begin; at < all.end && enough;) {
    const Vpn stop(std::min(all.end.value, (at.value | (x86::kEntriesPerTable - 1)) + 1));
    int level = 0;
    if (from.space->tables().find_any(at, level) != nullptr && level == 2) {
      enough = copy_huge(core, from, at, to, weakened);
    } else if (from.space->tables().find(at) != nullptr) {
      x86::Pte* copy = child.tables().ensure(at);
      x86::Pte* source = from.space->tables().find(at);
      enough = copy != nullptr;
      if (enough && source != nullptr) {
        const CopyCount done = copy_entries(core, source, copy, (stop - at).value);
        child.tables().count_written(copy, done.entries);
        anonymous += done.anonymous;
        others += done.others;
        weakened = weakened || done.weakened;
      }
      if (enough) child.tables().free_if_empty(at);
    }
    if (from.space->would_have_table(at) && child.tables().find(at) == nullptr) {
      child.kept_tables().add(at);
    }
    at = stop;
  }
  const bool shared_memory = to.backing != nullptr && to.backing->kind != ObjectKind::File;
  note_mapped_many(core, to, FrameKind::Anon, anonymous);
  note_mapped_many(core, to, shared_memory ? FrameKind::Shared : FrameKind::File, others);
  if (weakened) core.mmu.invalidate(from.space->id(), all, FlushReason::Fork, false);
  return enough;
}

}  // namespace

namespace {

// False: no memory.
bool copy_area(AddressSpace& parent, Vma& area, AddressSpace& child) {
  Core& core = parent.core();
  if (area.traits.dont_fork) {
    if (!area.shared) child.erase_private(area.range());
    return true;
  }
  if (area.traits.accounted && !may_commit(parent, area.range().pages())) {
    return false;
  }
  Vma& placed = child.adopt(inherited_area(child, area));
  if (area.traits.wipe_on_fork) {
    if (!area.shared) child.erase_private(area.range());
    return true;
  }
  if (core.options.lazy_fork && !area.shared) {
    write_protect(core, area, area.range(), FlushReason::Fork);
    return true;
  }
  return !copies_translations(area) || copy_translations(core, area, child, placed);
}

}  // namespace

std::unique_ptr<AddressSpace> fork_space(AddressSpace& parent, SpaceId id) {
  Core& core = parent.core();
  auto child = AddressSpace::create(core, id, parent.layout(), parent.tables().levels(), &parent);
  if (child == nullptr) return nullptr;
  child->private_object().slots.share_from(parent.private_object().slots);
  for (Vma& area : parent.areas()) {
    if (copy_area(parent, area, *child)) continue;
    unmap_all(*child);
    child->private_object().slots.clear();
    return nullptr;
  }
  return child;
}

}  // namespace pw
