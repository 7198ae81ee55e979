// The explorer's event log: what happened, in order, with the names of those it was about, bounded;
// the same however the reader came to the step.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "web/core/explorer/session.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {
namespace {

using nlohmann::json;

std::unique_ptr<Session> open(const char* script) {
  auto opened = Session::open(script, {});
  PW_CHECK_MSG(opened, opened ? "" : opened.error().message.c_str());
  return std::move(*opened);
}
json after(Session& session, std::uint64_t step) {
  EXPECT_TRUE(session.go(step));
  return json::parse(state_of(session))["events"];
}
std::vector<json> of_step(const json& events, std::uint64_t step) {
  std::vector<json> found;
  for (const json& event : events["list"]) {
    if (event["step"] == step) found.push_back(event);
  }
  return found;
}

// Two frames for pages: the third store writes the first page out, the load brings it back.
constexpr const char* kTwoFrames =
    "machine ram=16M swap=16M policy=fifo frames=2 min-free=0 swap-readahead=1\n"
    "process A\n"
    "p = mmap 0 4P rw private|anonymous\n"
    "store p \"a\"\nstore p+1P \"b\"\nstore p+2P \"c\"\nload p 1\n";

TEST(ExplorerLog, TellsAFaultAndWhatItTook) {
  const auto session = open(kTwoFrames);
  const json events = after(*session, 5);
  const std::vector<json> told = of_step(events, 5);
  EXPECT_EQ(events["count"], told.size());
  ASSERT_EQ(told.size(), 3U) << events;
  EXPECT_EQ(told[0]["kind"], "minor");
  EXPECT_EQ(told[0]["who"], "A");
  EXPECT_EQ(told[0]["access"], "write");
  EXPECT_EQ(told[1]["kind"], "swap-write");
  EXPECT_EQ(told[2]["kind"], "evicted");
  EXPECT_EQ(told[2]["who"], "A");
  EXPECT_EQ(told[2]["to"], "swap");
  EXPECT_EQ(told[2]["dirty"], true);
  EXPECT_EQ(told[2]["slot"], told[1]["slot"]);
  EXPECT_EQ(told[2]["frame"], told[1]["frame"]);
  const json first = of_step(after(*session, 3), 3);  // the store to p
  EXPECT_EQ(told[2]["page"], first.back()["address"]);
}

TEST(ExplorerLog, TellsWhichFaultsWaitedForADevice) {
  const auto session = open(kTwoFrames);
  const std::vector<json> told = of_step(after(*session, 6), 6);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0]["kind"], "major");
  EXPECT_EQ(told[0]["access"], "read");
}

TEST(ExplorerLog, TellsSwitchesAndShootdowns) {
  const auto session = open(
      "machine ram=16M cpus=2\nprocess A\np = mmap 0 4P rw private|anonymous\nstore p \"a\"\n"
      "B = clone vm\nB: load p 1\nprocess C\nC: q = mmap 0 1P rw private|anonymous\n"
      "C: store q \"c\"\nA: load p 1\n"
      "A: munmap p 1P\n");
  ASSERT_TRUE(session->go(100));
  const json events = json::parse(state_of(*session))["events"];
  std::map<std::string, std::vector<json>> by_kind;
  for (const json& event : events["list"]) by_kind[event["kind"]].push_back(event);
  ASSERT_FALSE(by_kind["switch"].empty()) << events;
  EXPECT_EQ(by_kind["switch"].front()["before"], "");
  const json& last = by_kind["switch"].back();
  EXPECT_NE(last["who"], last["before"]);
  ASSERT_EQ(by_kind["shootdown"].size(), 1U) << events;
  const json& shootdown = by_kind["shootdown"][0];
  EXPECT_EQ(shootdown["reason"], "unmap");
  EXPECT_EQ(shootdown["cpus"], 1);
  EXPECT_EQ(shootdown["pages"], 1);
  EXPECT_EQ(shootdown["who"], "A, B");
}

TEST(ExplorerLog, BehindTheEndIsTheEnd) {
  const auto there = open(kTwoFrames), beyond = open(kTwoFrames);
  ASSERT_TRUE(there->go(6));
  ASSERT_TRUE(beyond->go(1'000));
  EXPECT_EQ(beyond->at(), 6U);
  EXPECT_EQ(state_of(*beyond), state_of(*there));
  ASSERT_TRUE(beyond->go(1'001));
  EXPECT_EQ(state_of(*beyond), state_of(*there));
}

constexpr const char* kThrashing =
    "machine ram=16M swap=16M policy=lru frames=8 min-free=0 swap-readahead=1\nprocess A\n"
    "p = mmap 0 10P rw private|anonymous\nrepeat 30 { for i = 0..9 { store p+i*1P \"x\" } }\n";

TEST(ExplorerLog, IsBoundedAndIsAFunctionOfTheStep) {
  const auto forwards = open(kThrashing);
  std::vector<std::string> seen;
  for (std::uint64_t step = 0; step <= 60; ++step) {
    ASSERT_TRUE(forwards->go(step));
    seen.push_back(state_of(*forwards));
    EXPECT_LE(json::parse(seen.back())["events"]["list"].size(), EventLog::kMost);
  }
  EXPECT_EQ(json::parse(seen.back())["events"]["list"].size(), EventLog::kMost);
  const auto backwards = open(kThrashing);
  for (std::uint64_t step = 60; step > 0; step -= 5) {
    ASSERT_TRUE(backwards->go(step));
    EXPECT_EQ(state_of(*backwards), seen[step]) << step;
  }
}

TEST(ExplorerLog, WhoHasEndedKeepsHisName) {
  const auto session = open(
      "machine ram=16M\nprocess A\nA: B = fork\nB: p = mmap 0 1P rw private|anonymous\n"
      "B: store p \"x\"\nB: exit 0\nA: wait B\n");
  ASSERT_TRUE(session->go(100));
  const json events = json::parse(state_of(*session))["events"];
  bool found = false;
  for (const json& event : events["list"]) found = found || event["who"] == "B";
  EXPECT_TRUE(found) << events;
}

// Of a fault as well, where several steps are told at once and he has gone before.
TEST(ExplorerLog, WhoHasEndedIsNamedInHisFaults) {
  const auto session = open(
      "machine ram=16M\nprocess A\nA: B = fork\nB: p = mmap 0 1P rw private|anonymous\n"
      "B: store p \"x\"\nB: exit 0\nA: wait B\n");
  session->tell_from_here();
  while (session->step_on()) {
  }
  const json faults = json::parse(state_of(*session))["faults"];
  ASSERT_FALSE(faults["list"].empty());
  for (const json& fault : faults["list"]) EXPECT_EQ(fault["process"], "B");
}

}  // namespace
}  // namespace pw::explorer
