// The faults of a replay in the formats of other tools: Perfetto's traces, speedscope's profiles,
// Brendan Gregg's folded stacks. Values only; whoever asks writes the files.
//
// All are bounded in size: where there are too many faults, those that lie close together are told
// as one event with a count (replay/fault_spans.hpp), and the files say so. Sums are the report's
// counters.
#pragma once

#include <cstdint>
#include <string>

#include "record/recording.hpp"
#include "replay/fault_log.hpp"
#include "report/report.hpp"

namespace pw::report {

// What is exported, and of what it tells. `column` is the machine that `log` has watched.
struct Export {
  const record::Recording& recording;
  const Column& column;
  const replay::FaultLog& log;
};

// A trace of TrackEvents in protobuf: a track for each process and thread with its faults as
// instant events, counters of resident memory and of faults a second.
std::string perfetto(const Export& what);

enum class Measure : std::uint8_t { Faults, Bytes };

// One line for each call stack: frames, outermost first, joined by ';', a blank, and the number of
// its faults, or of bytes that it touched first. Stacks in the order of their text.
std::string folded(const Export& what, Measure measure);

// A file of two sampled profiles, in the order of time: faults and bytes touched first, by call
// stack. See speedscope's file-format-spec.ts.
std::string speedscope(const Export& what);

}  // namespace pw::report
