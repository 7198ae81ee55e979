#include "view/area_sizes.hpp"

#include <algorithm>

namespace pw::view {

namespace {

// One translation, as smaps_account() takes it.
void account(const Frame& frame, x86::Pte entry, std::uint64_t pages, bool locked,
             AreaSizes& sizes) {
  const std::uint64_t bytes = pages * kPageSize;
  const std::uint64_t mapped = frame.mapcount == 0 ? 1 : frame.mapcount;
  const std::uint64_t share = (bytes << AreaSizes::kPssShift) / mapped;
  const bool dirty = entry.dirty() || (frame.flags & kFrameDirty) != 0;
  switch (frame.kind) {
    case FrameKind::Anon:
      sizes.anonymous_pages += bytes;
      sizes.pss_anon += share;
      if ((frame.flags & kFrameLazy) != 0 && !dirty) sizes.lazy_free += bytes;
      if (swap_copy(frame).valid()) sizes.swap_cached += pages;
      break;
    case FrameKind::Shared:
      sizes.shmem_pages += bytes;
      sizes.pss_shmem += share;
      break;
    default:
      sizes.file_pages += bytes;
      sizes.pss_file += share;
  }
  if (entry.accessed()) sizes.referenced += bytes;
  sizes.pss += share;
  if (locked) {
    sizes.pss_locked += share;
    sizes.unevictable += pages;
  }
  if (dirty) {
    sizes.pss_dirty += share;
    sizes.dirty_pages += pages;
    (mapped >= 2 ? sizes.shared_dirty : sizes.private_dirty) += bytes;
  } else {
    (mapped >= 2 ? sizes.shared_clean : sizes.private_clean) += bytes;
  }
  sizes.most_mapped = std::max<std::uint64_t>(sizes.most_mapped, mapped);
}

// How many page tables of the family have the entry of this slot (swp_swapcount()).
std::uint64_t holders_of(VmObject& object, PageOffset at, PageSlot slot) {
  const std::vector<VmObject*>& members = object.family->members;
  if (members.size() == 1) return 1;
  std::uint64_t holders = 0;
  for (VmObject* member : members) {
    Vpn vpn;
    if (member->slots.get(at) == slot && member->space->locate_private(at, vpn) != nullptr) {
      ++holders;
    }
  }
  return std::max<std::uint64_t>(holders, 1);
}

// What of a shared object is in swap for this area (shmem_swap_usage(), smaps_pte_hole()): of a
// private writable mapping only where the process has no page of its own.
void add_shared_swap(const Vma& area, AreaSizes& sizes) {
  const bool own_first = !area.shared && area.may.write && area.rights.write;
  const PageOffset first = area.backing_page;
  area.backing->slots.for_each(
      first, first + area.range().pages(), [&](PageOffset at, PageSlot slot) {
        if (!slot.is_swapped()) return;
        if (own_first) {
          const PageOffset own = area.space->private_at(area.page_of_backing(at));
          if (!area.space->private_object().slots.get(own).is_empty()) return;
        }
        sizes.swap += kPageSize;
      });
}

void add_swap(Vma& area, AreaSizes& sizes) {
  if (area.backing != nullptr && area.backing->kind == ObjectKind::Shared) {
    add_shared_swap(area, sizes);
  }
  if (area.shared) return;
  VmObject& object = area.space->private_object();
  area.space->homes().for_each_run(area.range(), [&](VpnRange pages, PageOffset first) {
    object.slots.for_each(first, first + pages.pages(), [&](PageOffset at, PageSlot slot) {
      if (!slot.is_swapped()) return;
      sizes.swap += kPageSize;
      sizes.own_swap += kPageSize;
      sizes.swap_pss += (kPageSize << AreaSizes::kPssShift) / holders_of(object, at, slot);
    });
  });
}

}  // namespace

AreaSizes& AreaSizes::operator+=(const AreaSizes& other) {
  for (const auto field : {&AreaSizes::anonymous_pages, &AreaSizes::file_pages,
                           &AreaSizes::shmem_pages,     &AreaSizes::shared_clean,
                           &AreaSizes::shared_dirty,    &AreaSizes::private_clean,
                           &AreaSizes::private_dirty,   &AreaSizes::referenced,
                           &AreaSizes::lazy_free,       &AreaSizes::swap,
                           &AreaSizes::own_swap,        &AreaSizes::pss,
                           &AreaSizes::pss_dirty,       &AreaSizes::pss_anon,
                           &AreaSizes::pss_file,        &AreaSizes::pss_shmem,
                           &AreaSizes::pss_locked,      &AreaSizes::swap_pss,
                           &AreaSizes::dirty_pages,     &AreaSizes::swap_cached,
                           &AreaSizes::unevictable,     &AreaSizes::anonymous_huge}) {
    this->*field += other.*field;
  }
  most_mapped = std::max(most_mapped, other.most_mapped);
  return *this;
}

AreaSizes sizes_of(Machine& machine, Vma& area) {
  AreaSizes sizes;
  const FramePool& pool = machine.frames();
  area.space->tables().for_each_leaf(area.range(), [&](Vpn, int level, x86::Pte& entry) {
    const Pfn pfn = x86::leaf_frame(entry, level);
    if (machine.core().is_zero(pfn)) return;
    if (level == 2) sizes.anonymous_huge += x86::pages_at(level).value * kPageSize;
    for (PageCount i{0}; i < x86::pages_at(level); i = i + PageCount(1)) {
      account(pool.frame(pfn + i), entry, 1, area.traits.locked, sizes);
    }
  });
  add_swap(area, sizes);
  return sizes;
}

AreaSizes sizes_of(Machine& machine, AddressSpace& space) {
  AreaSizes sizes;
  for (Vma* area = space.areas().lower_bound(Vpn(0)); area != nullptr;
       area = space.areas().next(*area)) {
    sizes += sizes_of(machine, *area);
  }
  return sizes;
}

}  // namespace pw::view
