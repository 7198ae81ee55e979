// Taking huge pages apart: 512 ordinary pages in place of one.
//
// As split_huge_page_to_list_to_order() and madvise_cold_or_pageout_pte_range() in mm/huge_memory.c
// and mm/madvise.c of Linux do. Pages that nobody held are free afterwards, the others are known to
// reclaim each by itself. Pages that are all zeros are given up: the zero page takes their place,
// so that what was never written costs no more (try_to_map_unused_to_zeropage(), mm/migrate.c). All
// others keep their slots, bytes and rights.
#pragma once

#include "space/address_space.hpp"

namespace pw {

// Ends the huge page of `head`: what was used of it are small pages, mapped as such, which reclaim
// has not been told of; the rest is free.
void end_huge_page(Core& core, Pfn head);
// Ends it, gives up zeros, and tells reclaim of the others.
void split_huge_page(Core& core, Pfn head);
// Those that are mapped in `part` of an area, and in no other space. `keep_whole`: but not those
// that one translation maps within it.
void split_huge_pages(Core& core, Vma& area, VpnRange part, bool keep_whole);
// Up to `count` of those that are partly used, the oldest first (deferred_split_scan()); how many
// there were.
std::uint64_t split_partly_used(Core& core, std::uint64_t count);

}  // namespace pw
