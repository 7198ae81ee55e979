// Steps of a process on the running kernel: accesses, calls, what they answer and what is seen.
#include <fstream>

#include "diff/host_fixture.hpp"

namespace pw::host {
namespace {

using script::Detail;
using sys::Call;

TEST_F(HostTest, AProcessBeginsWithAnEmptyStackAndNothingElse) {
  const auto layout = target_->layout(0);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->mmap_top.value, 0x7ffff7fff000u);
  EXPECT_EQ(layout->heap_begin.value, 0x555556554000u);
  EXPECT_EQ(layout->stack_begin.value, 0x7ffffffde000u);
  EXPECT_EQ(layout->stack_end.value, 0x7ffffffff000u);
  const script::ProcessView view = look(0);
  ASSERT_EQ(view.areas.size(), 1u);
  EXPECT_EQ(view.areas[0].name, "[stack]");
  EXPECT_EQ(view.areas[0].rss, 0u);
  EXPECT_EQ(view.areas[0].flags, "rd wr mr mw me gd ac");
  EXPECT_EQ(view.minor_faults, 0u);
  EXPECT_EQ(view.major_faults, 0u);
}

TEST_F(HostTest, BytesAreStoredAndLoaded) {
  const std::uint64_t p = map(0, 40);
  EXPECT_EQ(p, 0x7ffff7fff000u - 40 * kPageSize);
  store(0, p + 4094, "hello");
  EXPECT_EQ(load(0, p + 4093, 7), std::string("\0hello\0", 7));
  // More than the channel holds at once.
  std::string many(40 * kPageSize - 1, '\0');
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<char>(i * 7 + i / 4096);
  store(0, p + 1, many);
  EXPECT_EQ(load(0, p + 1, many.size()), many);
  EXPECT_EQ(load(0, p, 0), "");
}

TEST_F(HostTest, SignalsTellCodeAndAddress) {
  const std::uint64_t p = map(0, 2);
  store(0, p, "ab");
  const std::uint64_t end = p + 2 * kPageSize;
  EXPECT_EQ(target_->load(0, VirtAddr(end - 2), 5), signal(script::kSigSegv, script::kMapErr, end));
  value(0, Call::Mprotect, {p, kPageSize, sys::kProtRead});
  EXPECT_EQ(target_->store(0, VirtAddr(p + 1), "x"),
            signal(script::kSigSegv, script::kAccErr, p + 1));
  EXPECT_EQ(target_->fetch(0, VirtAddr(p + 3)), signal(script::kSigSegv, script::kAccErr, p + 3));
  EXPECT_EQ(target_->fetch(0, VirtAddr(0x1234)), signal(script::kSigSegv, script::kMapErr, 0x1234));
  // A part of it is stored.
  value(0, Call::Mprotect, {p, kPageSize, kRw});
  value(0, Call::Munmap, {p + kPageSize, kPageSize});
  EXPECT_EQ(target_->store(0, VirtAddr(p + kPageSize - 2), "xyz"),
            signal(script::kSigSegv, script::kMapErr, p + kPageSize));
  EXPECT_EQ(load(0, p + kPageSize - 2, 2), "xy");
  // Not canonical: the CPU tells no address.
  EXPECT_EQ(target_->load(0, VirtAddr(1ULL << 63 >> 1), 1).signal, script::kSigSegv);
}

TEST_F(HostTest, BehindTheEndOfAFileIsABusError) {
  const std::uint64_t fd = value(0, Call::Open, {sys::kOpenCreate | sys::kOpenReadWrite, 0600},
                                 "data");
  EXPECT_EQ(fd, 3u);
  EXPECT_EQ(value(0, Call::Pwrite, {fd, 0}, "abcdef"), 6u);
  const std::uint64_t p = value(0, Call::Mmap, {0, 3 * kPageSize, kRw, sys::kMapShared, fd, 0});
  EXPECT_EQ(load(0, p, 8), std::string("abcdef\0\0", 8));
  EXPECT_EQ(target_->load(0, VirtAddr(p + kPageSize), 1),
            signal(script::kSigBus, script::kAdrErr, p + kPageSize));
  value(0, Call::Ftruncate, {fd, 2 * kPageSize});
  store(0, p + kPageSize, "z");
  EXPECT_EQ(call(0, Call::Pread, {fd, 4, kPageSize}).bytes, std::string("z\0\0\0", 4));
  EXPECT_EQ(area(0, p).name, "data");
  EXPECT_EQ(area(0, p).rights, "rw-s");
  value(0, Call::Unlink, {}, "data");
  EXPECT_EQ(area(0, p).name, "data (deleted)");
}

TEST_F(HostTest, OneInstructionIsRun) {
  const std::uint64_t p = map(0, 2, kRw | sys::kProtExec);
  store(0, p + 5, "\xC3");
  EXPECT_EQ(target_->fetch(0, VirtAddr(p + 5)), script::Outcome{});
  EXPECT_EQ(minor(0), 1u);
  // An empty page is full of additions to memory.
  EXPECT_EQ(target_->fetch(0, VirtAddr(p + kPageSize)), script::Outcome{});
  EXPECT_EQ(minor(0), 2u);
  // An endless loop, no instruction, one of the kernel's, a division by zero, a system call, a wild
  // jump, a breakpoint.
  for (const char* bytes : {"\xEB\xFE", "\x0F\x0B", "\xF4", "\xD4\x01", "\x48\xF7\xF1", "\x0F\x05",
                            "\xFF\x20", "\xCC", "\xFD", "\xC9"}) {
    store(0, p, std::string(bytes));
    EXPECT_EQ(target_->fetch(0, VirtAddr(p)), script::Outcome{}) << int(bytes[0]);
    EXPECT_EQ(load(0, p, 1), std::string(bytes, 1));
  }
  EXPECT_EQ(target_->fetch(0, VirtAddr(1ULL << 62)).signal, script::kSigSegv);
  EXPECT_EQ(look(0).areas.size(), 2u);
}

TEST_F(HostTest, ErrorsAreTheKernels) {
  EXPECT_EQ(call(0, Call::Munmap, {1, kPageSize}).value, failed(Errno::Invalid));
  EXPECT_EQ(call(0, Call::Madvise, {0x10000, kPageSize, sys::kAdviseDontNeed}).value,
            failed(Errno::NoMemory));
  EXPECT_EQ(call(0, Call::Close, {17}).value, failed(Errno::BadFile));
  for (const std::uint64_t fd : {0ULL, 1ULL, 2ULL, kPwFd + 0ULL, (1ULL << 32) + kPwFd}) {
    EXPECT_EQ(call(0, Call::Close, {fd}).value, failed(Errno::BadFile)) << fd;
  }
  EXPECT_EQ(call(0, Call::Open, {0, 0}, "nothing").value, failed(Errno::NoEntry));
  EXPECT_EQ(call(0, Call::Open, {0, 0}, std::string(300, 'x')).value, failed(Errno::NameTooLong));
  EXPECT_EQ(call(9, Call::Munmap).value, failed(Errno::NoProcess));
}

TEST_F(HostTest, MincoreTellsEachPage) {
  const std::uint64_t p = map(0, 4);
  store(0, p + kPageSize, "x");
  store(0, p + 2 * kPageSize, "x");
  EXPECT_EQ(call(0, Call::Mincore, {p, 3 * kPageSize + 1}).bytes, "0110");
  EXPECT_EQ(call(0, Call::Mincore, {p + 1, kPageSize}).value, failed(Errno::Invalid));
  EXPECT_EQ(call(0, Call::Mincore, {p, 5 * kPageSize}).value, failed(Errno::NoMemory));
  EXPECT_EQ(call(0, Call::Mincore, {p, ~0ULL}).value, failed(Errno::NoMemory));
  const std::uint64_t q = map(0, 40'000, sys::kProtRead, kAnonymous | sys::kMapNoReserve);
  std::string expected(40'000, '0');
  EXPECT_EQ(call(0, Call::Mincore, {q, 40'000 * kPageSize}).bytes, expected);
}

TEST_F(HostTest, DescriptorsAreTheLowestFree) {
  EXPECT_EQ(value(0, Call::MemfdCreate, {sys::kMemfdAllowSealing}, "m"), 3u);
  EXPECT_EQ(value(0, Call::Dup, {3}), 4u);
  value(0, Call::Close, {3});
  EXPECT_EQ(value(0, Call::Dup, {4}), 3u);
  value(0, Call::Ftruncate, {3, kPageSize});
  value(0, Call::Fcntl, {3, sys::kFcntlAddSeals, sys::kSealShrink});
  EXPECT_EQ(value(0, Call::Fcntl, {3, sys::kFcntlGetSeals}), sys::kSealShrink);
  EXPECT_EQ(call(0, Call::Ftruncate, {3, 0}).value, failed(Errno::Perm));
  const std::uint64_t p = value(0, Call::Mmap, {0, kPageSize, 1, sys::kMapShared, 3, 0});
  EXPECT_EQ(area(0, p).name, "/memfd:m (deleted)");
}

TEST_F(HostTest, LongTransfersAreWhole) {
  const std::uint64_t fd = value(0, Call::MemfdCreate, {0}, "m");
  std::string bytes(100'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i / 251);
  EXPECT_EQ(value(0, Call::Pwrite, {fd, 5}, bytes), bytes.size());
  EXPECT_EQ(call(0, Call::Pread, {fd, 200'000, 5}).bytes, bytes);
  EXPECT_EQ(call(0, Call::Pread, {fd, ~0ULL, 0}).value, failed(Errno::Fault));
}

TEST_F(HostTest, LimitsCountTheScriptsMemoryAlone) {
  EXPECT_EQ(value(0, Call::Getrlimit, {sys::kLimitStack}), 8u << 20);
  EXPECT_EQ(value(0, Call::Getrlimit, {sys::kLimitMemLock}), 8u << 20);
  const std::uint64_t pages = 2048;  // 8 MiB
  const std::uint64_t p = map(0, pages + 1);
  EXPECT_EQ(value(0, Call::Mlock2, {p, pages * kPageSize, sys::kLockOnFault}), 0u);
  EXPECT_EQ(call(0, Call::Mlock2, {p + pages * kPageSize, kPageSize, 0}).value,
            failed(Errno::NoMemory));
  value(0, Call::MunlockAll);
  EXPECT_EQ(value(0, Call::Mlock2, {p, pages * kPageSize, sys::kLockOnFault}), 0u);
  EXPECT_EQ(call(0, Call::Mlock, {p + pages * kPageSize, kPageSize}).value,
            failed(Errno::NoMemory));
  value(0, Call::Munmap, {p, (pages + 1) * kPageSize});
  value(0, Call::Setrlimit, {sys::kLimitMemLock, 0});
  const std::uint64_t q = map(0, 1);
  EXPECT_EQ(call(0, Call::Mlock, {q, kPageSize}).value, failed(Errno::Perm));
  EXPECT_EQ(value(0, Call::Getrlimit, {sys::kLimitMemLock}), 0u);
  // 33 pages of stack, one here, two more.
  const std::uint64_t unlimited = value(0, Call::Getrlimit, {sys::kLimitAs});
  value(0, Call::Setrlimit, {sys::kLimitAs, 36 * kPageSize});
  EXPECT_EQ(value(0, Call::Getrlimit, {sys::kLimitAs}), 36 * kPageSize);
  EXPECT_EQ(call(0, Call::Mmap, {0, 3 * kPageSize, 0, kAnonymous, ~0ULL, 0}).value,
            failed(Errno::NoMemory));
  map(0, 2, 0);
  value(0, Call::Setrlimit, {sys::kLimitAs, unlimited});
  value(0, Call::Setrlimit, {sys::kLimitData, 3 * kPageSize});
  const std::uint64_t heap = value(0, Call::Brk, {0});
  EXPECT_EQ(value(0, Call::Brk, {heap + 2 * kPageSize}), heap + 2 * kPageSize);
  EXPECT_EQ(value(0, Call::Brk, {heap + 3 * kPageSize}), heap + 2 * kPageSize);
}

TEST_F(HostTest, NoCallFillsTheHostsMemory) {
  const std::uint64_t limit = 1ULL << 30;
  const std::uint64_t fd = value(0, Call::MemfdCreate, {0}, "m");
  EXPECT_EQ(value(0, Call::Ftruncate, {fd, limit}), 0u);
  ASSERT_EQ(call(0, Call::Ftruncate, {fd, limit + 1}).value, failed(Errno::FileTooBig));
  EXPECT_EQ(call(0, Call::Fallocate, {fd, 0, 0, limit + 1}).value, failed(Errno::FileTooBig));
  EXPECT_NE(call(0, Call::Fallocate, {fd, sys::kFallocKeepSize, 0, limit + 1}).error, "");
  EXPECT_EQ(call(0, Call::Pwrite, {fd, limit}, "x").value, failed(Errno::FileTooBig));
  const std::uint64_t p = map(0, 1);
  const std::uint64_t populate = kAnonymous | sys::kMapPopulate | sys::kMapNoReserve;
  EXPECT_NE(call(0, Call::Mmap, {0, limit + 1, kRw, populate, ~0ULL, 0}).error, "");
  for (const std::uint64_t advice : {sys::kAdvisePopulateRead, sys::kAdvisePopulateWrite}) {
    EXPECT_NE(call(0, Call::Madvise, {p, limit + kPageSize, advice}).error, "");
    EXPECT_EQ(call(0, Call::Madvise, {p, ~0ULL - kPageSize, advice}).value, failed(Errno::Invalid));
  }
  value(0, Call::Fork, {}, {}, 1);
  value(1, Call::Exec, {}, "program");  // the limit stays
  EXPECT_EQ(call(1, Call::Ftruncate, {fd, limit + 1}).value, failed(Errno::FileTooBig));
  std::ifstream score("/proc/" + std::to_string(target_->pid_of(1)) + "/oom_score_adj");
  std::string text;
  score >> text;
  EXPECT_EQ(text, "1000");
}

TEST_F(HostTest, TheStackGrowsToItsLimit) {
  const std::uint64_t top = 0x7ffffffff000;
  store(0, top - (8ULL << 20), "x");
  EXPECT_EQ(target_->store(0, VirtAddr(top - (8ULL << 20) - 1), "x"),
            signal(script::kSigSegv, script::kMapErr, top - (8ULL << 20) - 1));
}

TEST_F(HostTest, WhatCarriesTheScriptOutIsOutOfReach) {
  const std::uint64_t below = kPwBase - kPageSize;
  const auto refused = [&](Call which, Args args) { return !call(0, which, args).error.empty(); };
  // A hole stops these before they come to it, the end of user space those.
  for (const Call which : {Call::Mprotect, Call::Mlock, Call::Munlock, Call::Mincore}) {
    EXPECT_EQ(call(0, which, {below, 2 * kPageSize}).value, failed(Errno::NoMemory));
  }
  EXPECT_EQ(call(0, Call::Msync, {below, 2 * kPageSize}).value, failed(Errno::NoMemory));
  EXPECT_EQ(call(0, Call::Munmap, {below, 1ULL << 47}).value, failed(Errno::Invalid));
  EXPECT_EQ(call(0, Call::Mmap, {below, 1ULL << 47, kRw, kAnonymous | sys::kMapFixed, ~0ULL}).value,
            failed(Errno::NoMemory));
  value(0, Call::Mmap, {below, kPageSize, kRw, kAnonymous | sys::kMapFixed, ~0ULL, 0});
  for (const Call which : {Call::Mprotect, Call::Madvise, Call::Mlock, Call::Munlock, Call::Msync,
                           Call::Mincore, Call::Munmap}) {
    EXPECT_TRUE(refused(which, {below, 2 * kPageSize})) << sys::signature(which).name;
    EXPECT_FALSE(refused(which, {below, kPageSize})) << sys::signature(which).name;
  }
  EXPECT_TRUE(refused(Call::Munmap, {0, kPwBase + kPageSize}));
  EXPECT_TRUE(refused(Call::Madvise, {0x10000, kPwBase}));
  EXPECT_TRUE(refused(Call::Mmap, {kPwBase, 1, kRw, kAnonymous, ~0ULL, 0}));
  EXPECT_TRUE(refused(Call::Prctl, {sys::kPrctlSetVma, 0, kPwBase, 1}));
  EXPECT_TRUE(refused(Call::ProcessVmReadv, {0, kPwBase, 1}));
  const std::uint64_t p = map(0, 1);
  const std::uint64_t moved = sys::kRemapMayMove | sys::kRemapFixed;
  EXPECT_TRUE(
      refused(Call::Mremap, {p, kPageSize, kPageSize, moved, kPwBase + kPwBytes - kPageSize}));
  EXPECT_TRUE(refused(Call::Mremap, {kPwBase, kPageSize, 2 * kPageSize, moved, p}));
  EXPECT_NE(target_->load(0, VirtAddr(kPwBase), 1).error, "");
  EXPECT_NE(target_->store(0, VirtAddr(kPwBase - 1), "ab").error, "");
  EXPECT_NE(target_->fetch(0, VirtAddr(kPwBase)).error, "");
  EXPECT_NE(call(0, Call::Open, {0, 0}, "/etc/passwd").error, "");
  EXPECT_NE(call(0, Call::Open, {0, 0}, "..").error, "");
  EXPECT_NE(call(0, Call::Setrlimit, {1, 0}).error, "");  // the size of files
  EXPECT_EQ(load(0, p, 1), std::string(1, '\0'));         // and the process lives
}

TEST_F(HostTest, AreasGrowBeyondTheTopInPlace) {
  const std::uint64_t p = map(0, 1);
  const std::uint64_t large = 40ULL << 20;
  EXPECT_EQ(value(0, Call::Mremap, {p, kPageSize, large}), p);
  // Not into the stack: it moves. A multiple of 2 MiB would be aligned to it.
  const std::uint64_t larger = (256ULL << 20) - kPageSize;
  EXPECT_EQ(value(0, Call::Mremap, {p, large, larger, sys::kRemapMayMove}), p - larger);
}

TEST_F(HostTest, HugePagesAreOffWhateverIsSaid) {
  EXPECT_EQ(value(0, Call::Prctl, {sys::kPrctlGetThpDisable}), 0u);
  value(0, Call::Prctl, {sys::kPrctlSetThpDisable, 1});
  EXPECT_EQ(value(0, Call::Prctl, {sys::kPrctlGetThpDisable}), 1u);
  value(0, Call::Fork, {}, {}, 1);
  EXPECT_EQ(value(1, Call::Prctl, {sys::kPrctlGetThpDisable}), 1u);
  value(0, Call::Prctl, {sys::kPrctlSetThpDisable, 0});
  EXPECT_EQ(value(0, Call::Prctl, {sys::kPrctlGetThpDisable}), 0u);
  EXPECT_EQ(call(0, Call::Prctl, {sys::kPrctlGetThpDisable, 1}).value, failed(Errno::Invalid));
  ASSERT_TRUE(target_->spawn(2));  // where prctl has not been called
  for (const script::ProcessIndex process : {0u, 2u}) {
    const std::uint64_t p = map(process, 2048);
    value(process, Call::Madvise, {p, 2048 * kPageSize, sys::kAdviseHugePage});
    store(process, p + 1024 * kPageSize, "x");
    EXPECT_EQ(area(process, p).rss, 4u);
  }
}

TEST_F(HostTest, SharedMemoryHasNamesOfItsOwn) {
  const std::uint64_t fd = value(0, Call::ShmOpen, {sys::kOpenCreate | sys::kOpenReadWrite, 0600},
                                 "/area");
  value(0, Call::Ftruncate, {fd, kPageSize});
  const std::uint64_t p = value(0, Call::Mmap, {0, kPageSize, kRw, sys::kMapShared, fd, 0});
  EXPECT_EQ(area(0, p).name, "/dev/shm/area");
  EXPECT_EQ(call(0, Call::ShmOpen, {0, 0}, "a/b").value, failed(Errno::Invalid));
  value(0, Call::ShmUnlink, {}, "area");
  EXPECT_EQ(call(0, Call::ShmUnlink, {}, "area").value, failed(Errno::NoEntry));
  const std::uint64_t id = value(0, Call::Shmget, {77, kPageSize, sys::kIpcCreate | 0600});
  const std::uint64_t q = value(0, Call::Shmat, {id, 0, 0});
  value(0, Call::Shmat, {id, 0, sys::kShmReadOnly});
  EXPECT_EQ(value(0, Call::Shmctl, {id, sys::kIpcStat}), 2u);
  EXPECT_EQ(area(0, q).name, "/SYSV0000004d (deleted)");
  const std::uint64_t replaced = map(0, 1);
  EXPECT_EQ(value(0, Call::Shmat, {id, replaced, sys::kShmRemap}), replaced);
  EXPECT_NE(call(0, Call::Shmat, {id, kPwBase, sys::kShmRemap}).error, "");
  EXPECT_EQ(call(0, Call::Shmat, {id + 1, kPwBase, sys::kShmRemap}).value, failed(Errno::Invalid));
  value(0, Call::Shmctl, {id, sys::kIpcRemove});
  value(0, Call::Shmdt, {q});
}

TEST_F(HostTest, ProtectionKeysAreTheCpus) {
  const script::Outcome set = target_->set_pkru(0, 0x55555550);
  if (set.value == -38) {
    EXPECT_LT(call(0, Call::PkeyAlloc, {0, 0}).value, 0);
    GTEST_SKIP() << "the CPU has no protection keys";
  }
  const std::uint64_t key = value(0, Call::PkeyAlloc, {0, sys::kKeyDisableWrite});
  const std::uint64_t p = map(0, 1);
  store(0, p, "x");
  value(0, Call::PkeyMprotect, {p, kPageSize, kRw, key});
  EXPECT_EQ(load(0, p, 1), "x");
  EXPECT_EQ(target_->store(0, VirtAddr(p), "y"), signal(script::kSigSegv, script::kPkuErr, p));
  EXPECT_NE(target_->set_pkru(0, 1).error, "");
}

}  // namespace
}  // namespace pw::host
