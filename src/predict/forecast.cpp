#include "predict/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "analysis/in_parallel.hpp"
#include "predict/close_call.hpp"
#include "predict/sample.hpp"
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

// The run without a limit, and what there is to predict then; returns the smallest limit.
Result<std::uint64_t> run_base(const record::Recording& recording, const Source& source,
                               const std::vector<Limit>& limits, const Conditions& unlimited,
                               const Costs& costs, const PredictAll& predict, Forecasts& all) {
  all = {};
  all.sample_one_in = unlimited.sample_one_in;
  auto base = predict(source, {unlimited}, costs);
  if (!base) return tl::unexpected(base.error());
  all.base = std::move(base->front());
  return make_rows(recording, limits, unlimited, all.base.peak_group_bytes, all);
}

// Rows whose limit is felt: each charge of a run whose peak is no higher goes as without a limit.
std::vector<Forecast*> below(std::uint64_t peak_bytes, std::vector<Forecast>& rows) {
  std::vector<Forecast*> felt;
  for (Forecast& row : rows) {
    if (row.conditions.limit_bytes < peak_bytes) felt.push_back(&row);
  }
  return felt;
}

Result<void> run_close_calls_again(const Source& source, const Costs& costs,
                                   const PredictAll& predict, Forecasts& all) {
  std::vector<Forecast*> close;
  for (Forecast& row : all.rows) {
    if (row.outcome.close_calls > 0) close.push_back(&row);
  }
  const unsigned count = others_for(source.events(), close.size());
  std::vector<Conditions> runs;
  for (const Forecast* row : close) {
    const auto others = other_runs(row->conditions, count);
    runs.insert(runs.end(), others.begin(), others.end());
  }
  if (runs.empty()) return {};
  const auto outcomes = predict(source, runs, costs);
  if (!outcomes) return tl::unexpected(outcomes.error());
  auto next = outcomes->begin();
  for (Forecast* row : close) {
    row->outcome = together(row->outcome, {next, next + count});
    next += count;
  }
  return {};
}

// The rows' runs, then the base's if it is not known of that source yet, then, for what huge pages
// waste, one with small pages.
Result<void> fill(const Source& source, bool base_known, Conditions unlimited, double pace,
                  const Costs& costs, const PredictAll& predict, Forecasts& all) {
  const std::vector<Forecast*> felt = below(all.base.peak_group_bytes, all.rows);
  std::vector<Conditions> runs;
  for (Forecast* row : felt) {
    row->conditions.pace = pace;
    runs.push_back(row->conditions);
  }
  unlimited.pace = pace;
  if (!base_known) runs.push_back(unlimited);
  const bool huge = unlimited.huge_pages != HugePages::Never;
  unlimited.pace = 1;
  unlimited.huge_pages = HugePages::Never;
  if (huge) runs.push_back(unlimited);
  auto outcomes = predict(source, runs, costs);
  if (!outcomes) return tl::unexpected(outcomes.error());

  auto next = outcomes->begin() + static_cast<std::ptrdiff_t>(felt.size());
  if (!base_known) all.base = std::move(*next++);
  if (huge) {
    const std::uint64_t most = all.base.peak_group_bytes;
    all.wasted_bytes = most - std::min(most, next->peak_group_bytes);
  }
  for (Forecast& row : all.rows) row.outcome = all.base;
  for (std::size_t i = 0; i < felt.size(); ++i) felt[i]->outcome = std::move((*outcomes)[i]);
  return run_close_calls_again(source, costs, predict, all);
}

Result<Forecasts> forecast(const record::Recording& recording, const std::vector<Limit>& limits,
                           const Conditions& conditions, const Costs& costs,
                           std::optional<double> own_seconds, const PredictAll& predict) {
  Sources sources(recording);
  const Source coarse = sources.unlimited();
  Conditions unlimited = conditions;
  unlimited.limit_bytes = 0;
  const Result<void> can = can_sample(recording, conditions);
  if (!can && conditions.sample_one_in > 1) return tl::unexpected(can.error());
  const bool choose = conditions.sample_one_in == 0;
  if (choose) {
    unlimited.sample_one_in = can ? sample_for(coarse.events(), limits.size() + 1) : 1;
  }
  Forecasts all;
  auto least = run_base(recording, coarse, limits, unlimited, costs, predict, all);
  if (!least) return tl::unexpected(least.error());
  const std::uint32_t fewer = sample_at(*least, unlimited.sample_one_in);
  if (choose && fewer != unlimited.sample_one_in) {
    unlimited.sample_one_in = fewer;
    least = run_base(recording, coarse, limits, unlimited, costs, predict, all);
    if (!least) return tl::unexpected(least.error());
  }
  all.base_known = own_seconds.has_value();
  const double pace = own_seconds ? pace_of(all.base, conditions.swap, *own_seconds) : 1;
  const Source source = sources.down_to(*least, unlimited.sample_one_in > 1);
  PW_TRY(fill(source, source == coarse, unlimited, pace, costs, predict, all));
  all.base_seconds = own_seconds.value_or(time_of(all.base, conditions.swap));
  const Effort effort = effort_of(recording.info().contents);
  for (Forecast& row : all.rows) {
    row.slowdown = slowdown(all.base, row.outcome, conditions.swap, costs, effort, all.base_seconds,
                            all.base_known);
  }
  return all;
}

namespace {

Result<std::vector<Outcome>> predict_each(const record::Recording& source,
                                          std::span<const Conditions> conditions,
                                          const Costs& costs, const Predict& predict) {
  std::vector<Result<Outcome>> all(conditions.size(), Outcome{});
  analysis::in_parallel(all.size(),
                        [&](std::size_t i) { all[i] = predict(source, conditions[i], costs); });
  std::vector<Outcome> outcomes;
  for (Result<Outcome>& one : all) {
    if (!one) return tl::unexpected(one.error());
    outcomes.push_back(std::move(*one));
  }
  return outcomes;
}

}  // namespace

Result<std::vector<Outcome>> predict_truth(const record::Recording& recording, const Truth& truth,
                                           const Costs& costs, const Predict& predict) {
  std::uint64_t least = Sources::kNoLimit;
  for (const TruthRow& row : truth.rows) {
    if (row.limited()) least = std::min(least, row.conditions.limit_bytes);
  }
  Sources sources(recording);
  const Source thin = sources.down_to(least);
  std::optional<record::Recording> made;
  if (thin.filter_pages != 0) {
    auto thinned = thin.recording->thinned(thin.filter_pages);
    if (!thinned) return tl::unexpected(thinned.error());
    made = std::move(*thinned);
  }
  const record::Recording& source = made ? *made : *thin.recording;
  std::vector<Conditions> runs;
  for (const TruthRow& row : truth.rows) {
    runs.push_back(row.conditions);
    runs.back().mapped_in_memory = found_files_in_memory(truth);
  }
  std::vector<Outcome> outcomes;
  if (!truth.rows.empty() && !truth.rows[0].limited()) {
    auto base = predict(source, runs[0], costs);
    if (!base) return tl::unexpected(base.error());
    const double pace = pace_of(*base, SwapKind::Zram, measured_cpu_seconds(truth.rows[0]));
    for (Conditions& run : runs) run.pace = pace;
    outcomes.push_back(std::move(*base));
  }
  const std::span<const Conditions> limited(runs.begin() + std::ssize(outcomes), runs.end());
  auto first_runs = predict_each(source, limited, costs, predict);
  if (!first_runs) return tl::unexpected(first_runs.error());
  for (std::size_t i = 0; i < limited.size(); ++i) {
    outcomes.push_back(std::move((*first_runs)[i]));
    if (outcomes.back().close_calls == 0) continue;
    const unsigned count = others_for(thin.events(), limited.size());
    const auto others = predict_each(source, other_runs(limited[i], count), costs, predict);
    if (!others) return tl::unexpected(others.error());
    outcomes.back() = together(outcomes.back(), *others);
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
