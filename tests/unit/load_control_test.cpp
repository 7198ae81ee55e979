// LoadControl's decisions, and the multiprogramming curve that they change.
#include <gtest/gtest.h>

#include "analysis/multiprogramming.hpp"
#include "machine/load_control.hpp"

namespace pw {
namespace {

using Verdict = LoadControl::Verdict;

LoadControl control_of(LoadCriterion criterion) {
  LoadControlConfig config;
  config.criterion = criterion;
  return LoadControl(config);
}

// 20 ms with one CPU and a device of one channel that serves a fault in 100 us.
LoadWindow window_of(std::uint64_t busy_ns, std::uint64_t faults) {
  LoadWindow window;
  window.length_ns = 20'000'000;
  window.busy_ns = busy_ns;
  window.faults = faults;
  window.device_busy_ns = faults * 100'000;
  return window;
}

TEST(LoadControl, OffSaysNothing) {
  EXPECT_EQ(control_of(LoadCriterion::Off).judge(window_of(1'000, 200), 3), Verdict::Hold);
}

TEST(LoadControl, LifetimeIsComparedWithService) {
  const auto judge = [](std::uint64_t busy_ns, std::uint64_t faults) {
    return control_of(LoadCriterion::LifetimeIsService).judge(window_of(busy_ns, faults), 1);
  };
  EXPECT_EQ(judge(9'900'000, 100), Verdict::Less);   // 99 us between faults
  EXPECT_EQ(judge(10'100'000, 100), Verdict::Hold);  // 101 us
  EXPECT_EQ(judge(19'900'000, 100), Verdict::Hold);
  EXPECT_EQ(judge(20'000'000, 99), Verdict::More);  // 202 us
  EXPECT_EQ(judge(0, 0), Verdict::More);            // no fault at all
  EXPECT_EQ(judge(0, 100), Verdict::Less);          // nothing but waiting
}

TEST(LoadControl, HalfBusyHasADeadZone) {
  const auto judge = [](std::uint64_t faults) {
    return control_of(LoadCriterion::HalfBusy).judge(window_of(20'000'000, faults), 1);
  };
  EXPECT_EQ(judge(121), Verdict::Less);  // 60.5 % of 20 ms
  EXPECT_EQ(judge(119), Verdict::Hold);
  EXPECT_EQ(judge(81), Verdict::Hold);
  EXPECT_EQ(judge(79), Verdict::More);
}

TEST(LoadControl, FaultFrequencyCountsCpuTime) {
  const auto judge = [](std::uint64_t busy_ns, std::uint64_t faults) {
    return control_of(LoadCriterion::FaultFrequency).judge(window_of(busy_ns, faults), 1);
  };
  EXPECT_EQ(judge(10'000'000, 51), Verdict::Less);  // 5,100 a second
  EXPECT_EQ(judge(10'000'000, 49), Verdict::Hold);
  EXPECT_EQ(judge(10'000'000, 9), Verdict::More);
}

TEST(LoadControl, LetsNobodyInWhereNobodyWaits) {
  EXPECT_EQ(control_of(LoadCriterion::HalfBusy).judge(window_of(20'000'000, 0), 0), Verdict::Hold);
}

TEST(LoadControl, AProgramThatHadToGoSoonMakesTheNextWaitTwiceAsLong) {
  LoadControl control = control_of(LoadCriterion::HalfBusy);
  const LoadWindow calm = window_of(20'000'000, 0), wild = window_of(20'000'000, 200);
  std::uint64_t before = 0;
  for (int round = 0; round < 4; ++round) {
    std::uint64_t waited = 1;
    while (control.judge(calm, 1) != Verdict::More) ++waited;
    if (round > 0) {
      EXPECT_EQ(waited, 2 * before) << round;
    }
    before = waited;
    EXPECT_EQ(control.judge(wild, 0), Verdict::Less);
  }
}

TEST(LoadControl, KnowsItsNames) {
  EXPECT_EQ(load_criterion("ls"), LoadCriterion::LifetimeIsService);
  EXPECT_EQ(load_criterion("half"), LoadCriterion::HalfBusy);
  EXPECT_EQ(load_criterion("pff"), LoadCriterion::FaultFrequency);
  EXPECT_EQ(load_criterion("off"), LoadCriterion::Off);
  EXPECT_FALSE(load_criterion("LS"));
  EXPECT_EQ(suspend_choice("largest"), SuspendChoice::Largest);
  EXPECT_FALSE(suspend_choice(""));
}

TEST(Multiprogramming, ThroughputFallsWithTooManyProgramsAndControlKeepsIt) {
  analysis::LoadExperiment experiment;
  experiment.machine.ram = ByteCount(4ULL << 20);
  experiment.machine.swap = ByteCount(1ULL << 30);
  experiment.program.pages = 1'024;
  experiment.program.locality = 256;
  experiment.warm_up_ns = 200'000'000;
  experiment.measured_ns = 500'000'000;
  const std::uint64_t counts[] = {2, 20};
  const auto plain = analysis::multiprogramming_curve(experiment, counts);
  ASSERT_TRUE(plain);
  EXPECT_GT((*plain)[0].utilisation, 0.9);
  EXPECT_LT((*plain)[1].steps_per_second, (*plain)[0].steps_per_second / 4);
  EXPECT_EQ((*plain)[1].suspensions, 0U);
  experiment.control.criterion = LoadCriterion::LifetimeIsService;
  const auto controlled = analysis::multiprogramming_curve(experiment, counts);
  ASSERT_TRUE(controlled);
  EXPECT_GT((*controlled)[1].steps_per_second, 3 * (*plain)[1].steps_per_second);
  EXPECT_GT((*controlled)[1].suspensions, 0U);
}

}  // namespace
}  // namespace pw
