// FollowedPages against asking the sample about each page.
#include "replay/followed_pages.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace pw::replay {
namespace {

TEST(FollowedPagesTest, SayWhatTheSampleSaysOfPagesWhereTheyLie) {
  const PageSample sample(4);
  FollowedPages pages(sample);
  // Two runs that meet within a block of answers, far apart in the machine, and one that is all
  // followed.
  const FollowedPages::Run runs[]{{{Vpn(1000), Vpn(1030)}, 5'000'000, true},
                                  {{Vpn(1030), Vpn(9000)}, ~std::uint64_t{777}, true},
                                  {{Vpn(9000), Vpn(9100)}, 3, false}};
  std::uint64_t asked = 0;
  const auto find = [&](Vpn page) -> FollowedPages::Run {
    ++asked;
    for (const FollowedPages::Run& run : runs) {
      if (run.pages.contains(page)) return run;
    }
    return {};
  };
  Random random(3);
  std::uint64_t followed = 0;
  for (int i = 0; i < 50'000; ++i) {
    const Vpn page(900 + random.below(8300));
    const FollowedPages::Run run = find(page);
    --asked;
    const bool expected = !run.thinned || sample.follows(page.value + run.shift);
    EXPECT_EQ(pages.has(page, find), expected) << page.value;
    followed += expected ? 1 : 0;
  }
  EXPECT_GT(followed, 50'000U / 5);
  EXPECT_LT(followed, 50'000U / 3);
  EXPECT_LT(asked, 2'000U);  // beside those outside all runs, once for each block and run
}

TEST(FollowedPagesTest, ForgetWhenAreasChange) {
  FollowedPages pages(PageSample(2));
  bool thinned = true;
  const auto find = [&](Vpn) -> FollowedPages::Run { return {{Vpn(0), Vpn(256)}, 0, thinned}; };
  std::uint64_t before = 0, after = 0;
  for (std::uint64_t page = 0; page < 256; ++page) before += pages.has(Vpn(page), find) ? 1 : 0;
  EXPECT_EQ(before, 128U);
  thinned = false;
  EXPECT_EQ(pages.has(Vpn(0), find), PageSample(2).follows(0));  // as it was
  pages.areas_changed();
  for (std::uint64_t page = 0; page < 256; ++page) after += pages.has(Vpn(page), find) ? 1 : 0;
  EXPECT_EQ(after, 256U);
}

}  // namespace
}  // namespace pw::replay
