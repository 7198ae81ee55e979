// One policy at one size, played while the trace is read: no array of its references is written and
// read again, so that memory is that of pages, not of references. The same counts as sweep() over
// the whole trace.
//
// Ids are not counted beforehand: the policy is made for as many as the size of the file allows,
// and takes memory for those that come into use (policy::ZeroedArray).
#pragma once

#include <cstdint>
#include <string>

#include "analysis/input.hpp"
#include "analysis/play.hpp"
#include "analysis/sweep.hpp"
#include "policy/any_policy.hpp"

namespace pw::analysis {

// Whether sweep_while_reading() does what is asked for: an exact count for one policy at one size,
// where no pass tells every size (lru, opt), and a file that can be streamed.
bool can_sweep_while_reading(const InputFile& file, const SweepOptions& options);

struct StreamedSweep {
  Streamed input;
  Sweep sweep;
};
// Reads the file. Errors: as InputFile::stream().
Result<StreamedSweep> sweep_while_reading(InputFile& file, const SweepOptions& options);

// The same for a policy that needs no future, whatever its name; needs file.ids_below() > 0.
struct StreamedPlay {
  Streamed input;
  Played played;
};
Result<StreamedPlay> play_while_reading(InputFile& file, const policy::PolicySpec& spec,
                                        std::uint32_t frames);

}  // namespace pw::analysis
