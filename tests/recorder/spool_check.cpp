// Proves what the Valgrind recorder promises, on programs run under it. Needs valgrind; skipped
// where it is missing. The keystone: from a recording of every reference, a plain LRU list of K
// pages predicts the events of the filtered recordings of the same run, one by one.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "record/cpu_variants.hpp"
#include "valgrind_guest.h"
#include "valgrind_model.hpp"
#include "valgrind_spool.hpp"

namespace pw::recorder_test {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kExecve = 59;

std::string built_file(const char* variable, const char* inside_build) {
  const char* given = std::getenv(variable);
  return given != nullptr ? given : std::string(PW_BUILD_DIR) + "/" + inside_build;
}

class ValgrindRecorder : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v valgrind >/dev/null") != 0) GTEST_SKIP() << "valgrind is missing";
    std::string name = (fs::temp_directory_path() / "pw-valgrind-check-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }

  void TearDown() override {
    std::error_code a_child_may_still_write;
    if (!folder_.empty()) fs::remove_all(folder_, a_child_may_still_write);
  }

  static std::string library() { return built_file("PW_VALGRIND_LIB", "lib/pagewright/valgrind"); }

  // Runs the guest under the recorder, in an environment that does not change between runs. Returns
  // the wait status; the spools are then in folder_/name, what reached stderr in
  // folder_/name.stderr.
  int record(const std::string& name, const std::string& mode, const std::string& options,
             const std::string& library_folder = library()) {
    fs::create_directory(folder_ / name);
    const std::string
        command = "setarch -R env -i PATH=/usr/bin:/bin VALGRIND_LIB=" + library_folder +
                  " valgrind --tool=pagewright --vgdb=no --trace-children=yes --spool-dir=" +
                  (folder_ / name).string() + " " + options + " " +
                  built_file("PW_VALGRIND_GUEST", "tests/recorder/valgrind_guest") + " " + mode +
                  " 2>" + (folder_ / (name + ".stderr")).string();
    return std::system(command.c_str());
  }

  std::vector<Spool> spools(const std::string& name) {
    std::set<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder_ / name))
      if (entry.path().extension() == ".spool") paths.insert(entry.path());
    std::vector<Spool> all;
    for (const auto& path : paths) all.push_back(SpoolReader::read(path));
    return all;
  }

  Spool only_spool(const std::string& name, const std::string& mode, const std::string& options,
                   int exit_status = 0) {
    int status = record(name, mode, options);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), exit_status);
    auto all = spools(name);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Spool{} : std::move(all.front());
  }

  fs::path folder_;
};

bool has_event(const Spool& spool, unsigned kind, std::uintptr_t address) {
  for (const SpoolEvent& event : spool.events)
    if (event.kind == kind && event.page == address >> 12) return true;
  return false;
}

std::vector<std::uint64_t> control_values(const Spool& spool, unsigned code) {
  for (const SpoolEvent& event : spool.events)
    if (event.kind == PW_CONTROL && event.code == code) return event.values;
  return {};
}

std::size_t controls(const Spool& spool, unsigned code) {
  std::size_t count = 0;
  for (const SpoolEvent& event : spool.events)
    count += event.kind == PW_CONTROL && event.code == code ? 1 : 0;
  return count;
}

TEST_F(ValgrindRecorder, FilteredEventsAreThoseOfAPlainLruListOnTheFullRecording) {
  for (const std::string mode : {"walk", "fields"}) {
    Spool full = only_spool(mode, mode, "--detail=full");
    for (std::size_t k : {2U, 3U, 16U, 64U, 100U}) {
      SCOPED_TRACE(mode + " " + std::to_string(k));
      Spool pages = only_spool(mode + std::to_string(k), mode, "--k=" + std::to_string(k));
      ASSERT_FALSE(pages.events.empty() || full.events.empty());
      EXPECT_EQ(pages.header.k, k);
      EXPECT_EQ(pages.events.back().clock, full.events.back().clock);
      expect_equal(fetches_and_first_writes(pages), model_of(full, k));
    }
  }
}

TEST_F(ValgrindRecorder, LruMissesAreEqualAtEverySizeFromK) {
  EXPECT_EQ(misses_of_pages(only_spool("pages", "walk", "")),
            misses_of_full(only_spool("full", "walk", "--detail=full")));
}

TEST_F(ValgrindRecorder, SwitchesAreTheChangesOfPageOfTheFullRecording) {
  Spool full = only_spool("full", "walk", "--detail=full");
  Spool switches = only_spool("switches", "walk", "--detail=switches");
  ModelFilter model(1);
  std::optional<std::uint64_t> code_page;
  std::uint64_t uncounted = 0;  // fetches of instructions from the same page as the last one
  replay_full(
      full,
      [&](std::uint64_t page, unsigned access, std::uint64_t clock) {
        if (access == 2 && code_page == page) {
          ++uncounted;
          return;
        }
        if (access == 2) code_page = page;
        model.touch(page, access, clock - uncounted);
      },
      [&](PageRange range) { model.drop(range); });
  expect_equal(fetches_and_first_writes(switches), model.expected);
}

TEST_F(ValgrindRecorder, FirstWritesAreMarkedOnce) {
  Spool spool = only_spool("spool", "first_writes", "");
  std::vector<std::pair<unsigned, std::uint64_t>> seen;
  std::uint64_t base = GUEST_FIRST_WRITE_AREA >> 12;
  for (const SpoolEvent& event : spool.events)
    if (event.kind <= PW_FIRST_WRITE && event.page >= base && event.page < base + 3)
      seen.emplace_back(event.kind, event.page - base);
  const std::vector<std::pair<unsigned, std::uint64_t>> wanted = {
      {PW_FETCH_READ, 0}, {PW_FIRST_WRITE, 0}, {PW_FETCH_WRITE, 1}, {PW_FETCH_READ, 2}};
  EXPECT_EQ(seen, wanted);
}

TEST_F(ValgrindRecorder, TheKernelsReadsAndWritesOfBuffersAppear) {
  Spool spool = only_spool("spool", "kernel", "");
  for (std::uintptr_t page : {0UL, GUEST_PAGE}) {
    EXPECT_TRUE(has_event(spool, PW_FETCH_KERNEL_WRITE, GUEST_KERNEL_WRITE_AREA + page));
    EXPECT_TRUE(has_event(spool, PW_FETCH_KERNEL_READ, GUEST_KERNEL_READ_AREA + page));
  }
}

TEST_F(ValgrindRecorder, TextPagesAreFetchedForExecution) {
  Spool spool = only_spool("spool", "first_writes", "");
  std::size_t executed = 0;
  for (const SpoolEvent& event : spool.events) executed += event.kind == PW_FETCH_EXECUTE ? 1 : 0;
  EXPECT_GT(executed, 10U);
}

TEST_F(ValgrindRecorder, AMappingMadeAnewIsFetchedAnew) {
  for (const char* detail : {"--detail=pages", "--detail=switches"}) {
    Spool spool = only_spool(detail, "remap", detail);
    std::vector<unsigned> order;
    std::uint64_t page = GUEST_REMAP_AREA >> 12;
    for (const SpoolEvent& event : spool.events) {
      if (event.kind <= PW_FIRST_WRITE && event.page == page) order.push_back(event.kind);
      if (event.kind == PW_CONTROL && event.code == PW_SYSCALL && event.values[0] == kMunmap &&
          event.values[1] == GUEST_REMAP_AREA)
        order.push_back(100);
    }
    EXPECT_EQ(order, (std::vector<unsigned>{PW_FETCH_WRITE, 100, PW_FETCH_WRITE, 100})) << detail;
  }
}

TEST_F(ValgrindRecorder, AForkedChildAndAnImageStartedByExecHaveTheirOwnSpools) {
  int status = record("spool", "fork", "");
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  auto all = spools("spool");
  ASSERT_EQ(all.size(), 3U);
  const Spool *parent = nullptr, *child = nullptr, *image = nullptr;
  for (const Spool& spool : all) {
    if ((spool.header.flags & 1) != 0)
      child = &spool;
    else if (controls(spool, PW_FORK) != 0)
      parent = &spool;
    else
      image = &spool;
  }
  ASSERT_TRUE(parent != nullptr && child != nullptr && image != nullptr);
  auto fork_values = control_values(*parent, PW_FORK);
  ASSERT_EQ(fork_values.size(), 2U);
  EXPECT_EQ(fork_values[0], static_cast<std::uint64_t>(child->header.pid));
  EXPECT_EQ(child->header.parent_pid, parent->header.pid);
  EXPECT_EQ(parent->header.parent_pid, 0);
  EXPECT_GT(child->header.parent_clock, 0U);
  EXPECT_EQ(image->header.pid, parent->header.pid);
  // Writes after the fork are seen in both, although the page was written before it.
  EXPECT_TRUE(has_event(*child, PW_FETCH_WRITE, GUEST_FORK_AREA));
  std::size_t writes = 0;
  for (const SpoolEvent& event : parent->events)
    writes += event.kind == PW_FETCH_WRITE && event.page == GUEST_FORK_AREA >> 12 ? 1U : 0U;
  EXPECT_EQ(writes, 2U);
  EXPECT_TRUE(has_event(*image, PW_FETCH_WRITE, GUEST_FIRST_WRITE_AREA + GUEST_PAGE));
  // The exec that failed is told, and the old image ends twice: before it and before the good one.
  bool failed_exec = false;
  for (const SpoolEvent& event : parent->events)
    failed_exec |= event.code == PW_SYSCALL && event.values[0] == kExecve &&
                   static_cast<std::int64_t>(event.values[7]) == -2;
  EXPECT_TRUE(failed_exec);
  ASSERT_FALSE(parent->frames.empty());
  EXPECT_EQ(parent->frames.back(),
            std::make_pair(unsigned{PW_FRAME_END}, std::string("\1\0\0\0\0\0\0\0", 8)));
  ASSERT_FALSE(child->frames.empty());
  EXPECT_EQ(child->frames.back(),
            std::make_pair(unsigned{PW_FRAME_END}, std::string("\0\0\0\0\7\0\0\0", 8)));
  for (const Spool& spool : all)
    for (unsigned type : {PW_FRAME_COMMAND, PW_FRAME_MAPS, PW_FRAME_MODULES})
      EXPECT_TRUE(spool.has_frame(type)) << type;
}

TEST_F(ValgrindRecorder, WaitsForOthersAreTold) {
  constexpr std::uint64_t kRead = 0, kWait4 = 61, kClockNanosleep = 230, kSleep = 20'000'000;
  const int status = record("spool", "waits", "");
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  std::uint64_t waited_for = 0, child = 0, slept_ns = 0, read_ns = 0;
  unsigned pauses = 0;
  std::vector<std::uint64_t> sent, taken;  // channels of the parent's wakes, and of the child's
  std::vector<std::uint64_t> moved;        // bytes through pipes
  for (const Spool& spool : spools("spool")) {
    const bool forked = (spool.header.flags & 1) != 0;
    if (forked) child = static_cast<std::uint64_t>(spool.header.pid);
    for (const SpoolEvent& event : spool.events) {
      if (event.kind == PW_CONTROL && event.code == PW_WAKE) {
        ASSERT_EQ(event.values.size(), 4U);
        if ((event.values[2] >> 2) >= PW_CHANNEL_FIRST_PIPE) moved.push_back(event.values[3]);
        (forked ? taken : sent).push_back(event.values[2]);
      }
      if (event.kind != PW_CONTROL || event.code != PW_WAIT) continue;
      ASSERT_EQ(event.values.size(), 5U);
      pauses += static_cast<unsigned>(event.values[4]);
      if (event.values[0] == kWait4) waited_for = event.values[3];
      if (event.values[0] == kClockNanosleep) slept_ns = event.values[2];
      if (event.values[0] == kRead && forked) read_ns = event.values[2];
    }
  }
  EXPECT_NE(child, 0U);
  EXPECT_EQ(waited_for, child);
  EXPECT_GE(slept_ns, kSleep);
  EXPECT_GE(read_ns, PW_WAIT_NS);
  EXPECT_EQ(pauses, 1U);  // usleep's
  // The byte in the pipe: one number at both ends.
  ASSERT_TRUE(sent.size() == 1 && !taken.empty());
  EXPECT_GE(sent[0] >> 2, static_cast<unsigned>(PW_CHANNEL_FIRST_PIPE));
  EXPECT_EQ(sent[0] & 3, PW_WAKE_SENDS);
  EXPECT_EQ(taken[0], sent[0] - PW_WAKE_SENDS + PW_WAKE_TAKES);
  EXPECT_EQ(moved, (std::vector<std::uint64_t>{1, 1}));
  // Whoever only computes waits for nobody.
  EXPECT_EQ(controls(only_spool("alone", "walk", ""), PW_WAIT), 0U);
}

struct Code {
  std::set<std::uint64_t> pages;
  std::uint64_t library = 0;  // where the C library is, by its first mapping
};

Code code_of(const Spool& spool) {
  constexpr std::uint64_t kMmap = 9;
  Code code;
  for (const SpoolEvent& event : spool.events) {
    if (event.kind == PW_REFERENCE && (event.access & 3U) == 2) {
      code.pages.insert(event.page >> 12);
    } else if (event.kind == PW_CONTROL && event.code == PW_SYSCALL && event.values[0] == kMmap &&
               code.library == 0 && event.path.find("libc.so.6") != std::string::npos) {
      code.library = event.values[7];
    }
  }
  return code;
}

// As if the host had taken, for each function of which there are variants, one that the guest does
// not call.
TEST_F(ValgrindRecorder, CodeLiesWhereTheHostHasItsVariants) {
  record::CpuVariants variants = record::cpu_variants();
  if (variants.chosen.empty()) GTEST_SKIP() << "the C library has no variants";
  Dl_info library{};
  void* const function = dlsym(dlopen("libc.so.6", RTLD_LAZY), "hcreate_r");
  ASSERT_TRUE(function != nullptr && dladdr(function, &library) != 0);
  const std::uint64_t at = reinterpret_cast<std::uintptr_t>(function) -
                           reinterpret_cast<std::uintptr_t>(library.dli_fbase);
  for (auto& [slot, chosen] : variants.chosen) chosen = at;
  const Code as_here = code_of(only_spool("here", "walk", "--detail=full"));
  const std::uint64_t place = (as_here.library + at) >> 12;
  ASSERT_NE(as_here.library, 0U);
  EXPECT_FALSE(as_here.pages.contains(place));
  const auto recorded = [&](const std::string& name) {
    return code_of(only_spool(name, "walk", "--detail=full --variants=" + to_option(variants)));
  };
  const Code as_there = recorded("there");
  EXPECT_TRUE(as_there.pages.contains(place));
  EXPECT_LT(as_there.pages.size(), as_here.pages.size());
  variants.inode += 1;  // another library
  EXPECT_EQ(recorded("other").pages, as_here.pages);
}

TEST_F(ValgrindRecorder, WhatPagesHoldIsToldAtTheEnd) {
  std::vector<std::uint64_t> values;
  for (const auto& [type, payload] : only_spool("spool", "walk", "").frames) {
    if (type != PW_FRAME_CONTENTS) continue;
    for (std::size_t at = 0; at < payload.size();) {
      std::uint64_t value = 0;
      for (unsigned shift = 0; at < payload.size(); shift += 7) {
        const auto byte = static_cast<unsigned char>(payload[at++]);
        value |= std::uint64_t{byte & 127U} << shift;
        if (byte < 128) break;
      }
      values.push_back(value);
    }
  }
  ASSERT_EQ(values.size(), 3U);  // one frame: pages, effort, bytes copied one by one
  EXPECT_GT(values[0], 0U);
  EXPECT_GE(values[1], values[0]);  // no page of zeros counts
  EXPECT_LE(values[1], values[0] * 4 * 4'096);
  EXPECT_LE(values[2], values[0] * 4'096);
}

TEST_F(ValgrindRecorder, AKillLeavesWholeFrames) {
  int status = record("spool", "killed", "--detail=full");
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 128 + 9);
  std::size_t killed = 0;
  for (const Spool& spool : spools("spool")) {
    if ((spool.header.flags & 1) != 0) continue;
    ++killed;
    EXPECT_GT(spool.events.size(), 100000U);
    EXPECT_FALSE(spool.has_frame(PW_FRAME_END));
  }
  EXPECT_EQ(killed, 1U);
}

TEST_F(ValgrindRecorder, ACrashIsRecordedToTheEnd) {
  record("spool", "crash", "");
  auto all = spools("spool");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(has_event(all[0], PW_FETCH_WRITE, GUEST_UNMAPPED));
  EXPECT_TRUE(all[0].has_frame(PW_FRAME_END));
  EXPECT_EQ(control_values(all[0], PW_EXIT), std::vector<std::uint64_t>{PW_ENDED_BY_SIGNAL});
}

TEST_F(ValgrindRecorder, AProgramThatClosesAllDescriptorsIsRecorded) {
  Spool spool = only_spool("spool", "close_all", "", 5);
  EXPECT_TRUE(has_event(spool, PW_FETCH_WRITE, GUEST_WALK_AREA));
  EXPECT_EQ(control_values(spool, PW_EXIT), std::vector<std::uint64_t>{5});
  EXPECT_TRUE(spool.has_frame(PW_FRAME_END));
}

TEST_F(ValgrindRecorder, SignalHandlersAndFaultsThatGrowTheStackDoNotTurnTheClockBack) {
  const std::pair<const char*, int> modes[] = {{"signal", 3}, {"deep", 0}};
  for (auto [mode, exit_status] : modes) {
    SCOPED_TRACE(mode);
    const std::string name = mode;
    Spool full = only_spool(name + "-full", mode, "--detail=full", exit_status);
    Spool pages = only_spool(name + "-pages", mode, "", exit_status);
    if (name == "signal") {
      EXPECT_TRUE(has_event(pages, PW_FETCH_WRITE, GUEST_SIGNAL_AREA));
    }
    expect_equal(fetches_and_first_writes(pages), model_of(full, 64));
  }
}

TEST_F(ValgrindRecorder, AFaultThatAHandlerMendsInTheMiddleOfABlockIsRecordedOn) {
  for (const char* k : {"--k=16", "--k=64"}) {
    Spool spool = only_spool(std::string("spool") + k, "fault_in_fields", k);
    for (std::uintptr_t page = 1; page <= 100; ++page)
      EXPECT_TRUE(has_event(spool, PW_FETCH_READ, GUEST_FIELDS_AREA + page * GUEST_PAGE) ||
                  has_event(spool, PW_FETCH_WRITE, GUEST_FIELDS_AREA + page * GUEST_PAGE))
          << page;
    EXPECT_EQ(control_values(spool, PW_EXIT), std::vector<std::uint64_t>{0});
    EXPECT_TRUE(spool.has_frame(PW_FRAME_END));
  }
}

TEST_F(ValgrindRecorder, AHandlerFindsTheProgramCounterWhereTheFaultWas) {
  for (const char* detail : {"pages", "switches", "full"}) {
    const std::string options = std::string("--detail=") + detail;
    EXPECT_TRUE(only_spool(detail, "fault_is_located", options).has_frame(PW_FRAME_END));
  }
}

TEST_F(ValgrindRecorder, ThreadsAreTold) {
  Spool spool = only_spool("spool", "threads", "");
  EXPECT_EQ(controls(spool, PW_THREAD_START), 2U);
  std::uint64_t running = 0;
  std::uint64_t writer = 0;
  for (const SpoolEvent& event : spool.events) {
    if (event.kind == PW_CONTROL && event.code == PW_THREAD) running = event.values[0];
    if (event.kind == PW_FETCH_WRITE && event.page == (GUEST_THREAD_AREA >> 12) + 1)
      writer = running;
  }
  EXPECT_NE(writer, 0U);
  EXPECT_NE(writer, static_cast<std::uint64_t>(spool.header.pid));
}

TEST_F(ValgrindRecorder, FirstTouchesHaveStacksUnlessSwitchedOff) {
  Spool with = only_spool("with", "walk", "--stacks=all");
  std::set<std::uint64_t> touched;
  std::size_t stacks = 0;
  for (std::size_t i = 0; i < with.events.size(); ++i) {
    const SpoolEvent& event = with.events[i];
    if (event.kind > PW_FETCH_KERNEL_WRITE || event.page < GUEST_WALK_AREA >> 12 ||
        event.page > (GUEST_WALK_AREA >> 12) + 300)
      continue;
    bool first = touched.insert(event.page).second;
    const SpoolEvent* next = i + 1 < with.events.size() ? &with.events[i + 1] : nullptr;
    bool has_stack = next != nullptr && next->kind == PW_CONTROL && next->values[0] == 0 &&
                     (next->code == PW_STACK || next->code == PW_STACK_REF);
    EXPECT_EQ(first, has_stack) << "event " << i;
    stacks += has_stack ? 1 : 0;
  }
  EXPECT_EQ(stacks, 301U);
  Spool without = only_spool("without", "walk", "--stacks=none");
  EXPECT_EQ(controls(without, PW_STACK) + controls(without, PW_STACK_REF), 0U);
}

TEST_F(ValgrindRecorder, MapsHaveHeapAndStackAndNothingOfValgrinds) {
  Spool spool = only_spool("spool", "first_writes", "");
  std::string maps, modules;
  for (const auto& [type, text] : spool.frames) {
    if (type == PW_FRAME_MAPS) maps = text;
    if (type == PW_FRAME_MODULES) modules += text;
  }
  EXPECT_NE(maps.find("[stack]"), std::string::npos);
  EXPECT_NE(maps.find("/valgrind_guest"), std::string::npos);
  EXPECT_EQ(maps.find("pagewright-amd64-linux"), std::string::npos);
  EXPECT_EQ(modules.find("pagewright-amd64-linux"), std::string::npos);
  EXPECT_NE(modules.find("libc.so.6"), std::string::npos);
}

std::string file_text(const fs::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

TEST_F(ValgrindRecorder, NothingReachesTheProgramsStandardError) {
  for (const char* mode : {"walk", "crash", "close_all", "fork"}) {
    record(mode, mode, "");
    const std::string text = file_text(folder_ / (std::string(mode) + ".stderr"));
    EXPECT_EQ(text.find("=="), std::string::npos) << mode << ": " << text;
    EXPECT_FALSE(spools(mode).empty()) << mode;
  }
}

// The program's stack is as the kernel would have made it, shorter by what Valgrind had put there
// for itself; what Valgrind still wants of it must not be the program's to write over. Here that is
// far below where the program's stack begins.
TEST_F(ValgrindRecorder, TheStackMayBeWrittenWhereValgrindsEnvironmentWas) {
  std::string long_way = library();
  for (int i = 0; i < 2000; ++i) long_way += "/.";
  const int status = record("spool", "load_library", "", long_way);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << file_text(folder_ / "spool.stderr");
  const auto all = spools("spool");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].has_frame(PW_FRAME_END));
}

TEST_F(ValgrindRecorder, ALogIsThereOnlyIfThereIsSomethingToSay) {
  for (const char* mode : {"first_writes", "fork", "crash"}) {
    record(mode, mode, "");
    std::string logs;
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_ / mode)) {
      if (entry.path().extension() != ".log") continue;
      ++count;
      logs += file_text(entry.path());
    }
    const bool crashes = mode == std::string("crash");
    EXPECT_EQ(count, crashes ? 1U : 0U) << mode;
    EXPECT_EQ(logs.find("SIGSEGV") != std::string::npos, crashes) << logs;
  }
}

}  // namespace
}  // namespace pw::recorder_test
