// /proc/PID/status and statm.
//
// Source: proc_pid_status(), task_mem(), proc_pid_statm() in fs/proc of Linux 6.18. A process that
// has ended has no lines on memory, and zeros in statm. Which executable pages are the program's
// (VmExe) and which its libraries' (VmLib) goes by where they lie: below the heap or above.
#pragma once

#include <string>

#include "machine/machine.hpp"

namespace pw::view {

std::string status(Machine& machine, Process& process);
std::string statm(Machine& machine, Process& process);

}  // namespace pw::view
