// The counters that scripts may name in `expect`, and where their values come from.
//
// Those of a process come from its view, so that every target has them; the rest from the
// Inspector, which only the simulated machine has.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/counters.hpp"
#include "script/target.hpp"

namespace pw {
class Machine;
}

namespace pw::script {

// False: none of that name.
bool view_counter(std::string_view name, const ProcessView& view, std::uint64_t& out);
bool fault_counter(std::string_view name, const FaultCounters& faults, std::uint64_t& out);
bool machine_counter(std::string_view name, Machine& machine, std::uint64_t& out);

std::vector<std::string_view> process_counter_names();
std::vector<std::string_view> machine_counter_names();

}  // namespace pw::script
