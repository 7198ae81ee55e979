// The parts of the kernel's reclaim one by one, against figures worked out by hand from the
// formulas that their headers cite.
#include <gtest/gtest.h>

#include "reclaim/linux/group_statistics.hpp"
#include "reclaim/linux/lru_lists.hpp"
#include "reclaim/linux/memory_group.hpp"
#include "reclaim/linux/nonresident_age.hpp"
#include "reclaim/linux/scan_balance.hpp"
#include "reclaim/linux/swap_marks.hpp"

namespace pw {
namespace {

TEST(MemoryGroup, ChargesInBatchesUntilTheyDoNotFit) {
  MemoryGroup group(200);
  std::uint64_t used = 0;
  ASSERT_TRUE(group.charge(used++, 1));  // 64 taken, 63 left in the stock
  EXPECT_EQ(group.peak(), 64U);
  EXPECT_EQ(group.margin(used), 200U - 64);
  for (int i = 0; i < 63; ++i) ASSERT_TRUE(group.charge(used++, 1));
  EXPECT_EQ(group.peak(), 64U);
  while (used < 192) ASSERT_TRUE(group.charge(used++, 1));  // three batches
  EXPECT_EQ(group.peak(), 192U);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(group.charge(used++, 1));  // no batch fits: singly
  EXPECT_EQ(group.peak(), 200U);
  EXPECT_EQ(group.margin(used), 0U);
  EXPECT_FALSE(group.charge(used, 1));
}

TEST(MemoryGroup, KernelPagesGoBackToTheStockUserPagesDoNot) {
  MemoryGroup group(100);
  ASSERT_TRUE(group.charge(0, 1));
  std::uint64_t used = 100 - 63;  // with the stock of 63: full
  EXPECT_EQ(group.margin(used), 0U);
  group.drain_stock();
  EXPECT_EQ(group.margin(used), 63U);
  used = 100;
  EXPECT_FALSE(group.charge(used, 1));
  group.put_in_stock(1);  // a table was freed
  EXPECT_TRUE(group.charge(used - 1, 1));
  group.put_in_stock(65);  // more than a batch is not kept
  EXPECT_EQ(group.margin(0), 100U);
}

TEST(MemoryGroup, NoLimitNeverRefuses) {
  MemoryGroup group(0);
  EXPECT_TRUE(group.charge(1ULL << 40, 1000));
  EXPECT_EQ(group.margin(1ULL << 40), ~std::uint64_t{0});
}

TEST(GroupStatistics, AreSeenAfterAFlushOnly) {
  GroupStatistics statistics(1000, 1);
  statistics.look(0);
  statistics.count_list(Lru::ActiveAnon, 500);
  EXPECT_EQ(statistics.size(Lru::ActiveAnon), 0U);
  statistics.look(999);
  EXPECT_EQ(statistics.size(Lru::ActiveAnon), 0U);
  statistics.look(1000);
  EXPECT_EQ(statistics.size(Lru::ActiveAnon), 500U);
}

TEST(GroupStatistics, MayBeOldAtTheStart) {
  GroupStatistics statistics(1000, 1, 400);
  statistics.look(0);
  statistics.count_list(Lru::ActiveAnon, 500);
  statistics.look(599);
  EXPECT_EQ(statistics.size(Lru::ActiveAnon), 0U);
  statistics.look(600);
  EXPECT_EQ(statistics.size(Lru::ActiveAnon), 500U);
  statistics.count_list(Lru::ActiveAnon, 500);
  statistics.look(1599);
  EXPECT_EQ(statistics.size(Lru::ActiveAnon), 500U);
  statistics.look(1600);
  EXPECT_EQ(statistics.size(Lru::ActiveAnon), 1000U);
}

TEST(GroupStatistics, AFewChangesAreNotWorthAFlush) {
  GroupStatistics statistics(1000, 2);
  statistics.look(0);
  statistics.count_list(Lru::InactiveFile, 128);
  statistics.look(1000);
  EXPECT_EQ(statistics.size(Lru::InactiveFile), 0U);
  statistics.count_activation(true);
  statistics.look(2000);
  EXPECT_EQ(statistics.size(Lru::InactiveFile), 128U);
  EXPECT_EQ(statistics.activations(true), 1U);
  EXPECT_EQ(statistics.activations(false), 0U);
}

TEST(ScanBalance, CostsFadeAtAQuarterOfTheLists) {
  ScanBalance balance;
  balance.note(false, 3, 4, 1000);  // 3 * 32 + 4
  EXPECT_EQ(balance.anon(), 100U);
  balance.note(true, 0, 150, 1000);  // together 250: not above a quarter
  EXPECT_EQ(balance.file(), 150U);
  balance.note(true, 0, 1, 1000);
  EXPECT_EQ(balance.anon(), 50U);
  EXPECT_EQ(balance.file(), 75U);
}

TEST(ScanBalance, AnonymousCostAloneLeavesItNinetyOf510) {
  // RULES of the kernel: when only anonymous pages refault, their share tends to 90 of 510 at
  // swappiness 60: ap = 60 * 3c / 2c, fp = 140 * 3c / c.
  ScanBalance balance;
  balance.note(false, 1000, 0, 1'000'000);
  const ScanChoice choice = choose_scan(balance, 60, 12, true, false);
  EXPECT_EQ(choice.kind, ScanChoice::Kind::Fraction);
  EXPECT_NEAR(static_cast<double>(choice.anon) / static_cast<double>(choice.all), 90.0 / 510, 0.01);
}

TEST(ScanBalance, WhoIsScannedAtAll) {
  const ScanBalance even;
  EXPECT_EQ(choose_scan(even, 60, 12, false, false).kind, ScanChoice::Kind::FileOnly);
  EXPECT_EQ(choose_scan(even, 0, 12, true, false).kind, ScanChoice::Kind::FileOnly);
  EXPECT_EQ(choose_scan(even, 60, 12, true, true).kind, ScanChoice::Kind::FileOnly);
  EXPECT_EQ(choose_scan(even, 60, 0, true, true).kind, ScanChoice::Kind::Equal);
  const ScanChoice choice = choose_scan(even, 60, 12, true, false);
  EXPECT_EQ(scan_target(choice, Lru::InactiveAnon, 1 << 20, 12), 256U * 60 / 200);
  EXPECT_EQ(scan_target(choice, Lru::InactiveFile, 1 << 20, 12), 256U * 140 / 200);
  const ScanChoice files = choose_scan(even, 0, 4, true, false);
  EXPECT_EQ(scan_target(files, Lru::ActiveAnon, 1000, 4), 0U);
  EXPECT_EQ(scan_target(files, Lru::ActiveFile, 1000, 4), 62U);
}

TEST(NonresidentAge, DistanceAgainstTheOtherLists) {
  GroupStatistics seen(1, 1);
  seen.count_list(Lru::ActiveAnon, 100);
  seen.count_list(Lru::InactiveFile, 20);
  seen.count_list(Lru::ActiveFile, 7);
  seen.count_list(Lru::InactiveAnon, 1000);
  seen.look(1);
  NonresidentAge age;
  const std::uint64_t mark = age.leave(true);
  age.pass(126);  // with its leaving 100 + 20 + 7: just soon enough for an anonymous page
  EXPECT_TRUE(age.judge(mark, false, seen, true).soon);
  EXPECT_TRUE(age.judge(mark, false, seen, true).was_working);
  EXPECT_FALSE(age.judge(mark, false, seen, false).soon);  // without swap: 27
  age.pass(1);
  EXPECT_FALSE(age.judge(mark, false, seen, true).soon);
  EXPECT_TRUE(age.judge(mark, true, seen, true).soon);  // a file's: 7 + 100 + 1000
  EXPECT_FALSE(age.judge(age.leave(false), false, seen, true).was_working);
}

TEST(SwapMarks, AreOfASlotOfAnAreaUntilTaken) {
  SwapMarks marks;
  const SwapSlot slot{7}, beside{8}, other{1U << SwapSpace::kAreaShift | 7};
  EXPECT_EQ(marks.take(slot), 0U);
  marks.set(slot, 5);
  marks.set(other, 9);
  EXPECT_EQ(marks.of(slot), 5U);
  EXPECT_EQ(marks.of(beside), 0U);
  EXPECT_EQ(marks.take(slot), 5U);
  EXPECT_EQ(marks.of(slot), 0U);
  EXPECT_EQ(marks.of(other), 9U);
}

TEST(LruLists, NewPagesWaitInABatch) {
  LruLists lists(100);
  for (std::uint64_t i = 0; i < LruLists::kBatch - 1; ++i) lists.add(Pfn(i));
  EXPECT_EQ(lists.size(Lru::InactiveAnon), 0U);
  lists.remove(Pfn(3));  // from the batch
  lists.add(Pfn(40));
  lists.add(Pfn(41));
  EXPECT_EQ(lists.size(Lru::InactiveAnon), LruLists::kBatch);
  Pfn last;
  ASSERT_TRUE(lists.back(Lru::InactiveAnon, last));
  EXPECT_EQ(last, Pfn(0));
  EXPECT_FALSE(lists.back(Lru::ActiveFile, last));
  lists.remove(Pfn(0));
  lists.set(Pfn(0), kLruActive | kLruFile);
  lists.push_front(Pfn(0));
  ASSERT_TRUE(lists.back(Lru::ActiveFile, last));
  EXPECT_EQ(last, Pfn(0));
}

}  // namespace
}  // namespace pw
