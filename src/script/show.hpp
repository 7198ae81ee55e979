// Readable dumps: of a process's view on any target, and of what is inside the simulated machine.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "script/target.hpp"

namespace pw {
class Machine;
}

namespace pw::script {

// "maps", "smaps" or "status".
std::string view_text(std::string_view what, const ProcessView& view);

// The walk of an address: an entry a line, from the root down.
std::string walk_text(Machine& machine, std::uint32_t pid, VirtAddr address);
// "tlb", "frames", "cache", "swap", "slabs". Error: Invalid (none of these).
Result<std::string> machine_text(std::string_view what, Machine& machine);

}  // namespace pw::script
