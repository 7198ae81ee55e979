// What /proc/PID/maps and smaps would say of a process of the machine.
//
// Source: show_map_vma(), smaps_account(), show_smap_vma_flags() in fs/proc/task_mmu.c of Linux.
// Derived from areas and page tables alone: a page without a translation is not in the process's
// resident set, the zero page never is, and a page is shared if more than one translation names it.
#pragma once

#include "machine/machine.hpp"
#include "script/target.hpp"

namespace pw::script {

// `process` must be running.
ProcessView view_of(Machine& machine, Process& process, Detail detail);

}  // namespace pw::script
