// Worked examples of mapped files of the host: rows FM1 and FM2, with the bytes that end up in the
// file.
#include <gtest/gtest.h>

#include "ports/host/host_file.hpp"
#include "tests/support/small_machine.hpp"
#include "tests/support/temporary_folder.hpp"

namespace pw {
namespace {

using namespace pw::test;

class MappedFileGolden : public ::testing::Test {
 protected:
  void make(const MachineConfig& config, std::uint64_t bytes) {
    testing::write_file(path, std::string(bytes, 'a'));
    machine = make_machine(config);
    auto host = host::HostFile::open(path, host::HostFile::Mode::ReadWrite);
    ASSERT_TRUE(host);
    file = machine->open_file(path, std::make_unique<host::HostFile>(std::move(*host)));
    pid = *machine->spawn();
  }
  VirtAddr map_file(ByteCount length, bool shared) {
    MmapRequest request;
    request.length = length;
    request.shared = shared;
    request.backing = &machine->object(file);
    return *machine->mmap(pid, request);
  }
  bool put(VirtAddr at, const std::string& text) {
    return machine->write(pid, at, std::as_bytes(std::span(text))).ok();
  }
  std::string in_file(std::uint64_t offset, std::size_t length) {
    return testing::read_file(path).substr(offset, length);
  }

  testing::TemporaryFolder folder;
  std::string path = folder / "file";
  std::unique_ptr<Machine> machine;
  FileId file = 0;
  Pid pid = 0;
};

// Bytes written through a shared mapping are in the real file after msync, across a page boundary
// too.
TEST_F(MappedFileGolden, SharedWritesAreInTheFileAfterMsync) {
  make(exact_config(1_MiB), 3 * kPageSize + 100);
  const VirtAddr at = map_file(16_KiB, true);
  ASSERT_TRUE(put(at + ByteCount(4090), "across the pages"));
  EXPECT_EQ(in_file(4090, 16), "aaaaaaaaaaaaaaaa") << "written before it was asked for";
  ASSERT_TRUE(machine->msync(pid, at, 16_KiB));
  EXPECT_EQ(in_file(4090, 16), "across the pages");
  EXPECT_EQ(machine->counters().reclaim.file_written, 2U);
  ASSERT_TRUE(machine->msync(pid, at, 16_KiB));
  EXPECT_EQ(machine->counters().reclaim.file_written, 2U) << "clean pages are not written again";
  ASSERT_TRUE(put(at, "again"));
  ASSERT_TRUE(machine->msync(pid, at, 16_KiB));
  EXPECT_EQ(in_file(0, 5), "again");
  EXPECT_EQ(testing::read_file(path).size(), 3 * kPageSize + 100);
}

// Private writes stay with the process, whatever is synced; it sees them, and others see the file.
TEST_F(MappedFileGolden, PrivateWritesAreNeverInTheFile) {
  make(exact_config(1_MiB), 2 * kPageSize);
  const VirtAddr own = map_file(8_KiB, false), common = map_file(8_KiB, true);
  ASSERT_TRUE(put(own, "mine"));
  ASSERT_TRUE(machine->msync(pid, own, 8_KiB));
  ASSERT_TRUE(machine->sync_file(file));
  std::string seen(4, ' ');
  ASSERT_TRUE(machine->read(pid, own, std::as_writable_bytes(std::span(seen))).ok());
  EXPECT_EQ(seen, "mine");
  ASSERT_TRUE(machine->read(pid, common, std::as_writable_bytes(std::span(seen))).ok());
  EXPECT_EQ(seen, "aaaa");
  ASSERT_TRUE(machine->exit(pid, 0));
  EXPECT_EQ(in_file(0, 4), "aaaa");
}

// read(2) and write(2) go through the pages that mappings use: each sees the other's bytes at once.
TEST_F(MappedFileGolden, ReadAndWriteShareThePageCacheWithMappings) {
  make(exact_config(1_MiB), 2 * kPageSize);
  const VirtAddr at = map_file(8_KiB, true);
  ASSERT_TRUE(put(at + ByteCount(5000), "mapped"));
  std::string text(6, ' ');
  ASSERT_TRUE(machine->read_file(file, ByteCount(5000), std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(text, "mapped");
  const std::string written = "called";
  ASSERT_TRUE(machine->write_file(file, ByteCount(10), std::as_bytes(std::span(written))));
  ASSERT_TRUE(machine->read(pid, at + ByteCount(10), std::as_writable_bytes(std::span(text))).ok());
  EXPECT_EQ(text, "called");
  EXPECT_EQ(user_frames(*machine), 2U);
}

// A page that stays dirty for 30 s is written without anyone asking, at the next round of 5 s.
TEST_F(MappedFileGolden, DirtyPagesAreWrittenAfterThirtySeconds) {
  make(exact_config(1_MiB), 2 * kPageSize);
  const VirtAddr at = map_file(8_KiB, true);
  ASSERT_TRUE(put(at, "old"));
  constexpr std::uint64_t kSecond = 1'000'000'000;
  for (int i = 0; i < 28; ++i) machine->advance(kSecond);
  EXPECT_EQ(in_file(0, 3), "aaa");
  for (int i = 0; i < 8; ++i) machine->advance(kSecond);
  EXPECT_EQ(in_file(0, 3), "old");
  EXPECT_EQ(machine->counters().reclaim.file_written, 1U);
}

// A file of 2 MiB written through a mapping on a machine of 1 MiB: what does not fit is written out
// on the way, and every byte is right in the end.
TEST_F(MappedFileGolden, PressureWritesDirtyPagesOut) {
  MachineConfig config = exact_config(1_MiB);
  config.verify_each_operation = false;
  make(config, (2_MiB).value);
  const VirtAddr at = map_file(2_MiB, true);
  for (std::uint64_t n = 0; n < 512; ++n) ASSERT_TRUE(put(page(at, n), std::to_string(n) + "!"));
  EXPECT_GE(machine->counters().reclaim.file_written, 256U);
  ASSERT_TRUE(machine->verify());
  ASSERT_TRUE(machine->msync(pid, at, 2_MiB));
  const std::string written = testing::read_file(path);
  for (std::uint64_t n = 0; n < 512; ++n) {
    const std::string expected = std::to_string(n) + "!";
    EXPECT_EQ(written.substr(n * kPageSize, expected.size()), expected);
  }
}

// A file of four pages is cut to one and a half: page 1 keeps its first half, pages 2 and 3 are
// SIGBUS, in the private mapping too; a page past the end always was.
TEST_F(MappedFileGolden, TruncationTakesWhatLiesBehindItAndNothingElse) {
  MachineConfig config = exact_config(1_MiB);
  config.signals_kill = false;
  make(config, 4 * kPageSize);
  const VirtAddr common = map_file(20_KiB, true), own = map_file(16_KiB, false);
  const VirtAddr other = map(*machine, pid, 4_KiB);
  ASSERT_TRUE(store(*machine, pid, other, 7).ok());
  ASSERT_TRUE(put(page(common, 0), "first"));
  ASSERT_TRUE(put(page(common, 3), "last"));
  ASSERT_TRUE(put(page(own, 2), "copy"));
  ASSERT_TRUE(put(page(own, 0), "kept"));
  EXPECT_EQ(machine->touch(pid, page(common, 4), Access::Read).kind, AccessResult::Kind::Bus);
  ASSERT_TRUE(machine->truncate_file(file, ByteCount(kPageSize * 3 / 2)));
  for (const std::uint64_t n : {2U, 3U}) {
    const AccessResult result = machine->touch(pid, page(common, n), Access::Write);
    EXPECT_EQ(result.kind, AccessResult::Kind::Bus);
    EXPECT_EQ(result.code, SignalCode::AdrErr);
    EXPECT_EQ(machine->touch(pid, page(own, n), Access::Read).kind, AccessResult::Kind::Bus);
  }
  std::string seen(5, ' ');
  ASSERT_TRUE(machine->read(pid, common, std::as_writable_bytes(std::span(seen))).ok());
  EXPECT_EQ(seen, "first");
  std::string copy(4, ' ');
  ASSERT_TRUE(machine->read(pid, own, std::as_writable_bytes(std::span(copy))).ok());
  EXPECT_EQ(copy, "kept");
  EXPECT_EQ(load(*machine, pid, page(common, 1)), 0x6161'6161'6161'6161U);
  EXPECT_EQ(load(*machine, pid, page(common, 1) + ByteCount(2048)), 0U) << "the rest of the page";
  EXPECT_EQ(load(*machine, pid, other), 7U);
  ASSERT_TRUE(machine->sync_file(file));
  EXPECT_EQ(testing::read_file(path).size(), kPageSize * 3 / 2);
  EXPECT_EQ(in_file(0, 5), "first");
}

}  // namespace
}  // namespace pw
