// What is compared, how far it may be off, and by how much it is.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "predict/close_call.hpp"
#include "predict/truth_file.hpp"

namespace pw::predict {
namespace {

// The kernel charges pages to a group in batches of 64 for each CPU; smaller differences in what is
// swapped are chance.
constexpr double kBatch = 64;
constexpr double kPeakSlack = 256 << 10;
// The unlimited counts are exact but for what lies in the page cache as which folios.
constexpr Bar kFaultsBar{0.01, 10};
constexpr Bar kNone{};

template <auto Member>
double count_of(const Outcome& outcome) {
  return static_cast<double>(outcome.*Member);
}

constexpr std::array<Quantity, kQuantities> kAll{{
    {"minor_faults", "minor faults", count_of<&Outcome::minor_faults>, kFaultsBar, {0.10, kBatch}},
    {"major_faults", "major faults", count_of<&Outcome::major_faults>, {0.10, 10}, {0.10, kBatch}},
    {"swap_in", "swapped in", count_of<&Outcome::swap_in>, {0.10, kBatch}, {0.10, kBatch}},
    {"swap_out", "swapped out", count_of<&Outcome::swap_out>, {0.10, kBatch}, {0.10, kBatch}},
    {"zero_in", "zero pages in", count_of<&Outcome::zero_in>, kNone, kNone},
    {"zero_out", "zero pages out", count_of<&Outcome::zero_out>, kNone, kNone},
    {"scanned", "scanned", count_of<&Outcome::scanned>, kNone, {0.15, 4 * kBatch}},
    {"stolen_anon", "taken, anonymous", count_of<&Outcome::stolen_anon>, kNone, kNone},
    {"stolen_file", "taken, file", count_of<&Outcome::stolen_file>, kNone, kNone},
    {"refault_anon", "refaults, anonymous", count_of<&Outcome::refault_anon>, kNone, kNone},
    {"refault_file", "refaults, file", count_of<&Outcome::refault_file>, kNone, kNone},
    {"activate_anon", "activated, anonymous", count_of<&Outcome::activate_anon>, kNone, kNone},
    {"peak_resident",
     "peak resident",
     count_of<&Outcome::peak_resident_bytes>,
     {0.02, kPeakSlack},
     {0.02, kPeakSlack},
     true},
    {"peak_group", "peak of the group", count_of<&Outcome::peak_group_bytes>, kNone, kNone, true},
    {"huge_faults", "huge pages", count_of<&Outcome::huge_faults>, {0, 1}, {0, 1}},
    {"huge_splits", "huge pages split", count_of<&Outcome::huge_splits>, kNone, kNone},
    {"seconds", "seconds", count_of<&Outcome::seconds>, kNone, kNone},
    {"cpu_seconds", "CPU seconds", count_of<&Outcome::cpu_seconds>, kNone, kNone},
}};
constexpr std::size_t kMajorFaults = 1, kSeconds = 16, kCpuSeconds = 17;
static_assert(kAll[kMajorFaults].name == "major_faults");
static_assert(kAll[kSeconds].name == "seconds" && kAll[kCpuSeconds].name == "cpu_seconds");

// Told where the measured time repeats within a tenth.
constexpr Quantity kSlowdown{"slowdown", "slowdown", count_of<&Outcome::seconds>, kNone, kNone};
constexpr Bar kSlowdownBar{0.25, 0};
constexpr double kRepeats = 0.10;

bool has_bar(const Bar& bar) { return bar.part > 0 || bar.slack > 0; }

Comparison compared(const Quantity& quantity, const Figure& measured, double predicted,
                    const Bar& bar) {
  Comparison result{&quantity, measured, predicted, 0, std::nullopt, true};
  const double off = predicted - measured.median;
  if (off != 0) {
    result.error = measured.median > 0 ? off / measured.median
                                       : std::numeric_limits<double>::infinity();
  }
  if (!has_bar(bar)) return result;
  result.allowed = std::max({bar.part * measured.median, bar.slack, measured.high - measured.low});
  result.within = std::abs(off) <= *result.allowed;
  return result;
}

Figure figure_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  const double middle = n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  return {middle, values.front(), values.back()};
}

// Swap that needs no waiting costs CPU time alone, and that repeats on a busy host too.
std::size_t time_of(SwapKind swap) { return swap == SwapKind::Ssd ? kSeconds : kCpuSeconds; }

// What the limit adds is predicted, what the program takes without one was measured.
std::optional<Comparison> slowdown(const Truth& truth, std::span<const Outcome> predicted,
                                   std::size_t r) {
  const TruthRow& row = truth.rows[r];
  const TruthRow& base = truth.rows[0];
  const std::size_t time = time_of(row.conditions.swap);
  const double unit = base.figures[time].median;
  if (!row.limited() || base.limited() || unit <= 0) return std::nullopt;
  const Figure& taken = row.figures[time];
  const Figure measured{taken.median / unit, taken.low / unit, taken.high / unit};
  const double added = kAll[time].of(predicted[r]) - kAll[time].of(predicted[0]);
  const bool repeats = measured.spread() <= kRepeats;
  return compared(kSlowdown, measured, 1 + added / unit, repeats ? kSlowdownBar : kNone);
}

// What most runs ended in; how often a program is killed that perhaps is, nobody can tell.
bool same_end(const TruthRow& row, const Outcome& predicted) {
  const End end = end_of(predicted);
  return end == End::Perhaps || row.oom() == (end == End::Killed);
}

}  // namespace

std::span<const Quantity, kQuantities> quantities() { return kAll; }

bool same_victim(std::string_view measured, std::string_view predicted) {
  constexpr std::size_t kLongest = 15;  // TASK_COMM_LEN
  if (measured.empty() || predicted.empty()) return true;
  predicted = predicted.substr(0, predicted.find(' '));
  predicted.remove_prefix(std::min(predicted.rfind('/') + 1, predicted.size()));
  return measured == predicted.substr(0, kLongest);
}

double measured_cpu_seconds(const TruthRow& row) { return row.figures[kCpuSeconds].median; }

bool found_files_in_memory(const Truth& truth) {
  if (truth.rows.empty() || truth.rows[0].limited() || !truth.rows[0].ended()) return false;
  return truth.rows[0].figures[kMajorFaults].median == 0;
}

double measured_seconds(const TruthRow& row, SwapKind swap) {
  return row.figures[time_of(swap)].median;
}

TruthRow summarize(double percent, const Conditions& conditions, std::span<const Outcome> runs,
                   const std::vector<bool>& late) {
  TruthRow row;
  row.percent = percent;
  row.conditions = conditions;
  std::vector<const Outcome*> good;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool too_long = i < late.size() && late[i];
    ++row.runs;
    row.killed += runs[i].oom ? 1 : 0;
    row.late += too_long ? 1 : 0;
    if (runs[i].oom && row.oom_victim.empty()) row.oom_victim = runs[i].oom_victim;
    if (!runs[i].oom && !too_long) good.push_back(&runs[i]);
  }
  if (good.empty()) {
    for (const Outcome& run : runs) good.push_back(&run);
  }
  for (std::size_t q = 0; q < kQuantities && !good.empty(); ++q) {
    std::vector<double> values;
    for (const Outcome* run : good) values.push_back(kAll[q].of(*run));
    row.figures[q] = figure_of(std::move(values));
  }
  return row;
}

std::vector<RowComparison> compare(const Truth& truth, std::span<const Outcome> predicted) {
  std::vector<RowComparison> all;
  const std::size_t rows = std::min(truth.rows.size(), predicted.size());
  for (std::size_t r = 0; r < rows; ++r) {
    const TruthRow& row = truth.rows[r];
    RowComparison result;
    result.row = &row;
    result.predicted = predicted[r];
    result.oom_agrees = same_end(row, predicted[r]);
    const bool both = row.oom() && predicted[r].oom;
    result.victim_agrees = !both || same_victim(row.oom_victim, predicted[r].oom_victim);
    result.within = result.oom_agrees && result.victim_agrees;
    const bool told = !row.oom() && row.ended();
    for (std::size_t q = 0; q < kQuantities && told; ++q) {
      const Quantity& quantity = kAll[q];
      result.figures.push_back(compared(quantity, row.figures[q], quantity.of(predicted[r]),
                                        row.limited() ? quantity.limited : quantity.unlimited));
    }
    const std::optional<Comparison> slower = told ? slowdown(truth, predicted, r) : std::nullopt;
    if (slower) result.figures.push_back(*slower);
    for (const Comparison& figure : result.figures) result.within &= figure.within;
    all.push_back(std::move(result));
  }
  return all;
}

}  // namespace pw::predict
