#include <algorithm>

#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// Whether fork copies the translations of an area or leaves them to faults (vma_needs_copy(),
// mm/memory.c): only where a fault could not find the page again in a file or shared object, that
// is, where there are private pages.
bool copies_translations(AddressSpace& parent, const Vma& area) {
  if (area.shared) return false;
  if (area.backing == nullptr) return true;
  return parent.private_object().slots.any_in(area.private_page,
                                              area.private_page + area.range().pages());
}

struct CopyCount {
  std::uint64_t frames = 0;  // translations to frames (not to the zero page)
  std::uint16_t entries = 0;
  bool weakened = false;  // the parent lost write permission somewhere
};

// Copies `count` entries between two level-1 tables, taking write permission from both sides.
CopyCount copy_entries(Core& core, x86::Pte* from, x86::Pte* to, std::uint64_t count) {
  constexpr std::uint64_t kWriting = x86::kWritable | x86::kDirty;
  CopyCount done;
  for (std::uint64_t i = 0; i < count; ++i) {
    x86::Pte entry = from[i];
    if (!entry.present()) continue;
    ++done.entries;
    if (entry.pfn() != core.zero_frame) {
      Frame& frame = core.pool.frame(entry.pfn());
      if (entry.dirty()) mark_dirty(core, frame);
      ++frame.mapcount;
      ++done.frames;
    }
    if ((entry.raw & kWriting) != 0) {
      entry.raw &= ~kWriting;
      from[i] = entry;
      done.weakened = true;
    }
    to[i] = x86::Pte{entry.raw & ~kInUse};
  }
  return done;
}

// Copies the translations of one area, a level-1 table at a time: the child's table is made first,
// since making it may reclaim, and so change the parent's. False: no memory.
bool copy_translations(Core& core, Vma& from, AddressSpace& child, Vma& to) {
  const VpnRange all = from.range();
  std::uint64_t frames = 0;
  bool weakened = false, enough = true;
  for (Vpn at = all.begin; at < all.end && enough;) {
    const Vpn stop(std::min(all.end.value, (at.value | (x86::kEntriesPerTable - 1)) + 1));
    if (from.space->tables().find(at) != nullptr) {
      x86::Pte* copy = child.tables().ensure(at);
      x86::Pte* source = from.space->tables().find(at);
      enough = copy != nullptr;
      if (enough && source != nullptr) {
        const CopyCount done = copy_entries(core, source, copy, (stop - at).value);
        child.tables().count_written(copy, done.entries);
        frames += done.frames;
        weakened = weakened || done.weakened;
      }
      if (enough) child.tables().free_if_empty(at);
    }
    at = stop;
  }
  note_mapped_many(core, to, frames);
  if (weakened) core.mmu.invalidate(from.space->id(), all, FlushReason::Fork, false);
  return enough;
}

}  // namespace

std::unique_ptr<AddressSpace> fork_space(AddressSpace& parent, SpaceId id) {
  Core& core = parent.core();
  auto child = AddressSpace::create(core, id, parent.layout(), parent.tables().levels(), &parent);
  if (child == nullptr) return nullptr;
  child->private_object().slots.share_from(parent.private_object().slots);
  bool enough = true;
  for (Vma& area : parent.areas()) {
    Vma copy = area;
    copy.space = nullptr;
    Vma& placed = child->insert(copy);
    if (core.options.lazy_fork && !area.shared) {
      write_protect(core, area, area.range(), FlushReason::Fork);
    } else if (copies_translations(parent, area)) {
      enough = copy_translations(core, area, *child, placed);
    }
    if (!enough) break;
  }
  if (!enough) {
    unmap_all(*child);
    child->private_object().slots.clear();
    return nullptr;
  }
  return child;
}

}  // namespace pw
