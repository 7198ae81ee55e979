// The machine with the page cache of Linux against the naive byte model: the same random operations
// as machine_model_test.cpp, with frames to spare, so that whole folios come and stay.
#include <gtest/gtest.h>

#include "model/player.hpp"

namespace pw::model {
namespace {

TEST(PageCacheModel, AgreesOnEveryByteAndEveryOutcome) {
  std::uint64_t major = 0, prefetched = 0, written = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Scenario scenario = make_scenario(seed, 1500, false);
    scenario.config.model = MemoryModel::Linux;
    scenario.config.ram = ByteCount(64 << 20);
    Player player(scenario, nullptr);
    ASSERT_NO_THROW(player.play()) << "seed " << seed;
    major += player.counters().faults.major;
    prefetched += player.counters().reclaim.prefetched;
    written += player.counters().reclaim.file_written;
  }
  EXPECT_GT(major, 100U);
  EXPECT_GT(prefetched, 100U);
  EXPECT_GT(written, 100U);
}

}  // namespace
}  // namespace pw::model
