// Collapsing: one huge page in place of small ones, which are copied, or read from swap, into it.
//
// Source: hpage_collapse_scan_pmd(), collapse_huge_page(), madvise_collapse() in mm/khugepaged.c of
// Linux 6.18. Pages that others share are copied too; what was never there becomes zeros.
#pragma once

#include "space/address_space.hpp"

namespace pw {

enum class Collapse : std::uint8_t {
  Done,
  Huge,     // it is one already
  Nothing,  // no table of small pages
  Refused,  // by the limits, or since a page is in use elsewhere
  NoMemory,
};

// What the kernel's own collapsing asks before it does it; MADV_COLLAPSE asks nothing.
struct CollapseLimits {
  std::uint32_t max_none = 511;    // pages that are not there, or zero
  std::uint32_t max_swapped = 64;  // in swap
  std::uint32_t max_shared = 256;  // mapped by others too
  bool wants_references = true;    // at least one page was referenced; half of them, if any is in
                                   // swap
};

// The 2 MiB from `first` on, all in `area`. Null: without limits.
Collapse collapse(Core& core, Vma& area, Vpn first, const CollapseLimits* limits);
// MADV_COLLAPSE of a part of an area. Errors: Invalid (no huge pages for this area, or a part that
// has no pages), NoMemory, Again.
Result<void> collapse_part(Vma& area, VpnRange part);

}  // namespace pw
