// Lists of memory sizes as users write them: "64M,1000p,1M..1G,1M..1G/20".
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pw::tools {

// In pages, ascending, each once. An item is a size (a number with p, or nothing: pages; with B, K,
// M, G, T: bytes, whole pages) or a range of sizes, with a logarithmic choice of readable sizes in
// between (14, or as many as are asked for). Error: Invalid with what would be right.
Result<std::vector<std::uint64_t>> parse_sizes(std::string_view text);

}  // namespace pw::tools
