#include "predict/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "analysis/in_parallel.hpp"
#include "predict/sources.hpp"

namespace pw::predict {

namespace {

Result<void> fine_enough(const record::Recording& recording, std::uint64_t limit_bytes) {
  const std::uint64_t least = recording.info().filter_pages * kPerFilterPage << kPageShift;
  if (recording.info().detail != record::Detail::Pages || limit_bytes >= least) return {};
  return fail(
      Errno::Invalid,
      fmt::format("a limit of {} KiB is too small for this recording, which knows nothing of "
                  "the order of references to the last {} pages: ask for {} KiB or more, "
                  "or record with --detail full",
                  limit_bytes >> 10, recording.info().filter_pages, least >> 10));
}

// Where swap is waited for, that time counts; the CPU's alone repeats better where it is not.
double time_of(const Outcome& outcome, SwapKind swap) {
  return swap == SwapKind::Ssd ? outcome.seconds : outcome.cpu_seconds;
}

// How the added time would be with other figures for what makes most of it.
double scaled(const Outcome& base, const Outcome& limited, SwapKind swap, const Costs& costs,
              double Cost::*figure, const Effort& effort, double Effort::*efforts) {
  const auto in = static_cast<double>(limited.swap_in - std::min(base.swap_in, limited.swap_in));
  const auto out = static_cast<double>(limited.swap_out -
                                       std::min(base.swap_out, limited.swap_out));
  const auto faults = static_cast<double>(limited.major_faults + limited.minor_faults);
  const auto gone = limited.swap_out + limited.stolen_file;
  const auto kept = static_cast<double>(limited.scanned - std::min(gone, limited.scanned));
  const auto read = static_cast<double>(limited.file_read -
                                        std::min(base.file_read, limited.file_read));
  const auto sum = [&](double Cost::*value, double each) {
    double ns = faults * (costs.anon_fault.*value) + kept * (costs.look.*value);
    ns += read * (costs.file_read.*value + costs.file_free.*value);
    if (swap == SwapKind::Zram) {
      const PageWork page{each, effort.copied};
      ns += in * zram_read_ns(costs, page, value) + out * zram_write_ns(costs, page, value);
    }
    if (swap == SwapKind::Ssd) {
      ns += static_cast<double>(limited.major_faults) * (costs.disk_read.*value) +
            out * (costs.disk_write_page.*value);
    }
    return ns;
  };
  const double middle = sum(&Cost::ns, effort.middle);
  return middle > 0 ? sum(figure, effort.*efforts) / middle : 1;
}

// Against the same program with small pages.
Result<std::uint64_t> wasted(const record::Recording& recording, Conditions conditions,
                             const Costs& costs, const Outcome& huge, const Predict& predict) {
  conditions.huge_pages = HugePages::Never;
  const Result<Outcome> small = predict(recording, conditions, costs);
  if (!small) return tl::unexpected(small.error());
  return huge.peak_group_bytes - std::min(huge.peak_group_bytes, small->peak_group_bytes);
}

}  // namespace

double pace_of(Outcome& base, SwapKind swap, double seconds) {
  constexpr double kLeast = 0.01, kMost = 1'000;
  const double own = base.reference_seconds;
  if (own <= 0 || seconds <= 0) return 1;
  const double rest = time_of(base, swap) - own;
  const double pace = std::clamp((seconds - rest) / own, kLeast, kMost);
  base.cpu_seconds += (pace - 1) * own;
  base.seconds += (pace - 1) * own;
  base.reference_seconds *= pace;
  return pace;
}

Slowdown slowdown(const Outcome& base, const Outcome& limited, SwapKind swap, const Costs& costs,
                  const Effort& effort, double base_seconds, bool base_known) {
  constexpr double kUnsure = 2;   // of a base time that is estimated from references
  constexpr double kModel = 1.1;  // costs are those of small loops, with caches of their own
  Slowdown result;
  if (base_seconds <= 0) return result;
  const double added = std::max(0.0, time_of(limited, swap) - time_of(base, swap));
  const double unsure = base_known ? 1 : kUnsure;
  result.middle = 1 + added / base_seconds;
  const double low = scaled(base, limited, swap, costs, &Cost::low, effort, &Effort::low);
  const double high = scaled(base, limited, swap, costs, &Cost::high, effort, &Effort::high);
  result.low = 1 + added * low / (base_seconds * unsure * kModel);
  result.high = 1 + added * high * kModel * unsure / base_seconds;
  return result;
}

std::uint64_t bytes_of(const Limit& limit, double peak) {
  const double bytes = limit.percent > 0 ? peak * limit.percent / 100
                                         : static_cast<double>(limit.bytes);
  return static_cast<std::uint64_t>(bytes) >> kPageShift << kPageShift;
}

// The rows without their outcomes; returns the smallest limit.
Result<std::uint64_t> make_rows(const record::Recording& recording,
                                const std::vector<Limit>& limits, const Conditions& conditions,
                                std::uint64_t peak_bytes, Forecasts& all) {
  const auto peak = static_cast<double>(peak_bytes);
  std::uint64_t least = Sources::kNoLimit;
  for (const Limit& limit : limits) {
    Forecast row;
    row.asked = limit;
    row.conditions = conditions;
    row.conditions.limit_bytes = bytes_of(limit, peak);
    row.percent = peak > 0 ? 100 * static_cast<double>(row.conditions.limit_bytes) / peak : 0;
    const Result<void> fine = fine_enough(recording, row.conditions.limit_bytes);
    if (!fine) {
      if (limit.percent == 0) return tl::unexpected(fine.error());
      all.left_out.push_back(fine.error().message);
      continue;
    }
    least = std::min(least, row.conditions.limit_bytes);
    all.rows.push_back(std::move(row));
  }
  if (all.rows.empty() && !all.left_out.empty()) return fail(Errno::Invalid, all.left_out.front());
  return least;
}

// Rows whose limit is felt: each charge of a run whose peak is no higher goes as without a limit.
// The smallest first, since they take longest.
std::vector<std::size_t> below(std::uint64_t peak_bytes, const std::vector<Forecast>& rows) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].conditions.limit_bytes < peak_bytes) numbers.push_back(i);
  }
  std::stable_sort(numbers.begin(), numbers.end(), [&](std::size_t a, std::size_t b) {
    return rows[a].conditions.limit_bytes < rows[b].conditions.limit_bytes;
  });
  return numbers;
}

Result<Forecasts> forecast(const record::Recording& recording, const std::vector<Limit>& limits,
                           const Conditions& conditions, const Costs& costs,
                           std::optional<double> own_seconds, const Predict& predict) {
  Forecasts all;
  Conditions unlimited = conditions;
  unlimited.limit_bytes = 0;
  Sources sources(recording);
  const record::Recording* source = &sources.unlimited();
  Result<Outcome> base = predict(*source, unlimited, costs);
  if (!base) return tl::unexpected(base.error());
  const auto least = make_rows(recording, limits, conditions, base->peak_group_bytes, all);
  if (!least) return tl::unexpected(least.error());
  all.base_known = own_seconds.has_value();
  const Effort effort = effort_of(recording.info().contents);
  const double pace = own_seconds ? pace_of(*base, conditions.swap, *own_seconds) : 1;

  const record::Recording* const coarse = std::exchange(source, &sources.down_to(*least));
  const std::vector<std::size_t> limited = below(base->peak_group_bytes, all.rows);
  std::vector<Result<Outcome>> outcomes(limited.size(), Outcome{});
  unlimited.pace = pace;
  std::atomic<std::size_t> begun = 0;  // in this order, whichever thread they come to
  analysis::in_parallel(limited.size() + (coarse == source ? 0 : 1), [&](std::size_t) {
    const std::size_t job = begun++;
    if (job == limited.size()) {
      base = predict(*source, unlimited, costs);
      return;
    }
    Conditions& here = all.rows[limited[job]].conditions;
    here.pace = pace;
    outcomes[job] = predict(*source, here, costs);
  });
  if (!base) return tl::unexpected(base.error());
  all.base = std::move(*base);
  all.base_seconds = own_seconds.value_or(time_of(all.base, conditions.swap));
  if (conditions.huge_pages != HugePages::Never) {
    unlimited.pace = 1;
    const auto bytes = wasted(*source, unlimited, costs, all.base, predict);
    if (!bytes) return tl::unexpected(bytes.error());
    all.wasted_bytes = *bytes;
  }
  for (Forecast& row : all.rows) row.outcome = all.base;
  for (std::size_t job = 0; job < limited.size(); ++job) {
    if (!outcomes[job]) return tl::unexpected(outcomes[job].error());
    all.rows[limited[job]].outcome = std::move(*outcomes[job]);
  }
  for (Forecast& row : all.rows) {
    row.slowdown = slowdown(all.base, row.outcome, conditions.swap, costs, effort, all.base_seconds,
                            all.base_known);
  }
  return all;
}

Result<std::vector<Outcome>> predict_truth(const record::Recording& recording, const Truth& truth,
                                           const Costs& costs, const Predict& predict) {
  std::uint64_t least = Sources::kNoLimit;
  for (const TruthRow& row : truth.rows) {
    if (row.limited()) least = std::min(least, row.conditions.limit_bytes);
  }
  Sources sources(recording);
  const record::Recording& source = sources.down_to(least);
  std::vector<Result<Outcome>> all(truth.rows.size(), Outcome{});
  double pace = 1;
  std::size_t first = 0;
  if (!truth.rows.empty() && !truth.rows[0].limited()) {
    all[0] = predict(source, truth.rows[0].conditions, costs);
    if (all[0]) pace = pace_of(*all[0], SwapKind::Zram, measured_cpu_seconds(truth.rows[0]));
    first = 1;
  }
  analysis::in_parallel(all.size() - first, [&](std::size_t number) {
    const std::size_t i = first + number;
    Conditions conditions = truth.rows[i].conditions;
    conditions.pace = pace;
    all[i] = predict(source, conditions, costs);
  });
  std::vector<Outcome> outcomes;
  for (Result<Outcome>& one : all) {
    if (!one) return tl::unexpected(one.error());
    outcomes.push_back(std::move(*one));
  }
  return outcomes;
}

std::vector<Slowdown> slowdowns(const Truth& truth, const std::vector<Outcome>& predicted,
                                const Costs& costs, const Effort& effort) {
  std::vector<Slowdown> all;
  if (truth.rows.empty() || truth.rows[0].limited()) return all;
  for (std::size_t r = 0; r < std::min(truth.rows.size(), predicted.size()); ++r) {
    const SwapKind swap = truth.rows[r].conditions.swap;
    const double seconds = measured_seconds(truth.rows[0], swap);
    all.push_back(slowdown(predicted[0], predicted[r], swap, costs, effort, seconds, true));
  }
  return all;
}

}  // namespace pw::predict
