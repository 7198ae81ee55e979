// /proc/PID/maps and /proc/PID/smaps as area views.
//
// The same parser reads both: smaps has maps' line, then lines `Key: value` (proc_pid_maps(5),
// proc_pid_smaps(5)). Names below the run's folder, and of shared memory with the run's prefix, are
// cut so that they read as the script wrote them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "script/target.hpp"

namespace pw::host {

struct ViewNames {
  std::string folder;                        // with the slash at its end
  std::string shared_prefix;                 // of names in /dev/shm
  std::uint64_t own_begin = 0, own_end = 0;  // areas that are left out
};

// Error: Invalid, with the line that does not read as the kernel writes it.
Result<std::vector<script::AreaView>> parse_areas(std::string_view text, const ViewNames& names);

}  // namespace pw::host
