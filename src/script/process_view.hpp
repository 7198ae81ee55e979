// What /proc/PID/maps and smaps would say of a process of the machine, as a target's answer:
// view/areas.hpp gathers it.
#pragma once

#include "machine/machine.hpp"
#include "script/target.hpp"

namespace pw::script {

// `process` must be running.
ProcessView view_of(Machine& machine, Process& process, Detail detail);

}  // namespace pw::script
