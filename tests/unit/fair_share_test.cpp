// Who gets the CPU of tasks that run, sleep and wake.
#include "replay/fair_share.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace pw::replay {
namespace {

constexpr std::int64_t kTick = 4'000'000;

// Both can run; the first has run for so long, and it is the second's turn.
void begin_with(FairShare& share, FairShare::Task& first, FairShare::Task& second,
                std::int64_t ran = kTick) {
  share.add_new(first);
  share.add_new(second);
  ASSERT_EQ(share.next(), &first);
  share.pass(ran);
  ASSERT_EQ(share.next(), &second);
}

TEST(FairShare, ThoseWhoAlwaysRunGetTheSame) {
  std::array<FairShare::Task, 3> tasks;
  std::array<int, 3> ticks{};
  FairShare share;
  for (FairShare::Task& task : tasks) share.add_new(task);
  for (int n = 0; n < 300; ++n) {
    ++ticks.at(static_cast<std::size_t>(share.next() - tasks.data()));
    share.pass(kTick);
  }
  for (const int count : ticks) EXPECT_EQ(count, 100);
}

TEST(FairShare, ASliceIsKeptToItsEnd) {
  FairShare::Task first, second;
  FairShare share;
  share.add_new(first);
  ASSERT_EQ(share.next(), &first);
  share.add_new(second);
  share.pass(FairShare::kSlice / 4);
  EXPECT_EQ(share.next(), &first);  // a tick came early
  share.pass(FairShare::kSlice / 4);
  EXPECT_EQ(share.next(), &second);
}

// One that sleeps half of its time gets the CPU when it wakes, though not before the other one has
// had a slice.
TEST(FairShare, WhoWakesTakesTheCpuFromWhoHasHadASlice) {
  FairShare::Task busy, light;
  FairShare share;
  begin_with(share, busy, light);
  share.pass(kTick / 8);
  share.sleep(light);
  ASSERT_EQ(share.next(), &busy);
  share.pass(FairShare::kSlice / 2);
  share.wake(light);
  EXPECT_FALSE(share.preempted());
  EXPECT_EQ(share.next(), &busy);
  share.sleep(light);
  share.pass(FairShare::kSlice / 2);
  share.wake(light);
  EXPECT_TRUE(share.preempted());
  EXPECT_EQ(share.next(), &light);
}

// Who has had more than its share does not come out ahead by a nap, nor stays behind after a rest.
TEST(FairShare, WhatWasHadInAdvanceIsMadeUpBySleep) {
  FairShare::Task busy, other;
  FairShare share;
  begin_with(share, busy, other);
  for (int n = 0; n < 3; ++n) share.pass(kTick);
  share.sleep(other);
  ASSERT_EQ(share.next(), &busy);
  share.pass(kTick);
  share.wake(other);
  EXPECT_GT(other.ran, busy.ran);  // a nap
  share.sleep(other);
  share.pass(10 * kTick);
  share.wake(other);
  EXPECT_EQ(other.ran, busy.ran);
}

// One event of a replay may take longer than a tick.
TEST(FairShare, ATickIsTheMostThatIsCharged) {
  FairShare::Task first, second;
  FairShare share;
  begin_with(share, first, second, 10 * kTick);
  share.pass(kTick);
  EXPECT_EQ(share.next(), &first);
}

TEST(FairShare, NobodyRunsWhenAllSleep) {
  FairShare::Task task;
  FairShare share;
  EXPECT_EQ(share.next(), nullptr);
  share.add_new(task);
  EXPECT_EQ(share.next(), &task);
  share.sleep(task);
  EXPECT_EQ(share.next(), nullptr);
  share.pass(kTick);
  share.wake(task);
  EXPECT_EQ(share.next(), &task);
}

}  // namespace
}  // namespace pw::replay
