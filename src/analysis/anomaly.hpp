// Belady's anomaly (Belady, Nelson, Shedler, CACM 12(6), 1969): more frames, and more faults. A
// string played step by step, and searches for strings that show it, for any policy.
//
// A search names pages in the order of their first use, so that no string is met under two names.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analysis/page_trace.hpp"
#include "policy/any_policy.hpp"

namespace pw::analysis {

struct FrameStep {
  PageId page = 0;
  bool fault = false;
  std::vector<PageId> frames;  // after the reference; policy::kNoPage: empty
};

// A page keeps its frame while it is resident; a new one takes the victim's, or the lowest empty.
std::vector<FrameStep> frames_by_step(const PageTrace& string, const policy::PolicySpec& spec,
                                      std::uint32_t frames);

std::uint64_t faults_of(const PageTrace& string, const policy::PolicySpec& spec,
                        std::uint32_t frames);

struct AnomalySearch {
  policy::PolicySpec policy;
  std::uint32_t fewer = 3, more = 4;  // frames compared
  std::uint32_t length = 12;          // references in a string
  std::uint32_t pages = 5;            // different ones at most
  std::uint64_t random = 0;           // strings to draw; 0: all of them
  std::uint64_t seed = 1;
  std::size_t keep = 10;                 // examples to hand back
  std::function<void(double)> progress;  // gets the part done, 0..1; may be empty
};

struct Anomalies {
  std::uint64_t tried = 0;
  std::uint64_t found = 0;
  std::uint64_t widest = 0;         // most faults that the additional frames cost
  std::vector<PageTrace> examples;  // the first ones, those found anew and wider in front
};

// How many strings a search of all tries: partitions of `length` into at most `pages` classes,
// 2^64 - 1 for that many or more.
std::uint64_t strings_to_try(std::uint32_t length, std::uint32_t pages);

Anomalies find_anomalies(const AnomalySearch& search);

}  // namespace pw::analysis
