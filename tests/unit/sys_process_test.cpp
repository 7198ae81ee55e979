// Processes, limits and the memory of others, as Linux 6.18 answers; values taken from that kernel.
#include <gtest/gtest.h>

#include "tests/support/system_calls.hpp"

namespace pw {
namespace {

using namespace pw::sys;
using enum sys::Call;

constexpr std::uint64_t kPage = kPageSize;
constexpr std::uint64_t kReadWrite = kProtRead | kProtWrite;
constexpr std::uint64_t kAnonymous = kMapPrivate | kMapAnonymous;

class SysProcess : public test::SystemCallTest {
 protected:
  Pid fork(Pid parent = 0) { return static_cast<Pid>(as(parent == 0 ? pid : parent, Fork, {})); }
  const Vma& area(std::uint64_t at) {
    return *machine->find(pid)->space->find(Vpn(at >> kPageShift));
  }
  std::string name(std::uint64_t at) { return machine->label_names()[area(at).traits.name]; }
};

TEST_F(SysProcess, AnExitStatusWaitsForTheParent) {
  const Pid child = fork();
  EXPECT_EQ(call(Wait, {child}), error(Errno::Again));
  EXPECT_EQ(as(child, Exit, {0x307}), 0);
  EXPECT_EQ(as(child, Fork, {}), error(Errno::NoProcess));
  const Pid stranger = *kernel->spawn("stranger");
  EXPECT_EQ(as(stranger, Wait, {child}), error(Errno::NoChild));
  EXPECT_EQ(call(Wait, {child}), 7);
  EXPECT_EQ(call(Wait, {child}), error(Errno::NoChild));
  EXPECT_EQ(call(Wait, {pid}), error(Errno::NoChild));
}

TEST_F(SysProcess, ChildrenOfOneThatExitedHaveNoParent) {
  const Pid child = fork();
  const Pid running = fork(child), ended = fork(child);
  ASSERT_EQ(as(ended, Exit, {1}), 0);
  ASSERT_EQ(as(child, Exit, {0}), 0);
  EXPECT_EQ(machine->find(ended), nullptr);  // reaped
  ASSERT_NE(machine->find(running), nullptr);
  EXPECT_EQ(machine->find(running)->parent, 0U);
  EXPECT_EQ(call(Wait, {running}), error(Errno::NoChild));
  EXPECT_EQ(as(running, Exit, {0}), 0);
}

TEST_F(SysProcess, ForkCopiesDescriptorsAndCloneMayShareThem) {
  const std::uint64_t fd = open("f", kOpenReadWrite | kOpenCreate);
  const Pid copy = fork();
  const auto shares = static_cast<Pid>(got(Clone, {kCloneFiles}));
  EXPECT_NE(machine->find(shares)->space, machine->find(pid)->space);
  ASSERT_EQ(call(Close, {fd}), 0);
  EXPECT_EQ(as(copy, Fsync, {fd}), 0);
  EXPECT_EQ(as(shares, Fsync, {fd}), error(Errno::BadFile));
  open("f", kOpenReadOnly);
  ASSERT_EQ(as(shares, Exec, {}, "program"), 0);  // has its own from now on
  ASSERT_EQ(as(shares, Close, {fd}), 0);
  EXPECT_EQ(call(Fsync, {fd}), 0);
  EXPECT_EQ(call(Clone, {0x10000}), error(Errno::Invalid));
  EXPECT_EQ(call(Clone, {0x800}), error(Errno::Invalid));
}

TEST_F(SysProcess, AVforkChildRunsInItsParentsMemoryUntilExec) {
  const std::uint64_t at = map(kPage, kReadWrite, kAnonymous);
  const auto child = static_cast<Pid>(got(Vfork, {}));
  ASSERT_TRUE(poke(at, 'v', child).ok());
  EXPECT_EQ(peek(at), 'v');
  ASSERT_EQ(as(child, Exec, {}, "program"), 0);
  EXPECT_EQ(peek(at, child), -1);
  EXPECT_EQ(peek(at), 'v');
}

TEST_F(SysProcess, ExecAsksWhetherAFileIsExecutable) {
  open("data", kOpenReadWrite | kOpenCreate, 0600);
  open("tool", kOpenReadWrite | kOpenCreate, 0700);
  EXPECT_EQ(call(Exec, {}, "data"), error(Errno::Access));
  EXPECT_EQ(call(Exec, {}, ""), error(Errno::NoEntry));
  EXPECT_EQ(call(Exec, {}, "data/x"), error(Errno::NoDirectory));
  EXPECT_EQ(call(Exec, {}, "tool"), 0);
  EXPECT_EQ(as(user(1000), Exec, {}, "tool"), error(Errno::Access));
}

TEST_F(SysProcess, LimitsAreInheritedAndChecked) {
  EXPECT_EQ(call(Getrlimit, {kLimitMemLock}), 8 << 20);
  EXPECT_EQ(call(Getrlimit, {kLimitStack}), 8 << 20);
  EXPECT_EQ(call(Getrlimit, {kLimitAs}), std::int64_t{~0ULL >> 1});
  EXPECT_EQ(call(Getrlimit, {16}), error(Errno::Invalid));
  EXPECT_EQ(call(Setrlimit, {kLimitMemLock, (8 << 20) + 1}), error(Errno::Invalid));
  EXPECT_EQ(call(Setrlimit, {kLimitMemLock, kUnlimited}), error(Errno::Invalid));
  EXPECT_EQ(call(Setrlimit, {kLimitAs, 64 * kPage}), 0);
  EXPECT_EQ(call(Mmap, {0, 64 * kPage, kReadWrite, kAnonymous, ~0ULL, 0}), error(Errno::NoMemory));
  const Pid child = fork();
  ASSERT_EQ(as(child, Exec, {}, "program"), 0);
  EXPECT_EQ(as(child, Getrlimit, {kLimitAs}), 64 * 4096);
  EXPECT_EQ(call(Setrlimit, {kLimitAs, kUnlimited}), 0);
  EXPECT_GE(call(Mmap, {0, 64 * kPage, kReadWrite, kAnonymous, ~0ULL, 0}), 0);
}

TEST_F(SysProcess, HugePagesSwitchedOffForAProcess) {
  const auto set = [&](std::uint64_t on, std::uint64_t flags, std::uint64_t more = 0) {
    return call(Prctl, {kPrctlSetThpDisable, on, flags, more});
  };
  const auto get = [&](Pid who) { return as(who, Prctl, {kPrctlGetThpDisable}); };
  EXPECT_EQ(get(pid), 0);
  EXPECT_EQ(set(7, 0), 0);
  EXPECT_EQ(get(pid), 1);
  EXPECT_EQ(set(1, 2), 0);
  EXPECT_EQ(get(pid), 3);
  EXPECT_EQ(set(1, 1), error(Errno::Invalid));
  EXPECT_EQ(set(0, 2), error(Errno::Invalid));
  EXPECT_EQ(set(1, 0, 1), error(Errno::Invalid));
  EXPECT_EQ(call(Prctl, {kPrctlGetThpDisable, 1}), error(Errno::Invalid));
  EXPECT_EQ(call(Prctl, {kPrctlGetThpDisable, 0, 1}), error(Errno::Invalid));
  EXPECT_EQ(call(Prctl, {9999}), error(Errno::Invalid));
  const Pid child = fork();
  ASSERT_EQ(as(child, Exec, {}, "program"), 0);
  EXPECT_EQ(get(child), 3);
  EXPECT_EQ(set(0, 0), 0);
  EXPECT_EQ(get(pid), 0);
}

TEST_F(SysProcess, NamesOfAnonymousMemory) {
  const auto set = [&](std::uint64_t at, std::uint64_t length, std::string text) {
    return call(Prctl, {kPrctlSetVma, kPrctlSetVmaAnonName, at, length}, std::move(text));
  };
  const std::uint64_t at = map(4 * kPage, kReadWrite, kAnonymous);
  EXPECT_EQ(set(at + kPage, kPage, "pool"), 0);
  EXPECT_EQ(name(at), "");
  EXPECT_EQ(name(at + kPage), "pool");
  EXPECT_EQ(area(at + kPage).range().pages().value, 1U);
  EXPECT_EQ(set(at, kPage, "pool"), 0);
  EXPECT_EQ(area(at).range().pages().value, 2U);
  EXPECT_EQ(set(at, 2 * kPage, ""), 0);
  EXPECT_EQ(area(at).range().pages().value, 4U);
  EXPECT_EQ(set(at + 1, kPage, "x"), error(Errno::Invalid));
  EXPECT_EQ(set(at, ~0ULL, "x"), error(Errno::Invalid));
  EXPECT_EQ(set(at, 0, "x"), 0);
  EXPECT_EQ(set(at, kPage, "a$b"), error(Errno::Invalid));
  EXPECT_EQ(set(at, kPage, "a\tb"), error(Errno::Invalid));
  EXPECT_EQ(set(at, kPage, std::string(80, 'n')), error(Errno::Invalid));
  EXPECT_EQ(set(at, kPage, std::string(79, 'n')), 0);
  EXPECT_EQ(call(Prctl, {kPrctlSetVma, 1, at, kPage}, "x"), error(Errno::Invalid));
  ASSERT_EQ(call(Munmap, {at + kPage, kPage}), 0);
  EXPECT_EQ(set(at, 4 * kPage, "y"), error(Errno::NoMemory));
  EXPECT_EQ(name(at + 3 * kPage), "y");  // the rest is done
  const std::uint64_t file = map(kPage, kProtRead, kMapPrivate,
                                 open("f", kOpenReadWrite | kOpenCreate));
  EXPECT_EQ(set(file, kPage, "x"), error(Errno::BadFile));
}

TEST_F(SysProcess, AKernelBuiltWithoutNames) {
  MachineConfig config = test::exact_config(ByteCount(2 << 20));
  config.anon_names = false;
  boot(config);
  const std::uint64_t at = map(kPage, kReadWrite, kAnonymous);
  EXPECT_EQ(call(Prctl, {kPrctlSetVma, 0, at, kPage}, "x"), error(Errno::Invalid));
}

class SysForeignMemory : public SysProcess {
 protected:
  // Pages: one with bytes, one that nobody may reach, one to read, none.
  void SetUp() override {
    SysProcess::SetUp();
    at = map(4 * kPage, kReadWrite, kAnonymous);
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(poke(at + i * kPage, 'm').ok());
    ASSERT_EQ(call(Mprotect, {at + kPage, kPage, 0}), 0);
    ASSERT_EQ(call(Mprotect, {at + 2 * kPage, kPage, kProtRead}), 0);
    ASSERT_EQ(call(Munmap, {at + 3 * kPage, kPage}), 0);
    child = fork();
  }
  std::int64_t read(std::uint64_t from, std::uint64_t count) {
    return call(ProcessVmReadv, {child, from, count});
  }
  std::int64_t write(std::uint64_t to, std::size_t count) {
    return call(ProcessVmWritev, {child, to}, std::string(count, 'w'));
  }

  std::uint64_t at = 0;
  Pid child = 0;
};

TEST_F(SysForeignMemory, TransfersGoAsFarAsPagesCanBeHad) {
  EXPECT_EQ(read(at, 9000), 4096);
  EXPECT_EQ(reply(pid, ProcessVmReadv, {child, at, 2}).bytes, std::string("m\0", 2));
  EXPECT_EQ(read(at + kPage, 9000), error(Errno::Fault));
  EXPECT_EQ(read(at + 2 * kPage - 2, 100), error(Errno::Fault));
  EXPECT_EQ(read(at + 2 * kPage + 4000, 100), 96);
  EXPECT_EQ(write(at + 2 * kPage + 4000, 100), error(Errno::Fault));
  EXPECT_EQ(write(at + 4000, 200), 96);
  EXPECT_EQ(peek(at + 4000, child), 'w');
  EXPECT_EQ(peek(at + 4000), 0);  // the child's copy, not ours
  EXPECT_EQ(read(0xffff'8000'0000'0000, 8192), error(Errno::Fault));
  EXPECT_EQ(read(~0ULL - kPage + 1, 8192), error(Errno::Fault));
}

TEST_F(SysForeignMemory, RightsToReadAndToWriteAreApart) {
  ASSERT_EQ(as(child, Mprotect, {at, kPage, kProtWrite}), 0);
  EXPECT_EQ(read(at, 10), error(Errno::Fault));
  EXPECT_EQ(write(at, 10), 10);
  ASSERT_EQ(as(child, Mprotect, {at, kPage, kProtExec}), 0);
  EXPECT_EQ(read(at, 10), error(Errno::Fault));
}

TEST_F(SysForeignMemory, WhoIsAskedAndHowMuch) {
  EXPECT_EQ(read(at, 0), 0);
  EXPECT_EQ(read(at, ~0ULL), error(Errno::Invalid));
  EXPECT_EQ(call(ProcessVmReadv, {99'999, at, 0}), 0);
  EXPECT_EQ(call(ProcessVmReadv, {99'999, at, 1}), error(Errno::NoProcess));
  EXPECT_EQ(call(ProcessVmReadv, {0, at, 1}), error(Errno::NoProcess));
  const Pid other = user(1000);
  EXPECT_EQ(as(other, ProcessVmReadv, {child, at, 1}), error(Errno::Perm));
  machine->find(child)->user = 1000;
  EXPECT_EQ(as(other, ProcessVmReadv, {child, at, 1}), 1);
  ASSERT_EQ(as(child, Exit, {0}), 0);
  EXPECT_EQ(read(at, 1), error(Errno::NoProcess));
}

TEST_F(SysForeignMemory, FaultsCountForWhoAsks) {
  const std::uint64_t fresh = map(4 * kPage, kReadWrite, kAnonymous);
  const Pid owner = fork();
  const auto faults = [&](Pid who) { return machine->find(who)->space->counters().faults.minor; };
  const std::uint64_t ours = faults(pid), theirs = faults(owner);
  EXPECT_EQ(call(ProcessVmWritev, {owner, fresh}, std::string(3 * kPage, 'w')), 3 * 4096);
  EXPECT_EQ(faults(pid), ours + 3);
  EXPECT_EQ(faults(owner), theirs);
  EXPECT_EQ(peek(fresh + 3 * kPage - 1, owner), 'w');
}

}  // namespace
}  // namespace pw
