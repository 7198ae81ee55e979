// The last steps of a page that leaves memory, whoever has chosen it. Its translations are gone.
// They are told to the machine's listener, if there is one.
#pragma once

#include "space/core.hpp"

namespace pw {

// Whether a page had to be written a moment ago so that it could go.
enum class WasDirty : bool { No, Yes };
// A page of a file, clean now: its slot keeps `shadow`, its frame is free.
void drop_file_page(Core& core, Pfn pfn, std::uint64_t shadow, WasDirty dirty);
// A page that MADV_FREE named, and that nobody has written since, is not kept: it will be zeros.
// False: others hold it too since a fork, and it is written like any page.
bool drop_lazy_page(Core& core, Pfn pfn);
// The page's bytes in the first swap area that takes them: one that is out of order, or a
// compressed one that has no memory left, hands on to the next. Invalid: none did.
SwapSlot store_in_swap(Core& core, Pfn pfn);
// Counts a page whose bytes are in `slot` and on their way to the device.
void note_swap_write(Core& core, Pfn pfn, SwapSlot slot);
// Everybody who holds the page finds it in `slot` from now on; its frame is free.
void leave_for_swap(Core& core, Pfn pfn, SwapSlot slot, WasDirty dirty);
// Counts a page that was brought in before anyone asked, and was not used.
void note_wasted(Core& core, Frame& frame);

}  // namespace pw
