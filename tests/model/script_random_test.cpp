// Random scripts on the simulated machine: whatever they ask for, the run ends, within its limits,
// and the machine is consistent after every call. Two runs of one script say the same.
#include <gtest/gtest.h>

#include "script/printer.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"
#include "support/long_tests.hpp"
#include "support/script_maker.hpp"

namespace pw::script {
namespace {

std::string run_once(const Program& program, std::uint64_t seed) {
  MachineConfig config = default_machine();
  config.ram = ByteCount(seed % 2 == 0 ? 1ULL << 20 : 16ULL << 20);
  config.swap = ByteCount(seed % 3 == 0 ? 8ULL << 20 : 0);
  config.verify_each_operation = true;
  SimLimits sim;
  sim.store = ByteCount(16ULL << 20);
  const auto target = SimTarget::create(config, sim);
  EXPECT_TRUE(target);
  if (!target) return {};
  RunLimits limits;
  limits.steps = 300;
  limits.bytes = 1U << 20;
  limits.processes = 12;
  limits.shown = 1U << 20;
  std::string said;
  const RunReport report = run(program, **target, limits,
                               [&](std::string_view part) { said += part; });
  EXPECT_LE(report.steps, limits.steps + 1);
  return said + summary(report);
}

TEST(ScriptRandom, AnyScriptEndsAndLeavesTheMachineConsistent) {
  const std::uint64_t scripts = pw::test::long_tests() ? 200'000 : 1'000;
  for (std::uint64_t seed = 1; seed <= scripts; ++seed) {
    const Program program = test::ScriptMaker(seed).program();
    SCOPED_TRACE("seed " + std::to_string(seed) + '\n' + print(program));
    ASSERT_EQ(run_once(program, seed), run_once(program, seed));
  }
}

}  // namespace
}  // namespace pw::script
