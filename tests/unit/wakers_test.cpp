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

constexpr std::uint64_t sends(std::uint64_t channel) { return channel << 2 | PW_WAKE_SENDS; }
constexpr std::uint64_t takes(std::uint64_t channel) { return channel << 2 | PW_WAKE_TAKES; }

TEST(Wakers, OnlyByWayOfTheSameChannel) {
  constexpr std::uint64_t kSockets = PW_CHANNEL_SOCKETS, kPipe = PW_CHANNEL_FIRST_PIPE + 5;
  Wakers wakers;
  wakers.add_wake(2, 10, sends(kSockets));
  wakers.add_wake(2, 20, sends(kPipe));
  wakers.add_wake(3, 30, takes(kPipe));
  wakers.add_wake(3, 40, sends(kPipe + 1));
  wakers.add_wait(1, 50, takes(kSockets));
  wakers.add_wait(1, 51, takes(kPipe));
  wakers.add_wait(1, 52, sends(kPipe));      // it was full
  wakers.add_wait(1, 53, takes(kPipe + 2));  // nobody has put anything there
  wakers.add_wake(2, 60);                    // something that is not known
  wakers.add_wait(1, 70, takes(kPipe));
  const std::vector<WaitEnd> expected = {{3, 30, 2, 20}, {1, 50, 2, 10}, {1, 51, 2, 20},
                                         {1, 52, 3, 30}, {1, 53, 3, 40}, {1, 70, 2, 60}};
  EXPECT_EQ(wakers.ends(), expected);
}

// A server waits for its clients, and for a child that sends what nobody waits for.
TEST(Wakers, WhoPollsHasWaitedForWhatItTakesNext) {
  constexpr std::uint64_t kSockets = PW_CHANNEL_SOCKETS, kPipe = PW_CHANNEL_FIRST_PIPE + 5;
  Wakers wakers;
  wakers.add_wake(2, 10, sends(kSockets));
  wakers.add_wake(3, 20, sends(kPipe));
  wakers.add_wait(1, 30);
  wakers.add_wake(1, 31, sends(kPipe + 1));  // its log
  wakers.add_wake(1, 32, takes(kSockets));
  wakers.add_wake(1, 33, takes(kPipe));
  wakers.add_wake(2, 40, sends(kSockets));
  wakers.add_wake(3, 50, sends(kPipe));
  wakers.add_wait(1, 60);  // it takes nothing before the next
  wakers.add_wait(1, 70);
  wakers.add_wake(1, 71, takes(kSockets));
  const std::vector<WaitEnd> expected = {
      {1, 30, 2, 10}, {1, 33, 3, 20}, {1, 60, 3, 50}, {1, 70, 2, 40}};
  EXPECT_EQ(wakers.ends(), expected);
}

// Two write into a pipe, four bytes and six; a third reads ten bytes at three times, and its end.
TEST(Wakers, WhoTakesWhatIsThereWouldHaveWaited) {
  constexpr std::uint64_t kPipe = PW_CHANNEL_FIRST_PIPE + 5;
  Wakers wakers;
  wakers.add_wake(2, 10, sends(kPipe), 5, 4);
  wakers.add_wake(3, 20, sends(kPipe), 5, 6);
  wakers.add_wake(3, 25, sends(kPipe + 1), 5, 6);
  wakers.add_wake(3, 27, sends(kPipe) | takes(kPipe));  // closes it
  wakers.add_wake(1, 30, takes(kPipe), 1, 3);
  wakers.add_wake(1, 40, takes(kPipe), 2, 1);  // the rest of the same four
  wakers.add_wake(1, 50, takes(kPipe), 3, 6);
  wakers.add_wake(1, 60, takes(kPipe), 4, 0);
  const std::vector<WaitEnd> expected = {{1, 31, 2, 10}, {1, 53, 3, 20}, {1, 64, 3, 27}};
  EXPECT_EQ(wakers.ends(), expected);
}

TEST(Wakers, AWaitIsToldOnce) {
  constexpr std::uint64_t kPipe = PW_CHANNEL_FIRST_PIPE + 5;
  Wakers wakers;
  wakers.add_wake(2, 10, sends(kPipe), 5, 4);
  wakers.add_wake(1, 5, takes(kPipe), 15, 4);
  wakers.add_wait(1, 20, takes(kPipe));
  wakers.add_wake(2, 30, sends(kPipe), 5, 4);
  wakers.add_wake(1, 40, takes(kPipe), 2, 4);
  const std::vector<WaitEnd> expected = {{1, 20, 2, 10}, {1, 42, 2, 30}};
  EXPECT_EQ(wakers.ends(), expected);
}

// A process that is not recorded writes as well; it is known of one send only. Later than the end
// of a call, nothing has ended it; nor has the process itself.
TEST(Wakers, WhatIsTakenOfOthersIsNotWaitedFor) {
  constexpr std::uint64_t kPipe = PW_CHANNEL_FIRST_PIPE + 5;
  Wakers wakers;
  wakers.add_wake(2, 10, sends(kPipe), 5, 4);
  wakers.add_wake(1, 20, takes(kPipe), 2, 4);
  wakers.add_wake(1, 30, takes(kPipe), 2, 4);
  wakers.add_wake(1, 50, takes(kPipe + 1), 2, 9);
  wakers.add_wake(2, 60, sends(kPipe + 1), 2, 9);
  wakers.add_wake(1, 70, sends(kPipe + 2), 2, 1);
  wakers.add_wake(1, 80, takes(kPipe + 2), 2, 1);
  wakers.add_wake(1, 90, takes(PW_CHANNEL_ANY));
  const std::vector<WaitEnd> expected = {{1, 22, 2, 10}};
  EXPECT_EQ(wakers.ends(), expected);
}

// Who is at the other end is not known, so the last message counts that was there before the call.
TEST(Wakers, WhoTakesAMessageHasWaitedForTheLastOne) {
  constexpr std::uint64_t kSockets = PW_CHANNEL_SOCKETS;
  Wakers wakers;
  wakers.add_wake(2, 10, sends(kSockets));
  wakers.add_wake(3, 20, sends(kSockets));
  wakers.add_wake(1, 30, takes(kSockets), 10);
  wakers.add_wake(2, 35, sends(kSockets));
  wakers.add_wake(1, 50, takes(kSockets), 10);
  const std::vector<WaitEnd> expected = {{1, 40, 3, 20}, {1, 60, 2, 35}};
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
                        {PW_WAKE, numbers({5'000, 900, takes(PW_CHANNEL_SOCKETS)})},
                        {PW_WAIT, numbers({kRead, 5'000, 900, 0, 0})},
                        {PW_WAKE, numbers({5'400, 100})},
                        {PW_WAIT, numbers({kPoll, 7'000, 900, 0, 1})},
                        {PW_WAIT, numbers({kRead, 9'000, 900, 0, 0})}}),
               kStart, 0, 0, 6);
  server.end(0, 0);
  client.start("/usr/bin/client", kMaps);
  client.frame(PW_FRAME_EVENTS,
               payload({{PW_WAKE, numbers({3'600, 300, sends(PW_CHANNEL_SOCKETS)})},
                        {PW_WAKE, numbers({4'600, 300, sends(PW_CHANNEL_FIRST_PIPE)})},
                        {PW_WAKE, numbers({6'000, 100})},
                        {PW_SYSCALL, numbers({kExitGroup, 0, 0, 0, 0, 0, 0, 0, 11, 7'500})}}),
               kStart, 0, 0, 4);
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
