// The feedback loop of the tiers against a reference that keeps every event and does all sums
// anew, in fractions; and its choices on figures worked out by hand.
#include "reclaim/mglru/tier_control.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace pw {
namespace {

// One kind of page: the counts of each generation that was the oldest, the last one now.
struct Reference {
  struct Generation {
    std::uint64_t refaulted[4]{}, evicted[4]{}, spared[4]{};
  };
  std::vector<Generation> past{1};

  Generation& now() { return past.back(); }
  // As the kernel rounds: each generation is added to what is left of those before, and halved.
  std::uint64_t refaulted(unsigned tier) const {
    std::uint64_t sum = 0;
    for (const Generation& g : past) sum = (&g == &past.front() ? 0 : sum / 2) + g.refaulted[tier];
    return sum;
  }
  std::uint64_t total(unsigned tier) const {
    std::uint64_t sum = 0;
    for (const Generation& g : past) {
      sum = (&g == &past.front() ? 0 : sum / 2) + g.evicted[tier] + g.spared[tier];
    }
    return sum;
  }
};

// Whether b, weighed by its gain, comes back no more often than a. The kernel adds a batch to the
// setpoint's pages and one to its refaults, and lets pass what came back less than 64 times.
bool no_worse(std::uint64_t a_back, std::uint64_t a_all, unsigned a_gain, std::uint64_t b_back,
              std::uint64_t b_all, unsigned b_gain) {
  if (b_back < 64) return true;
  return static_cast<long double>(b_back) * (a_all + 64) * a_gain <=
         static_cast<long double>(a_back + 1) * b_all * b_gain;  // exact: below 2^64
}

TEST(TierControl, AgreesWithTheReferenceOnEveryChoice) {
  std::mt19937_64 random(7);
  int spared = 0, anonymous_first = 0, choices = 0;
  for (int run = 0; run < 40; ++run) {
    TierControl control;
    Reference references[2];
    for (int step = 0; step < 300; ++step) {
      const bool file = random() % 2 != 0;
      const unsigned tier = random() % 4;
      const std::uint64_t many = random() % 200;
      Reference& reference = references[file ? 1 : 0];
      switch (random() % 8) {
        case 0:
          control.carry_over(file);
          reference.past.emplace_back();
          break;
        case 1:
          control.note_protected(file, tier, many);
          reference.now().spared[tier] += many;
          break;
        case 2:
        case 3:
          control.note_refaulted(file, tier, many);
          reference.now().refaulted[tier] += many;
          break;
        default:
          control.note_evicted(file, tier, many);
          reference.now().evicted[tier] += many;
      }
      unsigned expected = 3;
      for (unsigned t = 1; t < 4; ++t) {
        if (no_worse(reference.refaulted(0), reference.total(0), 2, reference.refaulted(t),
                     reference.total(t), 3)) {
          continue;
        }
        expected = t - 1;
        break;
      }
      ASSERT_EQ(control.last_evictable(file), expected) << run << ' ' << step;
      spared += expected < 3 ? 1 : 0;
      std::uint64_t back[2]{}, all[2]{};
      for (unsigned t = 0; t < 4; ++t) {
        for (int kind = 0; kind < 2; ++kind) {
          back[kind] += references[kind].refaulted(t);
          all[kind] += references[kind].total(t);
        }
      }
      const auto weight = static_cast<unsigned>(2 + random() % 198);
      const bool file_first = no_worse(back[0], all[0], weight, back[1], all[1], 200 - weight);
      ASSERT_EQ(control.file_first(static_cast<int>(weight)), file_first) << run << ' ' << step;
      anonymous_first += file_first ? 0 : 1;
      ++choices;
    }
  }
  EXPECT_GT(spared, choices / 10);  // the runs have met both answers often
  EXPECT_LT(spared, choices * 9 / 10);
  EXPECT_GT(anonymous_first, choices / 10);
  EXPECT_LT(anonymous_first, choices * 9 / 10);
}

TEST(TierControl, ATierThatComesBackTwiceAsOftenIsSpared) {
  TierControl control;
  control.note_evicted(true, 0, 1000);
  control.note_refaulted(true, 0, 100);
  control.note_evicted(true, 1, 1000);
  control.note_refaulted(true, 1, 63);
  EXPECT_EQ(control.last_evictable(true), 3U);  // too few refaults to tell
  control.note_refaulted(true, 1, 75);
  EXPECT_EQ(control.last_evictable(true), 3U);  // 138 / 1000 against 101 / 1064: within 3 : 2
  control.note_refaulted(true, 1, 10);
  EXPECT_EQ(control.last_evictable(true), 0U);
  EXPECT_EQ(control.last_evictable(false), 3U);  // the other kind has nothing to do with it
}

TEST(TierControl, SwappinessDecidesAtEqualRefaultsAndAtItsEnds) {
  TierControl control;
  for (const bool file : {false, true}) {
    control.note_evicted(file, 0, 1000);
    control.note_refaulted(file, 0, 500);
  }
  EXPECT_TRUE(control.file_first(60));
  EXPECT_TRUE(control.file_first(80));
  EXPECT_FALSE(control.file_first(120));
  EXPECT_TRUE(control.file_first(0));
  EXPECT_TRUE(control.file_first(1));
  EXPECT_FALSE(control.file_first(200));
}

TEST(TierControl, ThePastFadesByHalfWithEachGeneration) {
  TierControl control;
  control.note_evicted(false, 2, 800);
  control.note_refaulted(false, 2, 400);
  for (std::uint64_t left = 400; left > 0; left /= 2) {
    EXPECT_EQ(control.position(false, 2, 1).refaulted, left);
    EXPECT_EQ(control.position(false, 2, 1).total / 2, left);
    control.carry_over(false);
  }
}

}  // namespace
}  // namespace pw
