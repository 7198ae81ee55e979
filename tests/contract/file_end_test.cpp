// Around the end of a file: the rest of its last page belongs to nobody, the pages behind it are
// SIGBUS.
#include <gtest/gtest.h>

#include "machine/machine.hpp"
#include "ports/sim/memory_store.hpp"
#include "support/stores.hpp"

namespace pw {
namespace {

class FileEnd : public testing::Test {
 protected:
  void SetUp() override {
    MachineConfig config;
    config.ram = ByteCount(64 * kPageSize);
    config.swap = ByteCount(64 * kPageSize);
    config.signals_kill = false;
    config.verify_each_operation = true;
    auto made = Machine::create(config, std::make_unique<sim::MemoryStore>(ByteCount(0)));
    ASSERT_TRUE(made);
    machine_ = std::move(*made);
    pid_ = *machine_->spawn();
    file_ = machine_->open_file("file", std::make_unique<test::KeptStore>(bytes_));
  }
  VirtAddr map(FileId object, bool shared) {
    MmapRequest request;
    request.length = ByteCount(4 * kPageSize);
    request.backing = &machine_->object(object);
    request.shared = shared;
    return *machine_->mmap(pid_, request);
  }
  std::byte at(VirtAddr address) {
    std::byte byte{0xEE};
    EXPECT_TRUE(machine_->read(pid_, address, {&byte, 1}).ok());
    return byte;
  }
  bool put(VirtAddr address, std::byte byte) {
    return machine_->write(pid_, address, {&byte, 1}).ok();
  }

  static constexpr std::uint64_t kSize = kPageSize + 100;
  test::SharedBytes bytes_ = std::make_shared<std::vector<std::byte>>(kSize, std::byte{1});
  std::unique_ptr<Machine> machine_;
  Pid pid_ = 0;
  FileId file_ = 0;
};

// What a mapping writes behind the end is not part of a file that grows over it. In shared memory
// it is, as on Linux 6.18, which zeroes only where an object is cut.
TEST_F(FileEnd, WhatLiesBehindTheEndWhenItMoves) {
  const FileId shared = machine_->create_shared(ByteCount(kSize));
  for (const FileId object : {file_, shared}) {
    const std::byte grown = object == shared ? std::byte{0x55} : std::byte{0};
    for (const bool swapped_out : {false, true}) {
      ASSERT_TRUE(machine_->truncate_file(object, ByteCount(kSize)));
      const VirtAddr base = map(object, true);
      ASSERT_TRUE(put(base + ByteCount(kSize), std::byte{0x55}));
      if (swapped_out) machine_->reclaimer().reclaim(64);
      ASSERT_TRUE(machine_->truncate_file(object, ByteCount(2 * kPageSize)));
      EXPECT_EQ(at(base + ByteCount(kSize)), grown);
      std::byte read{0xEE};
      ASSERT_TRUE(machine_->read_file(object, ByteCount(kSize), {&read, 1}));
      EXPECT_EQ(read, grown);
      if (swapped_out) machine_->reclaimer().reclaim(64);
      ASSERT_TRUE(machine_->truncate_file(object, ByteCount(kSize)));
      EXPECT_EQ(at(base + ByteCount(kSize)), std::byte{0});
      ASSERT_TRUE(machine_->munmap(pid_, base, ByteCount(4 * kPageSize)));
    }
  }
}

TEST_F(FileEnd, BytesBehindTheEndNeverReachTheStore) {
  const VirtAddr base = map(file_, true);
  ASSERT_TRUE(put(base + ByteCount(kSize), std::byte{0x55}));
  ASSERT_TRUE(put(base + ByteCount(kSize - 1), std::byte{0x66}));
  ASSERT_TRUE(machine_->sync_file(file_));
  ASSERT_EQ(bytes_->size(), kSize);
  EXPECT_EQ(bytes_->back(), std::byte{0x66});
}

TEST_F(FileEnd, PagesBehindTheEndAreSigbusUntilTheFileGrows) {
  for (const bool shared : {false, true}) {
    ASSERT_TRUE(machine_->truncate_file(file_, ByteCount(kSize)));
    const VirtAddr base = map(file_, shared);
    const VirtAddr behind = base + ByteCount(2 * kPageSize);
    const AccessResult got = machine_->touch(pid_, behind, Access::Read);
    EXPECT_EQ(got.kind, AccessResult::Kind::Bus);
    EXPECT_EQ(got.code, SignalCode::AdrErr);
    EXPECT_EQ(got.address, behind);
    EXPECT_EQ(at(base + ByteCount(kSize)), std::byte{0});
    ASSERT_TRUE(machine_->truncate_file(file_, ByteCount(3 * kPageSize)));
    EXPECT_EQ(at(behind), std::byte{0});
  }
}

// mmap, close, write, munmap: how most programs do it. Nobody has the file open when its last page
// gets dirty.
TEST_F(FileEnd, WritesAfterCloseReachTheStore) {
  const VirtAddr base = map(file_, true);
  ASSERT_TRUE(machine_->close_file(file_));
  ASSERT_TRUE(put(base, std::byte{0x77}));
  ASSERT_TRUE(machine_->munmap(pid_, base, ByteCount(4 * kPageSize)));
  EXPECT_EQ(bytes_->front(), std::byte{0x77});
}

}  // namespace
}  // namespace pw
