// What MemoryModel::Linux does with pages of files beside reading ahead: folios that were in memory
// before, folios that writes make, advice, and what reclaim is told.
#include <gtest/gtest.h>

#include <vector>

#include "machine/machine.hpp"
#include "support/stores.hpp"

namespace pw {
namespace {

class PageCache : public ::testing::Test {
 protected:
  void make(bool cold, Contents contents = Contents::MetadataOnly) {
    MachineConfig config;
    config.ram = ByteCount(64ULL << 20);
    config.contents = contents;
    config.model = MemoryModel::Linux;
    config.cold_page_cache = cold;
    config.verify_each_operation = true;
    machine_ = std::move(*Machine::create(config));
    pid_ = *machine_->spawn("program");
  }
  FileId open(std::uint64_t pages) { return machine_->open_file("file", bytes(pages)); }
  static ByteCount bytes(std::uint64_t pages) { return ByteCount(pages * kPageSize); }
  VirtAddr map(FileId file, std::uint64_t pages, bool shared = false) {
    MmapRequest request;
    request.length = bytes(pages);
    request.shared = shared;
    request.address = VirtAddr(0x2000'0000'0000);
    request.fixed = true;
    request.backing = &machine_->object(file);
    return *machine_->mmap(pid_, request);
  }
  std::uint64_t mapped() { return machine_->find(pid_)->space->counters().resident_pages; }
  const FaultCounters& faults() { return machine_->counters().faults; }

  std::unique_ptr<Machine> machine_;
  Pid pid_{};
};

TEST_F(PageCache, WhatWasThereBeforeKeepsItsFolios) {
  make(false);
  const FileId file = open(256);
  const std::vector<FolioSpan> folios{{PageOffset(0), 6}, {PageOffset(64), 3}};
  machine_->set_cached_folios(file, folios);
  const VirtAddr address = map(file, 256);
  (void)machine_->touch(pid_, address + bytes(3), Access::Read);
  EXPECT_EQ(mapped(), 64U);
  (void)machine_->touch(pid_, address + bytes(70), Access::Read);  // 64 to 71, and 72 to 79 singly
  EXPECT_EQ(mapped(), 80U);
  (void)machine_->touch(pid_, address + bytes(100), Access::Read);
  EXPECT_EQ(mapped(), 96U);
  EXPECT_EQ(faults().minor, 3U);
  EXPECT_EQ(faults().major, 0U);
}

TEST_F(PageCache, PagesThatWereThereBeforeCanBeDropped) {
  make(false);
  const FileId file = open(64);
  machine_->advise_file(file, 0, 32 * kPageSize, Machine::FileAdvice::DontNeed);
  const VirtAddr address = map(file, 64);
  (void)machine_->touch(pid_, address + bytes(40), Access::Read);
  EXPECT_EQ(faults().major, 0U);
  (void)machine_->touch(pid_, address + bytes(8), Access::Read);
  EXPECT_EQ(faults().major, 1U);
}

TEST_F(PageCache, FoliosAreAsLargeAsTheWriteLetsThem) {
  make(true);
  const FileId file = open(0);
  ASSERT_TRUE(machine_->file_written(file, ByteCount(0), ByteCount(5 << 20)));
  ASSERT_TRUE(machine_->file_written(file, ByteCount(5 << 20), ByteCount(100)));
  const Folios& folios = machine_->object(file).folios;
  EXPECT_EQ(folios.find(PageOffset(700)), (FolioSpan{PageOffset(512), 9}));
  EXPECT_EQ(folios.find(PageOffset(1100)), (FolioSpan{PageOffset(1024), 8}));
  EXPECT_EQ(folios.find(PageOffset(1280)), (FolioSpan{PageOffset(1280), 0}));
  EXPECT_EQ(machine_->object(file).pages(), PageCount(1281));
}

// Pages that are read one by one cost a folio each, large folios one for all of their pages; asking
// the device costs the same for one and for many.
TEST_F(PageCache, WhatReadingTakesTheCpuIsCounted) {
  constexpr std::uint64_t kRequest = 1'000'000'000, kFolio = 1'000'000, kPage = 1'000;
  MachineConfig config;
  config.ram = ByteCount(64ULL << 20);
  config.contents = Contents::MetadataOnly;
  config.model = MemoryModel::Linux;
  config.cold_page_cache = true;
  config.costs = {.minor_ns = 0,
                  .major_ns = 0,
                  .copy_ns = 0,
                  .reclaim_page_ns = 0,
                  .huge_page_ns = 0,
                  .file_request_ns = kRequest,
                  .file_folio_ns = kFolio,
                  .file_page_ns = kPage,
                  .file_free_ns = 0,
                  .around_page_ns = 1,
                  .swap_out_ns = 0};
  machine_ = std::move(*Machine::create(config));
  pid_ = *machine_->spawn("program");
  const FileId file = open(256);
  machine_->advise_file(file, 0, 8 * kPageSize, Machine::FileAdvice::WillNeed);
  const auto kernel = [this] { return machine_->counters().kernel_ns; };
  EXPECT_EQ(kernel(), kRequest + 8 * (kFolio + kPage));
  const VirtAddr address = map(file, 256);
  (void)machine_->touch(pid_, address, Access::Read);  // eight are there
  EXPECT_EQ(kernel(), kRequest + 8 * (kFolio + kPage) + 8);
  (void)machine_->touch(pid_, address + bytes(3), Access::Read);
  EXPECT_EQ(kernel(), kRequest + 8 * (kFolio + kPage) + 8);
}

TEST_F(PageCache, TruncationSplitsTheFolioItCuts) {
  make(true);
  const FileId file = open(0);
  ASSERT_TRUE(machine_->file_written(file, ByteCount(0), bytes(256)));
  ASSERT_TRUE(machine_->truncate_file(file, bytes(100)));
  const Folios& folios = machine_->object(file).folios;
  EXPECT_EQ(folios.find(PageOffset(10)), (FolioSpan{PageOffset(0), 6}));
  EXPECT_EQ(folios.find(PageOffset(70)), (FolioSpan{PageOffset(64), 5}));
  EXPECT_EQ(folios.find(PageOffset(99)), (FolioSpan{PageOffset(96), 2}));
  EXPECT_EQ(folios.find(PageOffset(100)), (FolioSpan{PageOffset(100), 0}));
}

TEST_F(PageCache, BytesAreThoseOfTheFile) {
  make(true, Contents::Bytes);
  const auto disk = std::make_shared<std::vector<std::byte>>();
  const FileId file = machine_->open_file("file", std::make_unique<test::KeptStore>(disk));
  std::vector<std::byte> expected(300'000);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<std::byte>(i * 7 / 5);
  ASSERT_TRUE(machine_->write_file(file, ByteCount(0), expected));
  ASSERT_TRUE(machine_->sync_file(file));
  machine_->advance(1'000'000'000);
  machine_->advise_file(file, 0, 0, Machine::FileAdvice::DontNeed);
  EXPECT_EQ(machine_->object(file).slots.get(PageOffset(3)), PageSlot());
  const std::vector<std::byte> patch(10'000, std::byte{99});
  ASSERT_TRUE(machine_->write_file(file, ByteCount(123'456), patch));
  std::copy(patch.begin(), patch.end(), expected.begin() + 123'456);
  std::vector<std::byte> got(expected.size());
  ASSERT_TRUE(machine_->read_file(file, ByteCount(0), got));
  EXPECT_EQ(got, expected);
  const VirtAddr address = map(file, 64);
  ASSERT_TRUE(machine_->read(pid_, address, std::span(got).first(bytes(64).value)).ok());
  EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + 64 * kPageSize, got.begin()));
  ASSERT_TRUE(machine_->sync_file(file));
  EXPECT_EQ(*disk, expected);
}

}  // namespace
}  // namespace pw
