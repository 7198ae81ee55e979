// The encoder's table of pages against std::map, with few pages that meet often and with scattered
// ones.
#include "record/page_slots.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/random.hpp"

namespace pw::record {
namespace {

void play(std::size_t most, std::uint64_t pages, std::uint64_t stride, std::uint64_t seed) {
  PageSlots table(most);
  std::map<std::uint64_t, std::uint32_t> naive;
  Random random(seed);
  for (int step = 0; step < 20'000; ++step) {
    SCOPED_TRACE(testing::Message() << "most " << most << " stride " << stride << " step " << step);
    std::uint64_t page = random.below(pages) * stride;
    auto found = naive.find(page);
    std::uint32_t slot = found == naive.end() ? PageSlots::kNone : found->second;
    ASSERT_EQ(table.find(page), slot);
    if (random.chance(2)) {
      ASSERT_EQ(table.take(page), slot);
      naive.erase(page);
    } else if (naive.size() < most || found != naive.end()) {
      auto fresh = static_cast<std::uint32_t>(random.below(1 << 12));
      ASSERT_EQ(table.insert(page, fresh), naive.emplace(page, fresh).second);
    }
    ASSERT_EQ(table.size(), naive.size());
  }
  for (std::uint64_t i = 0; i < pages; ++i) {
    ASSERT_EQ(table.find(i * stride) != PageSlots::kNone, naive.count(i * stride) == 1);
  }
}

TEST(PageSlots, FindsWhatAMapFinds) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    play(1, 3, 1, seed);
    play(6, 12, 1, seed);
    play(64, 100, 1, seed);
    play(64, 70, std::uint64_t{1} << 58, seed);  // homes that coincide
    play(1024, 1300, 0x1001, seed);
  }
}

TEST(PageSlots, TakesEveryPageNumber) {
  PageSlots table(2);
  EXPECT_TRUE(table.insert(0, 5));
  EXPECT_TRUE(table.insert(~std::uint64_t{0}, 6));
  EXPECT_FALSE(table.insert(0, 7));
  EXPECT_EQ(table.find(0), 5U);
  EXPECT_EQ(table.take(~std::uint64_t{0}), 6U);
  EXPECT_EQ(table.find(~std::uint64_t{0}), PageSlots::kNone);
}

}  // namespace
}  // namespace pw::record
