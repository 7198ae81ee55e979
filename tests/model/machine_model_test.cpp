// The machine against the naive byte model: seeded random operations, memory scarce.
//
// PAGEWRIGHT_MODEL_SEED=n plays only that seed (and shrinks it if it fails); PAGEWRIGHT_LONG_TESTS
// multiplies the seeds.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/isolated.hpp"
#include "model/player.hpp"
#include "support/long_tests.hpp"

namespace pw::model {
namespace {

#ifdef PW_CHECKING
constexpr std::size_t kOps = 600;
constexpr std::uint64_t kSeeds = 10;
constexpr bool kVerifyEach = true;
#else
constexpr std::size_t kOps = 3000;
constexpr std::uint64_t kSeeds = 60;
constexpr bool kVerifyEach = false;
#endif
constexpr std::uint64_t kLongFactor = 20;
constexpr std::size_t kShrinkBudget = 600;

void fail_with_story(std::uint64_t seed) {
  const Scenario whole = make_scenario(seed, kOps, kVerifyEach);
  const Scenario small = shrink(whole, kShrinkBudget);
  FAIL() << "PAGEWRIGHT_MODEL_SEED=" << seed << " fails; shrunk to:\n" << narrate(small);
}

class MachineModel : public testing::TestWithParam<std::uint64_t> {};

// In a release build 8 shards * 60 seeds * 3000 operations = 1,440,000.
TEST_P(MachineModel, AgreesOnEveryByteAndEveryOutcome) {
  std::uint64_t first = GetParam() * 1000, count = kSeeds;
  if (test::long_tests()) count *= kLongFactor;
  if (const char* one = std::getenv("PAGEWRIGHT_MODEL_SEED")) {
    first = std::strtoull(one, nullptr, 10);
    count = 1;
  }
  std::uint64_t failed = 0;
  if (!play_seeds(first, count, kOps, kVerifyEach, failed)) fail_with_story(failed);
}

// What the scenarios make the machine do, all together: a model test that never swaps proves
// little.
TEST(MachineModelCoverage, ScenariosReachEveryCorner) {
  MachineCounters sum;
  std::uint64_t prefetched = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Scenario scenario = make_scenario(seed, 1500, false);
    Player player(scenario, nullptr);
    ASSERT_NO_THROW(player.play());
    const MachineCounters& now = player.counters();
    sum.faults.minor += now.faults.minor;
    sum.faults.major += now.faults.major;
    sum.faults.copy_on_write += now.faults.copy_on_write;
    sum.faults.reused += now.faults.reused;
    sum.faults.zero_page += now.faults.zero_page;
    sum.faults.write_notify += now.faults.write_notify;
    sum.faults.segv += now.faults.segv;
    sum.faults.bus += now.faults.bus;
    sum.reclaim.pswpin += now.reclaim.pswpin;
    sum.reclaim.pswpout += now.reclaim.pswpout;
    sum.reclaim.file_written += now.reclaim.file_written;
    sum.reclaim.pgsteal_direct += now.reclaim.pgsteal_direct;
    sum.reclaim.pgsteal_kswapd += now.reclaim.pgsteal_kswapd;
    sum.forks += now.forks;
    sum.shootdowns += now.shootdowns;
    prefetched += now.reclaim.prefetched;
  }
  EXPECT_GT(sum.faults.minor, 3000U);
  EXPECT_GT(sum.faults.major, 1500U);
  EXPECT_GT(sum.faults.copy_on_write, 300U);
  EXPECT_GT(sum.faults.reused, 5U);
  EXPECT_GT(sum.faults.zero_page, 300U);
  EXPECT_GT(sum.faults.write_notify, 5U);
  EXPECT_GT(sum.faults.segv, 500U);
  EXPECT_GT(sum.faults.bus, 100U);
  EXPECT_GT(sum.reclaim.pswpin, 1500U);
  EXPECT_GT(sum.reclaim.pswpout, 1500U);
  EXPECT_GT(sum.reclaim.file_written, 300U);
  EXPECT_GT(sum.reclaim.pgsteal_direct, 2000U);
  EXPECT_GT(sum.reclaim.pgsteal_kswapd, 20U);
  EXPECT_GT(sum.forks, 50U);
  EXPECT_GT(sum.shootdowns, 500U);
  EXPECT_GT(prefetched, 100U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MachineModel, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace pw::model
