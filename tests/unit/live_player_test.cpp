// A run that is followed: what is told is the state that the explorer's core tells at that step,
// and what is carried out is what a run that nobody follows does.
#include "tools/live_player.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "script/printer.hpp"
#include "support/sample_recording.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::tools {
namespace {

using nlohmann::json;
constexpr std::chrono::milliseconds kLong{60'000};

constexpr const char* kScript =
    "machine ram=16M frames=6 swap=1M\n"
    "process A\n"
    "p = mmap 0 16P rw private|anonymous\n"
    "for i = 0..15 {\n  store p+i*1P \"x\"\n}\n"
    "load p 1 times=3\n"
    "mark\n"
    "A: B = fork\n"
    "B: store p \"y\"\n"
    "show A maps\n"
    "expect A minor >= 1\n";

class Followed {
 public:
  explicit Followed(std::unique_ptr<LiveRun> run, bool paused = true)
      : run_(std::move(run)),
        board_(paused, 0),
        thread_([this] { how_ = play_live(*run_, board_); }) {
    board_.somebody_looks();
  }
  ~Followed() { end(); }
  LiveBoard& board() { return board_; }
  // The news in which the run has come to `step` and is as `mode` says.
  json told(std::uint64_t step, const std::string& mode = "paused") {
    return until([&](const json& news) {
      return news["state"]["step"] == step && news["live"]["mode"] == mode;
    });
  }
  template <class Wanted>
  json until(Wanted&& wanted) {
    std::uint64_t seen = 0;
    for (;;) {
      const LiveBoard::News news = board_.wait_for_news(seen, kLong);
      if (news.number == seen || news.over) {
        ADD_FAILURE() << "no such news";
        return {};
      }
      seen = news.number;
      json parsed = json::parse(*news.text);
      if (wanted(parsed)) return parsed;
    }
  }
  Result<void> end() {
    board_.end();
    if (thread_.joinable()) thread_.join();
    return how_;
  }

 private:
  std::unique_ptr<LiveRun> run_;
  LiveBoard board_;
  Result<void> how_;
  std::thread thread_;
};

std::unique_ptr<explorer::Session> session() {
  auto made = explorer::Session::open(kScript, {});
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}
json state_after(std::uint64_t step) {
  const auto at = session();
  EXPECT_TRUE(at->go(step));
  return json::parse(explorer::state_of(*at));
}
std::uint64_t steps_of_script() {
  const auto whole = session();
  EXPECT_TRUE(whole->go(explorer::Session::kMostSteps));
  return whole->at();
}
std::unique_ptr<LiveRun> script() {
  auto run = live_script(kScript);
  EXPECT_TRUE(run) << run.error().message;
  return std::move(*run);
}

TEST(LivePlayer, StepByStepItTellsWhatTheExplorerTells) {
  Followed followed(script());
  const std::uint64_t all = steps_of_script();
  ASSERT_GT(all, 20U);
  for (std::uint64_t step = 1; step <= all; ++step) {
    followed.board().step(1);
    const json news = followed.told(step, step == all ? "ended" : "paused");
    EXPECT_EQ(news["state"], state_after(step)) << step;
  }
  EXPECT_TRUE(followed.end());
}

TEST(LivePlayer, SeveralStepsAreToldTogether) {
  Followed followed(script());
  followed.board().step(2);
  const json before = followed.told(2);
  followed.board().step(9);
  const json news = followed.told(11);
  const json expected = state_after(11);
  for (const char* part :
       {"processes", "swap", "cache", "policy", "variables", "last", "next", "time_ns"}) {
    EXPECT_EQ(news["state"][part], expected[part]) << part;
  }
  // Each counter with what it gained in the nine steps.
  for (std::size_t i = 0; i < expected["counters"].size(); ++i) {
    const json& counter = news["state"]["counters"][i];
    EXPECT_EQ(counter[1], expected["counters"][i][1]) << counter;
    const auto now = counter[1].get<std::uint64_t>();
    const auto was = before["state"]["counters"][i][1].get<std::uint64_t>();
    EXPECT_EQ(counter[2].get<std::uint64_t>(), now > was ? now - was : 0) << counter;
  }
  EXPECT_EQ(news["state"]["faults"]["count"], 9);
  EXPECT_EQ(news["state"]["faults"]["list"].size(), 9U);
}

TEST(LivePlayer, RunsToTheNextFaultAndNoFurther) {
  Followed followed(script());
  // The first step with more faults than the one before it, in a run that nobody follows.
  const auto faults = [](std::uint64_t step) { return state_after(step)["faults"]["count"]; };
  std::uint64_t step = 0;
  for (int i = 0; i < 3; ++i) {
    ++step;
    while (faults(step) == 0) ++step;
    followed.board().to_fault();
    followed.told(step);
  }
}

TEST(LivePlayer, RunsToItsEndAndStaysThere) {
  Followed followed(script(), false);
  const std::uint64_t all = steps_of_script();
  const json news = followed.told(all, "ended");
  EXPECT_EQ(news["state"]["report"], state_after(all)["report"]);
  EXPECT_EQ(news["live"]["error"], "");
  EXPECT_EQ(news["live"]["sample"][0], all);
  // A page that is chosen now is still told the walk of.
  const std::string page = "0:" + news["state"]["variables"][0][1].get<std::string>();
  EXPECT_TRUE(news["pinned"].is_null());
  followed.board().pin(page);
  const json chosen = followed.until([](const json& n) { return !n["pinned"].is_null(); });
  EXPECT_EQ(chosen["pinned"]["walk"]["address"], news["state"]["variables"][0][1]);
  EXPECT_EQ(chosen["state"]["counters"], news["state"]["counters"]);
}

TEST(LivePlayer, TellsWhatStoppedAScript) {
  // A parent waits while its vfork child has its memory.
  auto run = live_script("process A\nA: B = vfork\nA: p = mmap 0 1P rw private|anonymous\n");
  ASSERT_TRUE(run) << run.error().message;
  Followed followed(std::move(*run), false);
  const json news = followed.until([](const json& n) { return n["live"]["mode"] == "ended"; });
  EXPECT_NE(news["live"]["error"], "");
  EXPECT_FALSE(followed.end());
}

TEST(LivePlayer, CanBeEndedAtAnyTime) {
  { Followed never(script()); }
  {
    Followed in_the_middle(script());
    in_the_middle.board().step(5);
    in_the_middle.told(5);
    EXPECT_TRUE(in_the_middle.end());
  }
}

class LiveRecordingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = folder_ / "sample.pwrec";
    std::vector<record::Chunk> chunks;
    ASSERT_TRUE(record::testing::write_sample(path_, record::Detail::Switches, 400, chunks));
    config_.ram = ByteCount(64ULL << 20);
    config_.swap = ByteCount(64ULL << 20);
  }
  record::Recording recording() const {
    auto opened = record::Recording::open(path_);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::unique_ptr<LiveRun> run() const {
    auto made = live_recording(recording(), config_);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }

  pw::testing::TemporaryFolder folder_;
  std::string path_;
  MachineConfig config_;
};

TEST_F(LiveRecordingTest, ComesToWhatAReplayComesTo) {
  const auto replayed = replay::replay(recording(), config_);
  ASSERT_TRUE(replayed) << replayed.error().message;
  Followed followed(run(), false);
  const json news = followed.until([](const json& n) { return n["live"]["mode"] == "ended"; });
  EXPECT_EQ(news["live"]["error"], "");
  EXPECT_EQ(news["live"]["thousandths"], 1000);
  EXPECT_EQ(news["live"]["sample"][2], replayed->counters.faults.minor);
  EXPECT_EQ(news["live"]["sample"][3], replayed->counters.faults.major);
  EXPECT_EQ(news["state"]["time_ns"], replayed->simulated_ns);
  EXPECT_EQ(news["state"]["processes"].size(), replayed->processes.size());
  for (const json& counter : news["state"]["counters"]) {
    if (counter[0] == "references") {
      EXPECT_EQ(counter[1], replayed->tlb.references);
    } else if (counter[0] == "tlb_walks") {
      EXPECT_EQ(counter[1], replayed->tlb.walks);
    }
  }
  EXPECT_TRUE(followed.end());
}

TEST_F(LiveRecordingTest, StepsAreThoseOfItsTextForm) {
  std::vector<std::string> lines;
  {
    replay::Transcript transcript(
        [&](const script::Step& step) { lines.push_back(script::print(step)); });
    ASSERT_TRUE(replay::replay(recording(), config_, {}, &transcript));
  }
  Followed followed(run());
  ASSERT_GT(lines.size(), 60U);
  for (std::uint64_t step = 1; step <= 60; ++step) {
    followed.board().step(1);
    EXPECT_EQ(followed.told(step)["state"]["last"]["text"], lines[step - 1]);
  }
  EXPECT_TRUE(followed.end());  // long before the recording's end
}

TEST_F(LiveRecordingTest, AnAccessIsShownWithItsWay) {
  Followed followed(run());
  // A fault that was handled; the first ones are of addresses that nobody has mapped.
  json news;
  for (std::uint64_t last = 0;; last = news["state"]["step"]) {
    followed.board().to_fault();
    news = followed.until([last](const json& n) {
      return n["state"]["step"] > last && n["state"]["faults"]["count"] > 0 &&
             n["live"]["mode"] == "paused";
    });
    ASSERT_FALSE(news.is_null());
    if (news["state"]["faults"]["list"][0]["resolved"] == true) break;
  }
  const json& access = news["state"]["access"];
  ASSERT_FALSE(access.is_null());
  EXPECT_EQ(access["now"], true);
  EXPECT_EQ(access["address"], news["state"]["faults"]["list"][0]["address"]);
  const json& entries = access["walk"]["entries"];
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[3]["present"], true);
  EXPECT_EQ(entries[3]["frame"], news["state"]["faults"]["list"][0]["frame"]);
}

}  // namespace
}  // namespace pw::tools
