// WS3: load control. Programs of 40 pages each on a machine of 1 MiB: with more than fit,
// throughput collapses; with load control some are suspended and it recovers (Denning, "Thrashing:
// its causes and prevention", AFIPS FJCC 1968).
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/thrashing_load.hpp"

namespace pw {
namespace {

using namespace pw::test;

struct Throughput {
  double utilisation = 0;  // of the CPU
  std::uint64_t steps = 0;
  std::uint64_t suspensions = 0;
  std::uint64_t least_steps = 0;  // of any program
};

Throughput run(int programs, const LoadControlConfig& control) {
  constexpr std::uint64_t kWarmUp = 1'000'000'000, kMeasured = 8'000'000'000;
  const auto [before, after] = run_programs(programs, kWarmUp, kMeasured, control);
  Throughput result;
  result.utilisation = static_cast<double>(after.busy_ns - before.busy_ns) /
                       static_cast<double>(kMeasured);
  result.least_steps = ~std::uint64_t{0};
  for (std::size_t i = 0; i < after.tasks.size(); ++i) {
    const std::uint64_t steps = after.tasks[i].steps - before.tasks[i].steps;
    result.steps += steps;
    result.least_steps = std::min(result.least_steps, steps);
    result.suspensions += after.tasks[i].suspensions;
  }
  return result;
}

class LoadControlGolden : public testing::TestWithParam<LoadCriterion> {};

TEST_P(LoadControlGolden, ThroughputRecoversWhereItCollapsedWithout) {
  LoadControlConfig control;
  control.criterion = GetParam();
  static const Throughput fitting = run(4, {});
  static const Throughput thrashing = run(12, {});
  const Throughput controlled = run(12, control);
  RecordProperty("utilisation", std::to_string(fitting.utilisation) + " " +
                                    std::to_string(thrashing.utilisation) + " " +
                                    std::to_string(controlled.utilisation));
  EXPECT_LT(thrashing.steps, fitting.steps / 2);
  EXPECT_GT(controlled.steps, fitting.steps * 9 / 10);
  EXPECT_GT(controlled.suspensions, 0U);
  EXPECT_GT(controlled.least_steps, thrashing.least_steps);  // nobody pays for it
}

TEST_P(LoadControlGolden, LeavesALoadThatFitsAlone) {
  LoadControlConfig control;
  control.criterion = GetParam();
  EXPECT_EQ(run(4, control).suspensions, 0U);
}

INSTANTIATE_TEST_SUITE_P(Criteria, LoadControlGolden,
                         testing::Values(LoadCriterion::LifetimeIsService, LoadCriterion::HalfBusy,
                                         LoadCriterion::FaultFrequency));

}  // namespace
}  // namespace pw
