// OPT against a plain search for the farthest next reference, and against the least number of
// misses that any sequence of evictions has.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "analysis/play.hpp"
#include "policy/opt.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::Pages;
using test::RandomString;
using test::setup_of;

std::uint64_t next_reference(const std::vector<Id>& string, std::size_t after, Id id) {
  for (std::size_t i = after + 1; i < string.size(); ++i) {
    if (string[i] == id) return i;
  }
  return kNever;
}

// The resident pages by next reference, farthest first, then highest id first.
std::vector<Id> by_distance(const std::vector<Id>& string, std::size_t now,
                            const std::vector<bool>& resident) {
  std::vector<Id> order;
  for (Id id = 0; id < resident.size(); ++id) {
    if (resident[id]) order.push_back(id);
  }
  std::ranges::sort(order, [&](Id a, Id b) {
    const std::uint64_t next_a = next_reference(string, now, a);
    const std::uint64_t next_b = next_reference(string, now, b);
    return next_a != next_b ? next_a > next_b : a > b;
  });
  return order;
}

struct OptRun {
  std::uint32_t ids, frames;
  bool pins, erases, told;  // told: the policy gets ticks
};

void compare_with_search(std::uint64_t seed, const OptRun& run) {
  RandomString source(seed, run.ids);
  std::vector<Id> string(250);
  for (Id& id : string) id = source.next();
  Opt policy(setup_of(run.ids, run.frames));
  Pages left(run.ids), right(run.ids);
  std::vector<bool> resident(run.ids);
  Random& random = source.random();
  for (std::size_t now = 0; now < string.size(); ++now) {
    const Id id = string[now];
    if (run.pins && random.chance(6)) left.pinned[id] = right.pinned[id] = !left.pinned[id];
    left.accessed[id] = right.accessed[id] = random.chance(2);
    if (run.told && random.chance(3)) policy.tick(now, left);
    if (run.erases && random.chance(10) && resident[id]) {
      policy.erase(id);
      resident[id] = false;
      continue;
    }
    if (resident[id]) {
      policy.foresee(next_reference(string, now, id));
      policy.touch(id);
      continue;
    }
    if (policy.size() == run.frames) {
      Id expected = kNoPage;
      for (const Id candidate : by_distance(string, now, resident)) {
        if (right(candidate) == Verdict::Unevictable) continue;
        expected = candidate;
        break;
      }
      ASSERT_EQ(policy.victim(left), expected) << "seed " << seed << ", time " << now;
      ASSERT_EQ(left.accessed, right.accessed) << "seed " << seed << ", time " << now;
      if (expected == kNoPage) continue;
      resident[expected] = false;
    }
    policy.foresee(next_reference(string, now, id));
    policy.insert(id);
    resident[id] = true;
    ASSERT_EQ(policy.size(), std::ranges::count(resident, true));
  }
}

TEST(Opt, EvictsAsASearchWould) {
  for (std::uint64_t seed = 1; seed <= 3'000 && !testing::Test::HasFatalFailure(); ++seed) {
    const auto frames = static_cast<std::uint32_t>(1 + seed % 13);
    compare_with_search(seed, {frames + 1 + static_cast<std::uint32_t>(seed % (3 * frames)), frames,
                               seed % 2 == 0, seed / 2 % 2 == 0, seed / 4 % 2 == 0});
  }
}

// The least misses of demand paging, by trying every choice: for each set of resident pages the
// least number of misses that leads to it.
std::uint64_t least_misses(const std::vector<Id>& string, std::uint32_t ids, int frames) {
  constexpr std::uint64_t kUnreached = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint64_t> least(std::size_t{1} << ids, kUnreached);
  least[0] = 0;
  for (const Id id : string) {
    std::vector<std::uint64_t> then(least.size(), kUnreached);
    const auto reach = [&](std::uint32_t set, std::uint64_t misses) {
      then[set] = std::min(then[set], misses);
    };
    for (std::uint32_t set = 0; set < least.size(); ++set) {
      if (least[set] == kUnreached) continue;
      if ((set >> id & 1) != 0) {
        reach(set, least[set]);
      } else if (std::popcount(set) < frames) {
        reach(set | 1U << id, least[set] + 1);
      } else {
        for (Id gone = 0; gone < ids; ++gone) {
          if ((set >> gone & 1) != 0) reach((set & ~(1U << gone)) | 1U << id, least[set] + 1);
        }
      }
    }
    least = std::move(then);
  }
  return *std::ranges::min_element(least);
}

std::uint64_t opt_misses(const std::vector<Id>& string, std::uint32_t ids, std::uint32_t frames) {
  analysis::PageTrace trace;
  trace.pages = string;
  trace.ids = ids;
  Opt policy(setup_of(ids, frames));
  return analysis::play(trace, policy, frames, analysis::next_references(trace).data()).misses;
}

TEST(Opt, NothingHasFewerMisses) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    RandomString source(seed, 7);
    std::vector<Id> string(60);
    for (Id& id : string) id = source.next();
    for (std::uint32_t frames = 1; frames <= 6; ++frames) {
      ASSERT_EQ(opt_misses(string, 7, frames), least_misses(string, 7, static_cast<int>(frames)))
          << "seed " << seed << ", " << frames << " frames";
    }
  }
}

// The heap keeps entries of the past until they are swept out; that must show neither in results
// nor in memory: a million references to few pages with a new page now and then.
TEST(Opt, LongStringsOfHitsEndAsASearchWould) {
  Random random(5);
  std::vector<Id> string(30'000);
  for (Id& id : string)
    id = static_cast<Id>(random.chance(200) ? random.below(40) : random.below(5));
  std::uint64_t misses = 0;
  std::vector<bool> resident(40);
  for (std::size_t now = 0; now < string.size(); ++now) {
    if (resident[string[now]]) continue;
    ++misses;
    if (std::ranges::count(resident, true) == 8) {
      resident[by_distance(string, now, resident).front()] = false;
    }
    resident[string[now]] = true;
  }
  EXPECT_EQ(opt_misses(string, 40, 8), misses);
}

// Silberschatz, Galvin, Gagne, Operating system concepts, 10.4: 9 faults. Stallings, Operating
// systems: internals and design principles, ch. 8: 3 faults after the frames are full. Belady's
// string, as in Tanenbaum, Bos, Modern operating systems: 7 with 3 frames, 6 with 4.
TEST(Opt, CountsOfTextbooks) {
  EXPECT_EQ(opt_misses({7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1}, 8, 3), 9U);
  EXPECT_EQ(opt_misses({2, 3, 2, 1, 5, 2, 4, 5, 3, 2, 5, 2}, 6, 3), 3U + 3U);
  EXPECT_EQ(opt_misses({1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5}, 6, 3), 7U);
  EXPECT_EQ(opt_misses({1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5}, 6, 4), 6U);
}

TEST(Opt, RefusesWhatCannotBe) {
  Opt policy(setup_of(8));
  policy.insert(3);
  EXPECT_DEATH(policy.insert(3), "resident already");
  EXPECT_DEATH(policy.insert(8), "no id");
  EXPECT_DEATH(policy.erase(4), "not resident");
  EXPECT_DEATH(policy.foresee(std::uint64_t{1} << 32), "");
}

}  // namespace
}  // namespace pw::policy
