// What `pagewright predict` tells: one program at several limits, each beside the run without one.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "predict/costs.hpp"
#include "predict/outcome.hpp"
#include "predict/sources.hpp"
#include "predict/truth_file.hpp"
#include "record/recording.hpp"

namespace pw::predict {

// A limit as users ask for it: a part of the peak that the group reaches without one, or bytes.
struct Limit {
  double percent = 0;  // 0: given in bytes
  std::uint64_t bytes = 0;
};

// How many times as long as without a limit. From the costs' medians, and from their quartiles; if
// the program's own time is not known but estimated from its references, that is a factor of two
// either way.
struct Slowdown {
  double middle = 1, low = 1, high = 1;
};

struct Forecast {
  Limit asked;
  double percent = 0;  // of the peak
  Conditions conditions;
  Outcome outcome;
  Slowdown slowdown;
};

struct Forecasts {
  Outcome base;  // without a limit
  // What huge pages hold at the peak beyond what small pages would; none: there are no huge pages.
  std::optional<std::uint64_t> wasted_bytes;
  std::uint32_t sample_one_in = 1;  // of the pages, in all of these runs
  double base_seconds = 0;          // of the program, without a limit
  bool base_known = false;          // it was given; else estimated
  std::vector<Forecast> rows;
  std::vector<std::string> left_out;  // parts of the peak that are too small to predict, and why
};

using Predict = std::function<Result<Outcome>(const record::Recording&, const Conditions&,
                                              const Costs&)>;

// One outcome for each of the conditions.
using PredictAll = std::function<Result<std::vector<Outcome>>(
    const Source&, const std::vector<Conditions>&, const Costs&)>;

// `conditions`: all but the limit. `own_seconds`: what the program takes without a limit. Errors:
// Invalid (a limit so small that the recording's filter would decide the result, or all of them, if
// they are parts of the peak; a sample where there can be none), those of the replay.
Result<Forecasts> forecast(const record::Recording& recording, const std::vector<Limit>& limits,
                           const Conditions& conditions, const Costs& costs,
                           std::optional<double> own_seconds, const PredictAll& predict);

Slowdown slowdown(const Outcome& base, const Outcome& limited, SwapKind swap, const Costs& costs,
                  const Effort& effort, double base_seconds, bool base_known);

// The same for each row of a truth; none if its first has a limit. `predicted`: by predict_truth().
std::vector<Slowdown> slowdowns(const Truth& truth, const std::vector<Outcome>& predicted,
                                const Costs& costs, const Effort& effort);

// The pace at which a program takes `seconds` in all that took `base`, in which its own part may be
// off: references alone do not tell how long they take. Changes `base` to that pace.
double pace_of(Outcome& base, SwapKind swap, double seconds);

// One outcome for each row of a truth, under its conditions; at the pace of the runs without a
// limit if the first row has none. Errors: those of `predict`.
Result<std::vector<Outcome>> predict_truth(const record::Recording& recording, const Truth& truth,
                                           const Costs& costs, const Predict& predict);

}  // namespace pw::predict
