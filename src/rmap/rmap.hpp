// Reverse mapping: from a frame to the translations that name it.
//
// A private frame knows its family and offset; each member of the family holds it at that offset or
// not at all, so the walk asks each member's areas and tables. A file's or shared object's frame
// knows its object, whose areas are listed. The walk ends early once as many translations were met
// as the frame counts.
//
//   frame {owner: family 3, index 0x7f12} -> members of family 3 -> area that holds offset 0x7f12
//   -> entry frame {owner: object 9, index 4}      -> areas that map object 9 and cover page 4 ->
//   entry
#pragma once

#include "space/address_space.hpp"
#include "space/translations.hpp"

namespace pw {

// fn(Vma&, Vpn, x86::Pte&) for each translation of the frame, which may be a large one. The callee
// may change bits of the entry, not remove it.
template <class Fn>
void for_each_mapping(Core& core, Pfn pfn, Fn&& fn) {
  const Frame& frame = core.pool.frame(pfn);
  const PageOffset at(frame.index);
  std::uint32_t left = frame.mapcount;
  auto visit = [&](Vma& area, Vpn vpn) {
    int level = 0;
    x86::Pte* entry = area.space->tables().find_any(vpn, level);
    if (entry == nullptr || !entry->present()) return;
    if (frame_under(*entry, level, vpn) != pfn) return;
    --left;
    fn(area, vpn, *entry);
  };
  if (frame.kind == FrameKind::Anon) {
    const std::vector<VmObject*>& members = core.objects.family(frame.owner).members;
    for (std::size_t i = 0; i < members.size() && left > 0; ++i) {
      Vpn vpn;
      Vma* area = members[i]->space->locate_private(at, vpn);
      if (area != nullptr) visit(*area, vpn);
    }
    return;
  }
  const std::vector<Vma*>& areas = core.objects.object(frame.owner).mappings;
  for (std::size_t i = 0; i < areas.size() && left > 0; ++i) {
    Vma& area = *areas[i];
    if (at < area.backing_page || at - area.backing_page >= area.range().pages()) continue;
    visit(area, area.page_of_backing(at));
  }
}

// The same for the translations of a huge page, small ones and large ones; a large one may be met
// more than once.
template <class Fn>
void for_each_mapping_of_huge(Core& core, Pfn head, Fn&& fn) {
  std::uint32_t large = 0;
  bool first = true;
  for (std::uint64_t i = 0; i < kHugePages; ++i) {
    const Pfn pfn = head + PageCount(i);
    const Frame& frame = core.pool.frame(pfn);
    if (frame.kind == FrameKind::Spare || frame.mapcount == (first ? 0 : large)) continue;
    for_each_mapping(core, pfn, [&](Vma& area, Vpn vpn, x86::Pte& entry) {
      int level = 0;
      if (first && area.space->tables().find_any(vpn, level) != nullptr && level == 2) ++large;
      fn(area, vpn, entry);
    });
    first = false;
  }
}

// Removes every translation of the frame and flushes; dirty bits go to the frame.
void unmap_everywhere(Core& core, Pfn pfn, FlushReason reason);

}  // namespace pw
