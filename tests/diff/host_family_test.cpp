// Processes of the script among each other, and their fault counts.
#include "diff/host_fixture.hpp"

namespace pw::host {
namespace {

using sys::Call;

TEST_F(HostTest, ForkCopies) {
  const std::uint64_t p = map(0, 1);
  store(0, p, "parent");
  const std::uint64_t pid = value(0, Call::Fork, {}, {}, 1);
  EXPECT_EQ(pid, static_cast<std::uint64_t>(target_->pid_of(1)));
  EXPECT_EQ(area(1, p).shared_dirty, 4u);
  store(1, p, "child!");
  EXPECT_EQ(load(0, p, 6), "parent");
  EXPECT_EQ(load(1, p, 6), "child!");
  EXPECT_EQ(area(0, p).private_dirty, 4u);
  EXPECT_EQ(call(0, Call::Wait, {1}).value, failed(Errno::Again));
  value(1, Call::Exit, {0x107});
  EXPECT_EQ(call(1, Call::Munmap).value, failed(Errno::NoProcess));
  EXPECT_FALSE(target_->look(1, script::Detail::Maps));
  EXPECT_EQ(value(0, Call::Wait, {1}), 7u);
  EXPECT_EQ(call(0, Call::Wait, {1}).value, failed(Errno::NoChild));
  EXPECT_EQ(call(0, Call::Wait, {5}).value, failed(Errno::NoChild));
}

TEST_F(HostTest, GrandchildrenOutliveTheirParent) {
  const std::uint64_t p = map(0, 1);
  value(0, Call::Fork, {}, {}, 1);
  value(1, Call::Fork, {}, {}, 2);
  value(1, Call::Exit);
  store(2, p, "x");
  EXPECT_EQ(load(2, p, 1), "x");
  EXPECT_EQ(call(0, Call::Wait, {2}).value, failed(Errno::NoChild));
  value(2, Call::Exit);
  EXPECT_EQ(value(0, Call::Wait, {1}), 0u);
}

TEST_F(HostTest, VforkSuspendsTheParentAndSharesItsMemory) {
  const std::uint64_t p = map(0, 1);
  value(0, Call::Vfork, {}, {}, 1);
  EXPECT_NE(target_->load(0, VirtAddr(p), 1).error, "");
  store(1, p, "shared");
  value(1, Call::Exit, {3});
  EXPECT_EQ(load(0, p, 6), "shared");
  EXPECT_EQ(value(0, Call::Wait, {1}), 3u);
  // With exec in place of exit.
  value(0, Call::Vfork, {}, {}, 2);
  const auto before = look(0, script::Detail::Maps).areas;
  value(2, Call::Exec, {}, "program");
  EXPECT_EQ(load(0, p, 6), "shared");
  ASSERT_EQ(look(2).areas.size(), 1u);
  EXPECT_EQ(look(2).areas[0].name, "[stack]");
  EXPECT_EQ(look(0, script::Detail::Maps).areas, before);
  store(2, look(2).areas[0].begin, "own");
}

TEST_F(HostTest, CloneSharesWhatItIsToldTo) {
  value(0, Call::Clone, {sys::kCloneVm | sys::kCloneFiles}, {}, 1);
  const std::uint64_t p = map(1, 1);
  store(0, p, "both");
  EXPECT_EQ(load(1, p, 4), "both");
  EXPECT_EQ(value(1, Call::MemfdCreate, {0}, "m"), 3u);
  EXPECT_EQ(value(0, Call::Dup, {3}), 4u);
  // A fault of one is not the other's.
  EXPECT_EQ(target_->load(1, VirtAddr(8), 1), signal(script::kSigSegv, script::kMapErr, 8));
  EXPECT_EQ(target_->load(0, VirtAddr(9), 1), signal(script::kSigSegv, script::kMapErr, 9));
  EXPECT_NE(call(0, Call::Clone, {0x10000}, {}, 2).error, "");  // a thread
  value(1, Call::Exit);
  EXPECT_EQ(load(0, p, 4), "both");
}

TEST_F(HostTest, ExecBeginsAnewAndKeepsDescriptors) {
  const std::uint64_t p = map(0, 1);
  value(0, Call::MemfdCreate, {0}, "kept");
  value(0, Call::MemfdCreate, {sys::kMemfdCloseOnExec}, "closed");
  value(0, Call::Open, {sys::kOpenCreate, 0600}, "text");
  EXPECT_EQ(call(0, Call::Exec, {}, "text").value, failed(Errno::Access));
  EXPECT_EQ(call(0, Call::Exec, {}, "").value, failed(Errno::NoEntry));
  value(0, Call::Exec, {}, "program");
  EXPECT_EQ(target_->load(0, VirtAddr(p), 1), signal(script::kSigSegv, script::kMapErr, p));
  EXPECT_EQ(value(0, Call::Dup, {3}), 4u);
  EXPECT_EQ(value(0, Call::Brk, {0}), target_->layout(0)->heap_begin.value);
  value(0, Call::Exec, {}, "program");
  value(0, Call::Setrlimit, {sys::kLimitAs, kPageSize});
  value(0, Call::Exec, {}, "program");
  EXPECT_EQ(value(0, Call::Getrlimit, {sys::kLimitAs}), kPageSize);
}

TEST_F(HostTest, ProcessesReadEachOthersMemory) {
  const std::uint64_t p = map(0, 20);
  value(0, Call::Fork, {}, {}, 1);
  std::string bytes(70'000, 'b');
  store(1, p + 1, bytes);
  const script::Outcome read = call(0, Call::ProcessVmReadv, {1, p, bytes.size() + 1});
  EXPECT_EQ(read.value, static_cast<std::int64_t>(bytes.size() + 1));
  EXPECT_EQ(read.bytes, '\0' + bytes);
  EXPECT_EQ(value(0, Call::ProcessVmWritev, {1, p + 2}, "xyz"), 3u);
  EXPECT_EQ(load(1, p, 6), std::string("\0bxyzb", 6));
  EXPECT_EQ(load(0, p, 1), std::string(1, '\0'));
  EXPECT_EQ(call(0, Call::ProcessVmReadv, {7, p, 1}).value, failed(Errno::NoProcess));
  EXPECT_EQ(call(0, Call::ProcessVmReadv, {1, 0x10000, 1}).value, failed(Errno::Fault));
}

TEST_F(HostTest, FaultsAreThoseOfTheStepsAlone) {
  const std::uint64_t p = map(0, 64);
  EXPECT_EQ(minor(0), 0u);
  call(0, Call::Munlock, {0, 0});
  target_->load(0, VirtAddr(p), 0);
  EXPECT_EQ(minor(0), 0u);
  store(0, p, "x");  // a fresh page
  EXPECT_EQ(minor(0), 1u);
  store(0, p, "y");
  load(0, p + 1, 4000);
  EXPECT_EQ(minor(0), 1u);
  load(0, p + kPageSize, 1);  // the zero page, then a page
  EXPECT_EQ(minor(0), 2u);
  store(0, p + kPageSize, "x");
  EXPECT_EQ(minor(0), 3u);
  store(0, p + 3 * kPageSize - 1, "xy");  // two pages
  EXPECT_EQ(minor(0), 5u);
  value(0, Call::Madvise, {p + 8 * kPageSize, 16 * kPageSize, sys::kAdvisePopulateWrite});
  EXPECT_EQ(minor(0), 21u);
  map(0, 10, kRw, kAnonymous | sys::kMapPopulate);
  EXPECT_EQ(minor(0), 31u);
  target_->load(0, VirtAddr(8), 1);  // a signal counts nothing
  EXPECT_EQ(minor(0), 31u);
}

TEST_F(HostTest, FaultsOfAFamilyAreCountedApart) {
  const std::uint64_t p = map(0, 2);
  store(0, p, "x");
  value(0, Call::Fork, {}, {}, 1);
  EXPECT_EQ(minor(0), 1u);
  EXPECT_EQ(minor(1), 0u);
  store(1, p, "y");  // a copy
  EXPECT_EQ(minor(1), 1u);
  store(0, p, "z");  // nobody else has the page: taken over, but by a fault
  EXPECT_EQ(minor(0), 2u);
  value(0, Call::Vfork, {}, {}, 2);
  store(2, p + kPageSize, "x");
  EXPECT_EQ(minor(2), 1u);
  value(2, Call::Exec, {}, "program");
  EXPECT_EQ(minor(2), 1u);
  EXPECT_EQ(minor(0), 2u);
}

TEST_F(HostTest, LockingAllCountsTheScriptsPagesAlone) {
  map(0, 5);
  value(0, Call::MlockAll, {sys::kLockCurrent});
  EXPECT_EQ(minor(0), 33u + 5u);  // the stack's and these
  value(0, Call::MunlockAll);
  value(0, Call::MlockAll, {sys::kLockFuture});
  map(0, 3);
  EXPECT_EQ(minor(0), 33u + 5u + 3u);
}

TEST(HostLimits, LockingAllComparesTheScriptsMemoryAlone) {
  HostOptions options;
  options.lock_limit = ByteCount(100 * kPageSize);
  auto target = HostTarget::create(options);
  if (!target) GTEST_SKIP() << target.error().message;
  ASSERT_TRUE((*target)->spawn(0));
  const auto answer = [&](Call which, std::array<std::uint64_t, 6> args) {
    return (*target)->call(0, {which, args, {}}, 0).value;
  };
  const std::uint64_t flags = sys::kMapPrivate | sys::kMapAnonymous;
  const std::int64_t p = answer(Call::Mmap, {0, 67 * kPageSize, 0, flags, ~0ULL, 0});
  EXPECT_EQ(answer(Call::MlockAll, {sys::kLockCurrent}), 0);  // 33 + 67
  EXPECT_EQ(answer(Call::MunlockAll, {}), 0);
  EXPECT_EQ(answer(Call::Mmap, {0, kPageSize, 0, flags, ~0ULL, 0}), p - 4096);
  EXPECT_EQ(answer(Call::MlockAll, {sys::kLockCurrent}), -12);
  EXPECT_EQ(answer(Call::Getrlimit, {sys::kLimitMemLock}), 100 * 4096);
}

}  // namespace
}  // namespace pw::host
