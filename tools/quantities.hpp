// Counts and times as users write them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pw::tools {

// A number of references: digits, then nothing, K, M or G (thousands, not 1024). Error: Invalid
// with what would be right.
Result<std::uint64_t> parse_count(std::string_view text);
// Several, comma between them, each above 0; ascending, each once.
Result<std::vector<std::uint64_t>> parse_counts(std::string_view text);

// A time in nanoseconds: a number, also with a point, then ns, us, ms or s. Error: Invalid.
Result<double> parse_time(std::string_view text);

}  // namespace pw::tools
