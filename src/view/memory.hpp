// /proc/meminfo, swaps, buddyinfo and pagetypeinfo, of a machine with one node that has one zone.
//
// Source: meminfo_proc_show() in fs/proc/meminfo.c, swap_show() in mm/swapfile.c,
// frag_show_print(), pagetypeinfo_show() in mm/vmstat.c of Linux 6.18. Blocks of more than the
// kernel's largest order are told as several of that; frames in the allocator's cache are blocks of
// one, so that buddyinfo adds up to MemFree. The machine does not sort frames by mobility: all are
// movable.
#pragma once

#include <string>

#include "machine/machine.hpp"

namespace pw::view {

std::string meminfo(Machine& machine);
std::string swaps(Machine& machine);
std::string buddyinfo(Machine& machine);
std::string pagetypeinfo(Machine& machine);

}  // namespace pw::view
