// /proc/PID/maps, smaps, smaps_rollup and numa_maps, and what their lines are made of.
//
// Source: show_map_vma(), show_smap(), show_smaps_rollup(), show_numa_map() in fs/proc/task_mmu.c
// of Linux 6.18. The lines are made of plain values, so that a text of the kernel's that is taken
// apart can be put together again.
#pragma once

#include <string>

#include "view/area_sizes.hpp"

namespace pw::view {

// The columns of a line of maps.
struct AreaLine {
  std::uint64_t begin = 0, end = 0;
  std::string rights = "---p";  // "rw-p"
  std::uint64_t offset = 0;
  unsigned major = 0, minor = 0;  // the device
  std::uint64_t inode = 0;
  std::string name;  // "[heap]", a path; "" for anonymous memory
};

// Files lie on device 08:01, shared memory on 00:01; the object's serial number is its inode.
AreaLine line_of(Machine& machine, const Process& process, const Vma& area);
// VmFlags in the kernel's order, "rd wr mr mw me ac".
std::string flags_of(const Vma& area);

std::string maps_line(const AreaLine& line);
// From "Rss:" to "Locked:"; `rollup`: with the shares by kind.
std::string smaps_sizes(const AreaSizes& sizes, bool rollup);

// Of a process that has ended they are empty.
std::string maps(Machine& machine, Process& process);
std::string smaps(Machine& machine, Process& process);
std::string smaps_rollup(Machine& machine, Process& process);
std::string numa_maps(Machine& machine, Process& process);

}  // namespace pw::view
