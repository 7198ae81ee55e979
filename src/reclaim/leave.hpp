// The last steps of a page that leaves memory, whoever has chosen it. Its translations are gone.
#pragma once

#include "space/core.hpp"

namespace pw {

// A clean page of a file: its slot keeps `shadow`, its frame is free.
void drop_file_page(Core& core, Pfn pfn, std::uint64_t shadow);
// A page that MADV_FREE named, and that nobody has written since, is not kept: it will be zeros.
// False: others hold it too since a fork, and it is written like any page.
bool drop_lazy_page(Core& core, Pfn pfn);
// The page's bytes in the first swap area that takes them: one that is out of order, or a
// compressed one that has no memory left, hands on to the next. Invalid: none did.
SwapSlot store_in_swap(Core& core, Pfn pfn);
// Everybody who holds the page finds it in `slot` from now on; its frame is free.
void leave_for_swap(Core& core, Pfn pfn, SwapSlot slot);
// Counts a page that was brought in before anyone asked, and was not used.
void note_wasted(Core& core, Frame& frame);

}  // namespace pw
