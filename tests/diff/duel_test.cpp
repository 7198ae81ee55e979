// Random programs on the simulated machine and on the running kernel: they must agree on everything
// that can be seen (duel.hpp). PAGEWRIGHT_DUEL_SEED and PAGEWRIGHT_DUEL_STEPS choose others.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "diff/step_generator.hpp"
#include "support/long_tests.hpp"

namespace pw::diff {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

// Plays one program of its own making; the mismatch, shrunk, as a script with the kernel's answers.
struct Played {
  std::uint64_t steps = 0;
  std::uint64_t unrepeated = 0;  // mismatches that two more tries of the same steps did not show
};

std::string play_episode(Duel& duel, std::uint64_t seed, std::size_t length, Played& played) {
  StepGenerator generator(seed, duel);
  std::vector<DuelStep> steps;
  const std::uint64_t visits = khugepaged_visits();
  duel.begin();
  std::optional<std::string> mismatch;
  while (!mismatch && steps.size() < length && !duel.running().empty()) {
    steps.push_back(generator.next());
    mismatch = duel.play(steps.back());
    ++played.steps;
  }
  if (!mismatch) mismatch = duel.compare_all();
  if (!mismatch) return {};
  // The kernel is not alone in the world: writeback, lists of the CPUs. What comes once only is
  // printed, counted, and bounded below; not so if it came with khugepaged.
  const bool visited = khugepaged_visits() != visits;
  if (!play_all(duel, steps).mismatch && !play_all(duel, steps).mismatch) {
    if (visited) return {};
    ++played.unrepeated;
    const std::vector<DuelStep> last(steps.end() - std::min<std::ptrdiff_t>(3, ssize(steps)),
                                     steps.end());
    std::cout << "once only: seed " << seed << ", step " << steps.size() << ", the last of them\n"
              << script_of(last, {}) << "differs: " << *mismatch << std::endl;
    return {};
  }
  const std::vector<DuelStep> fewer = shrink(duel, steps);
  const Verdict again = play_all(duel, fewer);
  return "seed " + std::to_string(seed) + ": after " + std::to_string(steps.size()) + " steps\n" +
         script_of(fewer, again.answers) + "differs: " + again.mismatch.value_or(*mismatch);
}

class RandomPrograms : public ::testing::TestWithParam<std::uint64_t> {};

// How many steps, unless the environment says another number.
struct Effort {
  std::uint64_t steps, long_steps;
};

void play_programs(Duel& duel, std::uint64_t first_seed, Effort effort, Played& played) {
  constexpr std::size_t kEpisode = 160;
  const std::uint64_t wanted = from_environment(
      "PAGEWRIGHT_DUEL_STEPS", test::long_tests() ? effort.long_steps : effort.steps);
  const std::uint64_t first = from_environment("PAGEWRIGHT_DUEL_SEED", first_seed);
  const std::uint64_t most_reports = from_environment("PAGEWRIGHT_DUEL_REPORTS", 1);
  std::uint64_t reports = 0;
  for (std::uint64_t seed = first; played.steps < wanted && reports < most_reports; ++seed) {
    const std::string mismatch = play_episode(duel, seed, kEpisode, played);
    if (mismatch.empty()) continue;
    ADD_FAILURE() << mismatch;
    ++reports;
  }
  ::testing::Test::RecordProperty("steps", std::to_string(played.steps));
  ::testing::Test::RecordProperty("unrepeated", std::to_string(played.unrepeated));
}

TEST_P(RandomPrograms, SeeTheSameOnTheMachineAndOnTheKernel) {
  std::string why;
  const std::unique_ptr<Duel> duel = Duel::create(why);
  if (duel == nullptr) GTEST_SKIP() << why;
  Played played;
  play_programs(*duel, GetParam() * 1'000'000, {26'000, 700'000}, played);
  EXPECT_LE(played.unrepeated, 1 + played.steps / 100'000);
}

// With huge pages for those who ask.
TEST_P(RandomPrograms, SeeTheSameWithHugePages) {
  std::string why;
  const std::unique_ptr<Duel> duel = Duel::create(why, true);
  if (duel == nullptr) GTEST_SKIP() << why;
  Played played;
  play_programs(*duel, 500'000'000 + GetParam() * 1'000'000, {4'000, 100'000}, played);
  EXPECT_LE(played.unrepeated, 2 + played.steps / 10'000);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace pw::diff
