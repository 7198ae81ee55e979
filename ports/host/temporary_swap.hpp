// Swap of the host's kernel that exists for the time of a measurement: a compressed RAM disk (zram)
// or a file. Each function does one step and can be undone by another; who calls them undoes them
// (group_run_guardian.hpp). Needs root.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace pw::host {

struct SwapArea {  // a line of /proc/swaps
  std::string path;
  bool zram = false;
  std::uint64_t bytes = 0, used_bytes = 0;
  int priority = 0;
};
std::vector<SwapArea> parse_swaps(const std::string& text);
std::vector<SwapArea> current_swaps();

// The first page of a swap area of `bytes` (include/linux/swap.h, union swap_header, version 1).
std::string swap_header(std::uint64_t bytes);

// A new zram device; its number. Errors: NotSupported, Access with what to do.
Result<unsigned> add_zram();
// Errors: Busy while it is in use, Io.
Result<void> remove_zram(unsigned number);
// Gives it a size and, where the kernel has it, the algorithm. The device's path.
Result<std::string> size_zram(unsigned number, std::uint64_t bytes, const std::string& algorithm);

// An empty file with blocks for all of it. Errors: Exists, NoSpace, NotSupported, ...
Result<void> make_swap_file(const std::string& path, std::uint64_t bytes);

// Writes the header and turns swapping on, before all other areas. Error: what swapon(2) said.
Result<void> start_swap(const std::string& path, std::uint64_t bytes);
Result<void> stop_swap(const std::string& path);

}  // namespace pw::host
