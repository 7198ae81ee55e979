// Who ended a wait: the last one that may have.
#include "record/wakers.hpp"

#include <gtest/gtest.h>

#include "record/sections.hpp"
#include "record/spool_converter.hpp"
#include "support/spool_maker.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record {
namespace {

using pw::testing::TemporaryFolder;
using pw::testing::write_file;
using testing::put_control;
using testing::SpoolMaker;

constexpr std::string_view kMaps =
    "400000-480000 r-xp 00001000 08:01 123 /usr/bin/sort\n"
    "7ffff000-7ffff8000 rw-p 00000000 00:00 0 [stack]\n";

TEST(Wakers, TheLastOfTheOthersBeforeTheEnd) {
  Wakers wakers;
  wakers.add_wait(1, 500);
  wakers.add_wait(2, 100);
  wakers.add_wait(2, 10);  // nobody had done anything
  wakers.add_wake(3, 50);
  wakers.add_wake(2, 400);
  wakers.add_wake(1, 450);
  wakers.add_wake(1, 480);
  wakers.add_wake(3, 500);
  const std::vector<WaitEnd> expected = {{2, 100, 3, 50}, {1, 500, 2, 400}};
  EXPECT_EQ(wakers.ends(), expected);
}

TEST(Wakers, EndsAreKeptInAFile) {
  const std::vector<WaitEnd> ends = {
      {7, 100, 9, 0}, {9, 100, 7, 99}, {1U << 31, std::uint64_t{1} << 60, 2, 5}};
  const std::string bytes = encode_wait_ends(ends);
  std::vector<WaitEnd> read;
  EXPECT_TRUE(decode_wait_ends(bytes, read));
  EXPECT_EQ(read, ends);
  for (std::size_t cut : {bytes.size() - 1, std::size_t{5}}) {
    read.clear();
    EXPECT_FALSE(decode_wait_ends(std::string_view(bytes).substr(0, cut), read));
    EXPECT_LT(read.size(), ends.size());
  }
}

// A wake after the end of the wait is forged.
TEST(Wakers, WhatCannotBeIsRefused) {
  std::vector<WaitEnd> read;
  EXPECT_FALSE(decode_wait_ends("\x07\x05\x09\x06", read));
  EXPECT_TRUE(read.empty());
}

std::string numbers(std::initializer_list<std::uint64_t> values) {
  std::string bytes;
  for (const std::uint64_t value : values) put_varint(bytes, value);
  return bytes;
}

// A server reads what a client has written, pauses, and waits for the client's end.
TEST(Wakers, AreFoundInSpools) {
  constexpr std::uint64_t kRead = 0, kPoll = 7, kExitGroup = 231, kStart = 1'000;
  const auto payload = [](std::initializer_list<std::pair<unsigned, std::string>> controls) {
    std::string bytes(1, '\0');  // an empty filter
    for (const auto& [code, control] : controls) put_control(bytes, code, 1, control);
    return bytes;
  };
  SpoolMaker server(10, 0, kStart, PW_DETAIL_PAGES, 8), client(11, 10, kStart, PW_DETAIL_PAGES, 8);
  server.start("/usr/bin/server", kMaps);
  server.frame(PW_FRAME_EVENTS,
               payload({{PW_WAIT, numbers({kRead, 2'000, 900, 0})},  // before others did anything
                        {PW_WAIT, numbers({kRead, 5'000, 900, 0, 0})},
                        {PW_WAKE, numbers({5'400, 100})},
                        {PW_WAIT, numbers({kPoll, 7'000, 900, 0, 1})},
                        {PW_WAIT, numbers({kRead, 9'000, 900, 0, 0})}}),
               kStart, 0, 0, 5);
  server.end(0, 0);
  client.start("/usr/bin/client", kMaps);
  client.frame(PW_FRAME_EVENTS,
               payload({{PW_WAKE, numbers({3'600, 300})},
                        {PW_WAKE, numbers({6'000, 100})},
                        {PW_SYSCALL, numbers({kExitGroup, 0, 0, 0, 0, 0, 0, 0, 11, 7'500})}}),
               kStart, 0, 0, 3);
  client.end(0, 0);
  const TemporaryFolder folder;
  write_file(folder / "10.0.spool", server.bytes);
  write_file(folder / "11.0.spool", client.bytes);
  const std::string output = folder / "out.pwrec";
  const auto info = SpoolConverter::inspect(folder.path().string());
  ASSERT_TRUE(info);
  auto writer = Writer::create(output, *info, {});
  ASSERT_TRUE(writer);
  SpoolConverter converter(folder.path().string(), *writer, *info, {});
  ASSERT_TRUE(converter.finish() && writer->finish(0));
  const Recording recording = std::move(*Recording::open(output));
  ASSERT_NE(recording.wait_ends(), nullptr);
  const std::vector<WaitEnd> expected = {{10, kStart + 5'000, 11, kStart + 3'300},
                                         {10, kStart + 9'000, 11, kStart + 7'500}};
  EXPECT_EQ(*recording.wait_ends(), expected);
  std::vector<int> timed_out;
  Chunk chunk;
  for (std::size_t i = 0; i < recording.chunks().size(); ++i) {
    ASSERT_TRUE(recording.decode(i, chunk));
    for (const Event& event : chunk.events) {
      if (event.kind == EventKind::Wait) timed_out.push_back(event.size);
    }
  }
  EXPECT_EQ(timed_out, (std::vector{0, 0, 1, 0}));
}

}  // namespace
}  // namespace pw::record
