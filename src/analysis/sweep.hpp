// Misses by memory size for any policies: the tables that the verb curve shows.
//
// LRU and OPT are stack algorithms and known at every size after one pass (lru_curve.hpp,
// opt_curve.hpp). LFU and MFU as they are used here count references only while a page is
// resident, so that priorities depend on the size: no stack algorithms, like all others. Those are
// played at each size (play.hpp), every size and policy a task of its own over the one trace; the
// results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/input.hpp"
#include "analysis/play.hpp"
#include "analysis/sampling.hpp"
#include "analysis/stack_curve.hpp"
#include "policy/any_policy.hpp"

namespace pw::analysis {

struct SweepOptions {
  std::vector<policy::PolicySpec> policies;
  std::vector<std::uint64_t> sizes;  // pages, ascending, at least 1
  unsigned threads = 1;
  std::optional<SampleSize> sample;      // absent: exact
  std::function<void(double)> progress;  // gets the part done, 0..1; may be empty
};

struct SizePoint {
  std::uint64_t pages = 0;
  bool known = true;           // false: below what the recorder's filter lets one know
  double misses = 0;           // whole unless sampled
  double error = 0;            // standard error of a sample; 0: none
  std::uint64_t modelled = 0;  // references assumed for pages evicted while in use (Played)
  double resident = 0;         // mean, for policies that give up pages; 0: as many as fit
};

struct PolicyCurve {
  policy::PolicySpec policy;
  std::vector<SizePoint> points;    // by SweepOptions::sizes
  std::optional<StackCurve> stack;  // every size, where one pass tells; of the sample if sampled
};

struct Sweep {
  std::vector<PolicyCurve> curves;  // by SweepOptions::policies
  std::uint64_t cold = 0;           // first references
  double cold_error = 0;            // standard error; 0: counted, in the whole trace
  double rate = 1;                  // of the sample
  std::uint32_t sampled_pages = 0;
};

// Whether all sizes of a policy are known after one pass, and whether it knows the future.
bool in_one_pass(std::string_view policy);
bool needs_future(std::string_view policy);
// Whole frames of a sample for `pages` pages of the trace.
std::uint32_t frames_for(std::uint64_t pages, double rate);
// What a run in a memory of `pages` came to, without an error.
SizePoint point_of(std::uint64_t pages, const Played& played, double rate);

// Of an input that is a sample already, options.sample is to be absent: what is told is the
// estimate from it. Errors: Invalid where a policy cannot be played on this input.
Result<Sweep> sweep(const Input& input, const SweepOptions& options);

// One policy over one trace. `next`: next_references() for policies that need the future.
Played play_policy(const PageTrace& trace, const policy::PolicySpec& spec, std::uint32_t frames,
                   const std::uint32_t* next);
Played play_policy(const DenseTrace& trace, const policy::PolicySpec& spec, std::uint32_t frames);

}  // namespace pw::analysis
