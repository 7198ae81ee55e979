// memfd_create and seals answer as Linux 6.18 does; the values were taken from that kernel.
#include <gtest/gtest.h>

#include "tests/support/system_calls.hpp"

namespace pw {
namespace {

using namespace pw::sys;
using enum sys::Call;

constexpr std::uint64_t kPage = kPageSize;
constexpr std::uint64_t kReadWrite = kProtRead | kProtWrite;

class SysSeals : public test::SystemCallTest {
 protected:
  std::uint64_t memfd(std::uint64_t flags, std::uint64_t size = 0) {
    const std::uint64_t fd = got(MemfdCreate, {flags}, "x");
    EXPECT_EQ(call(Ftruncate, {fd, size}), 0);
    return fd;
  }
  std::int64_t seal(std::uint64_t fd, std::uint64_t seals) {
    return call(Fcntl, {fd, kFcntlAddSeals, seals});
  }
  std::int64_t seals(std::uint64_t fd) { return call(Fcntl, {fd, kFcntlGetSeals}); }
};

TEST_F(SysSeals, FlagsAndNames) {
  EXPECT_EQ(call(MemfdCreate, {32}, "x"), error(Errno::Invalid));
  EXPECT_EQ(call(MemfdCreate, {kMemfdExec | kMemfdNoExecSeal}, "x"), error(Errno::Invalid));
  EXPECT_EQ(call(MemfdCreate, {21ULL << 26}, "x"), error(Errno::Invalid));
  EXPECT_GE(call(MemfdCreate, {0}, std::string(249, 'q')), 0);
  EXPECT_EQ(call(MemfdCreate, {0}, std::string(250, 'q')), error(Errno::Invalid));
  EXPECT_GE(call(MemfdCreate, {kMemfdHugeTlb | 21ULL << 26}, "x"), 0);
  EXPECT_GE(call(MemfdCreate, {kMemfdHugeTlb | 30ULL << 26}, "x"), 0);
  EXPECT_EQ(call(MemfdCreate, {kMemfdHugeTlb | 5ULL << 26}, "x"), error(Errno::NoDevice));
  EXPECT_EQ(call(Fcntl, {memfd(kMemfdCloseOnExec), kFcntlGetFd}), 1);
}

TEST_F(SysSeals, HugePagesCanBeNamedButThereAreNone) {
  const std::uint64_t fd = got(MemfdCreate, {kMemfdHugeTlb}, "h");
  EXPECT_EQ(call(Ftruncate, {fd, kPage}), error(Errno::Invalid));
  EXPECT_EQ(call(Ftruncate, {fd, 2 << 20}), 0);
  EXPECT_EQ(call(Pwrite, {fd, 0}, "a"), error(Errno::Invalid));
  EXPECT_EQ(call(Pread, {fd, 10, 0}), 10);
  EXPECT_EQ(call(Fallocate, {fd, 0, 0, kPage}), error(Errno::NoSpace));
  EXPECT_EQ(call(Fallocate, {fd, 3, 0, kPage}), 0);
  EXPECT_EQ(call(Fallocate, {fd, 16, 0, kPage}), error(Errno::NotSupported));
  EXPECT_EQ(call(Mmap, {0, 2 << 20, kReadWrite, kMapShared, fd, 0}), error(Errno::NoMemory));
}

TEST_F(SysSeals, WhatAMemfdBeginsWith) {
  EXPECT_EQ(seals(memfd(kMemfdAllowSealing)), 0);
  EXPECT_EQ(seals(memfd(0)), 1);
  EXPECT_EQ(seals(memfd(kMemfdExec)), 1);
  EXPECT_EQ(seals(memfd(kMemfdNoExecSeal)), 32);
  EXPECT_EQ(seals(memfd(kMemfdNoExecSeal | kMemfdAllowSealing)), 32);
  EXPECT_EQ(seal(memfd(0), kSealShrink), error(Errno::Perm));
  EXPECT_EQ(seal(memfd(0), 64), error(Errno::Invalid));
  EXPECT_EQ(seal(memfd(kMemfdNoExecSeal), kSealExec), 0);
  const std::uint64_t disk = open("f", kOpenReadWrite | kOpenCreate);
  EXPECT_EQ(seals(disk), error(Errno::Invalid));
  EXPECT_EQ(seal(disk, 1), error(Errno::Invalid));
  EXPECT_EQ(seal(open("f", kOpenReadOnly), 512), error(Errno::Perm));
}

TEST_F(SysSeals, SealingWhatMayBeExecutedSealsAll) {
  const std::uint64_t fd = memfd(kMemfdAllowSealing);
  EXPECT_EQ(seal(fd, kSealExec), 0);
  EXPECT_EQ(seals(fd), 62);
  EXPECT_EQ(seal(fd, kSealSeal), 0);
  EXPECT_EQ(seal(fd, 0), error(Errno::Perm));
}

TEST_F(SysSeals, WritingCannotBeSealedWhileSomebodyMay) {
  const std::uint64_t fd = memfd(kMemfdAllowSealing, kPage);
  const std::uint64_t at = map(kPage, kReadWrite, kMapShared, fd);
  EXPECT_EQ(seal(fd, kSealExec), error(Errno::Busy));
  EXPECT_EQ(seals(fd), 0);
  EXPECT_EQ(seal(fd, kSealFutureWrite), 0);
  EXPECT_EQ(seal(fd, kSealWrite), error(Errno::Busy));
  EXPECT_TRUE(poke(at, 'a').ok());  // it may go on
  ASSERT_EQ(call(Munmap, {at, kPage}), 0);
  const std::uint64_t reader = memfd(kMemfdAllowSealing, kPage);
  map(kPage, kProtRead, kMapShared, reader);  // mprotect could make it writable
  EXPECT_EQ(seal(reader, kSealWrite), error(Errno::Busy));
  map(kPage, kReadWrite, kMapPrivate, fd);  // a private one never writes to it
  EXPECT_EQ(seal(fd, kSealWrite), 0);
  EXPECT_EQ(seals(fd), 24);
}

TEST_F(SysSeals, WhatCannotBeWritten) {
  for (const std::uint64_t which : {kSealWrite, kSealFutureWrite}) {
    const std::uint64_t fd = memfd(kMemfdAllowSealing, kPage);
    ASSERT_EQ(seal(fd, which), 0);
    EXPECT_EQ(call(Mmap, {0, kPage, kReadWrite, kMapShared, fd, 0}), error(Errno::Perm));
    const std::uint64_t at = map(kPage, kProtRead, kMapShared, fd);
    EXPECT_EQ(call(Mprotect, {at, kPage, kReadWrite}), error(Errno::Access));
    const std::uint64_t copy = map(kPage, kReadWrite, kMapPrivate, fd);
    EXPECT_TRUE(poke(copy, 'c').ok());
    EXPECT_EQ(call(Pwrite, {fd, 0}, "a"), error(Errno::Perm));
    EXPECT_EQ(call(Pwrite, {fd, 0}, ""), 0);
    EXPECT_EQ(call(Fallocate, {fd, 3, 0, 10}), error(Errno::Perm));
    EXPECT_EQ(call(Fallocate, {fd, 0, 0, 2 * kPage}), 0);
    EXPECT_EQ(call(Ftruncate, {fd, 0}), 0);
  }
}

TEST_F(SysSeals, WhatCannotGrow) {
  const std::uint64_t fd = memfd(kMemfdAllowSealing, 6000);
  ASSERT_EQ(seal(fd, kSealGrow), 0);
  EXPECT_EQ(call(Pwrite, {fd, 0}, std::string(8000, 'z')), 4096);  // as far as whole pages go
  EXPECT_EQ(call(Pwrite, {fd, 5000}, std::string(8000, 'z')), error(Errno::Perm));
  EXPECT_EQ(call(Pwrite, {fd, 4000}, std::string(2000, 'z')), 2000);
  EXPECT_EQ(call(Pwrite, {fd, 6000}, "z"), error(Errno::Perm));
  EXPECT_EQ(call(Pwrite, {fd, 5000}, std::string(1001, 'z')), error(Errno::Perm));
  EXPECT_EQ(call(Ftruncate, {fd, 6001}), error(Errno::Perm));
  EXPECT_EQ(call(Ftruncate, {fd, 6000}), 0);
  EXPECT_EQ(call(Ftruncate, {fd, 5999}), 0);
  EXPECT_EQ(call(Fallocate, {fd, 0, 0, 5999}), 0);
  EXPECT_EQ(call(Fallocate, {fd, 0, 0, 6000}), error(Errno::Perm));
  EXPECT_EQ(call(Fallocate, {fd, 1, 0, 7000}), error(Errno::Perm));
  EXPECT_EQ(call(Fallocate, {fd, 3, 0, 70'000}), 0);
}

TEST_F(SysSeals, WhatCannotShrink) {
  const std::uint64_t fd = memfd(kMemfdAllowSealing, 6000);
  ASSERT_EQ(seal(fd, kSealShrink), 0);
  EXPECT_EQ(call(Ftruncate, {fd, 5999}), error(Errno::Perm));
  EXPECT_EQ(call(Ftruncate, {fd, 6000}), 0);
  EXPECT_EQ(call(Ftruncate, {fd, 6001}), 0);
  EXPECT_EQ(call(Fallocate, {fd, 3, 0, 7000}), 0);
}

TEST_F(SysSeals, AMemfdMayBeAsLargeAsOffsetsGo) {
  const std::uint64_t fd = memfd(0);
  EXPECT_EQ(call(Ftruncate, {fd, ~0ULL >> 1}), 0);
  EXPECT_EQ(call(Ftruncate, {fd, 1ULL << 63}), error(Errno::Invalid));
  EXPECT_EQ(call(Fallocate, {fd, 0, 1, ~0ULL >> 1}), error(Errno::FileTooBig));
  EXPECT_EQ(call(Pwrite, {fd, (~0ULL >> 1) - 1}, "a"), 1);
  EXPECT_EQ(reply(pid, Pread, {fd, 1, (~0ULL >> 1) - 1}).bytes, "a");
}

// Shared memory keeps what mappings wrote past its end, until it is cut there.
TEST_F(SysSeals, WhatLiesPastTheEndOfAMemfd) {
  const std::uint64_t fd = memfd(0, 100);
  const std::uint64_t at = map(2 * kPage, kReadWrite, kMapShared, fd);
  ASSERT_TRUE(poke(at + 200, 'A').ok());
  ASSERT_EQ(call(Pwrite, {fd, 300}, "b"), 1);
  EXPECT_EQ(peek(at + 200), 'A');
  ASSERT_TRUE(poke(at + 500, 'D').ok());
  ASSERT_EQ(call(Ftruncate, {fd, kPage}), 0);
  EXPECT_EQ(peek(at + 200), 'A');
  EXPECT_EQ(peek(at + 500), 'D');
  ASSERT_EQ(call(Fsync, {fd}), 0);
  EXPECT_EQ(peek(at + 200), 'A');
  ASSERT_EQ(call(Ftruncate, {fd, 100}), 0);
  ASSERT_TRUE(poke(at + 300, 'B').ok());
  EXPECT_EQ(peek(at + 200), 0);
  EXPECT_EQ(call(Fallocate, {fd, 3, 150, 100}), 0);
  EXPECT_EQ(peek(at + 300), 'B');
  ASSERT_EQ(call(Ftruncate, {fd, 100}), 0);
  EXPECT_EQ(peek(at + 300), 0);
}

TEST_F(SysSeals, ReadingAHoleOfAMemfdTakesNoFrame) {
  const std::uint64_t fd = memfd(0, 100 * kPage);
  const std::uint64_t before = test::user_frames(*machine);
  EXPECT_EQ(reply(pid, Pread, {fd, 100 * kPage, 0}).bytes, std::string(100 * kPage, '\0'));
  EXPECT_EQ(test::user_frames(*machine), before);
  const std::uint64_t at = map(kPage, kProtRead, kMapShared, fd);
  EXPECT_EQ(machine->find(pid)->space->find(Vpn(at >> kPageShift))->backing->name,
            "/memfd:x (deleted)");
}

}  // namespace
}  // namespace pw
