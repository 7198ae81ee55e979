// Opening files: what they are, what is known of them, and what is said of those that can't be
// read.
#include "analysis/input.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "support/sample_recording.hpp"
#include "unit/formats/trace_text.hpp"

namespace pw::analysis::testing {
namespace {

using record::Detail;
using record::Event;
using record::EventKind;

// By the definition: every page that the recording names as referenced, in order.
Names recorded_names(const std::vector<record::Chunk>& chunks) {
  Names names;
  std::vector<std::uint32_t> pids;
  for (const record::Chunk& chunk : chunks) {
    if (std::find(pids.begin(), pids.end(), chunk.info.pid) == pids.end()) {
      pids.push_back(chunk.info.pid);
    }
    const auto process = static_cast<std::uint64_t>(
        std::find(pids.begin(), pids.end(), chunk.info.pid) - pids.begin());
    for (const Event& e : chunk.events) {
      if (e.kind == EventKind::Fetch) names.push_back((process << 52) + e.page);
      if (e.kind != EventKind::Reference) continue;
      names.push_back((process << 52) + e.address / 4096);
      for (std::uint64_t a = e.address + 1; a < e.address + e.size; ++a) {
        if (a % 4096 == 0) names.push_back((process << 52) + a / 4096);
      }
    }
  }
  return names;
}

TEST(Input, ARecordingIsADenseTraceWithItsAreas) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "sample";
  std::vector<record::Chunk> chunks;
  ASSERT_TRUE(record::testing::write_sample(path, Detail::Pages, 300, chunks));
  const Result<Input> input = open_input(path);
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->format, "recording");
  ASSERT_NE(input->dense(), nullptr);
  EXPECT_EQ(input->pages(), nullptr);
  const Result<record::Recording> recording = record::Recording::open(path);
  ASSERT_TRUE(recording);
  const Result<DenseTrace> trace = dense_trace(*recording);
  ASSERT_TRUE(trace);
  EXPECT_EQ(input->dense()->ops, trace->ops);
  EXPECT_EQ(input->ids(), trace->ids);
  EXPECT_EQ(input->references(), trace->references);
  EXPECT_EQ(input->filter_pages(), trace->filter_pages);
  EXPECT_EQ(input->exact(), trace->inferred == 0);
  EXPECT_NE(input->recording, nullptr);
  EXPECT_EQ(input->command(), (std::vector<std::string>{"sort", "--parallel=1", "words"}));

  const Result<PageTrace> pages = open_trace(path);
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().message,
            path +
                ": a recording of detail pages leaves references out; record again with "
                "'--detail switches' or '--detail full'");
}

TEST(Input, EveryReferenceOfARecordingThatHasThem) {
  for (const Detail detail : {Detail::Switches, Detail::Full}) {
    const pw::testing::TemporaryFolder folder;
    const std::string path = folder / "sample.pwrec";
    std::vector<record::Chunk> chunks;
    ASSERT_TRUE(record::testing::write_sample(path, detail, 2000, chunks));
    const Result<PageTrace> trace = open_trace(path);
    ASSERT_TRUE(trace) << trace.error().message;
    const Names names = names_of(*trace);
    EXPECT_GT(names.size(), 500U);
    EXPECT_EQ(names, recorded_names(chunks));
  }
}

TEST(Input, ATraceIsEveryReference) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "belady.txt";
  pw::testing::write_file(path, "1 2 3 4 1 2 5 1 2 3 4 5");
  const Result<Input> input = open_input(path);
  ASSERT_TRUE(input);
  EXPECT_EQ(input->format, "plain");
  ASSERT_NE(input->pages(), nullptr);
  EXPECT_EQ(names_of(*input->pages()), (Names{1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5}));
  EXPECT_EQ(input->references(), 12U);
  EXPECT_EQ(input->ids(), 5U);
  EXPECT_EQ(input->filter_pages(), 0U);
  EXPECT_TRUE(input->exact());
  EXPECT_EQ(input->recording, nullptr);
  EXPECT_TRUE(input->command().empty());
}

TEST(Input, APipeIsReadLikeAFile) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  Names names;
  for (std::uint64_t i = 0; i < 40'000; ++i) names.push_back(i * i % 1009);
  std::string text;
  for (const std::uint64_t name : names) text += std::to_string(name) + '\n';
  std::thread writer([&] { pw::testing::write_file(path, zstd_frame(text)); });
  const Result<PageTrace> trace = open_trace(path);
  writer.join();
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(names_of(*trace), names);
}

TEST(Input, ErrorsNameTheFile) {
  const pw::testing::TemporaryFolder folder;
  const auto error = [](const std::string& path, const std::string& format = {}) {
    const Result<Input> input = open_input(path, {.format = format, .progress = {}});
    return input ? std::string("none") : input.error().message;
  };
  const std::string path = folder / "x";
  EXPECT_EQ(error(path), "cannot open " + path + ": No such file or directory");
  EXPECT_EQ(error(folder.path().string()), folder.path().string() + " is a folder");
  pw::testing::write_file(path, "");
  EXPECT_EQ(error(path), path + " is empty");
  pw::testing::write_file(path, "1 2\n3 x\n");
  EXPECT_EQ(error(path, "plain"),
            path + ": line 2, byte 6: 'x' is not an id (decimal, or 0x and hexadecimal)");
  EXPECT_NE(error(path, "recording").find(path), std::string::npos);
  EXPECT_EQ(open_input(path, {.format = "plain", .progress = {}}).error().code, Errno::Invalid);
  pw::testing::write_file(path, oracle_file({1, 2}).substr(0, 30));
  EXPECT_EQ(error(path), path +
                             ": byte 24 (record 2): is cut: the input ends after 6 of its 24 "
                             "bytes");
}

TEST(Input, EveryFormatIsExplained) {
  std::vector<std::string> names;
  for (const FormatHelp& help : format_help()) {
    names.emplace_back(help.name);
    EXPECT_FALSE(help.meaning.empty());
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"recording", "oracle", "lackey", "csv", "lirs", "plain"}));
}

}  // namespace
}  // namespace pw::analysis::testing
