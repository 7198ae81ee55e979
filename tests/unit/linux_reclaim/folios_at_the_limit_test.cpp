// Folios of several pages at a group's limit: they come, are referenced and go as one.
#include <gtest/gtest.h>

#include "machine/machine.hpp"
#include "reclaim/linux/buffer_heads.hpp"
#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kLimit = 1024, kFolio = 64;
constexpr ByteCount kFolioBytes{kFolio * kPageSize};

class FoliosAtTheLimit : public ::testing::Test {
 protected:
  void start(std::uint64_t limit = kLimit, std::uint32_t readahead = 32) {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.ram = ByteCount(1ULL << 30);
    config.linux_options.limit_pages = limit;
    config.linux_options.stat_flush_ns = 1'000'000;
    config.prefetch.file_readahead_pages = readahead;
    machine_ = std::move(*Machine::create(config));
  }
  // A file that is written by requests of 64 pages, so that it is cached in folios of 64.
  FileId written(std::uint64_t folios) {
    const FileId file = machine_->open_file("file", ByteCount(0));
    for (std::uint64_t i = 0; i < folios; ++i) write(file, i);
    return file;
  }
  void write(FileId file, std::uint64_t folio) {
    ASSERT_TRUE(machine_->file_written(file, ByteCount(folio * kFolioBytes.value), kFolioBytes));
  }
  void read(FileId file, std::uint64_t page, std::uint64_t description = 0) {
    const ByteCount at(page * kPageSize);
    ASSERT_TRUE(machine_->file_read(file, at, ByteCount(kPageSize), description));
  }
  bool cached(FileId file, std::uint64_t page) {
    return machine_->object(file).slots.get(PageOffset(page)).is_resident();
  }
  std::uint64_t cached_of_folio(FileId file, std::uint64_t folio) {
    std::uint64_t pages = 0;
    for (std::uint64_t i = 0; i < kFolio; ++i) pages += cached(file, folio * kFolio + i) ? 1 : 0;
    return pages;
  }
  const ReclaimCounters& counters() { return machine_->counters().reclaim; }
  const LinuxReclaim& reclaim() { return dynamic_cast<const LinuxReclaim&>(machine_->reclaimer()); }

  std::unique_ptr<Machine> machine_;
};

TEST_F(FoliosAtTheLimit, AFolioIsThereOrGone) {
  start();
  constexpr std::uint64_t kFolios = 40;
  const FileId file = written(kFolios);
  std::uint64_t gone = 0;
  for (std::uint64_t folio = 0; folio < kFolios; ++folio) {
    const std::uint64_t pages = cached_of_folio(file, folio);
    EXPECT_TRUE(pages == 0 || pages == kFolio) << "folio " << folio << ": " << pages;
    gone += pages == 0 ? 1 : 0;
  }
  EXPECT_GE(gone, kFolios - kLimit / kFolio);
  EXPECT_EQ(counters().pgsteal_file, gone * kFolio);
  EXPECT_EQ(counters().pgscan_direct % kFolio, 0U);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(FoliosAtTheLimit, OnePageThatIsReadKeepsTheWholeFolio) {
  start();
  const FileId file = written(1);
  ASSERT_TRUE(machine_->sync_file(file));
  read(file, 20, 1);
  read(file, 40, 2);  // the second reader makes it active
  EXPECT_EQ(reclaim().lists().size(Lru::ActiveFile), kFolio);
  EXPECT_EQ(reclaim().lists().size(Lru::InactiveFile), 0U);
  const FileId other = machine_->open_file("other", ByteCount(0));
  for (std::uint64_t i = 0; i < 16; ++i) write(other, i);
  EXPECT_EQ(cached_of_folio(file, 0), kFolio);
  EXPECT_TRUE(machine_->verify());
}

// What truncation leaves of a folio is still in the lists, and goes page by page or in smaller
// folios.
TEST_F(FoliosAtTheLimit, TruncationSplitsThem) {
  start();
  const FileId file = written(2);
  ASSERT_TRUE(machine_->truncate_file(file, ByteCount((kFolio + 24) * kPageSize)));
  EXPECT_EQ(reclaim().lists().entries() + reclaim().lists().batched(), kFolio + 24);
  const FileId other = machine_->open_file("other", ByteCount(0));
  for (std::uint64_t i = 0; i < 40; ++i) write(other, i);
  EXPECT_EQ(cached_of_folio(file, 0) + cached_of_folio(file, 1), 0U);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(FoliosAtTheLimit, ARefaultIsThatOfTheFolio) {
  start(kLimit, 256);
  const FileId file = written(40);
  ASSERT_TRUE(machine_->sync_file(file));
  ASSERT_EQ(cached_of_folio(file, 0), 0U);
  EXPECT_EQ(counters().refault_file, 0U);  // what is written anew is none
  const std::uint64_t before = counters().file_read;
  for (std::uint64_t page = 0; page < 16 * kFolio; ++page) read(file, page);
  EXPECT_EQ(counters().refault_file, counters().file_read - before);
  EXPECT_GE(counters().refault_file, 12 * kFolio);
  EXPECT_TRUE(machine_->verify());
}

// Readahead asks for memory once and does without if there is none; the page that is wanted comes
// all the same.
TEST_F(FoliosAtTheLimit, AWindowLargerThanTheGroupIsReadAsFarAsItFits) {
  start(256, 2048);
  const FileId file = machine_->open_file("file", ByteCount(0));
  for (std::uint64_t i = 0; i < 64; ++i) write(file, i);
  ASSERT_TRUE(machine_->sync_file(file));
  for (std::uint64_t page = 0; page < 64 * kFolio; ++page) {
    read(file, page);
    ASSERT_TRUE(cached(file, page));
    ASSERT_LE(reclaim().used(), 256U);
  }
  EXPECT_LE(counters().allocstall, 64 * kFolio / 8);  // it does not insist
  EXPECT_TRUE(machine_->verify());
}

// A folio is charged before its place is looked at. Of the 256 pages from 512 on all but the first
// are there: room is made for a folio that can't come, and one page is read.
TEST_F(FoliosAtTheLimit, RoomIsMadeForAFolioWhosePlaceIsTaken) {
  constexpr std::uint64_t kRoomFor = 1400, kMissing = 512, kPages = 768, kWindow = 256;
  start(kRoomFor, 2048);
  const FileId other = machine_->open_file("other", ByteCount(0));
  for (std::uint64_t i = 0; i < 16; ++i) write(other, i);
  const FileId file = written(kMissing / kFolio);
  for (const std::uint64_t page : {kMissing, kMissing + 1}) {
    const std::uint64_t pages = page == kMissing ? 1 : kPages - page;
    ASSERT_TRUE(
        machine_->file_written(file, ByteCount(page * kPageSize), ByteCount(pages * kPageSize)));
  }
  ASSERT_TRUE(machine_->sync_file(other));
  ASSERT_TRUE(machine_->sync_file(file));
  machine_->advise_file(file, 0, (kMissing + 1) * kPageSize, Machine::FileAdvice::DontNeed);
  ASSERT_FALSE(cached(file, kMissing));
  ASSERT_TRUE(cached(file, kMissing + 1));
  const std::uint64_t before = counters().file_read;
  for (std::uint64_t page = 0; page <= kMissing; ++page) read(file, page, 1);
  EXPECT_EQ(counters().file_read - before, kMissing + 1);
  EXPECT_LE(reclaim().used(), kRoomFor - kWindow / 2);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(FoliosAtTheLimit, WrittenPagesHaveBufferHeads) {
  start(4 * kLimit);
  const FileId file = written(16);
  EXPECT_EQ(reclaim().used(), kLimit + pages_of_buffers(kLimit));
  EXPECT_EQ(pages_of_buffers(kLimit), 28U);
  write(file, 3);  // again: they have them
  EXPECT_EQ(reclaim().used(), kLimit + pages_of_buffers(kLimit));
  ASSERT_TRUE(machine_->truncate_file(file, ByteCount(0)));
  EXPECT_EQ(reclaim().used(), 0U);
}

}  // namespace
}  // namespace pw
