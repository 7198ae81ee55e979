// Spools become recordings: every event arrives, processes and stacks keep their places, and what a
// kill has cut off costs nothing else.
#include <gtest/gtest.h>

#include <filesystem>

#include "record/block_walk.hpp"
#include "record/spool_converter.hpp"
#include "support/random_chunks.hpp"
#include "support/spool_maker.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record {
namespace {

using pw::testing::read_file;
using pw::testing::TemporaryFolder;
using pw::testing::write_file;
using testing::ChunkMaker;
using testing::put_control;
using testing::SpoolMaker;
using testing::syscall_payload;

constexpr std::string_view kMaps =
    "400000-480000 r-xp 00001000 08:01 123 /usr/bin/sort\n"
    "7ffff000-7ffff8000 rw-p 00000000 00:00 0 [stack]\n";

class RecordSpool : public ::testing::Test {
 protected:
  RecordSpool() { std::filesystem::create_directory(spools()); }

  std::string spools() const { return folder_ / "spools"; }
  std::string output() const { return folder_ / "out.pwrec"; }
  void put(const std::string& name, const SpoolMaker& maker) {
    write_file(spools() + "/" + name, maker.bytes);
  }

  Recording convert(bool redact = false) {
    std::filesystem::remove(output());
    auto info = SpoolConverter::inspect(spools());
    EXPECT_TRUE(info);
    info->redacted = redact;
    auto writer = Writer::create(output(), *info, {});
    SpoolConverter converter(spools(), *writer, *info, {.redact = redact});
    EXPECT_TRUE(converter.finish());
    notes_ = converter.notes();
    EXPECT_TRUE(writer->finish(0));
    return std::move(*Recording::open(output()));
  }

  TemporaryFolder folder_;
  std::vector<std::string> notes_;
};

// With `calls`: what the system call events refer to, in order.
std::vector<Event> events_of(const Recording& recording, std::uint32_t pid,
                             std::vector<SyscallRecord>* calls = nullptr) {
  std::vector<Event> all;
  Chunk chunk;
  for (std::size_t i = 0; i < recording.chunks().size(); ++i) {
    auto decoded = recording.decode(i, chunk);
    EXPECT_TRUE(decoded) << decoded.error().message;
    if (chunk.info.pid != pid) continue;
    all.insert(all.end(), chunk.events.begin(), chunk.events.end());
    for (const Event& event : chunk.events) {
      if (calls == nullptr || event.kind != EventKind::Syscall) continue;
      calls->push_back(chunk.syscalls.at(event.index));
    }
  }
  return all;
}

// A process ends once, not at random.
Chunk alive(Chunk chunk) {
  for (Event& event : chunk.events) {
    if (event.kind == EventKind::Exit) event.kind = EventKind::ThreadExit;
  }
  return chunk;
}

bool thread(const Event& event) { return event.kind == EventKind::Thread; }

TEST_F(RecordSpool, EveryEventOfEveryFrameArrives) {
  for (auto [detail, k] :
       {std::pair(PW_DETAIL_PAGES, 64U), {PW_DETAIL_SWITCHES, 1U}, {PW_DETAIL_FULL, 0U}}) {
    Random random(k);
    ChunkMaker maker(random, k);
    SpoolMaker spool(50, 0, 1, static_cast<unsigned>(detail), k);
    spool.start("sort", kMaps);
    std::vector<Event> written;
    std::vector<SyscallRecord> calls;
    for (std::uint64_t i = 0; i < 60; ++i) {
      Chunk chunk = alive(maker.next(50, 0, 1000 + i * 30'000'000, 1 + random.below(2000)));
      for (const Event& event : chunk.events) {
        written.push_back(event);
        if (event.kind == EventKind::Syscall) calls.push_back(chunk.syscalls[event.index]);
      }
      spool.events(chunk);
    }
    spool.end(0, 0);
    put("50.spool", spool);
    Recording recording = convert();
    EXPECT_TRUE(notes_.empty());
    EXPECT_TRUE(recording.losses().empty());
    EXPECT_LT(recording.chunks().size(), 30U);  // frames are joined
    for (const ChunkInfo& chunk : recording.chunks()) EXPECT_FALSE(chunk.gap);

    std::vector<SyscallRecord> found_calls;
    std::vector<Event> events = events_of(recording, 50, &found_calls);
    ASSERT_EQ(found_calls.size(), calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      ASSERT_EQ(found_calls[i].arguments[1], calls[i].arguments[1]) << i;
      ASSERT_EQ(found_calls[i].ns, calls[i].ns) << i;
      ASSERT_EQ(found_calls[i].path, calls[i].path) << i;
    }
    ASSERT_GE(events.size(), 1U);
    EXPECT_EQ(events[0].kind, EventKind::Exec);
    events.erase(events.begin());
    // Pages of a reset have no order, and the threads that frames begin with may be told again.
    auto gone = [](const Event& e) { return e.kind == EventKind::FilterGone; };
    std::size_t gone_written = std::erase_if(written, gone);
    EXPECT_EQ(std::erase_if(events, gone), gone_written);
    std::erase_if(written, thread);
    std::erase_if(events, thread);
    ASSERT_EQ(events.size(), written.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i].kind, written[i].kind) << i;
      ASSERT_EQ(events[i].clock, written[i].clock) << i;
      ASSERT_EQ(events[i].page, written[i].page) << i;
      ASSERT_EQ(events[i].evicted, written[i].evicted) << i;
      ASSERT_EQ(events[i].last_reference, written[i].last_reference) << i;
      if (events[i].kind == EventKind::Reference) {
        ASSERT_EQ(events[i].size, written[i].size) << i;
      }
    }
  }
}

TEST_F(RecordSpool, AChildComesAfterItsForkAndAnExecKeepsTheProcess) {
  Random random(1);
  ChunkMaker parent(random, 64), child(random, 64), image(random, 64);
  SpoolMaker parents(10, 0, 100, PW_DETAIL_PAGES, 64);
  parents.start("sh", kMaps);
  parent.fork_pid = 11;
  parents.events(alive(parent.next(10, 0, 1000, 50)));
  parent.fork_pid = 0;
  parents.events(parent.next(10, 0, 100'000'000, 50));  // near enough to be joined
  parents.end(0, 0);
  SpoolMaker childs(11, 10, 500'000, PW_DETAIL_PAGES, 64, true);
  childs.start("sh", kMaps);
  childs.events(child.next(11, 0, 600'000, 50));
  childs.end(1, 0);
  SpoolMaker images(11, 10, 700'000, PW_DETAIL_PAGES, 64);
  images.start("sort", kMaps);
  images.events(image.next(11, 0, 700'001, 50));
  images.end(0, 0);
  put("a.spool", images);
  put("b.spool", childs);
  put("c.spool", parents);
  Recording recording = convert();
  EXPECT_TRUE(recording.losses().empty());

  ASSERT_EQ(recording.processes().size(), 2U);
  EXPECT_EQ(recording.processes()[1].parent, 10U);
  EXPECT_EQ(recording.processes()[1].command, (std::vector<std::string>{"sort", "argument"}));
  ASSERT_EQ(recording.chunks().size(), 4U);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
  for (const ChunkInfo& chunk : recording.chunks()) {
    order.emplace_back(chunk.pid, chunk.stream);
    EXPECT_FALSE(chunk.gap);
  }
  EXPECT_EQ(order, (decltype(order){{10, 0}, {11, 0}, {11, 1}, {10, 0}}));
  Chunk chunk;
  auto starts_an_image = [&](std::size_t index) {
    EXPECT_TRUE(recording.decode(index, chunk));
    return chunk.events[0].kind == EventKind::Exec;
  };
  EXPECT_TRUE(starts_an_image(0));
  EXPECT_FALSE(starts_an_image(1));
  EXPECT_TRUE(starts_an_image(2));
  EXPECT_EQ(chunk.images.at(0).command[0], "sort");
  EXPECT_EQ(chunk.images.at(0).maps.at(1).name, "[stack]");
  EXPECT_FALSE(starts_an_image(3));
}

TEST_F(RecordSpool, APidThatComesAgainIsAnotherProcess) {
  for (int round = 0; round < 3; ++round) {
    Random random(1);
    ChunkMaker maker(random, 64);
    auto start = static_cast<std::uint64_t>(round) * 10'000'000'000 + 5;
    SpoolMaker spool(77, 0, start, PW_DETAIL_PAGES, 64);
    spool.start("p" + std::to_string(round), kMaps);
    spool.events(maker.next(77, 0, start + 5, 20));
    spool.end(0, 0);
    put(std::to_string(round) + ".spool", spool);
  }
  Recording recording = convert();
  ASSERT_EQ(recording.processes().size(), 3U);
  EXPECT_EQ(recording.processes()[0].pid, 77U);
  EXPECT_NE(recording.processes()[1].pid, 77U);
  EXPECT_EQ(recording.processes()[2].command[0], "p2");
}

TEST_F(RecordSpool, StacksAreNumberedOnceAndFoundInTheirModules) {
  for (int pid : {20, 21}) {
    SpoolMaker spool(pid, 0, static_cast<std::uint64_t>(pid), PW_DETAIL_FULL, 0);
    spool.start("sort", kMaps);
    spool.frame(PW_FRAME_MODULES, "400000-480000 1000 abcd1234 /usr/bin/so rt\n");
    std::string payload(1, '\0');
    put_control(payload, PW_STACK, 1, std::string("\0\2\x80\x80\x80\2\x81\x81\x80\2", 10));
    put_control(payload, PW_STACK, 1, std::string("\1\1\x90\x80\x80\2", 6));
    put_control(payload, PW_STACK_REF, 1, std::string("\1\0", 2));
    spool.frame(PW_FRAME_EVENTS, payload, 1000, 1, 0, 3);
    put(std::to_string(pid) + ".spool", spool);
  }
  Recording recording = convert();
  EXPECT_EQ(recording.stack_count(), 2U);
  for (std::uint32_t pid : {20U, 21U}) {
    std::vector<Event> events = events_of(recording, pid);
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(events[1].index, 0U);
    EXPECT_EQ(events[1].cause, StackCause::FirstTouch);
    EXPECT_EQ(events[2].index, 1U);
    EXPECT_EQ(events[3].index, 0U);
    EXPECT_EQ(events[3].cause, StackCause::Syscall);
  }
  ASSERT_EQ(recording.stack(0).size(), 2U);
  EXPECT_EQ(recording.stack(0)[1].file, "/usr/bin/so rt");
}

TEST_F(RecordSpool, AreasFollowTheSystemCalls) {
  SpoolMaker spool(5, 0, 1, PW_DETAIL_FULL, 0);
  spool.start("x", kMaps);
  for (std::uint64_t i = 0; i < 3; ++i) {
    std::string payload(1, '\0');
    std::string call = i == 0
                           ? syscall_payload(9, {0, 0x2000, 3, 2, 4, 0x5000}, 0x7000000, "/data/f")
                       : i == 1 ? syscall_payload(11, {0x400000, 0x80000, 0, 0, 0, 0}, 0)
                                : syscall_payload(11, {0, 0x1000, 0, 0, 0, 0}, -22);
    put_control(payload, PW_SYSCALL, 1, call);
    spool.frame(PW_FRAME_EVENTS, payload, 1000 + i * 1'000'000'000, 1, i, 1);
  }
  put("5.spool", spool);
  Recording recording = convert();
  ASSERT_EQ(recording.chunks().size(), 3U);
  EXPECT_EQ(recording.maps_before(0).size(), 2U);
  std::vector<MappedArea> after_mmap = recording.maps_before(1);
  ASSERT_EQ(after_mmap.size(), 3U);
  EXPECT_EQ(after_mmap[1].name, "/data/f");
  EXPECT_EQ(after_mmap[1].end, VirtAddr(0x7002000));
  EXPECT_EQ(after_mmap[1].file_offset, 0x5000U);
  ASSERT_EQ(recording.maps_before(2).size(), 2U);
  EXPECT_EQ(recording.maps_before(2)[0].name, "/data/f");
}

TEST_F(RecordSpool, AreasThatAreTooManyToListCostNothingElse) {
  constexpr std::uint64_t kFiles = 1100;  // each with a name of 4,000 bytes
  SpoolMaker spool(5, 0, 1, PW_DETAIL_FULL, 0);
  spool.start("x", kMaps);
  for (std::uint64_t i = 0; i <= kFiles; ++i) {
    const std::string path = "/" + std::to_string(i) + std::string(4000, 'f');
    std::string payload(1, '\0');
    put_control(payload, PW_SYSCALL, 1,
                i < kFiles
                    ? syscall_payload(9, {0, 0x1000, 3, 2, 4, 0},
                                      static_cast<std::int64_t>(0x7000000 + i * 0x1000), path)
                    : syscall_payload(11, {0x7000000, kFiles * 0x1000, 0, 0, 0, 0}, 0));
    spool.frame(PW_FRAME_EVENTS, payload, 1000 + i * 1'000'000, 1, i, 1);
  }
  std::string payload(1, '\0');
  put_control(payload, PW_SYSCALL, 1, syscall_payload(11, {0, 0x1000, 0, 0, 0, 0}, -22));
  spool.frame(PW_FRAME_EVENTS, payload, 2'000'000'000, 1, kFiles + 1, 1);
  put("5.spool", spool);
  const Recording recording = convert();
  EXPECT_TRUE(notes_.empty());
  std::vector<SyscallRecord> calls;
  events_of(recording, 5, &calls);
  EXPECT_EQ(calls.size(), kFiles + 2);
  const std::size_t chunks = recording.chunks().size();
  std::size_t not_listed = 0, most = 0;
  for (std::size_t i = 0; i < chunks; ++i) {
    const std::size_t areas = recording.maps_before(i).size();
    not_listed += areas == 0 ? 1 : 0;
    most = std::max(most, areas);
  }
  EXPECT_GT(not_listed, 0U);
  EXPECT_GT(most, kFiles / 2);
  EXPECT_EQ(recording.maps_before(chunks - 1).size(), 2U);  // as it was at first
}

TEST_F(RecordSpool, ACutCostsOnlyWhatIsBehindIt) {
  Random random(4);
  ChunkMaker maker(random, 64);
  SpoolMaker spool(9, 0, 1, PW_DETAIL_PAGES, 64);
  spool.start("x", kMaps);
  std::vector<std::size_t> ends;
  std::vector<std::size_t> events;
  std::size_t total = 0;
  for (std::uint64_t i = 0; i < 4; ++i) {
    Chunk chunk = maker.next(9, 0, 1000 + i, 10);
    spool.events(chunk);
    total += chunk.events.size();
    ends.push_back(spool.bytes.size());
    events.push_back(total);
  }
  for (std::size_t size = 64; size <= spool.bytes.size(); size += 3) {
    write_file(spools() + "/9.spool", spool.bytes.substr(0, size));
    std::size_t expected = 0;
    for (std::size_t i = 0; i < ends.size(); ++i) expected = ends[i] <= size ? events[i] : expected;
    Recording recording = convert();
    auto found = events_of(recording, 9);
    std::erase_if(found, [](const Event& e) { return e.kind == EventKind::Exec; });
    ASSERT_EQ(found.size(), expected) << size;
  }
}

TEST_F(RecordSpool, DamageInTheMiddleIsToldAndMarkedAsAGap) {
  Random random(4);
  ChunkMaker maker(random, 64);
  SpoolMaker spool(9, 0, 1, PW_DETAIL_PAGES, 64);
  spool.start("x", kMaps);
  spool.events(maker.next(9, 0, 1000, 200));
  std::size_t begin = spool.bytes.size();
  spool.events(maker.next(9, 0, 2000, 200));
  std::size_t end = spool.bytes.size();
  spool.events(maker.next(9, 0, 3000, 200));
  std::fill(spool.bytes.begin() + static_cast<std::ptrdiff_t>(begin),
            spool.bytes.begin() + static_cast<std::ptrdiff_t>(end), '?');
  put("9.spool", spool);
  Recording recording = convert();
  EXPECT_EQ(notes_.size(), 2U);  // the unreadable bytes, and the clock that has jumped
  ASSERT_EQ(recording.chunks().size(), 2U);
  EXPECT_FALSE(recording.chunks()[0].gap);
  EXPECT_TRUE(recording.chunks()[1].gap);
  EXPECT_EQ(recording.losses().size(), 2U);
}

TEST_F(RecordSpool, AGrowingSpoolIsFollowed) {
  Random random(4);
  ChunkMaker maker(random, 64);
  SpoolMaker spool(9, 0, 1, PW_DETAIL_PAGES, 64);
  spool.start("x", kMaps);
  std::size_t total = 0;
  for (std::uint64_t i = 0; i < 30; ++i) {
    Chunk chunk = maker.next(9, 0, 1000 + i * 100'000'000, 300);
    spool.events(chunk);
    std::erase_if(chunk.events, thread);
    total += chunk.events.size();
  }
  write_file(spools() + "/9.spool", "");
  RecordingInfo info;
  auto writer = Writer::create(output(), info, {});
  SpoolConverter converter(spools(), *writer, info, {});
  std::uint64_t seen = 0;
  int growths = 0;
  for (std::size_t size = 0; size < spool.bytes.size(); size += 1000) {
    std::ofstream(spools() + "/9.spool", std::ios::app | std::ios::binary)
        << spool.bytes.substr(size, 1000);
    ASSERT_TRUE(converter.poll());
    if (converter.references() > seen) ++growths;
    seen = converter.references();
  }
  EXPECT_GT(growths, 5);  // not all at the end
  ASSERT_TRUE(converter.finish());
  ASSERT_TRUE(writer->finish(0));
  EXPECT_TRUE(converter.notes().empty());
  auto recording = Recording::open(output());
  std::vector<Event> events = events_of(*recording, 9);
  std::erase_if(events, thread);
  EXPECT_EQ(events.size(), total + 1);  // and the Exec
}

TEST_F(RecordSpool, HitsBetweenFramesAreNoLoss) {
  SpoolMaker spool(5, 0, 1, PW_DETAIL_PAGES, 64);
  spool.start("x", kMaps);
  std::string fetch("\0", 1);
  put_varint(fetch, zigzag(100) << 3 | PW_FETCH_READ);
  put_varint(fetch, 1);
  put_varint(fetch, 0);
  spool.frame(PW_FRAME_EVENTS, fetch, 1000, 1, 0, 1);
  std::string write;  // page 100 in slot 0, last referenced 5 ago; then written
  for (std::uint64_t n : {std::uint64_t{1}, std::uint64_t{0}, zigzag(100), std::uint64_t{5 << 1},
                          std::uint64_t{0 << 3 | PW_FIRST_WRITE}, std::uint64_t{3}}) {
    put_varint(write, n);
  }
  spool.frame(PW_FRAME_EVENTS, write, 2'000'000'000, 1, 50, 1);
  put("5.spool", spool);
  Recording recording = convert();
  EXPECT_TRUE(recording.losses().empty());
  EXPECT_EQ(recording.references(), 53U);
}

// A later frame replaces the one before; processes are added up.
TEST_F(RecordSpool, WhatPagesHoldIsAddedUp) {
  const auto contents = [](std::uint64_t pages, std::uint64_t effort, std::uint64_t copied = 0) {
    std::string bytes;
    put_varint(bytes, pages);
    put_varint(bytes, effort);
    if (copied > 0) put_varint(bytes, copied);  // older recorders do not tell
    return bytes;
  };
  SpoolMaker first(10, 0, 1'000, PW_DETAIL_PAGES, 8), second(11, 10, 2'000, PW_DETAIL_PAGES, 8);
  first.start("/usr/bin/sort", kMaps);
  first.frame(PW_FRAME_CONTENTS, contents(1, 7));
  first.frame(PW_FRAME_CONTENTS, contents(10, 5'000, 400));
  first.end(0, 0);
  second.start("/usr/bin/sort", kMaps);
  second.frame(PW_FRAME_CONTENTS, contents(30, 1'000));
  second.frame(PW_FRAME_CONTENTS, contents(30, 1'000).substr(0, 2));  // cut off: passed over
  second.end(0, 0);
  put("10.0.spool", first);
  put("11.0.spool", second);
  const RecordingInfo info = convert().info();
  EXPECT_EQ(info.contents.pages, 40U);
  EXPECT_EQ(info.contents.effort, 6'000U);
  EXPECT_DOUBLE_EQ(info.contents.effort_each(), 150);
  EXPECT_EQ(info.contents.copied, 400U);
  EXPECT_DOUBLE_EQ(info.contents.copied_each(), 10);
  EXPECT_EQ(Contents{}.effort_each(), 0);
}

TEST_F(RecordSpool, RedactionLeavesNoName) {
  SpoolMaker spool(5, 0, 1, PW_DETAIL_FULL, 0);
  const std::string secrets[] = {"secretprogram", "argument",     "/home/ann/secretlib.so.6",
                                 "secretfile",    "secretmodule", "usr/bin",
                                 "secretlog",     "beef1234"};
  spool.start("secretprogram",
              "1000-2000 r-xp 0 0:0 1 /home/ann/secretlib.so.6\n"
              "3000-4000 rw-p 0 0:0 1 /home/ann/secretfile\n"
              "5000-6000 rw-p 0 0:0 0 [heap]\n");
  spool.frame(PW_FRAME_MODULES, "1000-2000 0 beef1234 /home/ann/secretmodule\n");
  std::string payload(1, '\0');
  put_control(payload, PW_SYSCALL, 1,
              syscall_payload(9, {0, 0x2000, 3, 2, 4, 0}, 0x7000000, "/home/ann/secretfile"));
  put_control(payload, PW_STACK, 1, std::string("\0\1\x80\x20", 4));
  spool.frame(PW_FRAME_EVENTS, payload, 1000, 1, 0, 2);
  put("5.spool", spool);
  write_file(spools() + "/5.log", "cannot write /home/ann/secretlog\n");
  Recording recording = convert(true);

  EXPECT_TRUE(recording.info().redacted);
  std::vector<MappedArea> maps = recording.maps_before(0);
  ASSERT_EQ(maps.size(), 3U);
  EXPECT_TRUE(maps[0].name.starts_with("lib-"));
  EXPECT_TRUE(maps[1].name.starts_with("file-"));
  EXPECT_EQ(maps[2].name, "[heap]");
  Chunk chunk;
  ASSERT_TRUE(recording.decode(0, chunk));
  EXPECT_EQ(chunk.syscalls.at(0).path, maps[1].name);
  EXPECT_TRUE(chunk.images.at(0).command[0].starts_with("arg-"));
  EXPECT_TRUE(recording.stack(0).at(0).file.starts_with("file-"));

  // Nor does a block hold one that no call of the reader gives out.
  std::string all;
  std::string bytes = read_file(output());
  ByteSource source{std::string_view(bytes)};
  auto blocks = find_blocks(source, Recording::Verify::All);
  std::string packed, unpacked;
  for (const BlockRef& block : blocks->blocks) {
    all += read_block(source, block, packed, unpacked).value_or("");
  }
  ASSERT_GT(all.size(), 100U);
  for (const std::string& secret : secrets) {
    EXPECT_EQ(all.find(secret), std::string::npos) << secret;
    EXPECT_EQ(bytes.find(secret), std::string::npos) << secret;
  }
}

}  // namespace
}  // namespace pw::record
