// The board between a run and those who follow it: who waits for whom, and what an order does.
#include "tools/live_board.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace pw::tools {
namespace {

using Kind = LiveBoard::Turn::Kind;
constexpr std::chrono::milliseconds kNow{0};
constexpr std::chrono::milliseconds kLong{60'000};

// The run's next turn that is not to tell something.
LiveBoard::Turn next_move(LiveBoard& board, std::uint64_t done = 0) {
  for (;;) {
    const LiveBoard::Turn turn = board.next_turn(done, false, {});
    if (turn.kind != Kind::Tell) return turn;
  }
}

TEST(LiveBoard, TheRunWaitsUntilSomebodyLooks) {
  LiveBoard board(false, 0);
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Waiting);
  EXPECT_EQ(board.next_turn(0, false, {}).kind, Kind::Tell);  // how it begins
  std::thread reader([&board] { board.somebody_looks(); });
  const LiveBoard::Turn turn = next_move(board);
  reader.join();
  EXPECT_EQ(turn.kind, Kind::Go);
  EXPECT_GT(turn.steps, 1U);
  EXPECT_FALSE(turn.to_fault);
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Running);
}

TEST(LiveBoard, StepsAreThoseThatWereAskedFor) {
  LiveBoard board(true, 0);
  board.somebody_looks();
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Paused);
  board.step(3);
  board.step(2);
  EXPECT_EQ(next_move(board).steps, 5U);
  board.step(1);
  EXPECT_EQ(next_move(board).steps, 1U);
  board.step(10'000);
  std::uint64_t all = 0;
  for (int i = 0; i < 3; ++i) all += next_move(board).steps;  // in parts, to hear of orders
  EXPECT_EQ(all, 10'000U);
  // None is left: what has been done is told, then it waits for an order.
  EXPECT_EQ(board.next_turn(1, true, LiveBoard::Clock::time_point::max()).kind, Kind::Tell);
  std::thread reader([&board] { board.go_on(); });
  EXPECT_EQ(next_move(board, 1).kind, Kind::Go);
  reader.join();
}

TEST(LiveBoard, APauseForgetsStepsThatWereNotDone) {
  LiveBoard board(true, 0);
  board.somebody_looks();
  board.step(100);
  board.to_fault();
  board.pause();
  board.step(1);
  const LiveBoard::Turn turn = next_move(board);
  EXPECT_EQ(turn.steps, 1U);
  EXPECT_FALSE(turn.to_fault);
}

TEST(LiveBoard, ToTheNextFaultUntilItIsMet) {
  LiveBoard board(true, 0);
  board.somebody_looks();
  board.to_fault();
  EXPECT_TRUE(next_move(board).to_fault);
  EXPECT_TRUE(next_move(board, 4'096).to_fault);
  board.met_fault();
  EXPECT_EQ(board.next_turn(5'000, true, LiveBoard::Clock::time_point::max()).kind, Kind::Tell);
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Paused);
  board.step(1);
  EXPECT_FALSE(next_move(board).to_fault);
}

TEST(LiveBoard, ARunAtItsEndCannotBeMoved) {
  LiveBoard board(false, 0);
  board.somebody_looks();
  board.at_end();
  board.go_on();
  board.step(5);
  board.to_fault();
  board.pin("0:0x1000");
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Ended);
  EXPECT_EQ(board.next_turn(9, false, {}).kind, Kind::Tell);  // the page that was chosen
  std::thread owner([&board] { board.end(); });
  EXPECT_EQ(next_move(board).kind, Kind::End);
  owner.join();
}

TEST(LiveBoard, ObeysWhatItKnowsAndNothingElse) {
  LiveBoard board(false, 10);
  board.somebody_looks();
  for (const char* bad : {"",
                          " ",
                          "paus",
                          "pause ",
                          "pause now",
                          "step",
                          "step ",
                          "step x",
                          "step -1",
                          "step 1 2",
                          "step 99999999999999999999",
                          "speed",
                          "speed 1.5",
                          "speed 1000000001",
                          "pin",
                          "pin 0",
                          "pin :0x10",
                          "pin 0:0x",
                          "pin 0:10",
                          "pin 0:0xG",
                          "pin x:0x10",
                          "pin 0:0x12345678901234567",
                          "pin 1234567890:0x1",
                          "go\n",
                          "GO",
                          "unpin 1"}) {
    EXPECT_FALSE(board.obey(bad)) << bad;
  }
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Running);
  EXPECT_EQ(board.speed(), 10);
  EXPECT_EQ(board.pinned(), "");
  EXPECT_TRUE(board.obey("pause"));
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Paused);
  EXPECT_TRUE(board.obey("go"));
  EXPECT_EQ(board.mode(), LiveBoard::Mode::Running);
  EXPECT_TRUE(board.obey("speed 0"));
  EXPECT_EQ(board.speed(), 0);
  EXPECT_TRUE(board.obey("pin 12:0x7fff0000"));
  EXPECT_EQ(board.pinned(), "12:0x7fff0000");
  EXPECT_TRUE(board.obey("unpin"));
  EXPECT_EQ(board.pinned(), "");
  EXPECT_TRUE(board.obey("step 7"));
  EXPECT_EQ(next_move(board).steps, 7U);
  EXPECT_TRUE(board.obey("fault"));
  EXPECT_TRUE(next_move(board).to_fault);
}

TEST(LiveBoard, NewsReachWhoWaitsAndOnlyTheNewestIsKept) {
  LiveBoard board(false, 0);
  EXPECT_EQ(board.wait_for_news(0, kNow).number, 0U);
  std::thread run([&board] { board.tell("one", {}); });
  const LiveBoard::News first = board.wait_for_news(0, kLong);
  run.join();
  EXPECT_EQ(first.number, 1U);
  EXPECT_EQ(*first.text, "one");
  board.tell("two", {});
  board.tell("three", {});
  const LiveBoard::News last = board.wait_for_news(first.number, kLong);
  EXPECT_EQ(last.number, 3U);
  EXPECT_EQ(*last.text, "three");
  EXPECT_EQ(board.wait_for_news(last.number, kNow).number, last.number);
  EXPECT_FALSE(last.over);
  std::thread owner([&board] { board.end(); });
  EXPECT_TRUE(board.wait_for_news(last.number, kLong).over);
  owner.join();
}

TEST(LiveBoard, TheCourseOfALongRunStaysBounded) {
  LiveBoard board(false, 0);
  constexpr std::uint64_t kTold = 50'000;
  for (std::uint64_t step = 0; step < kTold; ++step) {
    LiveSample sample;
    sample.step = step;
    board.tell({}, sample);
  }
  const std::vector<LiveSample> samples = board.samples();
  ASSERT_LE(samples.size(), LiveBoard::kMostSamples);
  ASSERT_GE(samples.size(), LiveBoard::kMostSamples / 2 - 1);
  // At equal distances, from the first on.
  const std::uint64_t every = samples[1].step;
  for (std::size_t i = 0; i < samples.size(); ++i) EXPECT_EQ(samples[i].step, i * every) << i;
  EXPECT_GE(samples.back().step + every, kTold);
}

}  // namespace
}  // namespace pw::tools
