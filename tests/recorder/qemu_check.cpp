// Proves what the QEMU plugin promises, on programs run under it. Needs qemu-x86_64 (package
// qemu-user); skipped where it is missing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <set>
#include <sstream>
#include <thread>

#include "qemu_spool.hpp"

namespace pw::test {
namespace {

namespace fs = std::filesystem;

fs::path built_file(const char* variable, const char* inside_build) {
  const char* const given = std::getenv(variable);
  return given != nullptr ? fs::path(given) : fs::path(PW_BUILD_DIR) / inside_build;
}

struct Outcome {
  int wait_status = 0;
  std::string output;  // stdout and stderr
};

class QemuRecorder : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v qemu-x86_64 >/dev/null") != 0) {
      GTEST_SKIP() << "qemu-x86_64 is not installed (package qemu-user)";
    }
    ASSERT_TRUE(fs::exists(plugin_)) << plugin_;
    ASSERT_TRUE(fs::exists(guest_)) << guest_;
    std::string name = (fs::temp_directory_path() / "pw-qemu,check-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directory(folder_ / "spool");
  }

  void TearDown() override {
    fs::current_path(started_in_);
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // QEMU takes ",," for a comma in a value.
  std::string plugin_value(const std::string& options) const {
    std::string value = plugin_.string() + ",spool=";
    for (const char c : (folder_ / "spool").string()) value += c == ',' ? ",," : std::string(1, c);
    return value + "," + options;
  }

  struct Child {
    pid_t pid = -1;
    int output = -1;
  };

  Child start(const std::string& options, std::vector<std::string> command) const {
    command.insert(command.begin(), {"qemu-x86_64", "-plugin", plugin_value(options)});
    std::array<int, 2> pipe_ends{};
    if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // no program outlives a test that failed
      dup2(pipe_ends[1], 1);
      dup2(pipe_ends[1], 2);
      std::vector<char*> words;
      for (auto& word : command) words.push_back(word.data());
      words.push_back(nullptr);
      execvp(words[0], words.data());
      _exit(126);
    }
    close(pipe_ends[1]);
    return {pid, pipe_ends[0]};
  }

  static Outcome finish(const Child& child) {
    Outcome run;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = read(child.output, part.data(), part.size())) > 0;) {
      run.output.append(part.data(), static_cast<std::size_t>(n));
    }
    close(child.output);
    waitpid(child.pid, &run.wait_status, 0);
    return run;
  }

  // Runs to its end and decodes all spools.
  Outcome record(const std::string& options, const std::vector<std::string>& command) {
    for (const auto& entry : fs::directory_iterator(folder_ / "spool")) fs::remove(entry.path());
    const Outcome run = finish(start(options, command));
    read_spools();
    return run;
  }

  void read_spools() {
    spools_.clear();
    for (const auto& entry : fs::directory_iterator(folder_ / "spool")) {
      if (entry.path().extension() == ".log") {
        std::ifstream log(entry.path());
        ADD_FAILURE() << "log: " << std::string(std::istreambuf_iterator<char>(log), {});
      } else {
        spools_.push_back(SpoolDecoder::decode_file(entry.path()));
      }
    }
    std::sort(spools_.begin(), spools_.end(),
              [](const Spool& a, const Spool& b) { return a.header.start_ns < b.header.start_ns; });
  }

  std::vector<std::string> guest(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), guest_.string());
    return arguments;
  }

  fs::path plugin_ = built_file("PW_QEMU_PLUGIN", "lib/pagewright/pw-qemu.so");
  fs::path guest_ = built_file("PW_QEMU_GUEST", "tests/recorder/qemu_guest");
  fs::path started_in_ = fs::current_path();
  fs::path folder_;
  std::vector<Spool> spools_;
};

// ---- the filter ----

struct PageReference {
  std::uint64_t clock, page;
  unsigned fetch_kind;  // enum pw_kind, if it were to miss
  bool write;
};

// A full recording's references, page by page.
std::vector<PageReference> page_references(const SpoolStream& full) {
  std::vector<PageReference> references;
  std::uint64_t clock = 0;
  for (const auto& event : full.events) {
    if (event.kind != PW_REFERENCE) continue;
    const unsigned access = event.access & 3;
    const unsigned kind = (event.access & 4) != 0 ? PW_FETCH_KERNEL_READ + access : access;
    const std::uint64_t last = (event.place + event.size - 1) >> 12;
    for (std::uint64_t page = event.place >> 12; page <= last; ++page) {
      references.push_back({++clock, page, kind, access == PW_FETCH_WRITE});
    }
    EXPECT_EQ(clock, event.clock) << "the clock counts pages referenced";
    clock = event.clock;
  }
  return references;
}

SpoolEvent event_at(unsigned kind, const PageReference& reference) {
  SpoolEvent event;
  event.kind = kind;
  event.clock = reference.clock;
  event.place = reference.page;
  return event;
}

// What a filter of k pages must write of them: textbook LRU, on a list.
std::vector<SpoolEvent> expected_events(const std::vector<PageReference>& references,
                                        std::size_t k) {
  struct Held {
    std::uint64_t page, last;
    bool written;
  };
  std::list<Held> lru;  // most recent first
  std::map<std::uint64_t, std::list<Held>::iterator> where;
  std::vector<SpoolEvent> events;
  for (const auto& r : references) {
    if (const auto found = where.find(r.page); found != where.end()) {
      lru.splice(lru.begin(), lru, found->second);
      if (r.write && !lru.front().written) {
        events.push_back(event_at(PW_FIRST_WRITE, r));
      }
      lru.front().written |= r.write;
      lru.front().last = r.clock;
      continue;
    }
    SpoolEvent fetch = event_at(r.fetch_kind, r);
    if (lru.size() == k) {
      fetch.evicted = lru.back().page;
      fetch.evicted_last = lru.back().last;
      where.erase(lru.back().page);
      lru.pop_back();
    }
    events.push_back(fetch);
    lru.push_front({r.page, r.clock, r.write});
    where[r.page] = lru.begin();
  }
  return events;
}

std::vector<SpoolEvent> filter_events(const SpoolStream& stream) {
  std::vector<SpoolEvent> events;
  for (SpoolEvent event : stream.events) {
    event.last_of_frame = false;
    if (event.kind != PW_CONTROL) events.push_back(std::move(event));
  }
  return events;
}

std::uint64_t lru_misses(const std::vector<PageReference>& references, std::size_t size) {
  const auto events = expected_events(references, size);
  return static_cast<std::uint64_t>(std::count_if(
      events.begin(), events.end(), [](const SpoolEvent& e) { return e.kind != PW_FIRST_WRITE; }));
}

// The same from a recording with a filter of k <= size pages: those that left it lie, in the order
// of their leaving, below the k in an LRU stack.
std::uint64_t lru_misses_from_filter(const std::vector<SpoolEvent>& events, std::size_t k,
                                     std::size_t size) {
  std::vector<std::uint64_t> left;
  std::uint64_t misses = 0;
  for (const auto& event : events) {
    if (event.kind > PW_FETCH_KERNEL_WRITE) continue;
    const auto found = std::find(left.rbegin(), left.rend(), event.place);
    const auto depth = k + static_cast<std::size_t>(found - left.rbegin());
    misses += found == left.rend() || depth >= size ? 1 : 0;
    if (found != left.rend()) left.erase(std::next(found).base());
    if (event.evicted != kNone) left.push_back(event.evicted);
  }
  return misses;
}

class QemuFilter : public QemuRecorder, public testing::WithParamInterface<unsigned> {};

TEST_P(QemuFilter, WritesWhatAnLruListOverAllReferencesWould) {
  const unsigned k = GetParam();
  ASSERT_EQ(WEXITSTATUS(record("detail=full", guest({"walk"})).wait_status), 7);
  ASSERT_EQ(spools_.size(), 1U);
  const auto references = page_references(spools_[0].streams.at(0));
  ASSERT_GT(references.size(), 50000U);

  const std::string options = k == 1 ? "detail=switches" : "detail=pages,k=" + std::to_string(k);
  ASSERT_EQ(WEXITSTATUS(record(options, guest({"walk"})).wait_status), 7);
  ASSERT_EQ(spools_.size(), 1U);
  EXPECT_EQ(spools_[0].header.k, k);
  EXPECT_EQ(spools_[0].streams.at(0).clock, references.back().clock);
  const auto events = filter_events(spools_[0].streams.at(0));
  const auto expected = expected_events(references, k);
  ASSERT_EQ(events.size(), expected.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(events[i], expected[i]) << "event " << i << " at clock " << events[i].clock;
  }
  for (const std::size_t size : {k, k + 1, k + 17, 2 * k, 150U + k, 400U + k}) {
    EXPECT_EQ(lru_misses_from_filter(events, k, size), lru_misses(references, size)) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, QemuFilter, testing::Values(1U, 2U, 64U, 200U));

TEST_F(QemuRecorder, ToldOfWritesByTheKernel) {
  const Outcome run = record("detail=pages", guest({"kernel-write"}));
  const std::uint64_t page = std::stoull(run.output, nullptr, 16);
  std::set<std::uint64_t> written;
  for (const auto& event : spools_.at(0).streams.at(0).events) {
    if (event.kind == PW_FETCH_KERNEL_WRITE) written.insert(event.place);
  }
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(written.contains(page + i)) << i;
}

// ---- areas and system calls ----

TEST_F(QemuRecorder, MapsAreTheProgramsOwn) {
  record("detail=pages", guest({"arguments"}));
  const std::string& maps = spools_.at(0).maps;
  EXPECT_NE(maps.find(guest_.string()), std::string::npos) << maps;
  EXPECT_NE(maps.find(" r-xp "), std::string::npos) << maps;
  EXPECT_NE(maps.find("[stack]"), std::string::npos) << maps;
  EXPECT_EQ(maps.find("pw-qemu.so"), std::string::npos) << maps;
  EXPECT_EQ(maps.find("/qemu-x86_64"), std::string::npos) << maps;
  EXPECT_EQ(maps.find("libc.so"), std::string::npos)
      << "QEMU's own libc: the program's comes later";
}

TEST_F(QemuRecorder, EveryPageTouchedLiesInAKnownArea) {
  record("detail=pages", guest({"walk"}));
  std::set<std::uint64_t> known;
  const auto add = [&known](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t page = begin >> 12; page < (end + 4095) >> 12; ++page) known.insert(page);
  };
  std::istringstream maps(spools_.at(0).maps);
  for (std::string line; std::getline(maps, line);) {
    std::size_t used = 0;
    const std::uint64_t begin = std::stoull(line, &used, 16);
    add(begin, std::stoull(line.substr(used + 1), nullptr, 16));
  }
  std::uint64_t heap = 0;
  for (const auto& event : spools_[0].streams.at(0).events) {
    if (event.kind <= PW_FETCH_KERNEL_WRITE) {
      EXPECT_TRUE(known.contains(event.place)) << std::hex << event.place;
    }
    if (event.kind != PW_CONTROL || event.place != PW_SYSCALL) continue;
    const std::uint64_t result = (event.numbers[7] >> 1) ^ (0 - (event.numbers[7] & 1));
    if (event.numbers[0] == SYS_mmap) add(result, result + event.numbers[2]);
    if (event.numbers[0] == SYS_brk) {
      add(heap != 0 ? heap : result, result);
      heap = result;
    }
  }
}

TEST_F(QemuRecorder, MmapHasItsFilesPathAndResult) {
  const fs::path file = folder_ / "mapped";
  std::ofstream(file) << "bytes";
  const Outcome run = record("detail=pages", guest({"map-file", file.string()}));
  const std::uint64_t address = std::stoull(run.output, nullptr, 16) << 12;
  bool mapped = false, unmapped = false;
  for (const auto& call : spools_.at(0).controls(PW_SYSCALL)) {
    mapped |= call.numbers[0] == SYS_mmap && call.text == file.string() &&
              call.numbers[7] == address * 2;
    unmapped |= mapped && call.numbers[0] == SYS_munmap && call.numbers[1] == address;
  }
  EXPECT_TRUE(mapped);
  EXPECT_TRUE(unmapped);
}

// ---- threads and processes ----

TEST_F(QemuRecorder, EachThreadHasItsStream) {
  EXPECT_EQ(record("detail=pages", guest({"threads"})).wait_status, 0);
  ASSERT_EQ(spools_.size(), 1U);
  ASSERT_EQ(spools_[0].streams.size(), 2U);
  std::set<std::uint64_t> tids;
  for (const auto& start : spools_[0].controls(PW_THREAD_START)) tids.insert(start.numbers.at(0));
  EXPECT_EQ(tids.size(), 2U);
  EXPECT_EQ(spools_[0].controls(PW_THREAD_EXIT).size(), 1U);
  for (const auto& [index, stream] : spools_[0].streams) EXPECT_GT(stream.clock, 40000U) << index;
}

TEST_F(QemuRecorder, ForkedChildHasItsOwnSpool) {
  const Outcome run = record("detail=pages", guest({"fork"}));
  EXPECT_EQ(run.wait_status, 0);
  ASSERT_EQ(spools_.size(), 2U);
  const Spool& parent = spools_[0];
  const Spool& child = spools_[1];
  EXPECT_EQ(std::to_string(child.header.pid) + "\n", run.output);
  EXPECT_EQ(child.header.parent_pid, parent.header.pid);
  EXPECT_EQ(child.header.flags, 1U);
  EXPECT_EQ(parent.header.parent_pid, 0);
  EXPECT_EQ(child.command, parent.command);
  EXPECT_NE(child.maps.find("libc.so"), std::string::npos) << "mapped before the fork";
  EXPECT_GT(child.streams.at(0).clock, 40000U);
  const auto forks = parent.controls(PW_FORK);
  ASSERT_EQ(forks.size(), 1U);
  EXPECT_EQ(forks[0].numbers.at(0), static_cast<std::uint64_t>(child.header.pid));
  EXPECT_TRUE(forks[0].last_of_frame);
  EXPECT_TRUE(child.ended);
  EXPECT_EQ(child.end_status, 7U);
}

TEST_F(QemuRecorder, PipelineIsFollowedThroughForkAndExec) {
  const Outcome run = record("detail=pages", {"/bin/sh", "-c", "seq 1 1000 | sort -n | tail -1"});
  EXPECT_EQ(run.output, "1000\n");
  EXPECT_EQ(run.wait_status, 0);
  std::multiset<std::string> images;
  for (const auto& spool : spools_) {
    EXPECT_TRUE(spool.ended);
    EXPECT_EQ(spool.cut_bytes, 0U);
    EXPECT_EQ(spool.header.parent_pid,
              spool.header.pid == spools_[0].header.pid ? 0 : spools_[0].header.pid);
    if (spool.header.flags == 0) images.insert(spool.command.c_str());
  }
  EXPECT_EQ(images, (std::multiset<std::string>{"/bin/sh", "seq", "sort", "tail"}));
}

TEST_F(QemuRecorder, ScriptIsRunByItsRecordedInterpreterWithItsArguments) {
  const fs::path script = folder_ / "script";
  std::ofstream(script) << "#! " << guest_.string() << " one  \n";
  fs::permissions(script, fs::perms::owner_all);
  const fs::path libraries = folder_ / "libraries";  // an unusable one, should QEMU take it for its
                                                     // own
  fs::create_directory(libraries);
  std::ofstream(libraries / "libglib-2.0.so.0") << "no library";
  const std::string no_comma = "/proc/self/cwd/libraries";
  fs::current_path(folder_);
  const Outcome run = record("detail=pages", guest({"exec", script.string(), no_comma}));
  EXPECT_EQ(run.output, "1\n[" + guest_.string() + "][one][" + script.string() + "][two words][] " +
                            no_comma + "\n");
  ASSERT_EQ(spools_.size(), 2U);
  EXPECT_EQ(spools_[0].header.pid, spools_[1].header.pid);
  EXPECT_EQ(spools_[0].end_reason, 1U);
  EXPECT_EQ(spools_[1].end_reason, 0U);
}

// ---- what programs do to a recorder ----

TEST_F(QemuRecorder, SurvivesAProgramThatClosesEveryDescriptor) {
  const Outcome run = record("detail=pages", guest({"close-all"}));
  EXPECT_EQ(WEXITSTATUS(run.wait_status), 7);
  EXPECT_EQ(run.output, "");
  ASSERT_EQ(spools_.size(), 1U);
  EXPECT_TRUE(spools_[0].ended);
  // Three walks of the same length, of which none is missing: no gap in the filter's state either,
  // which the decoder has checked at each frame.
  EXPECT_GT(spools_[0].streams.at(0).clock, 3U * 40000U);
}

TEST_F(QemuRecorder, ProgramRunsOnWhenTheSpoolFolderIsGone) {
  const std::string spool = (folder_ / "spool").string();
  const Outcome run = finish(
      start("detail=pages", {"/bin/sh", "-c", "rm -r '" + spool + "'; seq 1 3 | tail -1"}));
  EXPECT_EQ(run.output, "3\n");
  EXPECT_EQ(run.wait_status, 0);
}

class QemuKill : public QemuRecorder, public testing::WithParamInterface<const char*> {
 protected:
  bool has_written(std::uint64_t page) {
    read_spools();
    if (spools_.size() != 1 || !spools_[0].streams.contains(0)) return false;
    const auto& events = spools_[0].streams.at(0).events;
    return std::any_of(events.begin(), events.end(), [page](const SpoolEvent& event) {
      return event.kind == PW_FETCH_WRITE && event.place == page;
    });
  }
};

TEST_P(QemuKill, LeavesWholeFramesUpToShortlyBefore) {
  const Child child = start("detail=pages", guest({"wait", GetParam()}));
  std::array<char, 64> line{};
  ASSERT_GT(read(child.output, line.data(), line.size() - 1), 0);
  const std::uint64_t page = std::stoull(line.data(), nullptr, 16);
  bool seen = false;  // without the program doing anything for it any more
  for (int tries = 0; tries < 200 && !seen; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    seen = has_written(page);
  }
  EXPECT_TRUE(seen);
  kill(child.pid, SIGKILL);
  finish(child);
  EXPECT_TRUE(has_written(page));
  EXPECT_FALSE(spools_.at(0).ended);
  EXPECT_EQ(spools_.at(0).cut_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(While, QemuKill, testing::Values("computing", "asleep"));

}  // namespace
}  // namespace pw::test
