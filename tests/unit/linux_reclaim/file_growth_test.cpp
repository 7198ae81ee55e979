// Pages that a program adds to a file are its own: only what the file had before can have been in
// the page cache for others, who pay for it.
#include <gtest/gtest.h>

#include "machine/machine.hpp"
#include "reclaim/linux/buffer_heads.hpp"
#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kPages = 256;
constexpr ByteCount kBytes{kPages * kPageSize};
constexpr std::uint64_t kWritten = kPages + pages_of_buffers(kPages);

class FileGrowth : public ::testing::Test {
 protected:
  void SetUp() override {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.ram = ByteCount(1ULL << 30);
    config.linux_options.limit_pages = 4 * kPages;
    machine_ = std::move(*Machine::create(config));
  }
  std::uint64_t used() { return dynamic_cast<const LinuxReclaim&>(machine_->reclaimer()).used(); }
  FileId file(std::uint64_t pages) {
    return machine_->open_file("file", ByteCount(pages * kPageSize));
  }

  std::unique_ptr<Machine> machine_;
};

TEST_F(FileGrowth, WhatWasThereIsPaidByOthers) {
  const FileId known = file(kPages);
  ASSERT_TRUE(machine_->file_read(known, ByteCount(0), kBytes));
  ASSERT_TRUE(machine_->file_written(known, ByteCount(0), kBytes));
  EXPECT_EQ(used(), 0U);
}

TEST_F(FileGrowth, ANewFileIsPaidByItsWriter) {
  const FileId fresh = file(0);
  ASSERT_TRUE(machine_->file_written(fresh, ByteCount(0), kBytes));
  EXPECT_EQ(used(), kWritten);
  ASSERT_TRUE(machine_->truncate_file(fresh, ByteCount(0)));
  EXPECT_EQ(used(), 0U);
}

TEST_F(FileGrowth, OnlyThePagesPastTheOldEndAreNew) {
  const FileId longer = file(kPages);
  ASSERT_TRUE(machine_->file_written(longer, kBytes, kBytes));
  EXPECT_EQ(used(), kWritten);
  ASSERT_TRUE(machine_->file_read(longer, ByteCount(0), kBytes));
  EXPECT_EQ(used(), kWritten);
}

TEST_F(FileGrowth, ATruncatedFileIsNewWhenItGrowsAgain) {
  const FileId rewritten = file(kPages);
  ASSERT_TRUE(machine_->truncate_file(rewritten, ByteCount(0)));
  ASSERT_TRUE(machine_->file_written(rewritten, ByteCount(0), kBytes));
  EXPECT_EQ(used(), kWritten);
}

// The flusher writes pages that reclaim has met dirty, and those are the next to go: an output
// that does not fit costs nothing but its own older pages.
TEST_F(FileGrowth, AnOutputLargerThanTheLimitPushesItselfOut) {
  const FileId output = file(0);
  for (std::uint64_t page = 0; page < 16 * kPages; ++page) {
    const ByteCount at(page * kPageSize);
    ASSERT_TRUE(machine_->file_written(output, at, ByteCount(kPageSize)));
    ASSERT_LE(used(), 4 * kPages);
  }
  const ReclaimCounters& reclaim = machine_->counters().reclaim;
  EXPECT_GE(reclaim.pgsteal_file, 12 * kPages);
  EXPECT_GE(reclaim.file_written, reclaim.pgsteal_file);
  EXPECT_EQ(reclaim.pswpout, 0U);
  EXPECT_TRUE(machine_->verify());
}

}  // namespace
}  // namespace pw
