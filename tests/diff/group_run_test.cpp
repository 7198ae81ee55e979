// Runs in memory groups of the real kernel: what is counted, and that nothing stays behind, whoever
// is killed when. Needs root and a memory controller; without, the tests are skipped and say so.
#include "ports/host/group_run.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>

#include "ports/host/temporary_swap.hpp"
#include "support/temporary_folder.hpp"
#include "tools/check_measure.hpp"

namespace pw::host {
namespace {

namespace fs = std::filesystem;
using pw::testing::TemporaryFolder;

// Takes so many MiB of memory for a moment, in one process of three.
std::vector<std::string> takes(int mib) {
  const std::string bytes = std::to_string(mib << 20);
  return {"/bin/sh", "-c", "head -c " + bytes + " /dev/zero | tail -c " + bytes + " >/dev/null"};
}

class GroupRun : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto parent = find_group_parent();
    if (!parent) GTEST_SKIP() << parent.error().message;
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    parent_ = *parent;
    auto guardian = Guardian::start();
    ASSERT_TRUE(guardian) << guardian.error().message;
    guardian_ = std::move(*guardian);
    if (parent_.make_room) {
      ASSERT_TRUE(guardian_->make_room(parent_));
    }
  }

  Result<RunResult> run(std::vector<std::string> command, std::uint64_t limit_mib = 0,
                        bool swap = false) {
    RunRequest request;
    request.command = std::move(command);
    request.knobs = {limit_mib << 20, 60, swap || limit_mib == 0};
    request.timeout_s = timeout_s_;
    return run_in_group(*guardian_, parent_, request);
  }
  RunResult good(const Result<RunResult>& result) {
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? *result : RunResult{};
  }

  GroupParent parent_;
  std::unique_ptr<Guardian> guardian_;
  double timeout_s_ = 60;
};

// A program of one segment that leaves at once: an ELF header, a program header, three
// instructions.
std::string smallest_program() {
  constexpr std::uint64_t kBase = 0x400000, kHeaders = 64 + 56;
  std::string file(
      "\x7f"
      "ELF\2\1\1",
      7);
  const auto put = [&file](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) file += static_cast<char>(value >> (8 * i));
  };
  file.resize(16);
  const std::string code("\xb8\xe7\0\0\0\x31\xff\x0f\x05", 9);  // exit_group(0)
  put(2, 2), put(62, 2), put(1, 4);                             // executable, x86-64
  put(kBase + kHeaders, 8), put(64, 8), put(0, 8), put(0, 4);   // entry, program headers
  put(64, 2), put(56, 2), put(1, 2), put(0, 6);
  put(1, 4), put(5, 4), put(0, 8), put(kBase, 8), put(kBase, 8);  // to be loaded, read and execute
  put(kHeaders + code.size(), 8), put(kHeaders + code.size(), 8), put(4096, 8);
  return file + code;
}

// One fault for the page of its arguments, one for its instructions: what the launcher does before
// execve is not in it.
TEST_F(GroupRun, TheSmallestProgramTakesTwoFaults) {
  const TemporaryFolder folder;
  const std::string path = folder / "smallest";
  pw::testing::write_file(path, smallest_program());
  chmod(path.c_str(), 0755);
  char** const environment = environ;
  char* nothing[] = {nullptr};
  environ = nothing;  // or its strings take pages of their own
  for (int i = 0; i < 3; ++i) {
    const RunResult result = good(run({path}));
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_EQ(result.minor_faults, 2U);
    EXPECT_EQ(result.major_faults, 0U);
    EXPECT_EQ(result.left_over, 0);
  }
  environ = environment;
}

// The page cache decides how many pages a fault on a library maps, and the first runs fill it.
TEST_F(GroupRun, FaultsRepeatExactly) {
  std::set<std::uint64_t> counts;
  for (int i = 0; i < 8; ++i) {
    const RunResult result = good(run({"/bin/true"}));
    EXPECT_EQ(result.exit_status, 0);
    if (i >= 3) counts.insert(result.minor_faults);
  }
  EXPECT_EQ(counts.size(), 1U);
  EXPECT_GT(*counts.begin(), 20U);
  EXPECT_LT(*counts.begin(), 200U);
}

// Of some runs that with the fewest faults: in what pieces bytes come through the pipe, and what of
// the libraries is in memory, also hangs on what else the host does.
TEST_F(GroupRun, AllProcessesOfATreeCount) {
  const auto fewest = [this](int mib) {
    RunResult best = good(run(takes(mib)));
    for (int i = 0; i < 4; ++i) {
      const RunResult again = good(run(takes(mib)));
      if (again.minor_faults < best.minor_faults) best = again;
    }
    return best;
  };
  const RunResult small = fewest(1);
  const RunResult large = fewest(33);
  EXPECT_EQ(large.exit_status, 0);
  const std::uint64_t pages = 32 << 8;
  EXPECT_GE(large.minor_faults - small.minor_faults, pages);
  EXPECT_LT(large.minor_faults - small.minor_faults, pages + pages / 20);
  EXPECT_GE(large.peak_resident_bytes, std::uint64_t{33} << 20);
  EXPECT_GE(large.peak_group_bytes, std::uint64_t{33} << 20);
  EXPECT_LT(small.peak_resident_bytes, std::uint64_t{8} << 20);  // not that of this test
}

TEST_F(GroupRun, StatusesAndWhatIsLeftBehind) {
  EXPECT_EQ(good(run({"/bin/sh", "-c", "exit 7"})).exit_status, 7);
  EXPECT_EQ(good(run({"/bin/sh", "-c", "kill -9 $$"})).exit_status, 128 + SIGKILL);
  const RunResult left = good(run({"/bin/sh", "-c", "sleep 60 & setsid sleep 60 & exit 3"}));
  EXPECT_EQ(left.exit_status, 3);
  EXPECT_EQ(left.left_over, 2);
  EXPECT_FALSE(left.timed_out);
  timeout_s_ = 0.2;
  const RunResult late = good(run({"/bin/sleep", "60"}));
  EXPECT_TRUE(late.timed_out);
  EXPECT_EQ(late.exit_status, 128 + SIGKILL);
}

TEST_F(GroupRun, WhatCannotRunIsSaid) {
  EXPECT_EQ(run({"/no/such/program"}).error().code, Errno::NoEntry);
  EXPECT_EQ(run({"no-such-program-anywhere"}).error().code, Errno::NoEntry);
  EXPECT_EQ(run({"/etc/passwd"}).error().code, Errno::Access);
  EXPECT_EQ(run({}).error().code, Errno::Invalid);
  RunRequest request;
  request.command = {"/bin/true"};
  request.cpu = 1023;
  const auto nowhere = run_in_group(*guardian_, parent_, request);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("CPU 1023"), std::string::npos);
}

TEST_F(GroupRun, WithoutSwapTheLimitKills) {
  const RunResult result = good(run(takes(40), 16));
  EXPECT_EQ(result.oom_kills, 1U);
  EXPECT_LE(result.peak_group_bytes, std::uint64_t{16} << 20);
  if (access("/dev/kmsg", R_OK) == 0) {
    EXPECT_EQ(result.oom_victims, std::vector<std::string>{"tail"});
  }
}

TEST_F(GroupRun, WithSwapItSwaps) {
  const auto device = guardian_->make_zram(64 << 20, "");
  if (!device) GTEST_SKIP() << device.error().message;
  const RunResult result = good(run(takes(40), 16, true));
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_EQ(result.oom_kills, 0U);
  EXPECT_LE(result.peak_group_bytes, std::uint64_t{16} << 20);
  const auto count = [&](const char* name) { return value_of(result.counters.counts, name); };
  const std::uint64_t out = count("pswpout") + count("swpout_zero");  // the memory is all zeros
  const std::uint64_t beyond = 24 << 8;
  EXPECT_GE(out, beyond);
  EXPECT_GE(count("pgscan"), out);
  EXPECT_GE(result.major_faults, beyond / 2);
  EXPECT_GE(count("workingset_refault_anon"), beyond / 2);
}

// ---- Nothing stays behind.

std::set<std::string> zram_devices() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator("/sys/block")) {
    const std::string name = entry.path().filename();
    if (name.rfind("zram", 0) == 0) names.insert(name);
  }
  return names;
}

// Groups whose guardian is no more.
std::vector<std::string> orphans(const std::string& parent) {
  constexpr std::string_view kPrefix = "pagewright-";
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(parent)) {
    const std::string name = entry.path().filename();
    if (name.rfind(kPrefix, 0) != 0) continue;
    const pid_t guardian = std::atoi(name.c_str() + kPrefix.size());
    if (guardian > 0 && kill(guardian, 0) != 0 && errno == ESRCH) names.push_back(name);
  }
  return names;
}

class GroupRunKilled : public GroupRun {
 protected:
  // A child that does `work` with this folder and is killed after `delay_ms`; then what is left.
  void kill_after(int delay_ms, int number, const std::function<void(const std::string&)>& work) {
    const TemporaryFolder folder;
    const std::set<std::string> before = zram_devices();
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::signal(number, SIG_DFL);  // what a shell starts in the background ignores SIGINT
      work(folder.path().string());
      _exit(0);
    }
    usleep(static_cast<useconds_t>(delay_ms) * 1000);
    kill(child, number);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    std::string left;
    for (int tries = 0; tries < 1000; ++tries) {
      left = left_over(folder.path().string(), before);
      if (left.empty()) break;
      usleep(20'000);
    }
    EXPECT_EQ(left, "") << "killed after " << delay_ms << " ms by signal " << number;
  }

 private:
  // Other tests may run beside this one: what they have goes away in time.
  std::string left_over(const std::string& folder, const std::set<std::string>& devices_before) {
    std::string left;
    for (const auto& entry : fs::directory_iterator(folder)) left += entry.path().string() + ' ';
    for (const std::string& group : orphans(parent_.path)) left += group + ' ';
    for (const std::string& device : zram_devices()) {
      if (devices_before.count(device) == 0) left += device + ' ';
    }
    for (const SwapArea& area : current_swaps()) {
      if (area.path.find(folder) != std::string::npos) left += area.path + ' ';
    }
    return left;
  }
};

constexpr std::array kMoments{0, 3, 10, 30, 60, 120, 300, 700};
constexpr std::array kSignals{SIGKILL, SIGTERM, SIGINT};

void check_in(const std::string& folder, predict::SwapKind swap) {
  setenv("TMPDIR", folder.c_str(), 1);
  tools::MeasureOptions options;
  options.command = takes(24);
  options.percents = {75, 50};
  options.runs = 2;
  options.swap = swap;
  options.swap_folder = folder;
  auto measurement = tools::Measurement::start(options);
  if (!measurement) return;
  const auto quiet = [](const std::string&) {};
  (void)(*measurement)->folder();
  if ((*measurement)->without_limit(quiet)) (void)(*measurement)->at_limits(quiet);
}

TEST_F(GroupRunKilled, NothingStaysBehindWithZram) {
  std::size_t i = 0;
  for (int delay_ms : kMoments) {
    kill_after(delay_ms, kSignals[i++ % kSignals.size()],
               [](const std::string& folder) { check_in(folder, predict::SwapKind::Zram); });
  }
}

TEST_F(GroupRunKilled, NothingStaysBehindOfAllThatAGuardianMakes) {
  const GroupParent parent = parent_;
  std::size_t i = 0;
  for (int delay_ms : kMoments) {
    kill_after(delay_ms, kSignals[i++ % kSignals.size()], [&parent](const std::string& folder) {
      auto guardian = Guardian::start();
      if (!guardian) return;
      const auto inside = (*guardian)->make_folder(folder);
      if (inside) std::ofstream(*inside + "/file") << "text";
      (void)(*guardian)->make_zram(8 << 20, "");
      (void)(*guardian)->make_swap_file(folder, 8 << 20);
      RunRequest request;
      request.command = takes(24);
      request.knobs = {16 << 20, 60, true};
      for (;;) (void)run_in_group(**guardian, parent, request);
    });
  }
}

TEST_F(GroupRunKilled, ASettingGoesBack) {
  const TemporaryFolder settings;
  const std::string file = settings / "enabled";
  pw::testing::write_file(file, "always [madvise] never\n");
  kill_after(300, SIGKILL, [&file](const std::string&) {
    auto guardian = Guardian::start();
    if (guardian) (void)(*guardian)->change_setting(file, "always");
    for (;;) pause();
  });
  for (int tries = 0; tries < 500; ++tries) {
    if (pw::testing::read_file(file).rfind("madvise", 0) == 0) break;
    usleep(10'000);
  }
  EXPECT_EQ(pw::testing::read_file(file).substr(0, 7), "madvise");
}

// Version 2: where its memory controller is not to be had, making room fails, but processes move
// and come back all the same.
TEST(GroupRunRoom, ProcessesComeBack) {
  const std::string mounts = text_of_file("/proc/self/mounts");
  const std::size_t type = mounts.find(" cgroup2 ");
  if (type == mounts.npos) GTEST_SKIP() << "no cgroup v2";
  const std::size_t begin = mounts.rfind(' ', type - 1) + 1;
  const std::string group = mounts.substr(begin, type - begin) + "/pw-test-" +
                            std::to_string(getpid());
  if (mkdir(group.c_str(), 0755) != 0) GTEST_SKIP() << "cgroup v2 is not writable";
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  const MemoryGroup inside(GroupVersion::V2, group);
  const MemoryGroup outside(GroupVersion::V2, group + "/pagewright-outside");
  ASSERT_TRUE(write_to_file(inside.processes_file(), std::to_string(child)));
  auto guardian = Guardian::start();
  ASSERT_TRUE(guardian);
  const bool has_memory = text_of_file(group + "/cgroup.controllers").find("memory") != mounts.npos;
  EXPECT_EQ((*guardian)->make_room({GroupVersion::V2, group, true}).has_value(), has_memory);
  EXPECT_EQ(outside.processes(), std::vector<int>{child});
  EXPECT_TRUE(inside.processes().empty());
  (*guardian)->finish();
  EXPECT_EQ(inside.processes(), std::vector<int>{child});
  EXPECT_FALSE(fs::exists(outside.path()));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(rmdir(group.c_str()), 0);
}

TEST(GroupRunRoom, OneCheckAtATimeHasAGroup) {
  const TemporaryFolder folder;
  const std::string outside = folder / "pagewright-outside";
  ASSERT_EQ(mkdir(outside.c_str(), 0755), 0);
  auto guardian = Guardian::start();
  ASSERT_TRUE(guardian);
  const Result<void> room = (*guardian)->make_room({GroupVersion::V2, outside, true});
  ASSERT_FALSE(room);
  EXPECT_EQ(room.error().code, Errno::Access);
  EXPECT_EQ((*guardian)->finish(), std::vector<std::string>{});
}

// A shell's short-lived children come and go while room is made.
TEST_F(GroupRun, ProcessesThatStartAndEndAreInNobodysWay) {
  if (parent_.version != GroupVersion::V2) GTEST_SKIP() << "memory is in version 1";
  const std::string group = parent_.path + "/pw-test-" + std::to_string(getpid());
  ASSERT_EQ(mkdir(group.c_str(), 0755), 0);
  const pid_t busy = fork();
  if (busy == 0) {
    for (;;) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      waitpid(child, nullptr, 0);
    }
  }
  const MemoryGroup inside(GroupVersion::V2, group);
  ASSERT_TRUE(write_to_file(inside.processes_file(), std::to_string(busy)));
  for (int i = 0; i < 20; ++i) {
    auto guardian = Guardian::start();
    ASSERT_TRUE(guardian);
    const Result<void> room = (*guardian)->make_room({GroupVersion::V2, group, true});
    EXPECT_TRUE(room) << room.error().message;
    EXPECT_EQ((*guardian)->finish(), std::vector<std::string>{});
  }
  kill(busy, SIGKILL);
  waitpid(busy, nullptr, 0);
  for (int tries = 0; tries < 500 && rmdir(group.c_str()) != 0; ++tries) usleep(10'000);
  EXPECT_FALSE(fs::exists(group));
}

// Where the controller was off in the whole hierarchy, the first check to end leaves it to the
// other.
TEST_F(GroupRun, TheMemoryControllerStaysForAnotherOnesGroup) {
  if (!parent_.make_room || fs::exists(parent_.path + "/cgroup.type")) {
    GTEST_SKIP() << "the root of version 2 hands out memory already, or is not to be had";
  }
  auto other = Guardian::start();
  ASSERT_TRUE(other);
  const Result<std::string> path = (*other)->make_group(parent_);
  ASSERT_TRUE(path) << path.error().message;
  const std::vector<std::string> left = guardian_->finish();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_NE(left[0].find(fs::path(*path).filename()), std::string::npos) << left[0];
  EXPECT_TRUE(fs::exists(*path + "/memory.max"));
  (*other)->finish();
  EXPECT_FALSE(fs::exists(*path));
  EXPECT_TRUE(write_to_file(parent_.path + "/cgroup.subtree_control", "-memory"));
}

TEST_F(GroupRun, TheEndIsTheSameWhenNobodyIsKilled) {
  const TemporaryFolder folder;
  auto guardian = Guardian::start();
  ASSERT_TRUE(guardian);
  ASSERT_TRUE((*guardian)->make_folder(folder.path().string()));
  const auto zram = (*guardian)->make_zram(8 << 20, "");
  const auto file = (*guardian)->make_swap_file(folder.path().string(), 8 << 20);
  const auto group = (*guardian)->make_group(parent_);
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_TRUE(fs::exists(*group));
  if (zram) {
    EXPECT_EQ(zram_devices().count(fs::path(*zram).filename()), 1U);
  }
  if (file) {
    EXPECT_TRUE(fs::exists(*file));
  }
  EXPECT_EQ((*guardian)->finish(), std::vector<std::string>{});
  EXPECT_FALSE(fs::exists(*group));
  EXPECT_TRUE(fs::is_empty(folder.path()));
  const auto swaps = current_swaps();
  EXPECT_TRUE(std::none_of(swaps.begin(), swaps.end(),
                           [&](const SwapArea& area) { return file && area.path == *file; }));
  EXPECT_FALSE((*guardian)->make_group(parent_));  // it is gone
}

}  // namespace
}  // namespace pw::host
