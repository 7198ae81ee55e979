// What a recorded program did with files happens to the machine's page cache.
#include <gtest/gtest.h>

#include <functional>

#include "record/writer.hpp"
#include "replay/replay.hpp"
#include "replay/script_replay.hpp"
#include "replay/shared_names.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"

namespace pw::replay {
namespace {

using record::Chunk;
using record::Event;
using record::EventKind;
using record::FileInfo;

constexpr std::uint32_t kPid = 5;
constexpr std::uint64_t kPages = 16;
constexpr std::uint32_t kOpenAt = 257, kClose = 3, kFtruncate = 77, kUnlink = 87, kMmap = 9,
                        kDup = 32, kSyncFileRange = 277;

FileInfo file_of(std::string path, std::uint64_t pages, std::uint64_t cached) {
  FileInfo file;
  file.path = std::move(path);
  file.inode = file.path.size() + pages;
  file.bytes = pages * kPageSize;
  file.cached_pages = cached;
  return file;
}

// One process that does what the calls below say, replayed on a machine that is looked at after.
class ReplayFiles : public ::testing::Test {
 protected:
  void transfer(std::uint32_t file, Access access, std::uint64_t offset, std::uint64_t length) {
    Event event;
    event.kind = EventKind::Transfer;
    event.clock = clock_;
    event.index = file;
    event.access = access;
    event.offset = offset;
    event.length = length;
    event.by_kernel = true;
    chunk_.events.push_back(event);
  }
  void call(std::uint32_t number, std::uint32_t file, std::vector<std::uint64_t> arguments,
            std::int64_t result = 0) {
    record::SyscallRecord made;
    made.number = number;
    made.file = file;
    made.result = result;
    std::copy(arguments.begin(), arguments.end(), made.arguments);
    Event event;
    event.kind = EventKind::Syscall;
    event.clock = clock_;
    event.index = static_cast<std::uint32_t>(chunk_.syscalls.size());
    chunk_.syscalls.push_back(made);
    chunk_.events.push_back(event);
  }
  void touch(std::uint64_t page, Access access = Access::Read) {
    Event event;
    event.kind = EventKind::Reference;
    event.clock = ++clock_;
    event.address = page << kPageShift;
    event.size = 8;
    event.access = access;
    chunk_.events.push_back(event);
  }

  ReplayResult run(const MachineConfig& config = {}) {
    const std::string path = folder_ / "files.pwrec";
    record::RecordingInfo info;
    info.detail = record::Detail::Full;
    info.filter_pages = 0;
    auto writer = record::Writer::create(path, info, {.replace = true});
    EXPECT_TRUE(writer->add_process(kPid, 0, 1000));
    const auto image = writer->add_image(kPid, {{"program"}, {}}, 1000);
    EXPECT_TRUE(writer->add_files(files_));
    Chunk chunk = chunk_;
    chunk.info.pid = kPid;
    chunk.info.begin_ns = 1000;
    chunk.info.end_clock = clock_;
    Event exec;
    exec.kind = EventKind::Exec;
    chunk.events.insert(chunk.events.begin(), exec);
    EXPECT_TRUE(writer->add_chunk(chunk, *image, {*image}));
    EXPECT_TRUE(writer->finish(0));
    recording_ = std::make_unique<record::Recording>(std::move(*record::Recording::open(path)));
    auto result = replay(*recording_, config);
    EXPECT_TRUE(result);
    return std::move(*result);
  }

  std::vector<FileInfo> files_ = {file_of("/data/cold", kPages, 0),
                                  file_of("/data/warm", kPages, kPages)};
  Chunk chunk_;
  std::uint64_t clock_ = 0;
  pw::testing::TemporaryFolder folder_;
  std::unique_ptr<record::Recording> recording_;
};

MachineConfig one_at_a_time() {
  MachineConfig config;
  config.prefetch = {1, 1, 1, 1};
  return config;
}

auto metadata_machine() {
  MachineConfig config;
  config.contents = Contents::MetadataOnly;
  return Machine::create(config);
}

// A mapping after a read finds the pages: the faults need no device.
TEST_F(ReplayFiles, WhatWasReadIsInThePageCache) {
  for (const bool reads : {false, true}) {
    chunk_ = {};
    if (reads) transfer(0, Access::Read, 0, kPages * kPageSize);
    call(kMmap, 0, {0, kPages * kPageSize, 1, 2, 3, 0}, 0x10000000);
    for (std::uint64_t page = 0; page < kPages; ++page) touch(0x10000 + page);
    const ReplayResult result = run(one_at_a_time());
    EXPECT_EQ(result.counters.faults.major, reads ? 0 : kPages);
  }
}

TEST_F(ReplayFiles, AFileThatWasCachedNeedsNoDevice) {
  call(kMmap, 1, {0, kPages * kPageSize, 1, 2, 3, 0}, 0x10000000);
  for (std::uint64_t page = 0; page < kPages; ++page) touch(0x10000 + page);
  EXPECT_EQ(run(one_at_a_time()).counters.faults.major, 0U);
}

// Whoever says so knows better than the recording what is in memory, of files that are mapped.
TEST_F(ReplayFiles, WhatIsMappedIsInMemoryIfItIsSaidToBe) {
  call(kMmap, 0, {0, kPages * kPageSize, 1, 2, 3, 0}, 0x10000000);
  for (std::uint64_t page = 0; page < kPages; ++page) touch(0x10000 + page);
  MachineConfig config = one_at_a_time();
  EXPECT_EQ(run(config).counters.faults.major, kPages);
  config.linux_options.mapped_in_memory = true;
  EXPECT_EQ(run(config).counters.faults.major, 0U);
}

// File pages and anonymous ones compete for the same frames.
TEST_F(ReplayFiles, TransfersTakeMemory) {
  constexpr std::int64_t kAt = 0x10000000;
  std::uint64_t major[2] = {0, 0};
  for (const bool reads : {false, true}) {
    chunk_ = {};
    files_[1].bytes = 4000 * kPageSize;
    files_[1].cached_pages = 4000;
    call(kMmap, record::kNoFile, {0, 2000 * kPageSize, 3, 0x22, 0, 0}, kAt);
    for (std::uint64_t page = 0; page < 2000; ++page) touch(0x10000 + page, Access::Write);
    if (reads) transfer(1, Access::Read, 0, 4000 * kPageSize);
    for (std::uint64_t page = 0; page < 2000; ++page) touch(0x10000 + page);
    MachineConfig config = one_at_a_time();
    config.ram = ByteCount(16ULL << 20);
    config.swap = ByteCount(64ULL << 20);
    config.policy = "lru";
    major[reads ? 1 : 0] = run(config).counters.faults.major;
  }
  EXPECT_EQ(major[0], 0U);
  EXPECT_EQ(major[1], 2000U);
}

TEST_F(ReplayFiles, WritesMakeAFileLongerAndTruncationShorter) {
  transfer(0, Access::Write, kPages * kPageSize, 3 * kPageSize);
  call(kFtruncate, 1, {3, 2 * kPageSize});
  call(kMmap, 0, {0, (kPages + 3) * kPageSize, 1, 1, 3, 0}, 0x10000000);
  call(kMmap, 1, {0, kPages * kPageSize, 1, 1, 3, 0}, 0x20000000);
  touch(0x10000 + kPages + 2);
  touch(0x20000 + 1);
  const ReplayResult inside = run(one_at_a_time());
  EXPECT_EQ(inside.inferred_areas, 0U);
  touch(0x20000 + 2);  // past the end: somebody else must have made it longer
  EXPECT_EQ(run(one_at_a_time()).inferred_areas, 1U);
}

// The last descriptor of a file without a name takes its pages along.
TEST_F(ReplayFiles, AnUnlinkedFileGoesWithItsLastDescriptor) {
  auto machine = metadata_machine();
  ASSERT_TRUE(machine);
  run();
  SharedNames names(**machine, *recording_);
  const FileId id = names.file(0);
  names.opened(0);
  names.opened(0);
  (*machine)->file_read(id, ByteCount(0), ByteCount(kPages * kPageSize));
  const auto used = [&] { return (*machine)->frames().free_frames(); };
  const auto cached = used();
  names.unlinked(0);
  names.closed(0);
  EXPECT_EQ(names.file(0), id);
  EXPECT_EQ(used(), cached);
  names.closed(0);
  EXPECT_EQ(names.file(0), kNoFileId);
  EXPECT_EQ(used(), cached + PageCount(kPages));
}

TEST_F(ReplayFiles, ANameThatIsTakenAgainMeansTheNewFile) {
  files_ = {file_of("/data/a", 1, 1), file_of("/data/b", 2, 2), file_of("/data/a", 3, 3)};
  run();
  auto machine = metadata_machine();
  SharedNames names(**machine, *recording_);
  EXPECT_EQ(names.file("/data/a", 1).size, ByteCount(kPageSize));
  names.unlinked(0);
  EXPECT_EQ(names.file("/data/a", 1).size, ByteCount(3 * kPageSize));
}

// Descriptors of a process end with it, and a fork gives the child its own.
TEST_F(ReplayFiles, APartIsSynced) {
  constexpr std::uint64_t kWrites = 2;
  transfer(0, Access::Write, 0, kPages * kPageSize);
  call(kSyncFileRange, 0, {3, 4 * kPageSize, 8 * kPageSize, kWrites});
  call(kSyncFileRange, 0, {3, 0, 0, 0});
  touch(1);
  MachineConfig config;
  config.model = MemoryModel::Linux;
  EXPECT_EQ(run(config).counters.reclaim.file_written, 8U);
}

TEST_F(ReplayFiles, TheTextHasTheTransfers) {
  call(kOpenAt, 0, {0, 0, 0, 0}, 3);
  transfer(0, Access::Read, 4096, 100);
  transfer(1, Access::Write, kPages * kPageSize, 7);
  call(kClose, 0, {3});
  run();
  std::string text;
  ASSERT_TRUE(write_text(*recording_, [&](std::string_view part) { text += part; }, {}));
  EXPECT_NE(text.find("pread f 100 0x1000"), std::string::npos) << text;
  EXPECT_NE(text.find("pwrite f \"\\0\"*7 0x10000"), std::string::npos) << text;
}

// Events of files that the recording has lost, or of numbers that make no sense.
TEST_F(ReplayFiles, LostFilesDoNoHarm) {
  transfer(77, Access::Write, 1ULL << 62, 1ULL << 30);
  call(kUnlink, 77, {0});
  call(kDup, 78, {3}, 4);
  call(kMmap, 79, {0, kPageSize, 1, 2, 3, 0}, 0x10000000);
  touch(0x10000);
  EXPECT_EQ(run(one_at_a_time()).counters.faults.minor, 1U);
}

}  // namespace
}  // namespace pw::replay
