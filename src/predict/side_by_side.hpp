// Several machines driven by one recording at the same time, on the host's CPUs: chunk by chunk,
// the one that is behind first, so that each chunk is decoded once for all of them.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "machine/config.hpp"
#include "predict/sources.hpp"
#include "replay/replay.hpp"

namespace pw::predict {

// What replay::replay() gives for each of the machines. Errors: those of replay(), the first for
// all.
Result<std::vector<replay::ReplayResult>> replay_side_by_side(
    const Source& source, const std::vector<MachineConfig>& machines);

}  // namespace pw::predict
