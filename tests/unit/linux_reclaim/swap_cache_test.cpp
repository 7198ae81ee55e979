// Pages that parent and child have in swap come back through the swap cache, with readahead and
// with their copy kept, also from a device from which a page of one process alone is read directly.
#include <gtest/gtest.h>

#include "machine/machine.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kPages = 512;

class SwapCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.ram = ByteCount(1ULL << 28);
    config.swap = ByteCount(8 * kPages * kPageSize);
    config.swap_device = kZram;
    config.linux_options.limit_pages = 8 * kPages;
    machine_ = std::move(*Machine::create(config));
    parent_ = *machine_->spawn();
    MmapRequest request;
    request.length = ByteCount(kPages * kPageSize);
    request.rights = {true, true, false};
    begin_ = *machine_->mmap(parent_, request);
    for (std::uint64_t page = 0; page < kPages; ++page) touch(parent_, page, Access::Write);
  }
  void touch(Pid pid, std::uint64_t page, Access access) {
    EXPECT_TRUE(machine_->touch(pid, begin_ + ByteCount(page * kPageSize), access).ok());
  }
  void read_all(Pid pid) {
    for (std::uint64_t page = 0; page < kPages; ++page) touch(pid, page, Access::Read);
  }
  // What was in use goes once it has been looked at.
  void push_out() {
    for (int i = 0; i < 8; ++i) machine_->reclaimer().reclaim(2 * kPages);
  }
  std::uint64_t majors() { return machine_->counters().faults.major; }
  std::uint64_t minors() { return machine_->counters().faults.minor; }
  std::uint64_t written() { return machine_->counters().reclaim.pswpout; }
  std::uint64_t read() { return machine_->counters().reclaim.pswpin; }

  std::unique_ptr<Machine> machine_;
  Pid parent_ = 0;
  VirtAddr begin_;
};

TEST_F(SwapCacheTest, WhatAChildReadsOfItsParentIsReadAheadOnceForBothAndNotWrittenAgain) {
  ASSERT_EQ(machine_->swap_out(parent_).value(), kPages);
  const Pid child = *machine_->fork(parent_);
  const std::uint64_t before = minors();
  read_all(child);
  EXPECT_EQ(read(), kPages);
  EXPECT_LE(majors(), kPages / 8 + 8);
  EXPECT_EQ(majors() + minors() - before, kPages);
  push_out();
  read_all(child);
  EXPECT_EQ(read(), 2 * kPages);
  EXPECT_EQ(written(), kPages);
  const std::uint64_t after_child = majors();
  read_all(parent_);
  EXPECT_EQ(majors(), after_child);
  EXPECT_EQ(machine_->core().swap.used_slots(), kPages);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(SwapCacheTest, APageOfOneProcessAloneIsReadDirectlyAndItsSlotIsFreeAgain) {
  ASSERT_EQ(machine_->swap_out(parent_).value(), kPages);
  read_all(parent_);
  EXPECT_EQ(majors(), kPages);
  EXPECT_EQ(machine_->core().swap.used_slots(), 0U);
  EXPECT_TRUE(machine_->verify());
}

// Every other page is the parent's alone; it comes along with its neighbours, which both have.
TEST_F(SwapCacheTest, WhatIsReadAheadKeepsItsCopyWhoeverHasIt) {
  (void)*machine_->fork(parent_);
  for (std::uint64_t page = 1; page < kPages; page += 2) touch(parent_, page, Access::Write);
  push_out();
  ASSERT_EQ(written(), kPages + kPages / 2);
  ASSERT_EQ(machine_->core().swap.used_slots(), kPages + kPages / 2);
  for (std::uint64_t page = 0; page < kPages; page += 2) touch(parent_, page, Access::Read);
  EXPECT_GE(read(), kPages - 8);
  const std::uint64_t before = majors();
  EXPECT_LE(before, kPages / 4 + 8);
  for (std::uint64_t page = 1; page + 8 < kPages; page += 2) touch(parent_, page, Access::Read);
  EXPECT_EQ(majors(), before);
  EXPECT_EQ(machine_->core().swap.used_slots(), kPages + kPages / 2);
  EXPECT_TRUE(machine_->verify());
}

}  // namespace
}  // namespace pw
