// Pages of files that system calls use again and again, beside a stream that passes once: tiers
// learn from refaults which of them to spare.
#include <gtest/gtest.h>

#include "machine/machine.hpp"
#include "reclaim/mglru/mglru_reclaim.hpp"

namespace pw {
namespace {

class FileTiers : public ::testing::Test {
 protected:
  FileTiers() {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.cold_page_cache = true;
    config.ram = ByteCount(1ULL << 30);
    config.swap = ByteCount(1ULL << 28);
    config.swap_device = kZram;
    config.linux_options.ageing = Ageing::Generations;
    config.linux_options.limit_pages = 4096;
    machine_ = std::move(*Machine::create(config));
    pid_ = *machine_->spawn();
  }
  void read(FileId file, std::uint64_t page, std::uint64_t pages) {
    ASSERT_TRUE(
        machine_->file_read(file, ByteCount(page * kPageSize), ByteCount(pages * kPageSize), file));
  }
  const MglruReclaim& reclaim() { return dynamic_cast<const MglruReclaim&>(machine_->reclaimer()); }
  const ReclaimCounters& counters() { return machine_->counters().reclaim; }

  std::unique_ptr<Machine> machine_;
  Pid pid_ = 0;
};

TEST_F(FileTiers, PagesReadAgainAndAgainAreSparedAfterTheirRefaultsWereSeen) {
  constexpr std::uint64_t kHot = 1024, kStream = 1 << 18;
  const FileId hot = machine_->open_file("hot", ByteCount(kHot * kPageSize));
  const FileId stream = machine_->open_file("stream", ByteCount(kStream * kPageSize));
  std::uint64_t streamed = 0, learnt = 0;
  for (int round = 0; round < 60; ++round) {
    if (round == 30) learnt = counters().refault_file;
    for (int again = 0; again < 3; ++again) {
      for (std::uint64_t page = 0; page < kHot; ++page) read(hot, page, 1);
    }
    for (int i = 0; i < 4096; ++i) read(stream, streamed++, 1);
  }
  EXPECT_GT(learnt, 64U);  // a batch of refaults at least
  EXPECT_LT(counters().refault_file - learnt, kHot / 4);
  EXPECT_GE(reclaim().counts().spared, kHot);
  EXPECT_GT(counters().pgsteal_file, 50U * 4096);  // the stream has passed
  EXPECT_TRUE(machine_->verify());
}

TEST_F(FileTiers, AStreamAloneRefaultsNothing) {
  const FileId stream = machine_->open_file("stream", ByteCount((1 << 16) * kPageSize));
  for (std::uint64_t page = 0; page < 1 << 16; ++page) read(stream, page, 1);
  EXPECT_EQ(counters().refault_file, 0U);
  EXPECT_EQ(counters().pswpout, 0U);
  EXPECT_EQ(reclaim().counts().spared, 0U);
  EXPECT_GE(counters().pgsteal_file, (1U << 16) - 4096);
  EXPECT_TRUE(machine_->verify());
}

// Dirty pages are passed on and marked; once the flusher has written them they are the next to go.
TEST_F(FileTiers, DirtyPagesWaitForTheFlusher) {
  const FileId file = machine_->open_file("new", ByteCount(0));
  for (std::uint64_t page = 0; page < 1 << 14; ++page) {
    ASSERT_TRUE(machine_->file_written(file, ByteCount(page * kPageSize), ByteCount(kPageSize)));
  }
  EXPECT_GT(counters().file_written, (1U << 14) - 8192);
  EXPECT_GT(counters().pgsteal_file, (1U << 14) - 8192);
  EXPECT_GT(reclaim().counts().sorted, 0U);
  EXPECT_LE(reclaim().used(), 4096U);
  EXPECT_TRUE(machine_->verify());
}

}  // namespace
}  // namespace pw
