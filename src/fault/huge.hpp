// Huge pages on the fault path: where one may come, and the leaves that bring it.
//
// As do_huge_pmd_anonymous_page() and do_huge_pmd_wp_page() in mm/huge_memory.c of Linux, and
// __thp_vma_allowable_orders() there. Where there is no memory for a huge page, small ones do.
#pragma once

#include "fault/leaves.hpp"

namespace pw {

// Whether the machine and the process may have huge pages at all.
bool may_have_huge(AddressSpace& space);
// Whether the area may, by what the machine, the process and the program say.
bool may_have_huge(const Core& core, const Vma& area);
// The same of the 2 MiB around `vpn`, which must lie within the area.
bool huge_allowed(const Core& core, const Vma& area, Vpn vpn);
// Of any 2 MiB of the area.
bool huge_somewhere(const Core& core, const Vma& area);

// Completes a view with what concerns huge pages.
void look_for_huge(Core& core, Vma& area, Vpn vpn, Access access, PageView& view);

LeafResult map_huge_zero(PageFault& fault);
LeafResult map_huge_page(PageFault& fault);
LeafResult reuse_huge_page(PageFault& fault);

// A huge page whose slots and translation are to come: `area.space`'s pages from `first` on, all
// zeros or undefined. `light`: rather none than reclaim. False: no memory.
bool new_huge_page(Core& core, Vma& area, Vpn first, bool light, FrameGrant& out);

}  // namespace pw
