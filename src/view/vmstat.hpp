// /proc/vmstat, and memory.stat of cgroup v2 for the root group, which is the whole machine.
//
// Names and order are those of Linux 6.18 (vmstat_text[] in mm/vmstat.c, memory_stats[] and
// memcg_vm_event_stat[] in mm/memcontrol.c); what the machine does not count is 0.
#pragma once

#include <string>

#include "machine/machine.hpp"

namespace pw::view {

std::string vmstat(Machine& machine);
std::string memory_stat(Machine& machine);

}  // namespace pw::view
