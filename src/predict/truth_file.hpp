// What was measured of a program in memory groups of a real kernel, and how a prediction compares
// with it. `pagewright check` measures, stores (--save) and compares; `replay --truth` compares
// with what was stored. Values only.
//
// A figure is the median over the runs of one row, with the lowest and the highest. Runs in which
// the kernel killed for want of memory, or that took too long, are counted and otherwise left out,
// unless there are no others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "predict/costs.hpp"
#include "predict/outcome.hpp"

namespace pw::predict {

struct Figure {
  double median = 0, low = 0, high = 0;

  double spread() const { return median > 0 ? (high - low) / median : 0; }  // of 1
};

// How far a prediction may be off: a part of the measured figure, or so much of it, whichever is
// more. `part` 0: no bar, the figure is only told.
struct Bar {
  double part = 0;
  double slack = 0;
};

struct Quantity {
  std::string_view name;   // in files
  std::string_view label;  // for people
  double (*of)(const Outcome& outcome);
  Bar unlimited, limited;
  bool bytes = false;
};
inline constexpr std::size_t kQuantities = 18;
std::span<const Quantity, kQuantities> quantities();

struct TruthRow {
  double percent = 0;  // of the peak; 0: no limit
  Conditions conditions;
  unsigned runs = 0, killed = 0, late = 0;
  std::string oom_victim;
  std::array<Figure, kQuantities> figures{};  // as quantities()

  bool oom() const { return 2 * killed > runs; }       // what most runs ended in
  bool ended() const { return runs > killed + late; }  // some ran to their end
  bool limited() const { return conditions.limit_bytes != 0; }
};

struct Truth {
  std::vector<std::string> command;
  std::string environment;              // a hash of it
  std::string kernel;                   // release
  std::string group_version;            // v1, v2
  int cpu = -1;                         // the program stayed on; -1: any
  std::uint64_t peak_bytes = 0;         // of the group without a limit: what percentages are of
  std::vector<std::string> of_machine;  // counters that other programs may have added to
  std::vector<std::string> notes;
  Costs costs;                 // of the host; each as far as it was measured there
  std::vector<TruthRow> rows;  // the first without a limit
};

double measured_cpu_seconds(const TruthRow& row);
// Whether the program found all that it maps in memory: without a limit most runs took no major
// fault. False too if all rows have a limit.
bool found_files_in_memory(const Truth& truth);
// What slowdowns are told in: CPU time, or wall time where swap is waited for.
double measured_seconds(const TruthRow& row, SwapKind swap);

// One row from its runs; `late[i]`: run i took too long. Not empty.
TruthRow summarize(double percent, const Conditions& conditions, std::span<const Outcome> runs,
                   const std::vector<bool>& late = {});

// JSON, schema pagewright.truth/1 (data/truth.schema.json).
std::string to_json(const Truth& truth);
// Error: Invalid with a sentence.
Result<Truth> truth_from_json(std::string_view text);

struct Comparison {
  const Quantity* quantity = nullptr;
  Figure measured;
  double predicted = 0;
  double error = 0;               // (predicted - measured) / measured; 0 where both are 0
  std::optional<double> allowed;  // in the figure's unit; nothing: no bar
  bool within = true;
};

struct RowComparison {
  const TruthRow* row = nullptr;
  Outcome predicted;
  // As quantities(), then the slowdown if it can be told; empty if no run ended by itself.
  std::vector<Comparison> figures;
  bool oom_agrees = true;     // killed or not
  bool victim_agrees = true;  // where both were killed, and both are known
  bool within = true;
};

// Whether the kernel's log and a prediction mean the same process: the kernel has the name of its
// program, cut to 15 characters, a prediction all of its command line.
bool same_victim(std::string_view measured, std::string_view predicted);

// `predicted`: one for each row, in their order. The slowdown is against the first row if that has
// no limit, in CPU time where swap is not waited for. The result refers to `truth`.
std::vector<RowComparison> compare(const Truth& truth, std::span<const Outcome> predicted);

std::string_view name_of(SwapKind kind);
std::string_view name_of(HugePages huge_pages);
std::string_view name_of(Ageing ageing);  // as --model has it
std::optional<SwapKind> swap_kind(std::string_view name);
std::optional<Ageing> ageing(std::string_view name);
std::optional<HugePages> huge_pages(std::string_view name);

}  // namespace pw::predict
