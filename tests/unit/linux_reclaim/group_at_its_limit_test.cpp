// A program in a group at its limit, as the kernel handles it: what goes, what comes back and how
// it is counted, on patterns whose figures can be told by hand.
#include <gtest/gtest.h>

#include "machine/machine.hpp"
#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kPages = 4096, kLimit = 2048;

class GroupTest : public ::testing::Test {
 protected:
  GroupTest() { options_.stat_flush_ns = 1'000'000; }
  void start(const DeviceModel& swap_device, std::uint64_t limit = kLimit,
             std::uint64_t swap_pages = 1 << 16) {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.ram = ByteCount(1ULL << 30);
    config.swap = ByteCount(swap_pages * kPageSize);
    config.swap_device = swap_device;
    config.linux_options = options_;
    config.linux_options.limit_pages = limit;
    config.verify_each_operation = false;
    machine_ = std::move(*Machine::create(config));
    pid_ = *machine_->spawn();
    MmapRequest request;
    request.length = ByteCount(kPages * kPageSize);
    request.rights = {true, true, false};
    begin_ = *machine_->mmap(pid_, request);
  }
  AccessResult touch(std::uint64_t page, Access access) {
    return machine_->touch(pid_, begin_ + ByteCount(page * kPageSize), access);
  }
  void pass(Access access) {
    for (std::uint64_t page = 0; page < kPages; ++page) ASSERT_TRUE(touch(page, access).ok());
  }
  const MachineCounters& counters() { return machine_->counters(); }
  const LinuxReclaim& reclaim() { return dynamic_cast<const LinuxReclaim&>(machine_->reclaimer()); }

  LinuxOptions options_;
  std::unique_ptr<Machine> machine_;
  Pid pid_ = 0;
  VirtAddr begin_;
};

TEST_F(GroupTest, ALoopThatDoesNotFitMissesEveryTime) {
  start(kZram);
  pass(Access::Write);
  EXPECT_EQ(counters().faults.major, 0U);
  EXPECT_GE(counters().reclaim.pswpout, kPages - kLimit);
  pass(Access::Write);
  pass(Access::Read);
  EXPECT_EQ(counters().faults.major, 2 * kPages);  // as measured: not one survives a round
  EXPECT_EQ(counters().reclaim.pswpin, 2 * kPages);
  EXPECT_EQ(counters().reclaim.refault_anon, 2 * kPages);
  // A synchronous device's slots are free again once their pages are back: each is written anew.
  EXPECT_EQ(counters().reclaim.pswpout, counters().reclaim.pgsteal_anon);
  EXPECT_LE(reclaim().group().peak(), kLimit);
  EXPECT_LE(reclaim().used(), kLimit);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(GroupTest, WithReadaheadALoopMissesOnceForEightPages) {
  start(kSsd);
  pass(Access::Write);
  machine_->compute(1'000'000'000);
  const std::uint64_t before = counters().faults.major;
  for (std::uint64_t page = 0; page < 1024; ++page) {
    ASSERT_TRUE(touch(page, Access::Read).ok());
    machine_->compute(1'000'000);  // what was read ahead is there by then
  }
  const std::uint64_t majors = counters().faults.major - before;
  EXPECT_GE(majors, 1024U / 8);
  EXPECT_LE(majors, 1024U / 8 + 4);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(GroupTest, PagesReadBackAndNotWrittenKeepTheirCopyInASwapFile) {
  start(kSsd);
  pass(Access::Write);
  for (std::uint64_t page = 0; page < 512; ++page) ASSERT_TRUE(touch(page, Access::Read).ok());
  machine_->advance(1'000'000'000);
  machine_->reclaimer().reclaim(kLimit);
  // Those 512 went again without being written: each page was written once.
  EXPECT_GE(counters().reclaim.pgsteal_anon, kPages + 400);
  EXPECT_LE(counters().reclaim.pswpout, kPages);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(GroupTest, WithoutSwapTheProgramIsKilledAtTheLimit) {
  start(kZram, kLimit, 1);
  std::uint64_t page = 0;
  while (page < kPages && touch(page, Access::Write).ok()) ++page;
  EXPECT_LT(page, kLimit);
  EXPECT_GT(page, kLimit - 100);
  EXPECT_EQ(counters().reclaim.oom_kills, 1U);
  EXPECT_EQ(machine_->find(pid_)->cause, ExitCause::OutOfMemory);
  EXPECT_TRUE(machine_->verify());
}

// Once all pages are active, reclaim that has gathered its statistics when half of them were finds
// nothing to free. So does the kernel (docs/FIDELITY.md).
TEST_F(GroupTest, WhereAllPagesAreInUseOldStatisticsKill) {
  constexpr std::uint64_t kSmall = 256, kHalf = 100, kInUse = 300, kGathered = 50'000'000;
  const auto kills = [&](std::uint64_t stat_flush_ns) {
    options_.stat_flush_ns = stat_flush_ns;
    options_.stat_phase_ns = stat_flush_ns - kGathered;  // then, and no sooner
    start(kZram, kSmall);
    for (std::uint64_t page = 0; page < kPages; ++page) {
      if (page % 16 == 0) {
        machine_->mmu().drop_space(machine_->find(pid_)->space->id(), FlushReason::Unmap);
      }
      EXPECT_TRUE(touch(page % kHalf, Access::Write).ok());
      EXPECT_TRUE(touch(page, Access::Write).ok());
    }
    EXPECT_LT(machine_->clock().now_ns(), kGathered);
    machine_->compute(kGathered);
    bool alive = true;
    for (std::uint64_t i = 0; i < 20 * kInUse && alive; ++i) {
      alive = touch(i % kInUse, Access::Write).ok();
    }
    EXPECT_TRUE(machine_->verify());
    EXPECT_EQ(alive, counters().reclaim.oom_kills == 0);
    return counters().reclaim.oom_kills;
  };
  EXPECT_EQ(kills(1'000'000), 0U);
  EXPECT_EQ(kills(1ULL << 60), 1U);
  EXPECT_GE(counters().reclaim.close_calls, 16U);
}

// A reference leaves its trace only when the TLB does not hold the page, so the TLB is emptied now
// and then.
TEST_F(GroupTest, PagesInUseSurviveALoopOfOthers) {
  start(kZram);
  constexpr std::uint64_t kHot = 256;
  const auto round = [&](std::uint64_t first) {
    for (std::uint64_t page = first; page < kPages; ++page) {
      if (page % 64 == 0) {
        machine_->mmu().drop_space(machine_->find(pid_)->space->id(), FlushReason::Unmap);
      }
      ASSERT_TRUE(touch(page % kHot, Access::Read).ok());
      ASSERT_TRUE(touch(page, Access::Write).ok());
    }
  };
  round(0);
  const std::uint64_t before = counters().faults.major;
  for (int i = 0; i < 4; ++i) round(kHot);
  const std::uint64_t others = 4 * (kPages - kHot);
  EXPECT_LE(counters().faults.major - before, others + 2 * kHot);
  EXPECT_GT(reclaim().lists().size(Lru::ActiveAnon), kHot / 2);
}

// Else a page that only its parent has used would look like one that several use, and stay.
TEST_F(GroupTest, AChildHasNotReferencedWhatItInherits) {
  start(kZram);
  ASSERT_TRUE(touch(0, Access::Write).ok());
  const Pid child = *machine_->fork(pid_);
  const auto accessed = [&](Pid pid) {
    const x86::Pte* entry = machine_->find(pid)->space->tables().find(page_of(begin_));
    return entry != nullptr && entry->present() && entry->accessed();
  };
  EXPECT_TRUE(accessed(pid_));
  EXPECT_FALSE(accessed(child));
  ASSERT_TRUE(machine_->touch(child, begin_, Access::Read).ok());
  EXPECT_TRUE(accessed(child));
}

// What parent and child share in swap is read ahead even from a synchronous device. That the child
// copies each page at once does not make the window any shorter.
TEST_F(GroupTest, PagesReadAheadAreHitsAlsoWhereTheyAreCopied) {
  constexpr std::uint64_t kShared = 512;
  start(kZram, 2 * kPages);
  for (std::uint64_t page = 0; page < kShared; ++page) ASSERT_TRUE(touch(page, Access::Write).ok());
  ASSERT_EQ(machine_->swap_out(pid_).value(), kShared);
  const Pid child = *machine_->fork(pid_);
  const std::uint64_t before = counters().faults.minor;
  for (std::uint64_t page = 0; page < kShared; ++page) {
    const VirtAddr address = begin_ + ByteCount(page * kPageSize);
    ASSERT_TRUE(machine_->touch(child, address, Access::Write).ok());
  }
  EXPECT_EQ(counters().reclaim.pswpin, kShared);
  EXPECT_EQ(counters().faults.major + (counters().faults.minor - before), kShared);
  EXPECT_LE(counters().faults.major, kShared / 8 + 8);
  EXPECT_EQ(counters().reclaim.prefetch_used, kShared - counters().faults.major);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(GroupTest, LockedPagesAreLeftAloneUntilTheyAreUnlocked) {
  start(kZram);
  ASSERT_TRUE(machine_->mlock(pid_, begin_, ByteCount(100 * kPageSize)));
  for (std::uint64_t page = 0; page < kPages; ++page) ASSERT_TRUE(touch(page, Access::Write).ok());
  EXPECT_EQ(machine_->mincore(pid_, begin_, ByteCount(100 * kPageSize)).value(),
            std::string(100, '1'));
  EXPECT_TRUE(machine_->verify());
  ASSERT_TRUE(machine_->munlock(pid_, begin_, ByteCount(100 * kPageSize)));
  for (std::uint64_t page = 100; page < kPages; ++page) {
    ASSERT_TRUE(touch(page, Access::Write).ok());
  }
  EXPECT_NE(machine_->mincore(pid_, begin_, ByteCount(100 * kPageSize)).value(),
            std::string(100, '1'));
  EXPECT_TRUE(machine_->verify());
}

// oom_badness(): resident pages and swap together, so that whoever was swapped out most is no
// safer.
TEST_F(GroupTest, WhenNothingIsLeftWhoeverTakesMostIsKilled) {
  start(kZram, kLimit, 512);
  for (std::uint64_t page = 0; page < 1'600; ++page) ASSERT_TRUE(touch(page, Access::Write).ok());
  const Pid big = pid_, other = *machine_->spawn();
  MmapRequest request;
  request.length = ByteCount(kPages * kPageSize);
  request.rights = {true, true, false};
  const VirtAddr begin = *machine_->mmap(other, request);
  const auto write = [&](std::uint64_t page) {
    return machine_->touch(other, begin + ByteCount(page * kPageSize), Access::Write);
  };
  for (std::uint64_t page = 0; page < 1'500; ++page) ASSERT_TRUE(write(page).ok()) << page;
  EXPECT_EQ(machine_->find(big)->cause, ExitCause::OutOfMemory);
  EXPECT_EQ(machine_->find(big)->status, 128 + 9);
  EXPECT_EQ(machine_->find(other)->state, ProcessState::Running);
  EXPECT_EQ(counters().reclaim.oom_kills, 1U);
  EXPECT_TRUE(machine_->verify());
  // Now the faulting process is the one.
  AccessResult last;
  for (std::uint64_t page = 1'500; page < kPages && last.ok(); ++page) last = write(page);
  EXPECT_EQ(last.kind, AccessResult::Kind::Oom);
  EXPECT_EQ(machine_->find(other)->cause, ExitCause::OutOfMemory);
  EXPECT_TRUE(machine_->verify());
}

}  // namespace
}  // namespace pw
