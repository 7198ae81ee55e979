// Pages on their way to the device: until it is done with them they can't go, and who needs that
// waits.
#include <gtest/gtest.h>

#include "machine/machine.hpp"
#include "reclaim/linux/being_written.hpp"
#include "reclaim/linux/linux_reclaim.hpp"
#include "space/written_extents.hpp"

namespace pw {
namespace {

TEST(BeingWrittenTest, EndsInOrderOfTime) {
  BeingWritten writing;
  EXPECT_TRUE(writing.empty());
  writing.begin(Pfn(3), 30);
  writing.begin(Pfn(1), 10);
  writing.begin(Pfn(2), 20);
  writing.begin(Pfn(9), 10);
  EXPECT_EQ(writing.until(Pfn(2)), 20U);
  EXPECT_EQ(writing.until(Pfn(4)), 0U);
  EXPECT_EQ(writing.when_written(1), 10U);
  EXPECT_EQ(writing.when_written(3), 20U);
  EXPECT_EQ(writing.when_written(4), 30U);
  EXPECT_EQ(writing.when_written(99), 0U);  // never so many
  EXPECT_EQ(writing.when_all_written(), 30U);
  std::vector<std::uint64_t> ended;
  writing.end(20, [&](Pfn pfn) { ended.push_back(pfn.value); });
  EXPECT_EQ(ended, (std::vector<std::uint64_t>{1, 9, 2}));
  EXPECT_EQ(writing.until(Pfn(2)), 0U);
  EXPECT_FALSE(writing.empty());
}

TEST(BeingWrittenTest, ForgetsPagesAndHearsOfTheLastWriteOnly) {
  BeingWritten writing;
  writing.begin(Pfn(1), 10);
  writing.begin(Pfn(2), 10);
  writing.forget(Pfn(1));
  writing.begin(Pfn(2), 40);
  EXPECT_EQ(writing.when_written(1), 40U);
  int ended = 0;
  writing.end(39, [&](Pfn) { ++ended; });
  EXPECT_EQ(ended, 0);
  writing.end(40, [&](Pfn) { ++ended; });
  EXPECT_EQ(ended, 1);
  EXPECT_TRUE(writing.empty());
}

// To end the writing of a folio of one page.
constexpr std::uint64_t kEndOneNs = WrittenExtents::kEndFolioNs + WrittenExtents::kEndPageNs;

class WritebackTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kLimit = 512;
  static constexpr std::uint64_t kWriteNs = 20'000'000;  // of a request, whatever its length

  void SetUp() override { make(ByteCount(0)); }
  void make(ByteCount swap) {
    MachineConfig config;
    config.swap = swap;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.ram = ByteCount(1ULL << 30);
    config.linux_options.limit_pages = kLimit;
    config.linux_options.stat_flush_ns = 1'000'000;
    config.file_device = {"slow", 0, 1'000, kWriteNs, 0, 1};
    machine_ = std::move(*Machine::create(config));
    file_ = machine_->open_file("file", ByteCount(0));
  }
  void write(std::uint64_t first, std::uint64_t pages) {
    for (std::uint64_t page = first; page < first + pages; ++page) {
      ASSERT_TRUE(machine_->file_written(file_, ByteCount(page * kPageSize), ByteCount(kPageSize)));
    }
  }
  std::uint64_t now() { return machine_->core().clock.now_ns(); }
  const MachineCounters& counters() { return machine_->counters(); }
  const LinuxReclaim& reclaim() { return dynamic_cast<const LinuxReclaim&>(machine_->reclaimer()); }

  std::unique_ptr<Machine> machine_;
  FileId file_{};
};

TEST_F(WritebackTest, SyncWaitsForTheDevice) {
  write(0, 64);
  const std::uint64_t before = now();
  ASSERT_TRUE(machine_->sync_file(file_));
  EXPECT_GE(now() - before, kWriteNs);
  EXPECT_LT(now() - before, 2 * kWriteNs);  // one request
  EXPECT_EQ(counters().io_wait_ns, now() - before);
  const std::uint64_t after = now();
  ASSERT_TRUE(machine_->sync_file(file_));
  EXPECT_EQ(now(), after);  // nothing is left to write
}

// sync_file_range(2): writing begins, and only who says so waits for it, and only for the range.
// What is being written survives POSIX_FADV_DONTNEED, what has been written does not.
TEST_F(WritebackTest, APartIsWrittenAndWaitedForApart) {
  constexpr std::uint64_t kPart = 32, kPartBytes = kPart * kPageSize;
  constexpr std::uint64_t kEndNs = kPart * kEndOneNs;
  const auto drop = [this] {
    machine_->advise_file(file_, 0, 0, Machine::FileAdvice::DontNeed);
    return reclaim().lists().entries() + reclaim().lists().batched();
  };
  write(0, 2 * kPart);
  const std::uint64_t before = now();
  ASSERT_TRUE(machine_->sync_file_range(file_, 0, kPartBytes, {false, true, false}));
  EXPECT_EQ(now(), before);
  EXPECT_EQ(counters().reclaim.file_written, kPart);
  ASSERT_TRUE(machine_->sync_file_range(file_, kPartBytes, kPartBytes, {true, false, true}));
  EXPECT_EQ(now(), before);      // nothing of that is being written
  EXPECT_EQ(drop(), 2 * kPart);  // which begins to write the second part, too
  ASSERT_TRUE(machine_->sync_file_range(file_, 0, kPartBytes, {true, false, false}));
  EXPECT_EQ(now(), before + kWriteNs + kEndNs);
  EXPECT_EQ(counters().io_wait_ns, kWriteNs + kEndNs);
  EXPECT_EQ(drop(), kPart);
  ASSERT_TRUE(machine_->sync_file_range(file_, kPartBytes - 1, 0, {false, true, true}));
  EXPECT_EQ(now(), before + 2 * kWriteNs + kEndNs);
  EXPECT_EQ(drop(), 0U);
  EXPECT_EQ(counters().reclaim.file_written, 2 * kPart);
  EXPECT_TRUE(machine_->verify());
}

// An extent is written when all of its requests are done, and then the one handed in last ends
// first; the next extent is one of its own.
TEST_F(WritebackTest, AnExtentEndsFromItsLastRequestOn) {
  constexpr std::uint64_t kRequest = 256, kEndNs = kEndOneNs;
  write(0, kRequest + 100);
  write(kRequest + 101, 8);
  const std::uint64_t before = now();
  ASSERT_TRUE(machine_->sync_file_range(file_, 0, 0, {false, true, false}));
  const auto until = [&](std::uint64_t page) {
    const PageSlot slot = machine_->object(file_).slots.get(PageOffset(page));
    return machine_->reclaimer().writing_until(slot.pfn()) - before;
  };
  EXPECT_EQ(until(kRequest), 2 * kWriteNs + kEndNs);
  EXPECT_EQ(until(kRequest + 99), 2 * kWriteNs + 100 * kEndNs);
  EXPECT_EQ(until(0), 2 * kWriteNs + 101 * kEndNs);
  EXPECT_EQ(until(kRequest - 1), 2 * kWriteNs + (kRequest + 100) * kEndNs);
  EXPECT_EQ(until(kRequest + 101), 3 * kWriteNs + kEndNs);
}

// 100 ms is the longest that reclaim sleeps after it woke the flusher; here 32 pages are written
// after one request.
TEST_F(WritebackTest, AWriterAtItsLimitWaitsForItsOwnPages) {
  write(0, 2 * kLimit);
  EXPECT_GE(counters().io_wait_ns, kWriteNs);
  EXPECT_LE(reclaim().used(), kLimit);
  EXPECT_GE(counters().reclaim.file_written, kLimit);
  EXPECT_GT(counters().reclaim.pgactivate, 0U);  // met dirty
  EXPECT_TRUE(machine_->verify());
}

// Where less is written than who sleeps waits for, it sleeps its 100 ms, and goes on: here among
// pages that go to swap, with next to nothing else to write.
TEST_F(WritebackTest, TooLittleIsWrittenToEndTheSleep) {
  constexpr std::uint64_t kSleepNs = 100'000'000, kFew = 4;
  make(ByteCount(4 * kLimit * kPageSize));
  write(0, kFew);
  const Pid pid = *machine_->spawn();
  MmapRequest request;
  request.length = ByteCount(2 * kLimit * kPageSize);
  request.rights = {true, true, false};
  const VirtAddr begin = *machine_->mmap(pid, request);
  for (std::uint64_t page = 0; page < 2 * kLimit && counters().reclaim.throttled == 0; ++page) {
    ASSERT_TRUE(machine_->touch(pid, begin + ByteCount(page * kPageSize), Access::Write).ok());
  }
  ASSERT_EQ(counters().reclaim.throttled, 1U);
  EXPECT_EQ(counters().io_wait_ns, kSleepNs);
  EXPECT_EQ(counters().reclaim.file_written, kFew);
  EXPECT_GE(counters().reclaim.writes_ended, kFew);
  EXPECT_EQ(counters().reclaim.throttled_until, 37U);
  EXPECT_TRUE(machine_->verify());
}

// Pages under writeback that reclaim has met are the next to go once they are written: before pages
// that were read later, though they were active by then.
TEST_F(WritebackTest, WhatWasMetIsTheNextToGo) {
  write(0, kLimit + 32);
  machine_->compute(20 * kWriteNs);
  const std::uint64_t scanned = counters().reclaim.pgscan_direct;
  const std::uint64_t stolen = counters().reclaim.pgsteal_file;
  const std::uint64_t waited = counters().io_wait_ns;
  write(kLimit + 32, 64);
  const std::uint64_t looked_at = counters().reclaim.pgscan_direct - scanned;
  EXPECT_GT(looked_at, 0U);
  EXPECT_EQ(counters().reclaim.pgsteal_file - stolen, looked_at);  // each of them went
  EXPECT_EQ(counters().io_wait_ns, waited);
  EXPECT_TRUE(machine_->verify());
}

// Swap on a disk: what was written stays until it is met again, and the end of its writing moves it
// to where it is met next; so hardly more is written than goes.
TEST(SwapOnADisk, WrittenPagesGoNext) {
  constexpr std::uint64_t kPages = 1024, kLimit = 512;
  MachineConfig config;
  config.contents = Contents::MetadataOnly;
  config.model = MemoryModel::Linux;
  config.ram = ByteCount(1ULL << 30);
  config.swap = ByteCount(kPages * 4 * kPageSize);
  config.swap_device = {"disk", 0, 30'000, 30'000, 2'000, 8};
  config.linux_options.limit_pages = kLimit;
  config.linux_options.stat_flush_ns = 1'000'000;
  const std::unique_ptr<Machine> machine = std::move(*Machine::create(config));
  const Pid pid = *machine->spawn();
  MmapRequest request;
  request.length = ByteCount(kPages * kPageSize);
  request.rights = {true, true, false};
  const VirtAddr begin = *machine->mmap(pid, request);
  for (std::uint64_t page = 0; page < kPages; ++page) {
    ASSERT_TRUE(machine->touch(pid, begin + ByteCount(page * kPageSize), Access::Write).ok());
  }
  const ReclaimCounters& reclaim = machine->counters().reclaim;
  EXPECT_GE(reclaim.pgsteal_anon, kPages - kLimit);
  EXPECT_LE(reclaim.pswpout, reclaim.pgsteal_anon + 128);
  EXPECT_EQ(reclaim.pswpin, 0U);
  EXPECT_TRUE(machine->verify());
}

// A fault that finds its page on its way waits for it, and is a minor one.
TEST(SwapOnADisk, WaitingForAPageThatIsReadAheadIsMinor) {
  constexpr std::uint64_t kPages = 1024, kLimit = 512;
  MachineConfig config;
  config.contents = Contents::MetadataOnly;
  config.model = MemoryModel::Linux;
  config.ram = ByteCount(1ULL << 30);
  config.swap = ByteCount(kPages * 4 * kPageSize);
  config.swap_device = {"slow disk", 0, 5'000'000, 10'000, 1'000'000, 8};
  config.linux_options.limit_pages = kLimit;
  const std::unique_ptr<Machine> machine = std::move(*Machine::create(config));
  const Pid pid = *machine->spawn();
  MmapRequest request;
  request.length = ByteCount(kPages * kPageSize);
  request.rights = {true, true, false};
  const VirtAddr begin = *machine->mmap(pid, request);
  const auto touch = [&](std::uint64_t page, Access access) {
    return machine->touch(pid, begin + ByteCount(page * kPageSize), access).ok();
  };
  for (std::uint64_t page = 0; page < kPages; ++page) ASSERT_TRUE(touch(page, Access::Write));
  machine->compute(1'000'000'000);
  const FaultCounters before = machine->counters().faults;
  const std::uint64_t in = machine->counters().reclaim.pswpin;
  for (std::uint64_t page = 0; page < 256; ++page) ASSERT_TRUE(touch(page, Access::Read));
  const std::uint64_t majors = machine->counters().faults.major - before.major;
  EXPECT_GE(machine->counters().reclaim.pswpin - in, 256U);
  EXPECT_GE(majors, 256U / 8);
  EXPECT_LE(majors, 256U / 8 + 4);
}

}  // namespace
}  // namespace pw
