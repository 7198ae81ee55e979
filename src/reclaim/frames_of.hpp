// The frames that advice of one program may move.
#pragma once

#include <vector>

#include "space/address_space.hpp"

namespace pw {

// Those that the part's translations name and nothing else does: advice does not concern the pages
// of others (madvise_cold_or_pageout_pte_range(), mm/madvise.c).
std::vector<Pfn> frames_of_alone(FramePool& pool, Vma& area, VpnRange part);

}  // namespace pw
