// mremap(2): grows, shrinks and moves areas with their pages. Source: mm/mremap.c of Linux 6.18.
#include <algorithm>
#include <vector>

#include "space/commit.hpp"
#include "space/merge.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

constexpr std::uint64_t kAllPages = 1ULL << (64 - kPageShift);

// A remap as it proceeds: lengths in pages, the place once it is known.
struct Remap {
  AddressSpace& space;
  const MremapRequest& request;
  Vpn from, to;
  PageCount old_pages, new_pages;
  VirtAddr target;  // asked for, with fixed or dont_unmap
  Vma* area = nullptr;

  bool names_place() const { return request.fixed || request.dont_unmap; }
  PageCount growth() const {
    return new_pages > old_pages ? new_pages - old_pages : old_pages - new_pages;
  }
  VirtAddr source() const { return address_of(from); }
};

// check_mremap_params().
Result<void> check_parameters(const Remap& remap) {
  const MremapRequest& request = remap.request;
  const std::uint64_t user_end = remap.space.layout().user_end.value;
  const bool silly = remap.new_pages.value == 0 || remap.new_pages.value > user_end;
  if (request.unknown_flags || !page_aligned(request.address) || silly) {
    return fail(Errno::Invalid);
  }
  if (!remap.names_place()) return {};
  const VirtAddr to = request.new_address;
  if (to > address_of(Vpn(user_end - remap.new_pages.value)) || !page_aligned(to)) {
    return fail(Errno::Invalid);
  }
  if (!request.may_move) return fail(Errno::Invalid);
  if (request.dont_unmap && remap.old_pages != remap.new_pages) return fail(Errno::Invalid);
  // In bytes, which wrap (vrm_overlaps()).
  const std::uint64_t from = request.address.value, target = to.value;
  const bool overlap = from + bytes_of(remap.old_pages).value > target &&
                       target + bytes_of(remap.new_pages).value > from;
  return overlap ? Result<void>(fail(Errno::Invalid)) : Result<void>();
}

// check_prep_vma().
Result<void> check_area(const Remap& remap) {
  if (remap.area == nullptr) return fail(Errno::Fault);
  const Vma& area = *remap.area;
  if (area.traits.sealed) return fail(Errno::Perm);
  if (!remap.names_place() && remap.new_pages <= remap.old_pages) return {};
  if (remap.old_pages.value == 0 && !area.shared) return fail(Errno::Invalid);
  if (remap.request.dont_unmap && area.role == AreaRole::Vdso) return fail(Errno::Invalid);
  const PageCount kept = std::min(remap.old_pages, remap.new_pages);
  if (kept > area.range().end - remap.from) return fail(Errno::Fault);
  if (remap.new_pages == kept) return {};
  if (area.backing_at(remap.from).value + remap.new_pages.value > kAllPages) {
    return fail(Errno::Invalid);
  }
  if (area.role == AreaRole::Vdso) return fail(Errno::Fault);
  if (area.traits.locked && !may_lock(remap.space, remap.growth())) return fail(Errno::Again);
  if (!remap.space.may_expand(area, remap.growth())) return fail(Errno::NoMemory);
  return {};
}

struct Translation {
  PageCount ahead;
  x86::Pte entry;
  int level;
  bool dirty_frame;
};

// Takes the translations of `range` out, to be put in at `to`. Large ones stay large if both places
// are aligned alike (move_huge_pmd(), mm/huge_memory.c).
std::vector<Translation> lift_translations(Core& core, Vma& area, VpnRange range, Vpn to) {
  AddressSpace& space = *area.space;
  split_translation_at(core, space, range.begin);
  split_translation_at(core, space, range.end);
  std::vector<Translation> lifted;
  std::vector<Vpn> large;
  const bool alike = (to.value - range.begin.value) % kHugePages == 0;
  space.tables().for_each_leaf(range, [&](Vpn vpn, int level, x86::Pte&) {
    if (level == 2 && !alike) large.push_back(vpn);
  });
  for (const Vpn vpn : large) split_translation(core, space, vpn);
  space.tables().for_each_leaf(range, [&](Vpn vpn, int level, x86::Pte& entry) {
    const bool dirty = (core.pool.frame(entry.pfn()).flags & kFrameDirty) != 0;
    lifted.push_back({vpn - range.begin, entry, level, dirty});
  });
  unmap_range(core, area, range, FlushReason::Unmap);
  return lifted;
}

// Where the level-1 tables of `range` begin that Linux would have.
std::vector<Vpn> tables_in(AddressSpace& space, VpnRange range) {
  constexpr std::uint64_t kTable = x86::kEntriesPerTable, kUpper = kTable * kTable;
  std::vector<Vpn> found = space.kept_tables().meeting(range);
  for (Vpn at = range.begin; at < range.end;) {
    const bool upper = space.tables().find(at, 2) != nullptr;
    if (upper && space.tables().find(at) != nullptr) found.emplace_back(at.value & ~(kTable - 1));
    at = Vpn((at.value | ((upper ? kTable : kUpper) - 1)) + 1);
  }
  return found;
}

// A table is made wherever pages go whose old table is there, with or without anything in it
// (move_page_tables(), mm/mremap.c).
void move_tables(AddressSpace& space, VpnRange from, Vpn to) {
  for (const Vpn table : tables_in(space, from)) {
    const VpnRange part = intersection(KeptTables::pages_of(KeptTables::number_of(table)), from);
    const Vpn first = to + (part.begin - from.begin);
    const bool alike = part.pages().value == kHugePages && first.value % kHugePages == 0;
    // move_normal_pmd(): the table itself moves.
    if (alike && !space.would_have_table(first)) space.kept_tables().remove(table);
    space.kept_tables().add(first);
    space.kept_tables().add(first + (part.pages() - PageCount(1)));
  }
}

// If the huge page is still one, and nobody else has come between: what is not put here, faults
// will find.
void put_huge(Core& core, Vma& area, Vpn vpn, x86::Pte leaf) {
  const Pfn head = leaf.pfn();
  const std::uint64_t flags = leaf.raw & ~(x86::kAddressMask | kInUse);
  if (!core.is_zero(head)) {
    AddressSpace& space = *area.space;
    const PageSlot own = space.private_object().slots.get(space.private_at(vpn));
    if (!core.pool.in_huge(head) || own != PageSlot::resident(head)) return;
  }
  const FramePin pin(core.pool, head);
  if (!map_huge(core, area, vpn, head, flags)) return;
  // Which pages were written is forgotten: all of them, perhaps.
  for (PageCount i{0}; i.value < kHugePages; i = i + PageCount(1)) {
    area.space->tables().reserve_entry(vpn + i).raw = kWritten;
  }
}

void put_translations(Core& core, Vma& area, Vpn to, const std::vector<Translation>& lifted) {
  AddressSpace& space = *area.space;
  for (const auto& [ahead, entry, level, dirty_frame] : lifted) {
    const Vpn vpn = to + ahead;
    if (level == 2) {
      put_huge(core, area, vpn, entry);
      continue;
    }
    if (core.is_zero(entry.pfn())) {
      map_page(core, area, vpn, entry.pfn(), false, entry.accessed());
      continue;
    }
    // Making tables may have evicted the page meanwhile: then a fault will find it.
    const PageSlot own = area.shared ? PageSlot()
                                     : space.private_object().slots.get(space.private_at(vpn));
    const PageSlot slot = own.is_empty() && area.backing != nullptr
                              ? area.backing->slots.get(area.backing_at(vpn))
                              : own;
    if (slot != PageSlot::resident(entry.pfn())) continue;
    const FramePin pin(core.pool, entry.pfn());
    if (!map_page(core, area, vpn, entry.pfn(), entry.writable(), entry.accessed())) continue;
    space.tables().find(vpn)->raw |= entry.raw & (kSharedByFork | kWritten);
    Frame& frame = core.pool.frame(entry.pfn());
    if (frame.kind != FrameKind::Anon) continue;
    // That this space has written to the page moves along; meanwhile the frame had to know.
    space.tables().find(vpn)->raw |= entry.raw & x86::kDirty;
    if (!dirty_frame) frame.flags &= static_cast<std::uint8_t>(~kFrameDirty);
  }
}

// The area at the new place (copy_vma(), mm/vma.c): anonymous memory without private pages forgets
// where it was mapped first.
Vma copied_area(const Remap& remap) {
  Vma copy = *remap.area;
  copy.backing_page = remap.area->backing_at(remap.from);
  copy.range_ = range_of(remap.to, remap.new_pages);
  if (copy.anonymous() && copy.anon == 0) copy.backing_page = PageOffset(remap.to.value);
  if (copy.grows_down) copy.guard = remap.space.core().options.stack_guard_gap;
  return copy;
}

// dontunmap_complete(): what stays is empty and not locked.
void empty_source(Remap& remap) {
  AddressSpace& space = remap.space;
  const VpnRange range = range_of(remap.from, remap.old_pages);
  Vma* area = space.find(remap.from);
  AreaTraits traits = area->traits;
  traits.locked = traits.lock_on_fault = false;
  const bool whole = area->range() == range;
  // What is locked no more stays in the count (mm->locked_vm): the kernel forgets to take it off.
  if (area->traits.locked) space.counters().locked_forgotten += area->range().pages().value;
  space.set_traits(*area, traits);  // of all of it, as the kernel does
  rejoin_reclaim(space.core(), *area, area->range());
  if (whole) {
    area->anon = 0;
    area->inherited = false;
  }
  if (!area->shared) space.homes().claim(range);
}

// move_vma().
Result<VirtAddr> move_pages(Remap& remap) {
  AddressSpace& space = remap.space;
  Core& core = space.core();
  if (!space.may_have_areas(3)) return fail(Errno::NoMemory);
  const PageCount more = remap.request.dont_unmap ? remap.new_pages : remap.growth();
  if (remap.area->traits.accounted && !may_commit(space, more)) {
    return fail(Errno::NoMemory);
  }
  const VpnRange source = range_of(remap.from, remap.old_pages);
  const Vma copy = copied_area(remap);
  const auto lifted = lift_translations(core, *remap.area, source, remap.to);
  if (!copy.shared) {
    space.homes().move(source, remap.to);
    if (remap.new_pages > remap.old_pages) {
      space.homes().claim({remap.to + remap.old_pages, remap.to + remap.new_pages});
    }
  }
  Vma& placed = space.insert(copy);
  move_tables(space, source, remap.to);
  put_translations(core, placed, remap.to, lifted);
  if (remap.request.dont_unmap) {
    empty_source(remap);
  } else {
    space.remove_moved(source);
  }
  return address_of(remap.to);
}

// vrm_set_new_addr().
Result<void> choose_place(Remap& remap) {
  MmapRequest like;
  like.address = remap.names_place() ? remap.target : VirtAddr(0);
  like.fixed = remap.request.fixed;
  like.raw_wish = true;
  like.shared = remap.area->shared;
  like.backing = remap.area->backing;
  like.backing_page = remap.area->backing_at(remap.from);
  const Result<VpnRange> range = find_place(remap.space, like, remap.new_pages);
  if (!range) return tl::unexpected(range.error());
  remap.to = range->begin;
  return {};
}

Result<void> shrink(Remap& remap) {
  PW_TRY(munmap(remap.space, address_of(remap.from + remap.new_pages), bytes_of(remap.growth())));
  remap.old_pages = remap.new_pages;
  remap.area = remap.space.find(remap.from);
  return {};
}

// mremap_to(): to a place that the caller names.
Result<VirtAddr> move_to(Remap& remap) {
  AddressSpace& space = remap.space;
  if (remap.request.fixed) {
    PW_TRY(munmap(space, remap.target, bytes_of(remap.new_pages)));
    remap.area = space.find(remap.from);
    if (remap.area == nullptr) return fail(Errno::Fault);
  }
  if (remap.new_pages < remap.old_pages) {
    PW_TRY(shrink(remap));
    if (remap.area == nullptr) return fail(Errno::Fault);
  }
  if (remap.request.dont_unmap && !space.may_expand(*remap.area, remap.old_pages)) {
    return fail(Errno::NoMemory);
  }
  PW_TRY(choose_place(remap));
  return move_pages(remap);
}

// remap_move(): all areas of a range, one after the other, with the gaps between them.
Result<VirtAddr> move_all(AddressSpace& space, const MremapRequest& request, VpnRange range) {
  Result<VirtAddr> first = fail(Errno::Fault);
  const Vpn target = page_of(request.new_address);
  for (Vpn at = range.begin; at < range.end;) {
    Vma* area = space.areas().lower_bound(at);
    if (area == nullptr || area->range().begin >= range.end) break;
    if (!first && area->range().begin > range.begin) break;
    // vma_multi_allowed(): who maps System V segments has a say in where they lie.
    const bool alone = !first && area->range().end >= range.end;
    if (area->segment && !alone) return fail(Errno::Fault);
    const VpnRange part = intersection(area->range(), range);
    Remap remap{space, request, part.begin, {}, part.pages(), part.pages(), {}, area};
    remap.target = address_of(target + (part.begin - range.begin));
    PW_TRY(check_area(remap));
    const Result<VirtAddr> moved = move_to(remap);
    if (!moved || !first) first = moved;
    if (!moved) break;
    at = part.end;
  }
  return first;
}

bool room_above(const Remap& remap) {
  const VpnRange more{remap.area->range().end, remap.area->range().end + remap.growth()};
  if (more.end > remap.space.layout().user_end || remap.space.areas().overlaps(more)) return false;
  return remap.area->range().begin >= remap.space.layout().lowest;
}

// vma_merge_extend(): the extension is a new area that always merges below.
Result<VirtAddr> grow_in_place(Remap& remap) {
  AddressSpace& space = remap.space;
  const Vma& area = *remap.area;
  if (area.traits.accounted && !may_commit(space, remap.growth())) {
    return fail(Errno::NoMemory);
  }
  const VpnRange more{area.range().end, area.range().end + remap.growth()};
  if (!area.shared) space.homes().claim(more);
  space.extend(*remap.area, more.end);
  return remap.source();
}

Result<VirtAddr> grow(Remap& remap) {
  const bool to_the_end = remap.area->range().end - remap.from == remap.old_pages;
  if (to_the_end && room_above(remap)) return grow_in_place(remap);
  if (!remap.request.may_move) return fail(Errno::NoMemory);
  PW_TRY(choose_place(remap));
  return move_pages(remap);
}

}  // namespace

Result<VirtAddr> mremap(AddressSpace& space, const MremapRequest& request) {
  // PAGE_ALIGN() of a length near 2^64 wraps to 0.
  Remap remap{space, request, page_of(request.address), {}, {}, {}, request.new_address};
  remap.old_pages = PageCount(pages_for(request.old_length).value % kAllPages);
  remap.new_pages = PageCount(pages_for(request.new_length).value % kAllPages);
  PW_TRY(check_parameters(remap));
  if (!space.may_have_areas(4)) return fail(Errno::NoMemory);
  if (request.fixed && remap.old_pages == remap.new_pages) {
    return move_all(space, request, range_of(remap.from, remap.old_pages));
  }
  remap.area = space.find(remap.from);
  PW_TRY(check_area(remap));
  if (remap.names_place()) return move_to(remap);
  if (remap.new_pages == remap.old_pages) return remap.source();
  if (remap.new_pages < remap.old_pages) {
    PW_TRY(shrink(remap));
    return remap.source();
  }
  return grow(remap);
}

}  // namespace pw
