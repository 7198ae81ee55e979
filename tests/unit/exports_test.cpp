// Perfetto traces, speedscope profiles and folded stacks: read by a decoder of their own (Python,
// tests/support/decode_exports.py), their sums are the counters of the report.
#include "report/exports.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include "report/json.hpp"
#include "support/busy_recording.hpp"
#include "support/temporary_folder.hpp"
#include "tools/verbs.hpp"

namespace pw::report {
namespace {

using pw::testing::read_file;
using pw::testing::TemporaryFolder;
using pw::testing::write_file;
using record::testing::busy_recording;
using record::testing::BusyShape;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

constexpr const char* kDecoder = PW_SOURCE_DIR "/tests/support/decode_exports.py";

bool has_python() { return std::system("python3 -c pass >/dev/null 2>&1") == 0; }

// A replay of a made-up recording that is short of memory, with its log.
class Logged {
 public:
  explicit Logged(const BusyShape& shape, const replay::FaultLog::Limits& limits = {},
                  unsigned cpus = 1)
      : bytes_(busy_recording(shape)),
        recording_(record::Recording::from_bytes(bytes_)),
        log_(std::in_place, *recording_, limits) {
    MachineConfig config;
    config.ram = ByteCount(256ULL << 20);
    config.swap = ByteCount(256ULL << 20);
    config.resident_limit_pages = 150;
    config.min_free_pages = 0;
    config.cpus = cpus;
    auto result = replay::replay(*recording_, config, {}, nullptr, nullptr, &*log_);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) std::abort();
    log_->finish();
    report_.recording = recording_->info();
    report_.columns.push_back({"base", std::move(*result)});
  }
  Export what() const { return {*recording_, report_.columns.front(), *log_}; }
  const replay::FaultLog& log() const { return *log_; }
  const replay::ReplayResult& result() const { return report_.columns.front().result; }

  // What the decoder finds wrong with all three.
  std::string findings(Measure measure) const {
    const TemporaryFolder folder;
    write_file(folder / "report.json", json(report_));
    write_file(folder / "trace", perfetto(what()));
    write_file(folder / "profile", speedscope(what()));
    write_file(folder / "folded", folded(what(), measure));
    const std::string at = folder / "";
    const std::string of = measure == Measure::Bytes ? "bytes" : "faults";
    const std::string call = std::string("python3 ") + kDecoder + ' ' + at + "report.json " + at +
                             "trace " + at + "profile " + at + "folded " + of + " >" + at +
                             "said 2>&1";
    const int status = std::system(call.c_str());
    return status == 0 ? "" : read_file(folder / "said") + "(failed)";
  }

 private:
  std::string bytes_;
  Result<record::Recording> recording_;
  std::optional<replay::FaultLog> log_;
  Report report_;
};

TEST(Exports, TellTheReportsCounters) {
  if (!has_python()) GTEST_SKIP() << "python3 is missing";
  const Logged logged(BusyShape{});
  const FaultCounters& faults = logged.result().counters.faults;
  EXPECT_GT(faults.swap_in, 0U);
  EXPECT_GT(faults.copy_on_write, 0U);
  EXPECT_GT(faults.zero_page, 0U);
  EXPECT_EQ(logged.log().by_thread().stretch_ns(), 0U);
  EXPECT_EQ(logged.findings(Measure::Faults), "");
  EXPECT_EQ(logged.findings(Measure::Bytes), "");
}

TEST(Exports, AreBoundedAndLoseNothing) {
  if (!has_python()) GTEST_SKIP() << "python3 is missing";
  constexpr std::size_t kSpans = 100;
  constexpr std::size_t kSamples = 30;
  const Logged whole(BusyShape{});
  ASSERT_GT(whole.log().by_thread().all().size(), 4 * kSpans);
  ASSERT_GT(whole.log().memory().size(), 4 * kSamples);
  const Logged logged(BusyShape{}, {kSpans, kSamples});
  EXPECT_LE(logged.log().by_thread().all().size(), kSpans);
  EXPECT_LE(logged.log().by_stack().all().size(), kSpans);
  EXPECT_LE(logged.log().memory().size(), 2 * kSamples + 3);  // the last of two processes and all
  EXPECT_GT(logged.log().by_thread().stretch_ns(), 0U);
  EXPECT_EQ(logged.findings(Measure::Faults), "");
  EXPECT_EQ(logged.findings(Measure::Bytes), "");
  EXPECT_THAT(perfetto(logged.what()), HasSubstr("ns are one event"));
  EXPECT_THAT(perfetto(whole.what()), HasSubstr("each fault by itself"));
}

TEST(Exports, TellEvictionsSwapWritesSwitchesAndShootdownsOneByOne) {
  if (!has_python()) GTEST_SKIP() << "python3 is missing";
  const Logged logged(BusyShape{}, {}, 2);  // threads of one process on two CPUs
  const MachineCounters& counters = logged.result().counters;
  EXPECT_GT(counters.shootdowns, 0U);
  EXPECT_GT(counters.reclaim.pswpout, 0U);
  std::map<MemoryEvent::Kind, std::uint64_t> told;
  std::uint64_t dirty = 0;
  for (const replay::MemorySpan& span : logged.log().events().all()) {
    ASSERT_EQ(span.count, 1U);
    ++told[span.event.kind];
    dirty += span.event.kind == MemoryEvent::Kind::Evicted && span.event.written ? 1 : 0;
  }
  EXPECT_EQ(told[MemoryEvent::Kind::Shootdown], counters.shootdowns);
  EXPECT_EQ(told[MemoryEvent::Kind::Switch], logged.result().tlb.space_switches);
  EXPECT_EQ(told[MemoryEvent::Kind::SwapWrite], counters.reclaim.pswpout);
  EXPECT_EQ(dirty, counters.reclaim.pswpout);          // no clusters, no device that writes later
  EXPECT_LT(dirty, told[MemoryEvent::Kind::Evicted]);  // pages that came back and were only read
  EXPECT_EQ(logged.findings(Measure::Faults), "");
  EXPECT_THAT(perfetto(logged.what()), HasSubstr("shootdown by itself"));
}

TEST(Exports, JoinMemoryEventsThatAreTooMany) {
  if (!has_python()) GTEST_SKIP() << "python3 is missing";
  replay::FaultLog::Limits limits;
  limits.events = 50;
  const Logged whole(BusyShape{}, {}, 2);
  const Logged logged(BusyShape{}, limits, 2);
  ASSERT_GT(whole.log().events().all().size(), 4 * limits.events);
  EXPECT_LE(logged.log().events().all().size(), limits.events);
  EXPECT_GT(logged.log().events().stretch_ns(), 0U);
  EXPECT_EQ(logged.log().by_thread().stretch_ns(), 0U);
  EXPECT_EQ(logged.findings(Measure::Faults), "");
  EXPECT_THAT(perfetto(logged.what()), HasSubstr("ns are one event with a count"));
}

TEST(Exports, HaveReferencesForTimeWhereTheRecordingHasNone) {
  if (!has_python()) GTEST_SKIP() << "python3 is missing";
  BusyShape shape;
  shape.times = false;
  const Logged logged(shape);
  ASSERT_FALSE(logged.log().has_times());
  EXPECT_EQ(logged.findings(Measure::Faults), "");
  EXPECT_THAT(perfetto(logged.what()), HasSubstr("one reference is one nanosecond"));
  EXPECT_LE(logged.log().by_thread().all().back().begin_ns, 2 * shape.references);
  EXPECT_GT(logged.log().by_thread().all().back().begin_ns, shape.references);
}

TEST(Exports, TimesAreThoseOfTheRecording) {
  const Logged logged(BusyShape{});
  ASSERT_TRUE(logged.log().has_times());
  std::uint64_t faults = 0;
  for (const replay::FaultSpan& span : logged.log().by_thread().all()) {
    faults += span.count();
    // The parent runs from 1 to 3 ms, the child has but its beginning, at 3 ms.
    const bool is_child = span.pid == record::testing::kBusyChild;
    EXPECT_TRUE(is_child ? span.begin_ns == 2'000'000 : span.begin_ns <= 2'000'000);
  }
  EXPECT_EQ(faults, logged.result().counters.faults.minor + logged.result().counters.faults.major);
}

TEST(Exports, FaultsBelongToTheStackThatTouchedThePageFirst) {
  const Logged logged(BusyShape{});
  std::map<std::string, std::uint64_t> found;
  std::istringstream lines(folded(logged.what(), Measure::Bytes));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.rfind(' ');
    found[line.substr(0, blank)] = std::stoull(line.substr(blank + 1));
  }
  // 400 pages of two processes by f1, f2, f0 in turn; none was missed. ';' parts frames.
  const std::map<std::string, std::uint64_t> expected{{"main;f0(int: char)", 2 * 133 * kPageSize},
                                                      {"main;f1(int: char)", 2 * 134 * kPageSize},
                                                      {"main;f2(int: char)", 2 * 133 * kPageSize}};
  EXPECT_EQ(found, expected);
}

struct Said {
  int status = 0;
  std::string out, err;
};

Said call(std::vector<std::string> words) {
  CLI::App app("", "pagewright");
  tools::Call call;
  tools::add_report(app, call);
  std::reverse(words.begin(), words.end());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Said said;
  try {
    app.parse(words);
    said.status = call.status;
  } catch (const CLI::ParseError&) {
    said.status = -1;  // what main() makes 2 of
  }
  said.out = ::testing::internal::GetCapturedStdout();
  said.err = ::testing::internal::GetCapturedStderr();
  return said;
}

TEST(ExportVerb, WritesAllThreeBesideTheReport) {
  const TemporaryFolder folder;
  const std::string recording = folder / "a.pwrec";
  write_file(recording, busy_recording({}));
  const Said said = call({"report", recording, "--perfetto", folder / "p", "--speedscope",
                          folder / "s", "--folded", folder / "f", "--folded-of", "bytes"});
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("Page faults"));
  EXPECT_THAT(said.err, HasSubstr("folded stacks: " + (folder / "f")));
  for (const char* name : {"p", "s", "f"}) EXPECT_GT(fs::file_size(folder / name), 0U) << name;
}

TEST(ExportVerb, RefusesBeforeAnythingIsWritten) {
  const TemporaryFolder folder;
  const std::string recording = folder / "a.pwrec";
  write_file(recording, busy_recording({}));
  write_file(folder / "there", "mine");
  const Said exists = call(
      {"report", recording, "--perfetto", folder / "p", "--folded", folder / "there"});
  EXPECT_EQ(exists.status, 2);
  EXPECT_THAT(exists.err, HasSubstr("exists: choose another name or say --force"));
  EXPECT_FALSE(fs::exists(folder / "p"));
  EXPECT_EQ(read_file(folder / "there"), "mine");
  const Said twice = call(
      {"report", recording, "--perfetto", folder / "p", "--folded", folder / "p"});
  EXPECT_EQ(twice.status, 2);
  EXPECT_THAT(twice.err, HasSubstr("named twice"));
  write_file(folder / "a.pws", "machine ram=1M\n");
  const Said script = call({"report", folder / "a.pws", "--folded", folder / "f"});
  EXPECT_EQ(script.status, 2);
  EXPECT_THAT(script.err, HasSubstr("are for recordings"));
  EXPECT_EQ(call({"report", recording, "--folded", folder / "f", "--folded-of", "x"}).status, -1);
  EXPECT_EQ(call({"report", recording, "--folded-of", "bytes"}).status, -1);
}

}  // namespace
}  // namespace pw::report
