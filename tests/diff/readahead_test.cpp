// The page cache's reading side next to the running kernel's: random programs of reads, writes,
// mappings and touches of one file, compared after each step: faults, pages in the page cache,
// translations. PW_EXT4_FOLDER says where the file lies; with PW_RECORD_READAHEAD=FOLDER what the
// kernel did is written there, for tests/data/readahead.
//
// Which of several small requests have ended when the one wakes up that waits for another of them
// is chance. So a program that differs is played again: what does not come out the same on the
// kernel itself is counted, and bounded.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "diff/readahead_generator.hpp"
#include "diff/readahead_host.hpp"
#include "support/readahead_machine.hpp"

namespace pw::readahead {
namespace {

std::string on_machine(const Case& c) {
  MachinePlayer player(c);
  return transcript(c, player);
}

// Empty: it could not be played.
std::string on_host(const Host& host, const Case& c) {
  const std::unique_ptr<Player> player = make_host_player(host, c);
  if (player == nullptr) return {};
  std::string text = transcript(c, *player);
  return player->failed() ? std::string() : text;
}

std::string around_difference(const std::string& kernel, const std::string& machine) {
  std::size_t at = 0;
  while (at < kernel.size() && at < machine.size() && kernel[at] == machine[at]) ++at;
  const std::size_t line = kernel.rfind('\n', at) == std::string::npos ? 0 : kernel.rfind('\n', at);
  const std::size_t from = line > 300 ? line - 300 : 0;
  return "kernel:\n..." + kernel.substr(from, line - from + 100) + "\nmachine:\n" +
         machine.substr(line, 100);
}

// Whether pages have left the page cache without having been asked to: the kernel was short of
// memory, or somebody dropped them.
bool disturbed(const std::string& text) {
  std::istringstream lines(text);
  std::string line, step;
  while (std::getline(lines, line)) {
    if (line[0] != '=') {
      step = line;
      continue;
    }
    const std::size_t cache = line.find(" cache");
    const std::size_t gone = cache == std::string::npos ? cache : line.find(" -", cache);
    if (gone != std::string::npos && gone < line.find(" map") && step.find("fadvise") != 0) {
      return true;
    }
  }
  return false;
}

enum class Verdict { Same, Chance, Disturbed, Different, NotPlayed };

Verdict compare(const Host& host, const Case& c, std::string& kernel) {
  const std::string machine = on_machine(c);
  std::string first;
  for (int tries = 0; tries < 4; ++tries) {
    kernel = on_host(host, c);
    if (kernel.empty()) return Verdict::NotPlayed;
    if (kernel == machine) return Verdict::Same;
    if (disturbed(kernel)) return Verdict::Disturbed;
    if (tries > 0 && kernel != first) return Verdict::Chance;
    first = kernel;
  }
  return Verdict::Different;
}

void record(std::uint64_t seed, const std::string& kernel) {
  const char* folder = std::getenv("PW_RECORD_READAHEAD");
  if (folder == nullptr) return;
  std::ofstream(std::string(folder) + "/seed-" + std::to_string(seed) + ".txt") << kernel;
}

TEST(ReadaheadHost, RandomProgramsDoTheSameStepByStep) {
  const Host host = look_at_host();
  if (!host.why_not.empty()) GTEST_SKIP() << host.why_not;
  const char* given = std::getenv("PW_READAHEAD_SEEDS");
  const std::uint64_t seeds = given == nullptr ? 80 : std::strtoull(given, nullptr, 10);
  std::uint64_t played = 0, chance = 0, different = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const Case c = random_case(seed, host.window, host.request);
    std::string kernel;
    const Verdict verdict = compare(host, c, kernel);
    if (verdict == Verdict::NotPlayed || verdict == Verdict::Disturbed) continue;
    ++played;
    chance += verdict == Verdict::Chance ? 1 : 0;
    if (verdict == Verdict::Different) {
      ++different;
      std::printf("seed %llu %s\n", static_cast<unsigned long long>(seed),
                  around_difference(kernel, on_machine(c)).c_str());
    }
    if (verdict == Verdict::Same) record(seed, kernel);
  }
  if (played == 0)
    GTEST_SKIP() << "no program could be played (cachestat(2), /proc/self/pagemap, memory)";
  // Which of several small requests has ended when a fault wakes up is the device's affair.
  EXPECT_LE(different * 10, played) << "too many programs came out differently from the kernel";
  EXPECT_LE(chance * 20, played) << "too many programs came out differently each time";
  RecordProperty("played", static_cast<int>(played));
  RecordProperty("different", static_cast<int>(different));
  RecordProperty("chance", static_cast<int>(chance));
}

}  // namespace
}  // namespace pw::readahead
