// What Linux tells of resident pages, which is behind what there is.
#include <gtest/gtest.h>

#include "machine/machine.hpp"
#include "space/told_resident.hpp"

namespace pw {
namespace {

TEST(ToldResident, IsBehindByLessThan32OfEachKind) {
  ToldResident told;
  for (int i = 0; i < 31; ++i) told.add(FrameKind::Anon, 1);
  for (int i = 0; i < 31; ++i) told.add(FrameKind::File, 1);
  for (int i = 0; i < 31; ++i) told.add(FrameKind::Shared, 1);
  EXPECT_EQ(told.peak(), 0U);
  told.add(FrameKind::Anon, 1);
  EXPECT_EQ(told.peak(), 32U);
  told.add(FrameKind::File, 20);
  EXPECT_EQ(told.peak(), 32U + 51U);  // all that had gathered
}

TEST(ToldResident, APeakIsSeenWhenItIsTold) {
  ToldResident told;
  told.add(FrameKind::Anon, 64);
  for (int i = 0; i < 31; ++i) told.add(FrameKind::Anon, -1);
  told.add(FrameKind::File, 40);
  EXPECT_EQ(told.peak(), 104U);  // there are 73
  told.add(FrameKind::Anon, -1);
  told.add(FrameKind::Anon, 32);
  EXPECT_EQ(told.peak(), 104U);
}

TEST(ToldResident, WhatGoesTogetherIsCountedTogether) {
  ToldResident told;
  {
    const ToldResident::Batch batch(told);
    for (int i = 0; i < 40; ++i) told.add(FrameKind::File, 1);
    const ToldResident::Batch inner(told);
    told.add(FrameKind::Anon, 10);
    EXPECT_EQ(told.peak(), 0U);
  }
  EXPECT_EQ(told.peak(), 40U);
  told.add(FrameKind::Anon, 22);
  EXPECT_EQ(told.peak(), 72U);
}

// A program's: 100 pages one by one are told as 96, and 16 of a file mapped around one fault not at
// all.
TEST(ToldResident, OfAProcess) {
  MachineConfig config;
  config.model = MemoryModel::Linux;
  const auto machine = std::move(*Machine::create(config));
  const Pid pid = *machine->spawn();
  MmapRequest request;
  request.length = ByteCount(100 * kPageSize);
  request.rights = {true, true, false};
  const VirtAddr at = *machine->mmap(pid, request);
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(machine->touch(pid, at + ByteCount(i * kPageSize), Access::Write).ok());
  }
  const Pid child = *machine->fork(pid);
  ASSERT_TRUE(machine->munmap(child, at, request.length));
  EXPECT_EQ(machine->find(pid)->space->counters().told_resident.peak(), 96U);
  EXPECT_EQ(machine->find(child)->space->counters().told_resident.peak(), 100U);
  EXPECT_EQ(machine->find(child)->space->counters().resident_pages, 0U);
}

}  // namespace
}  // namespace pw
