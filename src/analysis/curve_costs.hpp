// What misses cost, and what a policy's curve says about the memory to give: the metrics of the
// verb curve, its knee and "memory for at most x percent slowdown".
//
// A first reference finds no copy of its page anywhere and costs first_ns (a zeroed frame, a page
// of a file that is read once anyway); every other miss fetches the page again and costs fault_ns.
// So the effective access time of a memory is
//     memory_ns + (first references * first_ns + other misses * fault_ns) / references
// and its slowdown the ratio of that to what a memory with first references alone has.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "analysis/sweep.hpp"

namespace pw::analysis {

enum class Metric : std::uint8_t { Faults, Ratio, Eat, Slowdown };

struct CurveCosts {
  double memory_ns = 100;
  double first_ns = 500;
  double fault_ns = 90'000;
  double percent = 5;  // the slowdown allowed
};

struct CurveBase {  // of the trace
  std::uint64_t references = 0;
  std::uint64_t cold = 0;
};

// In faults, 0..1, nanoseconds, or times.
double metric_of(Metric metric, const CurveCosts& costs, const CurveBase& base, double misses);
// "faults", ...; nothing for another word.
std::optional<Metric> metric_named(std::string_view name);
std::string_view name_of(Metric metric);

struct CurveSummary {
  bool every_size = false;              // looked at every size, not only those asked for
  std::uint64_t knee = 0;               // pages; 0: too few sizes to tell
  std::optional<std::uint64_t> within;  // pages for the slowdown; nothing: no size looked at
  bool or_less = false;                 // `within` is the smallest size looked at
};

CurveSummary summary_of(const PolicyCurve& curve, const CurveCosts& costs, const CurveBase& base,
                        bool sampled);

}  // namespace pw::analysis
