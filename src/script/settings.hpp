// The words of a script's `machine` line: the same keys as the options of the command line, where
// there are any.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "machine/config.hpp"
#include "script/program.hpp"

namespace pw::script {

// Bytes: "64M"; B, K, M, G, T are powers of 1024, P is a page. Error: Invalid.
Result<std::uint64_t> parse_size(std::string_view text);

// The machine of a script without a `machine` line: small, so that its numbers can be followed.
MachineConfig default_machine();

// Error: Invalid with a sentence.
Result<void> apply_setting(MachineConfig& config, std::string_view key, std::string_view value);
std::vector<std::string_view> setting_names();

// default_machine() with the settings of a program.
Result<MachineConfig> machine_of(const Program& program);

}  // namespace pw::script
