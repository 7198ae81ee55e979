// Effective access time against the textbooks' numbers, and what curves say about memory needs.
#include "analysis/eat.hpp"

#include <gtest/gtest.h>

#include "analysis/memory_need.hpp"

namespace pw::analysis {
namespace {

TEST(Eat, TlbFormsOfTheTextbook) {
  // 20 ns TLB, 100 ns memory, one table entry read on a miss: 80 % hits 140 ns, 98 % 122 ns.
  EXPECT_DOUBLE_EQ(eat_tlb_ns(0.80, 20, 100, 1), 140);
  EXPECT_DOUBLE_EQ(eat_tlb_ns(0.98, 20, 100, 1), 122);
  // A four-level walk reads four entries.
  EXPECT_DOUBLE_EQ(eat_tlb_ns(0, 0, 100, 4), 500);
}

TEST(Eat, BothAtOnce) {
  EXPECT_DOUBLE_EQ(eat_ns(0.98, 20, 100, 1, 0, 8e6), 122);
  EXPECT_DOUBLE_EQ(eat_ns(0.98, 20, 100, 1, 0.001, 8e6), 0.999 * 122 + 8000);
}

TEST(Eat, AllowedFaultProbabilityGivesTheSlowdownBack) {
  const double p = fault_probability_for(10, 200, 8e6);
  EXPECT_NEAR(slowdown(p, 200, 8e6), 1.10, 1e-12);
  EXPECT_NEAR(1 / p, 399'990, 1);  // the textbook: fewer than one access in 399,990 may fault
}

// 1000 misses at 10 pages, falling steeply to 100 at 20 and slowly to 50 at 110.
std::uint64_t bent(std::uint64_t pages) {
  if (pages <= 20) return 1000 - 90 * (pages - 10);
  return 100 - (pages - 20) * 50 / 90;
}

TEST(MemoryNeed, KneeIsWhereTheCurveBends) { EXPECT_EQ(knee(bent, 10, 110), 20U); }

TEST(MemoryNeed, AFlatCurveHasNoKnee) {
  EXPECT_EQ(knee([](std::uint64_t) { return 7U; }, 10, 110), 110U);
  EXPECT_EQ(knee(bent, 10, 10), 10U);
}

TEST(MemoryNeed, SmallestSizeWithinAnAllowance) {
  EXPECT_EQ(smallest_within(bent, 10, 110, 1000), 10U);
  EXPECT_EQ(smallest_within(bent, 10, 110, 100), 20U);
  EXPECT_EQ(smallest_within(bent, 10, 110, 101), 20U);
  EXPECT_EQ(smallest_within(bent, 10, 110, 190), 19U);
  EXPECT_EQ(smallest_within(bent, 10, 110, 0), 111U);
}

TEST(MemoryNeed, AllowedMissesTakeTheGivenPartOfTheTime) {
  EXPECT_EQ(allowed_misses(5, 1e9, 100'000, 30), 530U);
  EXPECT_EQ(allowed_misses(0, 1e9, 100'000, 30), 30U);
}

TEST(MemoryNeed, SizesToShowAscendAndEndWithTheLargest) {
  for (const std::uint64_t to : {64U, 65U, 66U, 100U, 1000U, 123'456U}) {
    const auto sizes = sizes_to_show(64, to, 10);
    ASSERT_FALSE(sizes.empty());
    EXPECT_LE(sizes.size(), 10U);
    EXPECT_EQ(sizes.back(), to);
    EXPECT_GE(sizes.front(), 64U);
    for (std::size_t i = 1; i < sizes.size(); ++i) EXPECT_LT(sizes[i - 1], sizes[i]);
  }
  EXPECT_EQ(sizes_to_show(64, 123'456, 10).size(), 10U);
  EXPECT_EQ(sizes_to_show(65, 10, 10).back(), 65U);
}

}  // namespace
}  // namespace pw::analysis
