// The miss curve as lines of text. Owned by text().
#pragma once

#include <string>

#include "analysis/memory_need.hpp"

namespace pw::report {

// One line a size: RAM, faults under LRU and OPT, and a bar for the faults beyond those that no
// memory avoids: '=' up to OPT's, '-' up to LRU's. On a logarithmic scale where they span orders of
// magnitude.
std::string plot(const analysis::MemoryNeed& need, std::size_t width);

// What fits, the knee, and the memory for the slowdown asked for.
std::string need_lines(const analysis::MemoryNeed& need, std::size_t width);

}  // namespace pw::report
