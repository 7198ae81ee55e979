// What a target leaves behind, and what happens when a process does not play along.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "diff/host_fixture.hpp"

namespace pw::host {
namespace {

using sys::Call;

// A zombie still has its pid.
bool exists(pid_t pid) { return std::filesystem::exists("/proc/" + std::to_string(pid)); }

std::size_t shared_files() {
  std::size_t found = 0;
  const std::string mine = "pagewright-" + std::to_string(::getpid()) + "-";
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    if (entry.path().filename().string().starts_with(mine)) ++found;
  }
  return found;
}

// System V segments that the process made, as this process sees them.
std::size_t segments_of(pid_t creator) {
  std::ifstream file("/proc/sysvipc/shm");
  std::string line;
  std::getline(file, line);  // the heading
  std::size_t found = 0;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    long key = 0, id = 0, rights = 0, size = 0, pid = 0;
    fields >> key >> id >> rights >> size >> pid;
    if (pid == creator) ++found;
  }
  return found;
}

TEST_F(HostTest, NothingIsLeftBehind) {
  value(0, Call::Fork, {}, {}, 1);
  value(1, Call::Fork, {}, {}, 2);
  value(1, Call::Exit);
  value(0, Call::Vfork, {}, {}, 3);
  value(2, Call::Open, {sys::kOpenCreate, 0}, "file");
  value(2, Call::ShmOpen, {sys::kOpenCreate, 0600}, "area");
  value(2, Call::Shmget, {0, kPageSize, sys::kIpcCreate | 0600});
  EXPECT_EQ(shared_files(), 1u);
  const std::string folder = target_->folder();
  EXPECT_TRUE(std::filesystem::exists(folder + "file"));
  std::vector<pid_t> pids;
  for (const script::ProcessIndex index : {0u, 2u, 3u}) {
    pids.push_back(target_->pid_of(index));
    EXPECT_TRUE(exists(pids.back()));
  }
  target_.reset();
  for (const pid_t pid : pids) {
    EXPECT_FALSE(exists(pid)) << pid;
    EXPECT_EQ(segments_of(pid), 0u);
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_EQ(shared_files(), 0u);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST_F(HostTest, WhereItWorksDoctorSaysSo) {
  const auto found = HostTarget::available();
  EXPECT_TRUE(found) << found.error().message;
}

TEST(HostRobust, AFolderThatCannotBeIsAnError) {
  HostOptions options;
  options.parent = "/proc/nowhere";
  const auto target = HostTarget::create(options);
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Errno::NoEntry);
  EXPECT_NE(target.error().message.find("/proc/nowhere"), std::string::npos);
}

TEST_F(HostTest, AWorldIsBegunAnew) {
  const std::uint64_t p = map(0, 1);
  value(0, Call::Open, {sys::kOpenCreate, 0600}, "file");
  value(0, Call::Vfork, {}, {}, 1);
  const pid_t before = target_->pid_of(1);
  ASSERT_TRUE(target_->reset());
  EXPECT_FALSE(exists(before) && target_->pid_of(1) == before);
  ASSERT_TRUE(target_->spawn(1));
  EXPECT_EQ(call(1, Call::Open, {0, 0}, "file").value, failed(Errno::NoEntry));
  EXPECT_EQ(map(1, 1), p);
  EXPECT_EQ(minor(1), 0u);
}

TEST_F(HostTest, SlotsAreUsedAgain) {
  for (int round = 0; round < 3; ++round) {
    for (script::ProcessIndex i = 1; i < 31; ++i) value(0, Call::Fork, {}, {}, i);
    EXPECT_NE(call(0, Call::Fork, {}, {}, 99).error, "");
    EXPECT_NE(call(0, Call::Fork, {}, {}, 5).error, "") << "process 5 runs";
    for (script::ProcessIndex i = 1; i < 31; ++i) {
      value(i, Call::Exit, {i});
      EXPECT_EQ(value(0, Call::Wait, {i}), i);
    }
  }
  EXPECT_EQ(minor(0), 0u);
}

TEST(HostRobust, AProcessThatHangsIsNamed) {
  HostOptions options;
  options.timeout = std::chrono::milliseconds(200);
  auto target = HostTarget::create(options);
  if (!target) GTEST_SKIP() << target.error().message;
  ASSERT_TRUE((*target)->spawn(4));
  const pid_t pid = (*target)->pid_of(4);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const script::Outcome outcome = (*target)->load(4, VirtAddr(0x10000), 1);
  EXPECT_EQ(outcome.error, "process 4 did not come back within 200 ms: load");
  EXPECT_EQ((*target)->pid_of(4), 0);
  ASSERT_TRUE((*target)->spawn(5));
  EXPECT_TRUE((*target)->look(5, script::Detail::Maps));
  target->reset();
  EXPECT_FALSE(exists(pid));
}

// As `ps` does, which must not change what a program's faults are.
TEST_F(HostTest, WhoeverReadsArgumentsBringsNothingIn) {
  if (::access("/proc/sys/kernel/ns_last_pid", F_OK) != 0) {
    GTEST_SKIP() << "this kernel has no CONFIG_CHECKPOINT_RESTORE: arguments stay";
  }
  std::ifstream file("/proc/" + std::to_string(target_->pid_of(0)) + "/cmdline");
  std::stringstream arguments;
  arguments << file.rdbuf();
  EXPECT_EQ(arguments.str(), "");
  const auto layout = target_->layout(0);
  ASSERT_TRUE(layout);
  const std::uint64_t before = minor(0);
  load(0, layout->stack_end.value - kPageSize, 1);
  EXPECT_EQ(minor(0), before + 1);
}

TEST_F(HostTest, AProcessThatDiesIsNamed) {
  value(0, Call::Fork, {}, {}, 1);
  const pid_t first = target_->pid_of(1);
  ASSERT_EQ(::kill(first, SIGTERM), 0);
  EXPECT_EQ(call(1, Call::Munmap).error, "process 1 died: munmap (wait status 15)");
  EXPECT_EQ(value(0, Call::Wait, {1}), 128u + SIGTERM);
  // As the kernel does when memory runs out.
  value(0, Call::Fork, {}, {}, 2);
  ASSERT_EQ(::kill(target_->pid_of(2), SIGKILL), 0);
  EXPECT_EQ(target_->load(2, VirtAddr(0), 1), signal(script::kSigKill, 0, 0));
  EXPECT_EQ(target_->load(2, VirtAddr(0), 1).value, failed(Errno::NoProcess));
}

TEST(HostRobust, ProcessesEndWithTheirRunner) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t runner = ::fork();
  if (runner == 0) {
    HostOptions options;
    options.parent = "/dev/shm";  // what it leaves there is removed below
    auto target = HostTarget::create(options);
    pid_t pid = -1;
    if (target && (*target)->spawn(0)) {
      (void)(*target)->call(0, {Call::Fork, {}, {}}, 1);
      pid = (*target)->pid_of(1);
      const std::string folder = (*target)->folder();
      std::filesystem::remove(folder);
    }
    (void)!::write(ends[1], &pid, sizeof pid);
    ::kill(::getpid(), SIGKILL);
  }
  pid_t puppet = 0;
  ASSERT_EQ(::read(ends[0], &puppet, sizeof puppet), static_cast<ssize_t>(sizeof puppet));
  ::close(ends[0]);
  ::close(ends[1]);
  ::waitpid(runner, nullptr, 0);
  if (puppet < 0) GTEST_SKIP() << "no processes on this host";
  for (int i = 0; i < 100 && exists(puppet); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_FALSE(exists(puppet));
}

TEST(HostRobust, TargetsDoNotKnowEachOther) {
  const auto play = [](char letter, int& good) {
    for (int round = 0; round < 5; ++round) {
      auto target = HostTarget::create();
      if (!target || !(*target)->spawn(0)) return;
      const sys::Request open = {
          Call::Open, {sys::kOpenCreate | sys::kOpenExclusive | sys::kOpenReadWrite, 0600}, "f"};
      const sys::Request segment = {
          Call::Shmget, {0x7077, kPageSize, sys::kIpcCreate | sys::kIpcExclusive | 0600}, {}};
      const bool fresh = (*target)->call(0, open, 0).value == 3 &&
                         (::geteuid() != 0 || (*target)->call(0, segment, 0).value >= 0);
      bool same = true;
      for (std::uint64_t i = 0; i < 200; ++i) {
        const std::string text(5, letter);
        same = same && (*target)->call(0, {Call::Pwrite, {3, i}, text}, 0).value == 5 &&
               (*target)->call(0, {Call::Pread, {3, 5, i}, {}}, 0).bytes == text;
      }
      good += fresh && same;
    }
  };
  if (!HostTarget::available()) GTEST_SKIP() << HostTarget::available().error().message;
  int first = 0, second = 0;
  std::thread other(play, 'a', std::ref(first));
  play('b', second);
  other.join();
  EXPECT_EQ(first, 5);
  EXPECT_EQ(second, 5);
}

}  // namespace
}  // namespace pw::host
