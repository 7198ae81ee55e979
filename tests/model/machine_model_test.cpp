// The machine against the naive byte model: seeded random operations, memory scarce.
//
// PAGEWRIGHT_MODEL_SEED=n plays only that seed (and shrinks it if it fails); PAGEWRIGHT_LONG_TESTS multiplies the seeds.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/isolated.hpp"

namespace pw::model {
namespace {

#ifdef PW_CHECKING
constexpr std::size_t kOps = 600;
constexpr std::uint64_t kSeeds = 10;
constexpr bool kVerifyEach = true;
#else
constexpr std::size_t kOps = 3000;
constexpr std::uint64_t kSeeds = 44;
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

// 8 shards * 44 seeds * 3000 operations = 1,056,000.
TEST_P(MachineModel, AgreesOnEveryByteAndEveryOutcome) {
  std::uint64_t first = GetParam() * 1000, count = kSeeds;
  if (std::getenv("PAGEWRIGHT_LONG_TESTS") != nullptr) count *= kLongFactor;
  if (const char* one = std::getenv("PAGEWRIGHT_MODEL_SEED")) {
    first = std::strtoull(one, nullptr, 10);
    count = 1;
  }
  std::uint64_t failed = 0;
  if (!play_seeds(first, count, kOps, kVerifyEach, failed)) fail_with_story(failed);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MachineModel, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace pw::model
