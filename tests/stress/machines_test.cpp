// Machines know nothing of each other: played at once in any number of threads, each does what it
// does alone. Under the thread sanitizer this also shows that the core shares nothing unguarded.
#include <gtest/gtest.h>

#include "stress/crowded_machine.hpp"
#include "stress/in_threads.hpp"
#include "support/long_tests.hpp"

namespace pw::stress {
namespace {

#ifdef PW_CHECKING
constexpr std::uint64_t kOperations = 1'500;
constexpr std::uint64_t kVerifyEvery = 500;
#else
constexpr std::uint64_t kOperations = 8'000;
constexpr std::uint64_t kVerifyEvery = 4'000;
#endif
constexpr std::uint64_t kSeeds = 12;

CrowdOptions options_of(std::uint64_t seed) {
  CrowdOptions options{seed, kOperations, kVerifyEvery};
  if (test::long_tests()) options.operations *= 20;
  return options;
}

std::vector<Outcome> play_all(std::uint64_t first_seed, std::size_t threads) {
  std::vector<Outcome> outcomes(kSeeds);
  in_threads(threads, kSeeds, [&](std::size_t i) {
    outcomes[i] = CrowdedMachine(options_of(first_seed + i)).play();
  });
  return outcomes;
}

const std::vector<Outcome>& played_alone() {
  static const std::vector<Outcome> kOutcomes = play_all(1, 1);
  return kOutcomes;
}

class Machines : public testing::TestWithParam<std::size_t> {};

TEST_P(Machines, CountTheSameAsAlone) {
  const std::vector<Outcome> together = play_all(1, GetParam());
  for (std::size_t i = 0; i < kSeeds; ++i) {
    ASSERT_EQ(played_alone()[i].wrong, "");
    ASSERT_EQ(together[i].wrong, "");
    EXPECT_EQ(together[i].numbers, played_alone()[i].numbers) << "seed " << i + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, Machines, testing::Values(2, 12));

// A comparison of runs that do nothing, or all the same, would prove nothing.
TEST(MachinesAlone, AreUnderPressureAndDiffer) {
  MachineCounters sum;
  std::size_t pressed = 0;
  for (std::size_t i = 0; i < kSeeds; ++i) {
    const Outcome& outcome = played_alone()[i];
    ASSERT_EQ(outcome.wrong, "");
    const MachineCounters& now = outcome.counters;
    pressed += now.reclaim.pswpin > 1000 ? 1 : 0;
    sum.faults.major += now.faults.major;
    sum.faults.copy_on_write += now.faults.copy_on_write;
    sum.faults.write_notify += now.faults.write_notify;
    sum.reclaim.pswpin += now.reclaim.pswpin;
    sum.reclaim.file_written += now.reclaim.file_written;
    sum.reclaim.pgsteal_direct += now.reclaim.pgsteal_direct;
    sum.reclaim.pgsteal_kswapd += now.reclaim.pgsteal_kswapd;
    sum.forks += now.forks;
    sum.shootdown_ipis += now.shootdown_ipis;
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(outcome.numbers, played_alone()[j].numbers) << "seeds " << i + 1 << ", " << j + 1;
    }
  }
  EXPECT_GE(pressed, kSeeds / 2);
  EXPECT_GT(sum.faults.major, 10'000U);
  EXPECT_GT(sum.faults.copy_on_write, 3'000U);
  EXPECT_GT(sum.faults.write_notify, 1'000U);
  EXPECT_GT(sum.reclaim.pswpin, 10'000U);
  EXPECT_GT(sum.reclaim.file_written, 1'000U);
  EXPECT_GT(sum.reclaim.pgsteal_direct, 1'000U);
  EXPECT_GT(sum.reclaim.pgsteal_kswapd, 1'000U);
  EXPECT_GT(sum.forks, 30U);
  EXPECT_GT(sum.shootdown_ipis, 500U);
}

}  // namespace
}  // namespace pw::stress
