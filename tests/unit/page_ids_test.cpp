// Names for pages that outlive their stay in memory.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.hpp"
#include "reclaim/page_ids.hpp"

namespace pw {
namespace {

constexpr std::uint32_t kFrames = 8;

TEST(PageIds, StayWithAPageThroughSwap) {
  PageIds ids(kFrames);
  const PageIds::Id id = ids.take();
  ids.settle(id, Pfn(3));
  EXPECT_EQ(ids.of(Pfn(3)), id);
  EXPECT_EQ(ids.frame(id), Pfn(3));
  EXPECT_FALSE(ids.absent(id));
  ids.leave(Pfn(3), SwapSlot{40});
  EXPECT_EQ(ids.of(Pfn(3)), policy::kNoPage);
  EXPECT_EQ(ids.find(SwapSlot{40}), id);
  EXPECT_TRUE(ids.absent(id));
  ids.settle(id, Pfn(5));
  EXPECT_EQ(ids.find(SwapSlot{40}), policy::kNoPage);
  EXPECT_EQ(ids.of(Pfn(5)), id);
  EXPECT_EQ(ids.check(), nullptr);
}

TEST(PageIds, AShadowOfAnotherTimeFindsNothing) {
  PageIds ids(kFrames);
  const PageIds::Id id = ids.take();
  ids.settle(id, Pfn(0));
  const std::uint64_t shadow = ids.leave_shadow(Pfn(0));
  EXPECT_EQ(ids.find_shadow(shadow), id);
  ids.release(id);  // the page is gone for good
  EXPECT_EQ(ids.find_shadow(shadow), policy::kNoPage);
  ASSERT_EQ(ids.take(), id);  // another page's now
  ids.settle(id, Pfn(1));
  const std::uint64_t other = ids.leave_shadow(Pfn(1));
  EXPECT_EQ(ids.find_shadow(other), id);
  EXPECT_EQ(ids.find_shadow(shadow), policy::kNoPage);
  EXPECT_EQ(ids.find_shadow(0), policy::kNoPage);  // a page that had no id
  EXPECT_EQ(ids.leave_shadow(Pfn(7)), 0U);
}

// Random comings and goings against two maps; ids run out and pages that are away are forgotten.
TEST(PageIds, AgreeWithMaps) {
  Random random(1);
  PageIds ids(kFrames);
  std::map<std::uint64_t, PageIds::Id> frames, slots, shadows;
  std::uint32_t next_slot = 1;
  std::uint64_t forgotten = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t frame = random.below(kFrames);
    const auto held = frames.find(frame);
    if (held == frames.end()) {
      PageIds::Id id = policy::kNoPage;
      auto& away = random.chance(2) ? slots : shadows;
      if (random.chance(3) && !away.empty()) {
        const auto at = away.begin();
        id = &away == &slots ? ids.find(SwapSlot{static_cast<std::uint32_t>(at->first)})
                             : ids.find_shadow(at->first);
        ASSERT_EQ(id, at->second);
        away.erase(at);
      } else {
        while ((id = ids.take()) == policy::kNoPage) {
          bool file = false;
          const PageIds::Id old = ids.next_absent(file);
          ASSERT_NE(old, policy::kNoPage);
          ASSERT_EQ(std::erase_if(file ? shadows : slots,
                                  [&](const auto& page) { return page.second == old; }),
                    1U);
          ids.release(old);
          ++forgotten;
        }
      }
      ids.settle(id, Pfn(frame));
      frames[frame] = id;
    } else if (random.chance(8)) {
      ids.release(held->second);
      frames.erase(held);
    } else if (random.chance(2)) {
      ids.leave(Pfn(frame), SwapSlot{next_slot});
      slots[next_slot++] = held->second;
      frames.erase(held);
    } else {
      shadows[ids.leave_shadow(Pfn(frame))] = held->second;
      frames.erase(held);
    }
    for (std::uint64_t n = 0; n < kFrames; ++n) {
      ASSERT_EQ(ids.of(Pfn(n)), frames.contains(n) ? frames[n] : policy::kNoPage);
    }
    ASSERT_EQ(ids.check(), nullptr);
  }
  EXPECT_GT(forgotten, 100U);
}

}  // namespace
}  // namespace pw
