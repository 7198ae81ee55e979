// Shared memory with names, System V's and POSIX's, answers as Linux 6.18 (and glibc) does; the
// values were taken from there.
#include <gtest/gtest.h>

#include "tests/support/system_calls.hpp"

namespace pw {
namespace {

using namespace pw::sys;
using enum sys::Call;

constexpr std::uint64_t kPage = kPageSize;
constexpr std::uint64_t kReadWrite = kProtRead | kProtWrite;
constexpr std::uint64_t kKey = 0x7777;

class SysShm : public test::SystemCallTest {
 protected:
  void SetUp() override {
    test::SystemCallTest::SetUp();
    base = map(64 * kPage, 0, kMapPrivate | kMapAnonymous);
    ASSERT_EQ(call(Munmap, {base, 64 * kPage}), 0);
  }
  std::uint64_t segment(std::uint64_t size = 5000) {
    return got(Shmget, {kKey, size, kIpcCreate | 0600});
  }
  std::int64_t attached(std::uint64_t id) { return call(Shmctl, {id, kIpcStat}); }

  std::uint64_t base = 0;  // of free pages
};

TEST_F(SysShm, NamesOfShmOpen) {
  constexpr std::uint64_t kNew = kOpenReadWrite | kOpenCreate | kOpenExclusive;
  EXPECT_EQ(call(ShmOpen, {kOpenReadWrite, 0600}, ""), error(Errno::Invalid));
  EXPECT_EQ(call(ShmOpen, {kOpenReadWrite, 0600}, "/"), error(Errno::Invalid));
  EXPECT_EQ(call(ShmOpen, {kOpenReadWrite, 0600}, "/a/b"), error(Errno::Invalid));
  EXPECT_EQ(call(ShmOpen, {kOpenReadWrite, 0600}, "/.."), error(Errno::Invalid));
  EXPECT_GE(call(ShmOpen, {kOpenReadOnly, 0600}, "/.."), 0);
  EXPECT_EQ(call(ShmOpen, {kOpenReadOnly, 0}, std::string(256, 'n')), error(Errno::NameTooLong));
  EXPECT_EQ(call(ShmOpen, {kOpenReadOnly, 0}, std::string(255, 'n')), error(Errno::NoEntry));
  EXPECT_GE(call(ShmOpen, {kNew, 0600}, "//q"), 0);
  EXPECT_EQ(call(ShmOpen, {kNew, 0600}, "q"), error(Errno::Exists));
  EXPECT_GE(call(ShmOpen, {kOpenWriteOnly, 0}, "q"), 0);
  EXPECT_GE(call(ShmOpen, {kOpenReadOnly | kOpenTruncate, 0}, "q"), 0);
}

TEST_F(SysShm, NamesOfShmUnlink) {
  EXPECT_EQ(call(ShmUnlink, {}, ""), error(Errno::NoEntry));
  EXPECT_EQ(call(ShmUnlink, {}, "/a/b"), error(Errno::NoEntry));
  EXPECT_EQ(call(ShmUnlink, {}, ".."), error(Errno::IsDirectory));
  EXPECT_EQ(call(ShmUnlink, {}, "."), error(Errno::IsDirectory));
  EXPECT_EQ(call(ShmUnlink, {}, std::string(256, 'n')), error(Errno::NameTooLong));
  EXPECT_EQ(call(ShmUnlink, {}, "none"), error(Errno::NoEntry));
}

TEST_F(SysShm, ANamedObjectIsAFileInSharedMemory) {
  const std::uint64_t fd = got(ShmOpen, {kOpenReadWrite | kOpenCreate, 0666}, "/q");
  EXPECT_EQ(call(Fcntl, {fd, kFcntlGetFd}), 1);
  EXPECT_EQ(call(Fcntl, {fd, kFcntlGetSeals}), 1);
  EXPECT_EQ(call(Fcntl, {fd, kFcntlAddSeals, kSealShrink}), error(Errno::Perm));
  EXPECT_EQ(call(Fallocate, {fd, 16, 0, 1}), error(Errno::NotSupported));
  ASSERT_EQ(call(Ftruncate, {fd, kPage}), 0);
  const std::uint64_t at = map(kPage, kReadWrite, kMapShared, fd);
  const VmObject* object = machine->find(pid)->space->find(Vpn(at >> kPageShift))->backing;
  EXPECT_EQ(object->name, "/dev/shm/q");
  const Pid other = user(1000);
  EXPECT_GE(as(other, ShmOpen, {kOpenReadOnly, 0}, "q"), 0);  // 0666 less the umask
  EXPECT_EQ(as(other, ShmOpen, {kOpenReadWrite, 0}, "q"), error(Errno::Access));
  EXPECT_EQ(as(other, ShmUnlink, {}, "q"), error(Errno::Access));
  ASSERT_EQ(call(ShmUnlink, {}, "q"), 0);
  EXPECT_EQ(object->name, "/dev/shm/q (deleted)");
  ASSERT_EQ(call(Close, {fd}), 0);
  EXPECT_TRUE(poke(at, 'x').ok());
}

TEST_F(SysShm, SizesAndKeysOfShmget) {
  constexpr std::uint64_t kPrivate = 0;
  EXPECT_EQ(call(Shmget, {kPrivate, 0, 0600}), error(Errno::Invalid));
  EXPECT_EQ(call(Shmget, {kPrivate, ~0ULL, 0600}), error(Errno::Invalid));
  EXPECT_EQ(call(Shmget, {kPrivate, 1ULL << 63, 0600}), error(Errno::Invalid));
  EXPECT_EQ(call(Shmget, {kPrivate, (1ULL << 63) - 1, 0600}), error(Errno::NoMemory));
  EXPECT_EQ(call(Shmget, {kPrivate, 1ULL << 46, 0600}), error(Errno::NoMemory));
  EXPECT_EQ(call(Shmget, {kKey, kPage, 0600}), error(Errno::NoEntry));
  const std::uint64_t id = segment();
  EXPECT_EQ(call(Shmget, {kKey, 5000, kIpcCreate | kIpcExclusive | 0600}), error(Errno::Exists));
  EXPECT_EQ(call(Shmget, {kKey, 5001, 0600}), error(Errno::Invalid));
  EXPECT_EQ(got(Shmget, {kKey, 0, 0600}), id);
  EXPECT_EQ(got(Shmget, {kKey, 1, 0}), id);
  const Pid other = user(1000);
  EXPECT_EQ(as(other, Shmget, {kKey, 1, 0600}), error(Errno::Access));
  EXPECT_EQ(as(other, Shmget, {kKey, 1, 0}), static_cast<std::int64_t>(id));
  EXPECT_EQ(as(other, Shmat, {id, 0, 0}), error(Errno::Access));
  EXPECT_EQ(as(other, Shmctl, {id, kIpcStat}), error(Errno::Access));
  EXPECT_EQ(as(other, Shmctl, {id, kIpcRemove}), error(Errno::Perm));
}

TEST_F(SysShm, ThereAreFourThousandSegments) {
  for (int i = 0; i < 4096; ++i) ASSERT_GE(call(Shmget, {0, 1, 0600}), 0);
  EXPECT_EQ(call(Shmget, {0, 1, 0600}), error(Errno::NoSpace));
}

TEST_F(SysShm, WhereSegmentsMayBeAttached) {
  const std::uint64_t id = segment();
  const auto attach = [&](std::uint64_t at, std::uint64_t flags) {
    return call(Shmat, {id, at, flags});
  };
  const auto here = static_cast<std::int64_t>(base);
  EXPECT_EQ(call(Shmat, {~0ULL, 0, 0}), error(Errno::Invalid));
  EXPECT_EQ(attach(base + 1, 0), error(Errno::Invalid));
  EXPECT_EQ(attach(0, kShmRemap), error(Errno::Invalid));
  EXPECT_EQ(attach(1, kShmRound | kShmRemap), error(Errno::Invalid));
  EXPECT_EQ(attach(base + 1, kShmRound), here);
  EXPECT_EQ(attach(base + kPage, 0), error(Errno::Invalid));
  EXPECT_EQ(attach(base + kPage, kShmRemap), here + 4096);
  EXPECT_EQ(attached(id), 2);
  EXPECT_EQ(attach(0x7fff'ffff'f000, 0), error(Errno::NoMemory));
  EXPECT_EQ(attach(~0ULL - kPage + 1, 0), error(Errno::Invalid));
}

TEST_F(SysShm, DetachingTakesThePiecesOfOneAttachment) {
  const std::uint64_t id = segment(3 * kPage);
  ASSERT_GE(call(Shmat, {id, base, 0}), 0);
  EXPECT_EQ(call(Shmdt, {base + 1}), error(Errno::Invalid));
  EXPECT_EQ(call(Shmdt, {base + kPage}), error(Errno::Invalid));
  ASSERT_EQ(call(Mprotect, {base + kPage, kPage, kProtRead}), 0);
  EXPECT_EQ(attached(id), 3);
  EXPECT_EQ(call(Shmdt, {base}), 0);
  EXPECT_EQ(attached(id), 0);
  EXPECT_EQ(call(Shmdt, {base}), error(Errno::Invalid));
  ASSERT_GE(call(Shmat, {id, base, 0}), 0);
  ASSERT_EQ(call(Munmap, {base, kPage}), 0);
  EXPECT_EQ(call(Shmdt, {base}), 0);  // what is left of it
  EXPECT_EQ(peek(base + kPage), -1);
}

TEST_F(SysShm, ReadOnlyAttachmentsStayReadOnly) {
  const std::uint64_t id = segment();
  ASSERT_GE(call(Shmat, {id, base, kShmReadOnly}), 0);
  EXPECT_EQ(call(Mprotect, {base, kPage, kReadWrite}), error(Errno::Access));
  EXPECT_EQ(call(Mprotect, {base, kPage, kProtRead | kProtExec}), 0);
  EXPECT_FALSE(poke(base, 'x').ok());
  const Pid other = user(1000);
  const std::uint64_t open = got(Shmget, {0x8888, kPage, kIpcCreate | 0604});
  EXPECT_GE(as(other, Shmat, {open, 0, kShmReadOnly}), 0);
  EXPECT_EQ(as(other, Shmat, {open, 0, 0}), error(Errno::Access));
  EXPECT_EQ(as(other, Shmat, {open, 0, kShmReadOnly | kShmExec}), error(Errno::Access));
}

TEST_F(SysShm, ASegmentMarkedForRemovalLivesWhileItIsAttached) {
  const std::uint64_t id = segment();
  ASSERT_GE(call(Shmat, {id, base, 0}), 0);
  ASSERT_TRUE(poke(base, 's').ok());
  EXPECT_EQ(call(Shmctl, {id, kIpcRemove}), 0);
  EXPECT_EQ(call(Shmctl, {id, kIpcRemove}), 0);
  EXPECT_EQ(call(Shmget, {kKey, 1, 0}), error(Errno::NoEntry));
  EXPECT_EQ(machine->find(pid)->space->find(Vpn(base >> kPageShift))->backing->name,
            "/SYSV00007777 (deleted)");
  const std::uint64_t again = got(Shmat, {id, 0, 0});
  EXPECT_EQ(peek(again), 's');
  const auto child = static_cast<Pid>(got(Fork, {}));
  EXPECT_EQ(attached(id), 4);
  EXPECT_EQ(as(child, Exit, {0}), 0);
  EXPECT_EQ(attached(id), 2);
  ASSERT_EQ(call(Shmdt, {base}), 0);
  ASSERT_EQ(call(Shmdt, {again}), 0);
  EXPECT_EQ(attached(id), error(Errno::Invalid));
  EXPECT_EQ(call(Shmat, {id, 0, 0}), error(Errno::Invalid));
}

TEST_F(SysShm, PagesOfALockedSegmentStayInMemory) {
  for (const bool locked : {false, true}) {
    const std::uint64_t id = got(Shmget, {0, 32 * kPage, 0600});
    const std::uint64_t at = got(Shmat, {id, 0, 0});
    for (std::uint64_t i = 0; i < 32; ++i) ASSERT_TRUE(poke(at + i * kPage, 's').ok());
    ASSERT_EQ(call(Shmctl, {id, locked ? kShmLock : kShmUnlock}), 0);
    constexpr std::uint64_t kMany = 550;  // more than RAM has
    const std::uint64_t load = map(kMany * kPage, kReadWrite, kMapPrivate | kMapAnonymous);
    for (std::uint64_t i = 0; i < kMany; ++i) ASSERT_TRUE(poke(load + i * kPage, 'l').ok());
    const VmObject& object = *machine->find(pid)->space->find(Vpn(at >> kPageShift))->backing;
    int resident = 0;
    object.slots.for_each(PageOffset(0), PageOffset(32), [&](PageOffset, PageSlot slot) {
      if (slot.is_resident()) ++resident;
    });
    EXPECT_EQ(resident == 32, locked);
    ASSERT_EQ(call(Munmap, {load, kMany * kPage}), 0);
    ASSERT_EQ(call(Shmdt, {at}), 0);
  }
}

TEST_F(SysShm, OtherCommandsOfShmctl) {
  const std::uint64_t id = segment(1 << 20);
  EXPECT_EQ(call(Shmctl, {id, 99}), error(Errno::Invalid));
  EXPECT_EQ(call(Shmctl, {~0ULL, kIpcRemove}), error(Errno::Invalid));
  EXPECT_EQ(call(Shmctl, {id, kShmLock}), 0);
  EXPECT_EQ(call(Shmctl, {id, kShmUnlock}), 0);
  EXPECT_EQ(call(Shmctl, {id, kShmUnlock}), 0);
  const Pid other = user(1000);
  EXPECT_EQ(as(other, Shmctl, {id, kShmLock}), error(Errno::Perm));
  const auto theirs = static_cast<std::uint64_t>(as(other, Shmget, {0, 3 * kPage, 0600}));
  ASSERT_EQ(as(other, Setrlimit, {kLimitMemLock, 2 * kPage}), 0);
  EXPECT_EQ(as(other, Shmctl, {theirs, kShmLock}), error(Errno::NoMemory));
  ASSERT_EQ(as(other, Setrlimit, {kLimitMemLock, 0}), 0);
  EXPECT_EQ(as(other, Shmctl, {theirs, kShmLock}), error(Errno::Perm));
  ASSERT_EQ(as(other, Setrlimit, {kLimitMemLock, 3 * kPage}), 0);
  EXPECT_EQ(as(other, Shmctl, {theirs, kShmLock}), 0);
}

}  // namespace
}  // namespace pw
