// Replay as the kernel would have run it: areas at its places, the recorder's own left out, calls
// in full, memory that is lent. Recordings are made by hand, so that every fault can be counted by
// hand.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "record/writer.hpp"
#include "replay/call_numbers.hpp"
#include "replay/replay.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"

namespace pw::replay {
namespace {

using record::Chunk;
using record::Event;
using record::EventKind;
using record::MappedArea;
using record::testing::add_call;
using record::testing::call_of;
using record::testing::writable_area;

constexpr std::uint32_t kParent = 77, kChild = 78, kTid = 77;
constexpr std::uint64_t kStackTop = 0x1fff001000;
constexpr std::uint64_t kPrivateAnonymous = kMapAnonymous | 2, kPrivateFile = 2;
constexpr std::uint64_t kReadWriteRights = 3, kReadRights = 1;

// Events of a chunk, one after the other.
class Script {
 public:
  explicit Script(std::uint32_t pid, std::uint64_t begin_ns) {
    chunk_.info.pid = pid;
    chunk_.info.begin_ns = begin_ns;
  }
  void exec() {
    Event event = next(EventKind::Exec);
    chunk_.events.push_back(event);
  }
  void touch(std::uint64_t address, Access access) {
    Event event = next(EventKind::Fetch);
    event.clock = ++clock_;
    event.page = address >> kPageShift;
    event.access = access;
    event.evicted = std::exchange(last_page_, event.page);
    event.last_reference = clock_ - 1;
    chunk_.events.push_back(event);
  }
  void touch_all(std::uint64_t address, std::uint64_t pages, Access access) {
    for (std::uint64_t i = 0; i < pages; ++i) touch(address + i * kPageSize, access);
  }
  void call(std::uint32_t number, std::initializer_list<std::uint64_t> arguments,
            std::int64_t result, const std::string& path = {}) {
    record::SyscallRecord made = call_of(number, arguments, result, path);
    made.tid = kTid;
    add_call(chunk_, clock_, made);
  }
  void map(std::uint64_t address, std::uint64_t pages, std::uint64_t rights, std::uint64_t flags,
           const std::string& path = {}) {
    call(kMmap, {0, pages * kPageSize, rights, flags, 0, 0}, static_cast<std::int64_t>(address),
         path);
  }
  void mark(std::uint64_t number) { call(kMadvise, {kMarks + number * kPageSize, 0, 0}, 0); }
  void fork(std::uint32_t child, std::uint64_t flags) {
    call(kClone, {flags}, child);
    Event event = next(EventKind::Fork);
    event.index = child;
    event.last_reference = 2000;
    chunk_.events.push_back(event);
  }
  void exit() { chunk_.events.push_back(next(EventKind::Exit)); }
  Chunk& chunk() {
    chunk_.info.end_clock = clock_;
    return chunk_;
  }

 private:
  Event next(EventKind kind) const {
    Event event;
    event.kind = kind;
    event.clock = clock_;
    return event;
  }
  Chunk chunk_;
  std::uint64_t clock_ = 0;
  std::uint64_t last_page_ = record::kNoPage;
};

MappedArea file_area(std::uint64_t begin, std::uint64_t pages, std::uint64_t from_page,
                     bool writable, const std::string& path) {
  MappedArea area = writable_area(begin >> kPageShift, pages, path);
  area.writable = writable;
  area.file_offset = from_page * kPageSize;
  return area;
}

// As Valgrind loads a position-independent program and its interpreter.
std::vector<MappedArea> loaded() {
  return {file_area(0x108000, 28, 0, false, "/bin/program"),
          file_area(0x124000, 2, 28, true, "/bin/program"),
          writable_area(0x126, 2),
          file_area(0x4000000, 8, 0, false, "/lib/ld.so"),
          file_area(0x4008000, 1, 8, true, "/lib/ld.so"),
          writable_area((kStackTop >> kPageShift) - 2, 2, "[stack]")};
}

// Records what `parent` does after exec, and perhaps a child's part after it, and replays it.
ReplayResult play(const std::function<void(Script&)>& parent,
                  const std::function<void(Script&)>& child = {}) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "test.pwrec";
  record::RecordingInfo info;
  info.detail = record::Detail::Switches;
  info.filter_pages = 1;
  auto writer = record::Writer::create(path, info, {});
  EXPECT_TRUE(writer && writer->add_process(kParent, 0, 1000));
  const auto image = writer->add_image(kParent, {{"program"}, loaded()}, 1000);
  Script first(kParent, 1000), second(kChild, 3000);
  first.exec();
  parent(first);
  EXPECT_TRUE(image && writer->add_chunk(first.chunk(), *image, {*image}));
  if (child) {
    EXPECT_TRUE(writer->add_process(kChild, kParent, 2000));
    const auto maps = writer->add_maps(kChild, loaded(), 3000);
    child(second);
    EXPECT_TRUE(maps && writer->add_chunk(second.chunk(), *maps));
  }
  EXPECT_TRUE(writer->finish(0));
  const auto recording = record::Recording::open(path);
  EXPECT_TRUE(recording);
  MachineConfig config;
  config.model = MemoryModel::Linux;
  auto result = replay(*recording, config);
  EXPECT_TRUE(result);
  return std::move(*result);
}

std::uint64_t minor(const std::function<void(Script&)>& parent) {
  return play(parent).counters.faults.minor;
}

// The page of strings, the copies of both last pages of data, the vdso.
constexpr std::uint64_t kOfExec = 4;

TEST(NativeReplay, ExecFaultsBeforeTheProgramRuns) {
  EXPECT_EQ(minor([](Script&) {}), kOfExec);
}

TEST(NativeReplay, TheKernelHasWrittenTheStackAboveItsPointer) {
  EXPECT_EQ(minor([](Script& s) { s.touch(kStackTop - 8, Access::Read); }), kOfExec);
  // The first reference says where the tables begin; then the stack grows page by page.
  EXPECT_EQ(minor([](Script& s) {
              s.touch(kStackTop - 3 * kPageSize, Access::Read);
              s.touch(kStackTop - 2 * kPageSize, Access::Write);
            }),
            kOfExec + 2);
  EXPECT_EQ(minor([](Script& s) {
              s.touch(kStackTop - 8, Access::Read);
              for (std::uint64_t i = 2; i <= 60; ++i)
                s.touch(kStackTop - i * kPageSize, Access::Write);
            }),
            kOfExec + 59);
}

// The kernel's place for the program is four pages into a window of 64 KiB. The first one is cut
// off there and as long all the same, the second ends with the program; at 0x108000, eight pages
// into a window, there would be a third. The interpreter's pages end 128 MiB below the top.
TEST(NativeReplay, WindowsAreThoseOfTheKernelsPlaces) {
  EXPECT_EQ(minor([](Script& s) { s.touch_all(0x108000, 28, Access::Read); }), kOfExec + 2);
  EXPECT_EQ(minor([](Script& s) { s.touch_all(0x4000000, 8, Access::Read); }), kOfExec + 1);
  // Below interpreter (9 pages) and vdso (8 pages) lie these, from 0x7ffff7fce000 on. The first
  // fault maps 16 pages, the next windows reach to ...fe0000 and beyond the end.
  EXPECT_EQ(minor([](Script& s) {
              s.map(0x4840000, 32, kReadRights, kPrivateFile, "/lib/libc.so");
              s.touch_all(0x4840000, 32, Access::Read);
            }),
            kOfExec + 3);
}

TEST(NativeReplay, WhatTheRecorderLoadedIsLeftOut) {
  const auto result = play([](Script& s) {
    s.map(0x4840000, 8, kReadRights, kPrivateFile, "/usr/libexec/valgrind/vgpreload_core.so");
    s.call(kMmap, {0x4844000, 2 * kPageSize, kReadWriteRights, kPrivateFile | kMapFixed, 0, 0},
           0x4844000, "/usr/libexec/valgrind/vgpreload_core.so");
    s.touch_all(0x4840000, 8, Access::Read);
    s.call(kMprotect, {0x4844000, kPageSize, kReadRights}, 0);
    s.call(kMunmap, {0x4840000, 8 * kPageSize}, 0);
  });
  EXPECT_EQ(result.counters.faults.minor, kOfExec);
  EXPECT_TRUE(result.left_recorder_out);
  EXPECT_EQ(result.inferred_areas, 0U);
}

TEST(NativeReplay, PopulatingAndLockingCount) {
  for (const std::uint64_t flag : {kMapPopulate, kMapLocked}) {
    EXPECT_EQ(minor([&](Script& s) {
                s.map(0x4840000, 32, kReadWriteRights, kPrivateAnonymous | flag);
                s.touch_all(0x4840000, 32, Access::Write);
              }),
              kOfExec + 32);
  }
  EXPECT_EQ(minor([](Script& s) {
              s.map(0x4840000, 32, kReadWriteRights, kPrivateAnonymous);
              s.call(kMlock, {0x4840000, 16 * kPageSize}, 0);
            }),
            kOfExec + 16);
}

// It moves for the recorder only: the pages go on to be where the recording says.
TEST(NativeReplay, PagesFollowMremap) {
  EXPECT_EQ(minor([](Script& s) {
              s.map(0x4840000, 16, kReadWriteRights, kPrivateAnonymous);
              s.touch_all(0x4840000, 16, Access::Write);
              s.call(kMremap, {0x4840000, 16 * kPageSize, 32 * kPageSize, 1}, 0x5000000);
              s.touch_all(0x5000000, 32, Access::Write);
            }),
            kOfExec + 32);
}

// It stays for the recorder, where the place above is free; the kernel has put the one that was
// mapped first there.
TEST(NativeReplay, PagesMoveWhereTheKernelMovesThem) {
  EXPECT_EQ(minor([](Script& s) {
              s.map(0x4840000, 16, kReadWriteRights, kPrivateAnonymous);
              s.map(0x4850000, 16, kReadRights, kPrivateAnonymous);
              s.touch_all(0x4840000, 16, Access::Write);
              s.call(kMremap, {0x4850000, 16 * kPageSize, 32 * kPageSize, 1}, 0x4850000);
              s.call(kMprotect, {0x4850000, 32 * kPageSize, kReadWriteRights}, 0);
              s.touch_all(0x4850000, 32, Access::Write);
              s.touch_all(0x4840000, 16, Access::Write);
            }),
            kOfExec + 48);
}

TEST(NativeReplay, TheHeapFollowsTheBreak) {
  const auto result = play([](Script& s) {
    s.call(kBrk, {0}, 0x4a00000);
    s.call(kBrk, {0x4a08000}, 0x4a08000);
    s.touch_all(0x4a00000, 8, Access::Write);
    s.call(kBrk, {0x4a02000}, 0x4a02000);
    s.call(kBrk, {0x4a08000}, 0x4a08000);
    s.touch_all(0x4a00000, 8, Access::Write);
  });
  EXPECT_EQ(result.counters.faults.minor, kOfExec + 8 + 6);
  EXPECT_EQ(result.inferred_areas, 0U);
}

TEST(NativeReplay, MarksSayHowThingsStand) {
  const auto result = play([](Script& s) {
    s.map(0x4840000, 16, kReadWriteRights, kPrivateAnonymous);
    s.mark(5);
    s.touch_all(0x4840000, 16, Access::Write);
    s.mark(6);
  });
  const std::vector<Mark>& marks = result.processes.at(0).marks;
  ASSERT_EQ(marks.size(), 2U);
  EXPECT_EQ(marks[0].number, 5U);
  EXPECT_EQ(marks[1].number, 6U);
  EXPECT_EQ(marks[1].minor_faults - marks[0].minor_faults, 16U);
  EXPECT_EQ(marks[1].resident_pages - marks[0].resident_pages, 16U);
}

std::uint64_t written_by_child(std::uint64_t clone_flags) {
  const auto result = play(
      [&](Script& s) {
        s.map(0x4840000, 16, kReadWriteRights, kPrivateAnonymous);
        s.touch_all(0x4840000, 16, Access::Write);
        s.fork(kChild, clone_flags);
      },
      [](Script& s) {
        s.touch_all(0x4840000, 16, Access::Write);
        s.exit();
      });
  return result.processes.at(1).minor_faults;
}

TEST(NativeReplay, AChildCopiesUnlessMemoryIsLent) {
  EXPECT_EQ(written_by_child(17), 16U);
  EXPECT_EQ(written_by_child(17 | kCloneVm | kCloneVfork), 0U);
}

// The kernel tells the child which CPU it runs on, and the parent, once it has waited.
TEST(NativeReplay, RestartableSequencesAreWrittenAfterAFork) {
  const auto result = play(
      [](Script& s) {
        s.map(0x4840000, 1, kReadWriteRights, kPrivateAnonymous);
        s.call(kRseq, {0x4840100, 32, 0, 0}, -38);
        s.fork(kChild, 17);
      },
      [](Script& s) { s.exit(); });
  EXPECT_EQ(result.processes.at(0).minor_faults, kOfExec + 2);
  EXPECT_EQ(result.processes.at(1).minor_faults, 1U);
}

// The clock's page is mapped with the first look at it.
TEST(NativeReplay, AClockIsReadFromVvar) {
  EXPECT_EQ(minor([](Script& s) {
              s.call(kClockGetTime, {0, 0}, 0);
              s.call(kGetTimeOfDay, {0, 0}, 0);
            }),
            kOfExec + 1);
}

}  // namespace
}  // namespace pw::replay
