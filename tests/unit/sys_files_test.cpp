// System calls on files answer as Linux 6.18 does with files of ext4. The values were taken from
// that kernel.
#include <gtest/gtest.h>

#include <array>

#include "tests/support/system_calls.hpp"

namespace pw {
namespace {

using namespace pw::sys;
using enum sys::Call;

constexpr std::uint64_t kCreate = kOpenReadWrite | kOpenCreate;
constexpr std::uint64_t kMostOffset = ~0ULL >> 1;
constexpr std::uint64_t kMostFile = 17'592'186'040'320;
constexpr std::uint64_t kPage = kPageSize;
constexpr std::uint64_t kReadWrite = kProtRead | kProtWrite;

class SysFiles : public test::SystemCallTest {
 protected:
  std::int64_t size_of(std::uint64_t fd) {
    std::int64_t size = 0;
    while (reply(pid, Pread, {fd, 1, static_cast<std::uint64_t>(size)}).value == 1) ++size;
    return size;
  }
};

TEST_F(SysFiles, NamesThatOpenRefuses) {
  open("f", kCreate);
  const std::string long_name(256, 'n'), long_path(4096, 'z');
  EXPECT_EQ(call(Open, {kOpenReadWrite}, ""), error(Errno::NoEntry));
  EXPECT_EQ(call(Open, {kOpenReadWrite}, "f/"), error(Errno::NoDirectory));
  EXPECT_EQ(call(Open, {kCreate, 0600}, "f/"), error(Errno::IsDirectory));
  EXPECT_EQ(call(Open, {kCreate, 0600}, "nn/"), error(Errno::IsDirectory));
  EXPECT_EQ(call(Open, {kOpenReadOnly}, "nn/"), error(Errno::NoEntry));
  EXPECT_EQ(call(Open, {kOpenReadOnly}, "f/x"), error(Errno::NoDirectory));
  EXPECT_EQ(call(Open, {kOpenCreate, 0600}, "nn/x"), error(Errno::NoEntry));
  EXPECT_EQ(call(Open, {kOpenReadWrite}, "."), error(Errno::IsDirectory));
  EXPECT_EQ(call(Open, {kOpenCreate, 0600}, "."), error(Errno::IsDirectory));
  EXPECT_EQ(call(Open, {kOpenCreate | kOpenExclusive, 0600}, "."), error(Errno::Exists));
  EXPECT_EQ(call(Open, {kOpenTruncate}, "."), error(Errno::IsDirectory));
  EXPECT_EQ(call(Open, {kOpenDirectory}, "f"), error(Errno::NoDirectory));
  EXPECT_EQ(call(Open, {kOpenDirectory | kOpenCreate, 0600}, "nn"), error(Errno::Invalid));
  EXPECT_EQ(call(Open, {kOpenCreate | kOpenExclusive, 0600}, "f"), error(Errno::Exists));
  EXPECT_EQ(call(Open, {kOpenCreate, 0600}, long_name), error(Errno::NameTooLong));
  EXPECT_EQ(call(Open, {kOpenReadOnly}, long_path), error(Errno::NameTooLong));
  EXPECT_EQ(call(Open, {kOpenReadOnly}, "nn"), error(Errno::NoEntry));
}

TEST_F(SysFiles, TheFolderItselfCanBeOpenedForReadingAndNothingElse) {
  const std::uint64_t fd = open(".", kOpenReadOnly);
  EXPECT_EQ(call(Pread, {fd, 1, 0}), error(Errno::IsDirectory));
  EXPECT_EQ(call(Pread, {fd, 0, 0}), error(Errno::IsDirectory));
  EXPECT_EQ(call(Pwrite, {fd, 0}, "b"), error(Errno::BadFile));
  EXPECT_EQ(call(Ftruncate, {fd, 0}), error(Errno::Invalid));
  EXPECT_EQ(call(Fallocate, {fd, 0, 0, 1}), error(Errno::BadFile));
  EXPECT_EQ(call(Fsync, {fd}), 0);
  EXPECT_EQ(call(Mmap, {0, kPage, kProtRead, kMapPrivate, fd, 0}), error(Errno::NoDevice));
  EXPECT_EQ(call(Fcntl, {fd, kFcntlGetSeals}), error(Errno::Invalid));
  EXPECT_EQ(call(Close, {fd}), 0);
  EXPECT_EQ(call(Close, {fd}), error(Errno::BadFile));
}

TEST_F(SysFiles, UnlinkTellsWhatANameIs) {
  open("f", kCreate);
  EXPECT_EQ(call(Unlink, {}, "."), error(Errno::IsDirectory));
  EXPECT_EQ(call(Unlink, {}, "/"), error(Errno::IsDirectory));
  EXPECT_EQ(call(Unlink, {}, "f/"), error(Errno::NoDirectory));
  EXPECT_EQ(call(Unlink, {}, "nn/"), error(Errno::NoEntry));
  EXPECT_EQ(call(Unlink, {}, ""), error(Errno::NoEntry));
  EXPECT_EQ(call(Unlink, {}, "f"), 0);
  EXPECT_EQ(call(Unlink, {}, "f"), error(Errno::NoEntry));
}

TEST_F(SysFiles, AFileWithoutANameLivesWhileItIsOpenOrMapped) {
  const std::uint64_t fd = open("f", kCreate);
  ASSERT_EQ(call(Pwrite, {fd, 0}, "hello"), 5);
  const std::uint64_t at = map(kPage, kReadWrite, kMapShared, fd);
  ASSERT_EQ(call(Unlink, {}, "f"), 0);
  EXPECT_EQ(reply(pid, Pread, {fd, 5, 0}).bytes, "hello");
  EXPECT_EQ(machine->find(pid)->space->find(Vpn(at >> kPageShift))->backing->name, "f (deleted)");
  ASSERT_EQ(call(Close, {fd}), 0);
  EXPECT_TRUE(poke(at, 'J').ok());
  EXPECT_EQ(peek(at + 1), 'e');
  const std::uint64_t other = open("f", kCreate);
  EXPECT_EQ(size_of(other), 0);
}

TEST_F(SysFiles, OffsetsAndCountsOfPread) {
  const std::uint64_t fd = open("f", kCreate);
  EXPECT_EQ(call(Pread, {fd, 1, ~0ULL}), error(Errno::Invalid));
  EXPECT_EQ(call(Pread, {99, 1, ~0ULL}), error(Errno::Invalid));
  EXPECT_EQ(call(Pread, {99, 1, 0}), error(Errno::BadFile));
  EXPECT_EQ(call(Pread, {fd, ~0ULL, 0}), error(Errno::Fault));
  EXPECT_EQ(call(Pread, {fd, 1, kMostOffset}), error(Errno::Invalid));
  EXPECT_EQ(call(Pread, {fd, 0, kMostOffset}), 0);
  ASSERT_EQ(call(Pwrite, {fd, 5000}, "end"), 3);
  const Reply hole = reply(pid, Pread, {fd, 10'000, 4990});
  EXPECT_EQ(hole.value, 13);
  EXPECT_EQ(hole.bytes, std::string(10, '\0') + "end");
  EXPECT_EQ(call(Pread, {fd, 10, 5003}), 0);
}

TEST_F(SysFiles, OffsetsAndSizesOfWritesAndTruncation) {
  const std::uint64_t fd = open("f", kCreate);
  EXPECT_EQ(call(Pwrite, {fd, ~0ULL}, ""), error(Errno::Invalid));
  EXPECT_EQ(call(Pwrite, {fd, kMostOffset}, "b"), error(Errno::Invalid));
  EXPECT_EQ(call(Pwrite, {fd, 0x7fff'ffff'ffff'fff0}, "b"), error(Errno::FileTooBig));
  EXPECT_EQ(call(Pwrite, {fd, kMostFile}, "b"), error(Errno::FileTooBig));
  EXPECT_EQ(call(Pwrite, {fd, kMostFile}, ""), 0);
  EXPECT_EQ(call(Pwrite, {fd, kMostFile - 1}, "bc"), 1);
  EXPECT_EQ(call(Ftruncate, {fd, kMostFile}), 0);
  EXPECT_EQ(call(Ftruncate, {fd, kMostFile + 1}), error(Errno::FileTooBig));
  EXPECT_EQ(call(Ftruncate, {fd, ~0ULL}), error(Errno::Invalid));
  EXPECT_EQ(call(Ftruncate, {99, ~0ULL}), error(Errno::Invalid));
  EXPECT_EQ(call(Ftruncate, {99, 0}), error(Errno::BadFile));
  EXPECT_EQ(call(Ftruncate, {fd, 0}), 0);
}

TEST_F(SysFiles, AccessModes) {
  const std::uint64_t fd = open("f", kCreate);
  ASSERT_EQ(call(Pwrite, {fd, 0}, "x"), 1);
  const std::uint64_t reads = open("f", kOpenReadOnly), writes = open("f", kOpenWriteOnly);
  const std::uint64_t neither = open("f", 3);
  EXPECT_EQ(call(Pread, {writes, 1, 0}), error(Errno::BadFile));
  EXPECT_EQ(call(Pwrite, {reads, 0}, "b"), error(Errno::BadFile));
  EXPECT_EQ(call(Pwrite, {reads, 0}, ""), error(Errno::BadFile));
  EXPECT_EQ(call(Pread, {neither, 1, 0}), error(Errno::BadFile));
  EXPECT_EQ(call(Pwrite, {neither, 0}, "b"), error(Errno::BadFile));
  EXPECT_EQ(call(Ftruncate, {reads, 0}), error(Errno::Invalid));
  EXPECT_EQ(call(Ftruncate, {neither, 0}), error(Errno::Invalid));
  EXPECT_EQ(call(Fallocate, {reads, 0, 0, 1}), error(Errno::BadFile));
  EXPECT_EQ(call(Fsync, {neither}), 0);
  EXPECT_EQ(call(Mmap, {0, kPage, kProtRead, kMapPrivate, writes, 0}), error(Errno::Access));
  open("f", kOpenReadOnly | kOpenTruncate);  // truncates all the same
  EXPECT_EQ(size_of(fd), 0);
}

TEST_F(SysFiles, AppendingGoesToTheEndWhateverTheOffset) {
  const std::uint64_t fd = open("f", kCreate | kOpenAppend);
  ASSERT_EQ(call(Ftruncate, {fd, 10}), 0);
  EXPECT_EQ(call(Pwrite, {fd, 0}, "ab"), 2);
  EXPECT_EQ(call(Pwrite, {fd, 0x7fff'ffff'ffff'fff0}, "cd"), 2);
  EXPECT_EQ(call(Pwrite, {fd, ~0ULL}, "ef"), error(Errno::Invalid));
  EXPECT_EQ(reply(pid, Pread, {fd, 99, 9}).bytes, std::string(1, '\0') + "abcd");
}

TEST_F(SysFiles, PermissionsGoByUserAndMode) {
  open("private", kCreate, 0600);
  open("public", kCreate, 0666);  // less the usual umask: 0644
  const Pid other = user(1000);
  EXPECT_EQ(as(other, Open, {kOpenReadOnly}, "private"), error(Errno::Access));
  EXPECT_GE(as(other, Open, {kOpenReadOnly}, "public"), 0);
  EXPECT_EQ(as(other, Open, {kOpenReadWrite}, "public"), error(Errno::Access));
  EXPECT_EQ(as(other, Open, {kOpenReadOnly | kOpenTruncate}, "public"), error(Errno::Access));
  EXPECT_EQ(as(other, Open, {3}, "public"), error(Errno::Access));
  EXPECT_GE(as(other, Open, {kCreate, 0}, "mine"), 0);  // rights begin with the next open
  EXPECT_EQ(as(other, Open, {kOpenReadOnly}, "mine"), error(Errno::Access));
  EXPECT_GE(call(Open, {kOpenReadWrite}, "mine"), 0);  // user 0 may
}

TEST_F(SysFiles, DescriptorsAreTheLowestFreeOnesAndEnd) {
  const std::uint64_t first = open("f", kCreate);
  const std::uint64_t second = got(Dup, {first});
  EXPECT_EQ(second, first + 1);
  ASSERT_EQ(call(Close, {first}), 0);
  EXPECT_EQ(got(Dup, {second}), first);
  EXPECT_EQ(call(Dup, {99}), error(Errno::BadFile));
  while (call(Dup, {first}) >= 0) {
  }
  EXPECT_EQ(call(Dup, {first}), error(Errno::TooManyFiles));
  EXPECT_EQ(call(Open, {kCreate, 0600}, "new"), error(Errno::TooManyFiles));
  EXPECT_EQ(call(MemfdCreate, {0}, "new"), error(Errno::TooManyFiles));
  ASSERT_EQ(call(Close, {500}), 0);
  EXPECT_EQ(call(Open, {kOpenReadOnly}, "new"), error(Errno::NoEntry));  // nothing was made
  EXPECT_EQ(got(Dup, {first}), 500U);
}

TEST_F(SysFiles, WhatFallocateTakes) {
  const std::uint64_t fd = open("f", kCreate);
  EXPECT_EQ(call(Fallocate, {99, 9, ~0ULL, kPage}), error(Errno::BadFile));
  EXPECT_EQ(call(Fallocate, {fd, 0, ~0ULL, 1}), error(Errno::Invalid));
  EXPECT_EQ(call(Fallocate, {fd, 0, 0, 0}), error(Errno::Invalid));
  EXPECT_EQ(call(Fallocate, {fd, 0, 1, kMostOffset}), error(Errno::FileTooBig));
  EXPECT_EQ(call(Fallocate, {fd, 0, 0x7fff'ffff'ffff'0000, 1}), error(Errno::FileTooBig));
  for (const std::uint64_t mode : {2U, 18U, 19U, 64U, 128U, 9U, 0x1000U}) {
    EXPECT_EQ(call(Fallocate, {fd, mode, 0, 1}), error(Errno::NotSupported)) << mode;
  }
  EXPECT_EQ(call(Fallocate, {fd, 3, 0, 1}), 0);
  EXPECT_EQ(size_of(fd), 0);
  EXPECT_EQ(call(Fallocate, {fd, 17, 4096, 4096}), 0);
  EXPECT_EQ(call(Fallocate, {fd, 1, 4096, 4096}), 0);
  EXPECT_EQ(size_of(fd), 0);
  EXPECT_EQ(call(Fallocate, {fd, 16, 100, 200}), 0);
  EXPECT_EQ(size_of(fd), 300);
  EXPECT_EQ(call(Fallocate, {fd, 0, 0, 200}), 0);
  EXPECT_EQ(size_of(fd), 300);
}

// Bytes 200 and 400 of a page are written through a mapping of a file of 100 bytes; then what each
// call leaves of them.
TEST_F(SysFiles, WhatLiesPastTheEndOfAFileWhenItGrows) {
  struct Case {
    const char* what;
    Call call;
    std::array<std::uint64_t, 3> args;  // after the descriptor
    const char* bytes;
    int at_200, at_400;
  };
  constexpr Case kCases[] = {
      {"write at 300", Pwrite, {300}, "b", 0, 'A'},
      {"write at the end", Pwrite, {100}, "b", 'A', 'A'},
      {"write behind the page", Pwrite, {5000}, "b", 0, 0},
      {"truncate to 300", Ftruncate, {300}, "", 0, 0},
      {"truncate to the same size", Ftruncate, {100}, "", 0, 0},
      {"allocate to 300", Fallocate, {0, 0, 300}, "", 0, 'A'},
      {"zero to 300", Fallocate, {16, 0, 300}, "", 0, 'A'},
      {"zero 150 to 250", Fallocate, {17, 150, 100}, "", 0, 'A'},
      {"punch behind the end", Fallocate, {3, 150, 100}, "", 'A', 'A'},
      {"punch across the end", Fallocate, {3, 50, 200}, "", 0, 0},
      {"fsync", Fsync, {}, "", 0, 0},
  };
  const std::uint64_t fd = open("f", kCreate);
  const std::uint64_t at = map(4 * kPage, kReadWrite, kMapShared, fd);
  for (const Case& c : kCases) {
    ASSERT_EQ(call(Ftruncate, {fd, 0}), 0);
    ASSERT_EQ(call(Ftruncate, {fd, 100}), 0);
    ASSERT_TRUE(poke(at + 200, 'A').ok());
    ASSERT_TRUE(poke(at + 400, 'A').ok());
    EXPECT_GE(call(c.call, {fd, c.args[0], c.args[1], c.args[2]}, c.bytes), 0) << c.what;
    EXPECT_EQ(peek(at + 200), c.at_200) << c.what;
    EXPECT_EQ(peek(at + 400), c.at_400) << c.what;
  }
}

TEST_F(SysFiles, AHoleGoesFromMappingsAndFromTheStoreButNotFromPrivateCopies) {
  const std::uint64_t fd = open("f", kCreate);
  ASSERT_EQ(call(Pwrite, {fd, 0}, std::string(3 * kPage, 'F')), 3 * 4096);
  ASSERT_EQ(call(Fsync, {fd}), 0);
  const std::uint64_t shared = map(3 * kPage, kReadWrite, kMapShared, fd);
  const std::uint64_t copy = map(3 * kPage, kReadWrite, kMapPrivate, fd);
  ASSERT_TRUE(poke(copy + 1, 'C').ok());
  ASSERT_EQ(peek(copy + kPage), 'F');
  ASSERT_EQ(peek(shared), 'F');
  ASSERT_EQ(call(Fallocate, {fd, 3, 0, 2 * kPage + 10}), 0);
  EXPECT_EQ(peek(shared), 0);
  EXPECT_EQ(peek(copy), 'F');
  EXPECT_EQ(peek(copy + 1), 'C');
  EXPECT_EQ(peek(copy + kPage), 0);
  EXPECT_EQ(peek(shared + 2 * kPage + 9), 0);
  EXPECT_EQ(peek(shared + 2 * kPage + 10), 'F');
  EXPECT_EQ(size_of(fd), 3 * 4096);
}

TEST_F(SysFiles, TruncationTakesPrivateCopiesToo) {
  const std::uint64_t fd = open("f", kCreate);
  ASSERT_EQ(call(Pwrite, {fd, 0}, std::string(2 * kPage, 'F')), 2 * 4096);
  const std::uint64_t copy = map(2 * kPage, kReadWrite, kMapPrivate, fd);
  ASSERT_TRUE(poke(copy + 1, 'C').ok());
  ASSERT_TRUE(poke(copy + kPage, 'C').ok());
  ASSERT_EQ(call(Ftruncate, {fd, 10}), 0);
  EXPECT_EQ(peek(copy + 1), 'C');
  EXPECT_EQ(peek(copy + 20), 'F');  // a copy's own bytes
  EXPECT_EQ(peek(copy + kPage), -1);
  ASSERT_EQ(call(Ftruncate, {fd, 2 * kPage}), 0);
  EXPECT_EQ(peek(copy + kPage), 0);
}

TEST_F(SysFiles, AfterFsyncAWriteIsNoticedAnew) {
  const std::uint64_t fd = open("f", kCreate);
  ASSERT_EQ(call(Ftruncate, {fd, kPage}), 0);
  const std::uint64_t at = map(kPage, kReadWrite, kMapShared, fd);
  ASSERT_TRUE(poke(at, 1).ok());
  const auto faults = [&] { return machine->find(pid)->space->counters().faults.minor; };
  const std::uint64_t before = faults();
  ASSERT_TRUE(poke(at, 2).ok());
  EXPECT_EQ(faults(), before);
  ASSERT_EQ(call(Fsync, {fd}), 0);
  ASSERT_TRUE(poke(at, 3).ok());
  EXPECT_EQ(faults(), before + 1);
}

TEST_F(SysFiles, DescriptorsMarkedForItCloseAtExec) {
  const std::uint64_t stays = open("f", kCreate);
  const std::uint64_t goes = open("f", kOpenReadOnly | kOpenCloseOnExec);
  const std::uint64_t copy = got(Dup, {goes});
  EXPECT_EQ(call(Fcntl, {goes, kFcntlGetFd}), 1);
  EXPECT_EQ(call(Fcntl, {copy, kFcntlGetFd}), 0);
  EXPECT_EQ(call(Fcntl, {stays, 9999}), error(Errno::Invalid));
  EXPECT_EQ(call(Fcntl, {99, 9999}), error(Errno::BadFile));
  ASSERT_EQ(call(Exec, {}, "program"), 0);
  EXPECT_EQ(call(Fsync, {stays}), 0);
  EXPECT_EQ(call(Fsync, {goes}), error(Errno::BadFile));
  EXPECT_EQ(call(Fsync, {copy}), 0);
}

}  // namespace
}  // namespace pw
