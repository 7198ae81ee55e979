// Scripts that told the machine and the kernel apart, or would if the machine lost a rule it had to
// learn, each by its name (tests/data/diff): they must give what they say on both, and nothing else
// that can be seen may differ after any step.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "diff/duel_target.hpp"
#include "ports/host/host_target.hpp"
#include "script/parser.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"

namespace pw::diff {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& file : std::filesystem::directory_iterator(PW_SOURCE_DIR "/tests/data/diff")) {
    found.push_back(file.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

script::Program program_of(const std::string& name) {
  std::ifstream file(PW_SOURCE_DIR "/tests/data/diff/" + name + ".pws");
  std::stringstream text;
  text << file.rdbuf();
  auto program = script::parse(text.str());
  if (program) return *program;
  ADD_FAILURE() << program.error().message;
  return {};
}

void expect_good(const script::Program& program, script::Target& target) {
  const script::RunReport report = script::run(program, target, {}, [](std::string_view) {});
  EXPECT_TRUE(report.good()) << script::summary(report);
  EXPECT_GT(report.steps, 1U);
  EXPECT_EQ(report.noted, 0U);
}

class NamedDifference : public ::testing::TestWithParam<std::string> {};

TEST_P(NamedDifference, IsNoneOnTheMachine) {
  const script::Program program = program_of(GetParam());
  const auto config = script::machine_of(program);
  ASSERT_TRUE(config);
  auto target = script::SimTarget::create(*config);
  ASSERT_TRUE(target) << target.error().message;
  expect_good(program, **target);
}

TEST_P(NamedDifference, IsWhatTheKernelDoes) {
  auto target = host::HostTarget::create();
  if (!target) GTEST_SKIP() << target.error().message;
  expect_good(program_of(GetParam()), **target);
}

// What a script says is not all that could be seen: both at once, compared after every step.
TEST_P(NamedDifference, IsNoneInAnythingThatCanBeSeen) {
  std::string why;
  const std::unique_ptr<Duel> duel = Duel::create(why);
  if (duel == nullptr) GTEST_SKIP() << why;
  expect_good(program_of(GetParam()), *target_of(*duel));
}
INSTANTIATE_TEST_SUITE_P(Found, NamedDifference, ::testing::ValuesIn(names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace pw::diff
