// The machine against the naive byte model under each replacement policy: what a policy chooses,
// remembers or gives up must not change a byte, and the orders, frames and names of pages must
// agree afterwards (Machine::verify()).
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "model/isolated.hpp"
#include "policy/any_policy.hpp"

namespace pw::model {
namespace {

class PolicyModel : public testing::TestWithParam<std::string_view> {};

TEST_P(PolicyModel, AgreesOnEveryByteAndEveryOutcome) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Scenario scenario = make_scenario(seed, 1'200, false);
    scenario.config.policy = GetParam();
    scenario.config.swappiness = seed % 3 == 0 ? 60 : -1;
    ASSERT_TRUE(plays(scenario)) << "shrunk to:\n" << narrate(shrink(scenario, 300));
  }
}

INSTANTIATE_TEST_SUITE_P(All, PolicyModel, testing::ValuesIn(policy::policy_names()),
                         [](const auto& chosen) {
                           std::string name(chosen.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// The kernel's way, under a limit, with swap that is written at once and swap that takes time.
class LinuxModel : public testing::TestWithParam<Ageing> {};

TEST_P(LinuxModel, AgreesOnEveryByteAndEveryOutcome) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Scenario scenario = make_scenario(seed, 1'200, false);
    scenario.config.model = MemoryModel::Linux;
    scenario.config.linux_options.ageing = GetParam();
    // Its readahead and its batches take what a smaller machine does not have.
    scenario.config.ram = std::max(scenario.config.ram, ByteCount(160 * kPageSize));
    scenario.config.linux_options.stat_flush_ns = seed % 2 == 0 ? 20'000'000 : 2'000'000'000;
    if (scenario.tight) {  // else all of the RAM must be there for it
      scenario.config.linux_options.limit_pages = (scenario.config.ram.value >> kPageShift) * 3 / 4;
    }
    if (seed % 4 < 2) scenario.config.swap_device = kZram;
    ASSERT_TRUE(plays(scenario)) << "shrunk to:\n" << narrate(shrink(scenario, 300));
  }
}

INSTANTIATE_TEST_SUITE_P(Both, LinuxModel, testing::Values(Ageing::Lists, Ageing::Generations),
                         [](const auto& chosen) {
                           return chosen.param == Ageing::Lists ? "Lists" : "Generations";
                         });

}  // namespace
}  // namespace pw::model
