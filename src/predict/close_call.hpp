// Programs that end in some runs and are killed in others, for want of memory, though swap is free.
//
// Reclaim shortens the list of active pages where that of inactive ones is too short, and looks at
// statistics for that, which may be two seconds old. Where nearly all pages are in use, the
// inactive ones can all be gone before it looks again: then it finds nothing to free, sixteen times
// in less than a millisecond, and the kernel kills. So it hangs on when the statistics were
// gathered last, of which nothing is known, and on a few percent of speed. A run in which reclaim
// came close to that is therefore made again several times, somewhat faster or slower and with
// statistics gathered at other times, unless it takes too long.
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "predict/outcome.hpp"

namespace pw::predict {

enum class End : std::uint8_t { Ends, Perhaps, Killed };

End end_of(const Outcome& outcome);
std::string_view name_of(End end);

// How many other runs are worth their time for each of `rows` close calls; `events`: of one run.
unsigned others_for(std::uint64_t events, std::size_t rows);
std::vector<Conditions> other_runs(const Conditions& conditions, unsigned count);

// All of these runs, the first one and the others: the figures are those of the first that comes to
// its end, if any does.
Outcome together(const Outcome& first, const std::vector<Outcome>& others);

}  // namespace pw::predict
