// Files on their way from spools into recordings: numbered once, however many processes tell of
// them, with what the first one found.
#include <gtest/gtest.h>

#include <filesystem>

#include "record/sections.hpp"
#include "record/spool_converter.hpp"
#include "record/varint.hpp"
#include "support/sample_recording.hpp"
#include "support/spool_maker.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record {
namespace {

using testing::put_control;
using testing::SpoolMaker;
using testing::syscall_payload;

std::string file_frame(std::uint64_t number, std::uint64_t inode, std::uint64_t birth,
                       std::uint64_t bytes, std::uint64_t cached_and_1, std::string_view path) {
  std::string out;
  for (std::uint64_t value :
       {number, std::uint64_t{0x801}, inode, birth, bytes, cached_and_1, std::uint64_t{0}}) {
    put_varint(out, value);
  }
  return out + std::string(path);
}

std::string transfer(std::uint64_t file, bool written, std::int64_t delta, std::uint64_t bytes) {
  std::string out;
  put_varint(out, file << 1 | (written ? 1 : 0));
  put_varint(out, 3);
  put_varint(out, zigzag(static_cast<std::uint64_t>(delta)));
  put_varint(out, bytes);
  return out;
}

class RecordFiles : public ::testing::Test {
 protected:
  RecordFiles() { std::filesystem::create_directory(folder_ / "spools"); }

  void put(const std::string& name, const std::string& bytes) {
    pw::testing::write_file(folder_ / ("spools/" + name), bytes);
  }

  Recording convert(bool redact = false) {
    const std::string output = folder_ / "out.pwrec";
    auto info = SpoolConverter::inspect(folder_ / "spools");
    EXPECT_TRUE(info);
    info->redacted = redact;
    auto writer = Writer::create(output, *info, {});
    SpoolConverter converter(folder_ / "spools", *writer, *info, {.redact = redact});
    EXPECT_TRUE(converter.finish());
    EXPECT_TRUE(writer->finish(0));
    return std::move(*Recording::open(output));
  }

  // A process that has read `transfers` (events, encoded).
  static SpoolMaker process(int pid, std::uint64_t ns, const std::vector<std::string>& files,
                            const std::string& events, std::uint64_t count) {
    SpoolMaker spool(pid, 0, ns, PW_DETAIL_PAGES, 64);
    spool.start("/bin/program", "400000-480000 r-xp 00001000 08:01 123 /bin/program\n");
    for (const std::string& file : files) spool.frame(PW_FRAME_FILE, file);
    spool.frame(PW_FRAME_EVENTS, std::string(1, '\0') + events, ns, 1, 0, count);
    spool.end(0, 0);
    return spool;
  }

  pw::testing::TemporaryFolder folder_;
};

std::vector<Event> transfers_of(const Recording& recording, std::uint32_t pid) {
  std::vector<Event> all;
  Chunk chunk;
  for (std::size_t i = 0; i < recording.chunks().size(); ++i) {
    EXPECT_TRUE(recording.decode(i, chunk));
    for (const Event& event : chunk.events) {
      if (chunk.info.pid == pid && event.kind == EventKind::Transfer) all.push_back(event);
    }
  }
  return all;
}

TEST_F(RecordFiles, AFileIsOneWhateverProcessesCallIt) {
  std::string first, second;
  put_control(first, PW_TRANSFER, 0, transfer(5, false, 4096, 100));
  put_control(first, PW_TRANSFER, 2, transfer(6, true, -96, 50));
  put_control(second, PW_TRANSFER, 0, transfer(0, false, 0, 7));
  put_control(second, PW_TRANSFER, 0, transfer(9, false, 0, 7));  // nobody has told of it
  put("10.spool",
      process(10, 1000,
              {file_frame(5, 70, 1, 8192, 3, "/data/in"), file_frame(6, 71, 1, 0, 1, "/data/out")},
              first, 2)
          .bytes);
  put("11.spool",
      process(11, 2000, {file_frame(0, 71, 1, 50, 2, "/data/renamed")}, second, 2).bytes);
  const Recording recording = convert();

  ASSERT_EQ(recording.file_count(), 2U);
  const FileInfo* in = recording.file(0);
  EXPECT_EQ(in->path, "/data/in");
  EXPECT_EQ(in->bytes, 8192U);
  EXPECT_EQ(in->cached_pages, 2U);
  EXPECT_EQ(in->inode, 70U);
  EXPECT_EQ(recording.file(1)->path, "/data/out");
  EXPECT_EQ(recording.file(1)->bytes, 0U);
  EXPECT_EQ(recording.file(2), nullptr);

  const std::vector<Event> of_first = transfers_of(recording, 10);
  ASSERT_EQ(of_first.size(), 2U);
  EXPECT_EQ(of_first[0].index, 0U);
  EXPECT_EQ(of_first[0].offset, 4096U);
  EXPECT_EQ(of_first[0].length, 100U);
  EXPECT_EQ(of_first[0].access, Access::Read);
  EXPECT_EQ(of_first[1].index, 1U);
  EXPECT_EQ(of_first[1].offset, 4100U);
  EXPECT_EQ(of_first[1].access, Access::Write);
  const std::vector<Event> of_second = transfers_of(recording, 11);
  ASSERT_EQ(of_second.size(), 1U);
  EXPECT_EQ(of_second[0].index, 1U);
}

// An inode number that is used again is another file.
TEST_F(RecordFiles, ANewFileWithAnOldInodeNumberIsNew) {
  put("10.spool",
      process(10, 1000,
              {file_frame(0, 70, 1, 8192, 0, "/data/in"), file_frame(1, 70, 2, 10, 0, "/data/in"),
               file_frame(2, 71, 0, 10, 0, "/data/a"), file_frame(3, 71, 0, 10, 0, "/data/b")},
              "", 0)
          .bytes);
  const Recording recording = convert();
  EXPECT_EQ(recording.file_count(), 4U);
  EXPECT_EQ(recording.file(0)->cached_pages, FileInfo::kNotKnown);
}

TEST_F(RecordFiles, CallsKeepTheirFile) {
  std::string events, payload;
  put_varint(payload, 4);
  payload += syscall_payload(3, {7, 0, 0, 0, 0, 0}, 0);
  put_control(events, PW_FILE_CALL, 0, payload);
  put_control(events, PW_SYSCALL, 0, syscall_payload(11, {7, 8, 0, 0, 0, 0}, 0));
  put("10.spool", process(10, 1000, {file_frame(4, 70, 1, 8192, 0, "/data/in")}, events, 2).bytes);
  const Recording recording = convert();
  Chunk chunk;
  ASSERT_TRUE(recording.decode(0, chunk));
  ASSERT_EQ(chunk.syscalls.size(), 2U);
  EXPECT_EQ(chunk.syscalls[0].number, 3U);
  EXPECT_EQ(chunk.syscalls[0].file, 0U);
  EXPECT_EQ(chunk.syscalls[0].arguments[0], 7U);
  EXPECT_EQ(chunk.syscalls[1].file, kNoFile);
}

TEST_F(RecordFiles, RedactionHidesWhichFilesTheyAre) {
  put("10.spool",
      process(10, 1000, {file_frame(0, 70, 5, 8192, 3, "/home/me/secret")}, "", 0).bytes);
  const Recording recording = convert(true);
  const FileInfo* file = recording.file(0);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->path.find("secret"), std::string::npos);
  EXPECT_EQ(file->inode + file->device + file->birth_ns, 0U);
  EXPECT_EQ(file->bytes, 8192U);
}

TEST_F(RecordFiles, StartStringsReachTheImage) {
  SpoolMaker spool(10, 0, 1000, PW_DETAIL_PAGES, 64);
  spool.start("/bin/program", "400000-480000 r-xp 00001000 08:01 123 /bin/program\n");
  std::string start;
  for (const std::uint64_t value : {2U, 22U, 31U, 1404U, 13U}) put_varint(start, value);
  spool.frame(PW_FRAME_START, start);
  spool.frame(PW_FRAME_EVENTS, std::string(1, '\0'), 1000, 1);
  spool.end(0, 0);
  put("10.spool", spool.bytes);
  const Recording recording = convert();
  Chunk chunk;
  ASSERT_TRUE(recording.decode(0, chunk));
  ASSERT_EQ(chunk.images.size(), 1U);
  EXPECT_EQ(chunk.images[0].start.arguments, 2U);
  EXPECT_EQ(chunk.images[0].start.argument_bytes, 22U);
  EXPECT_EQ(chunk.images[0].start.variables, 31U);
  EXPECT_EQ(chunk.images[0].start.variable_bytes, 1404U);
  EXPECT_EQ(chunk.images[0].start.program_bytes, 13U);
}

// Images of version 1 end with their areas.
TEST(RecordSections, AnImageWithoutStartStringsIsWhole) {
  Image image = testing::sample_image();
  image.start = {1, 2, 3, 4, 5};
  std::string bytes = encode_image(image);
  Image back;
  ASSERT_TRUE(decode_image(bytes, back));
  EXPECT_EQ(back.start.program_bytes, 5U);
  bytes.resize(bytes.size() - 5);
  Image old;
  ASSERT_TRUE(decode_image(bytes, old));
  EXPECT_EQ(old.maps.size(), image.maps.size());
  EXPECT_EQ(old.start.arguments, 0U);
}

TEST(RecordSections, FilesComeBackAsTheyWere) {
  const std::vector<FileInfo> files = {testing::sample_file("/tmp/words", 7),
                                       testing::sample_file("/tmp/sorted", 8)};
  const std::string bytes = encode_files(files);
  std::vector<FileInfo> back;
  ASSERT_TRUE(decode_files(bytes, back));
  ASSERT_EQ(back.size(), 2U);
  EXPECT_EQ(back[0].path, "/tmp/words");
  EXPECT_EQ(back[0].cached_pages, FileInfo::kNotKnown);
  EXPECT_EQ(back[1].cached_pages, 3U);
  EXPECT_EQ(back[1].birth_ns, files[1].birth_ns);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    std::vector<FileInfo> part;
    (void)decode_files(std::string_view(bytes).substr(0, cut), part);
    EXPECT_LE(part.size(), 2U);
  }
}

}  // namespace
}  // namespace pw::record
