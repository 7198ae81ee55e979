// From a recording to what Linux would do with the program under a memory limit: the recording
// drives a machine whose memory is managed as the kernel does it (MemoryModel::Linux).
#pragma once

#include <vector>

#include "machine/config.hpp"
#include "predict/costs.hpp"
#include "predict/outcome.hpp"
#include "predict/sources.hpp"
#include "record/recording.hpp"
#include "replay/replay.hpp"

namespace pw::predict {

// The machine that stands for these conditions on a host with these costs; `effort`: of a page that
// is compressed.
MachineConfig machine_for(const Conditions& conditions, const Costs& costs,
                          PageWork page = {Effort{}.middle, 0});

// What a replay on such a machine means for the program.
Outcome outcome_of(const replay::ReplayResult& result);

// Errors: those of replay().
Result<Outcome> predict(const record::Recording& recording, const Conditions& conditions,
                        const Costs& costs);

// Of each of the conditions, side by side.
Result<std::vector<Outcome>> predict_all(const Source& source,
                                         const std::vector<Conditions>& conditions,
                                         const Costs& costs);

}  // namespace pw::predict
