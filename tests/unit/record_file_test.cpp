// A recording file gives back what was written, and appears under its name only when it is whole.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "record/recording.hpp"
#include "support/sample_recording.hpp"

namespace pw::record {
namespace {

using pw::testing::read_file;
using pw::testing::TemporaryFolder;
using pw::testing::write_file;
using testing::make_sample;
using testing::Sample;

TEST(RecordFile, GivesBackWhatWasWritten) {
  for (Detail detail : {Detail::Pages, Detail::Switches, Detail::Full}) {
    Sample sample = make_sample(detail, 500);
    ASSERT_FALSE(sample.bytes.empty());
    auto recording = Recording::from_bytes(sample.bytes);
    ASSERT_TRUE(recording) << recording.error().message;
    EXPECT_TRUE(recording->losses().empty());
    const RecordingInfo& info = recording->info();
    EXPECT_EQ(info.detail, detail);
    EXPECT_EQ(info.command, (std::vector<std::string>{"sort", "--parallel=1", "words"}));
    EXPECT_EQ(info.environment_hash, 0x1234567890U);
    EXPECT_EQ(info.wall_start_ns, 77U);
    EXPECT_EQ(info.exit_status, 3);
    EXPECT_FALSE(info.redacted);

    ASSERT_EQ(recording->chunks().size(), sample.chunks.size());
    std::uint64_t references = 0;
    Chunk chunk;
    for (std::size_t i = 0; i < sample.chunks.size(); ++i) {
      const Chunk& written = sample.chunks[i];
      auto decoded = recording->decode(i, chunk);
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_EQ(chunk.info.pid, written.info.pid);
      EXPECT_EQ(chunk.info.clock, written.info.clock);
      EXPECT_EQ(chunk.info.end_clock, written.info.end_clock);
      EXPECT_FALSE(chunk.info.gap);
      EXPECT_EQ(chunk.events.size(), written.events.size());
      EXPECT_EQ(chunk.filter, written.filter);
      bool has_exec = false;
      for (const Event& event : chunk.events) {
        if (event.kind != EventKind::Exec) continue;
        has_exec = true;
        ASSERT_EQ(chunk.images.at(event.index).command, info.command);
        EXPECT_EQ(chunk.images.at(event.index).maps[1].name, "[stack]");
      }
      EXPECT_EQ(has_exec, i == 0);
      references += chunk.info.end_clock - chunk.info.clock;
    }
    EXPECT_EQ(recording->references(), references);
  }
}

TEST(RecordFile, KnowsProcessesAreasAndStacks) {
  Sample sample = make_sample(Detail::Pages, 100);
  auto recording = Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  ASSERT_EQ(recording->processes().size(), 2U);
  EXPECT_EQ(recording->processes()[0].pid, 100U);
  EXPECT_EQ(recording->processes()[0].parent, 0U);
  EXPECT_EQ(recording->processes()[1].parent, 100U);
  EXPECT_EQ(recording->processes()[1].command, recording->info().command);
  EXPECT_EQ(recording->processes()[0].references + recording->processes()[1].references,
            recording->references());

  ASSERT_EQ(recording->maps_before(0).size(), 2U);
  const MappedArea text = recording->maps_before(0)[0];
  EXPECT_EQ(text.begin, VirtAddr(0x400000));
  EXPECT_EQ(text.end, VirtAddr(0x480000));
  EXPECT_EQ(text.file_offset, 0x1000U);
  EXPECT_TRUE(text.readable && text.executable && !text.writable && !text.shared);
  EXPECT_EQ(recording->maps_before(2).at(0).name, "/tmp/child");

  EXPECT_EQ(recording->stack_count(), 2U);
  std::vector<Symbol> stack = recording->stack(0);
  ASSERT_EQ(stack.size(), 2U);
  EXPECT_EQ(stack[0].function, "main");
  EXPECT_EQ(stack[0].line, 42U);
  EXPECT_EQ(stack[1].function, "");  // no symbol: the module
  EXPECT_EQ(stack[1].file, "/usr/bin/sort");
  EXPECT_EQ(recording->stack(1).at(0).file, "");
  EXPECT_TRUE(recording->stack(2).empty());
}

TEST(RecordFile, OpensByItsIndexToo) {
  TemporaryFolder folder;
  Sample sample = make_sample(Detail::Pages, 200);
  std::string path = folder / "a.pwrec";
  write_file(path, sample.bytes);
  auto quick = Recording::open(path, Recording::Verify::Index);
  ASSERT_TRUE(quick);
  ASSERT_EQ(quick->chunks().size(), sample.chunks.size());
  EXPECT_EQ(quick->info().exit_status, 3);
  Chunk chunk;
  for (std::size_t i = 0; i < quick->chunks().size(); ++i) {
    ASSERT_TRUE(quick->decode(i, chunk));
    EXPECT_EQ(chunk.events.size(), sample.chunks[i].events.size());
  }
  EXPECT_EQ(quick->decode(99, chunk).error().code, Errno::Range);
}

TEST(RecordFile, SaysWhyAFileCannotBeOpened) {
  TemporaryFolder folder;
  EXPECT_EQ(Recording::open(folder / "none").error().code, Errno::NoEntry);
  EXPECT_EQ(Recording::open(folder.path().string()).error().code, Errno::Invalid);
  write_file(folder / "text", "hello, world");
  auto text = Recording::open(folder / "text");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errno::Invalid);
  EXPECT_NE(text.error().message.find("not a recording"), std::string::npos);
}

TEST(RecordFile, ReplacesNothingUnasked) {
  TemporaryFolder folder;
  std::string path = folder / "a.pwrec";
  write_file(path, "precious");
  auto refused = Writer::create(path, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errno::Exists);
  EXPECT_NE(refused.error().message.find("--force"), std::string::npos);
  EXPECT_EQ(read_file(path), "precious");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));

  auto forced = Writer::create(path, {}, {.replace = true});
  ASSERT_TRUE(forced);
  EXPECT_EQ(read_file(path), "precious");  // until the new one is whole
  ASSERT_TRUE(forced->finish(0));
  EXPECT_TRUE(Recording::open(path));
}

TEST(RecordFile, DoesNotReplaceAFileThatCameWhileRecording) {
  TemporaryFolder folder;
  std::string path = folder / "a.pwrec";
  auto writer = Writer::create(path, {}, {});
  ASSERT_TRUE(writer);
  write_file(path, "precious");
  auto finished = writer->finish(0);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errno::Exists);
  EXPECT_EQ(read_file(path), "precious");
}

TEST(RecordFile, IsNotSharedByTwoWriters) {
  TemporaryFolder folder;
  std::string path = folder / "a.pwrec";
  auto first = Writer::create(path, {}, {});
  ASSERT_TRUE(first);
  auto second = Writer::create(path, {}, {.replace = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errno::Busy);
}

TEST(RecordFile, LeavesAReadablePartAndNoNameWhenAbandoned) {
  TemporaryFolder folder;
  std::string path = folder / "a.pwrec";
  {
    Random random(1);
    testing::ChunkMaker maker(random, 64);
    auto writer = Writer::create(path, {}, {});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add_process(1, 0, 5));
    ASSERT_TRUE(writer->add_chunk(maker.next(1, 0, 10, 100), 0));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  auto part = Recording::open(path + ".part");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->chunks().size(), 1U);
  EXPECT_EQ(part->info().exit_status, -1);
  ASSERT_EQ(part->losses().size(), 1U);
  EXPECT_NE(part->losses()[0].what.find("cut short"), std::string::npos);
}

// The disk fills up at every possible place: here, a limit on the size of files plays the full
// disk.
TEST(RecordFile, AppearsUnderItsNameOnlyIfEveryByteFits) {
  Sample sample = make_sample(Detail::Pages, 3000);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  for (std::size_t room = 0; room <= sample.bytes.size(); room += sample.bytes.size() / 40) {
    TemporaryFolder folder;
    std::string path = folder / "a.pwrec";
    rlimit limit = before;
    limit.rlim_cur = room;
    setrlimit(RLIMIT_FSIZE, &limit);
    std::vector<Chunk> chunks;
    bool written = testing::write_sample(path, Detail::Pages, 3000, chunks);
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(written, room >= sample.bytes.size()) << room;
    EXPECT_EQ(std::filesystem::exists(path), written) << room;
  }
}

TEST(RecordFile, KeepsTheFirstErrorOfWriting) {
  TemporaryFolder folder;
  std::signal(SIGXFSZ, SIG_IGN);
  auto writer = Writer::create(folder / "a.pwrec", {}, {});
  ASSERT_TRUE(writer);
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  limit.rlim_cur = 100;
  setrlimit(RLIMIT_FSIZE, &limit);
  Random random(1);
  testing::ChunkMaker maker(random, 64);
  Result<void> result;
  for (std::uint64_t i = 0; result && i < 1000; ++i) {
    result = writer->add_chunk(maker.next(1, 0, i, 3000), 0);
  }
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("a.pwrec.part"), std::string::npos);
  EXPECT_EQ(writer->finish(0).error().code, result.error().code);
  EXPECT_FALSE(std::filesystem::exists(folder / "a.pwrec"));
}

}  // namespace
}  // namespace pw::record
