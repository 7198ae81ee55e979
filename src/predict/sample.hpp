// How much of a program's memory a prediction follows. All of it, if it can: with a sample
// (space/page_sample.hpp) a program of a gigabyte that refers to it at random is predicted in a
// fraction of the time, within about a percent of what following all of it says (docs/FIDELITY.md).
// Pure.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "predict/outcome.hpp"
#include "record/recording.hpp"
#include "space/page_sample.hpp"

namespace pw::predict {

// One page in how many: the more there is to replay, the fewer. `events`: of a run without a limit,
// which is most of what keeps a machine busy; `runs`: with that one.
constexpr std::uint32_t sample_for(std::uint64_t events, std::uint64_t runs) {
  constexpr std::uint64_t kLong = 50'000'000, kVeryLong = 150'000'000;  // events: some ten seconds
  const std::uint64_t work = events * runs;
  return work < kLong ? 1 : work < kVeryLong ? PageSample::kMost / 2 : PageSample::kMost;
}

// At most so many, if that many pages must be followed at the smallest limit: reclaim works on 32
// pages at a time, and what few pages do hangs on chance.
constexpr std::uint32_t sample_at(std::uint64_t least_bytes, std::uint32_t one_in) {
  constexpr std::uint64_t kFewest = 3'072;
  while (one_in > 1 && (least_bytes >> kPageShift) / one_in < kFewest) one_in /= 2;
  return one_in;
}

// Error: Invalid, with the reason, if there can be no sample under these conditions.
inline Result<void> can_sample(const record::Recording& recording, const Conditions& conditions) {
  if (conditions.ageing != Ageing::Lists) {
    return fail(Errno::Invalid, "--sample: the multi-generational LRU needs all pages");
  }
  if (conditions.huge_pages != HugePages::Never) {
    return fail(Errno::Invalid, "--sample: huge pages need all of theirs; say --thp never");
  }
  if (recording.info().detail != record::Detail::Pages) {
    return fail(Errno::Invalid, "--sample: the recording has to be of detail pages");
  }
  return {};
}

}  // namespace pw::predict
