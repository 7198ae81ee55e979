// Records a program and replays the recording on a machine that manages memory as Linux does, with
// plenty of it.
#pragma once

#include <string>
#include <vector>

#include "replay/replay.hpp"

namespace pw::truth {

struct Predicted {
  replay::ReplayResult result;
  std::string problem;  // empty: there is a result
  std::uint64_t minor() const { return result.counters.faults.minor; }
  std::uint64_t major() const { return result.counters.faults.major; }
};

// Records to the file `recording`, in the environment of real runs, in `folder`. What went wrong;
// empty if nothing.
std::string record_run(const std::vector<std::string>& command, const std::string& folder,
                       const std::string& recording, bool stacks = false);
// And replays it.
Predicted record_and_replay(const std::vector<std::string>& command, const std::string& folder,
                            const std::string& recording);

// Why nothing can be recorded here; empty if it can.
std::string why_not_recorded();

}  // namespace pw::truth
