// The filters over directory entries: nothing that was put in is ever missing, what was not is
// mostly told, and each filter lasts for a generation.
#include "reclaim/mglru/bloom_filter.hpp"

#include <gtest/gtest.h>

namespace pw {
namespace {

// Entries of page directories, as they lie in memory: eight bytes apart, pages strewn about.
std::uint64_t entry(std::uint64_t n) {
  const std::uint64_t frame = n / 512 * 7919 + n % 512 * 131;
  return frame * 4096 + n % 512 * 8;
}

TEST(BloomFilters, LetEverythingPassUntilTheyBegin) {
  BloomFilters filters;
  filters.add(4, entry(1));  // nowhere to put it
  EXPECT_TRUE(filters.may_contain(4, entry(0)));
  filters.begin(4);
  EXPECT_FALSE(filters.may_contain(4, entry(0)));
  EXPECT_FALSE(filters.may_contain(4, entry(1)));
  EXPECT_TRUE(filters.may_contain(5, entry(0)));
}

// The kernel's comment gives a fifth of false positives at 10,000 entries and half at 20,000.
TEST(BloomFilters, MissNothingAndErrAsOftenAsTheKernelSays) {
  for (const auto& [entries, low, high] :
       {std::tuple{10'000U, 0.15, 0.25}, std::tuple{20'000U, 0.42, 0.58}}) {
    BloomFilters filters;
    filters.begin(0);
    for (std::uint64_t n = 0; n < entries; ++n) filters.add(0, entry(2 * n));
    std::uint64_t wrong = 0;
    for (std::uint64_t n = 0; n < entries; ++n) {
      ASSERT_TRUE(filters.may_contain(0, entry(2 * n)));
      wrong += filters.may_contain(0, entry(2 * n + 1)) ? 1 : 0;
    }
    EXPECT_GT(static_cast<double>(wrong), low * entries);
    EXPECT_LT(static_cast<double>(wrong), high * entries);
  }
}

TEST(BloomFilters, TakeTurnsByGeneration) {
  BloomFilters filters;
  filters.begin(3);
  filters.add(3, entry(5));
  filters.begin(4);
  EXPECT_TRUE(filters.may_contain(3, entry(5)));
  EXPECT_FALSE(filters.may_contain(4, entry(5)));
  filters.add(4, entry(6));
  filters.begin(5);  // takes the place of 3
  EXPECT_FALSE(filters.may_contain(5, entry(5)));
  EXPECT_TRUE(filters.may_contain(4, entry(6)));
}

}  // namespace
}  // namespace pw
