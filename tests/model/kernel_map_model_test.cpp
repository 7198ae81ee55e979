// The model's random programs on machines with a kernel mapping and isolated page tables: every
// byte and every outcome as ever, both roots and both views sound after each operation.
#include <gtest/gtest.h>

#include "model/isolated.hpp"
#include "model/player.hpp"

namespace pw::model {
namespace {

#ifdef PW_CHECKING
constexpr std::size_t kOps = 300;
#else
constexpr std::size_t kOps = 700;
#endif

Scenario with_kernel(std::uint64_t seed, bool kpti) {
  Scenario scenario = make_scenario(seed, kOps, true);
  constexpr std::uint64_t kKernelFrames = 24;  // the program has what it has without
  scenario.config.kernel_map = true;
  scenario.config.kpti = kpti;
  scenario.config.ram = scenario.config.ram + ByteCount(kKernelFrames * kPageSize);
  return scenario;
}

class KernelMapModel : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Kpti, KernelMapModel, testing::Bool());

TEST_P(KernelMapModel, AgreesOnEveryByteAndEveryOutcome) {
  for (std::uint64_t seed = 501; seed <= 516; ++seed) {
    const Scenario scenario = with_kernel(seed, GetParam());
    if (plays(scenario)) continue;
    FAIL() << describe(scenario) << "\nshrunk to:\n" << narrate(shrink(scenario, 200));
  }
}

}  // namespace
}  // namespace pw::model
