// The real CPUs of data/cpus.json, which is part of the binary.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/sim/geometry.hpp"

namespace pw::tools {

std::vector<std::string> cpu_presets();  // names, in the order of the file
std::optional<sim::CpuConfig> cpu_preset(std::string_view name);

}  // namespace pw::tools
