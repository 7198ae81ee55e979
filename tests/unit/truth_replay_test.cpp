// replay --truth: the prediction is made at the conditions of every row, compared, and the exit
// status says how it went. A function stands for the prediction.
#include "tools/truth_replay.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "predict/truth_file.hpp"
#include "report/json.hpp"
#include "report/text.hpp"
#include "support/json_schema.hpp"
#include "support/sample_recording.hpp"
#include "support/temporary_folder.hpp"
#include "tools/console.hpp"

namespace pw::tools {
namespace {

using Json = nlohmann::json;
using pw::testing::read_file;
using pw::testing::write_file;

class TruthReplayTest : public ::testing::Test {
 protected:
  TruthReplayTest() {
    std::vector<record::Chunk> chunks;
    EXPECT_TRUE(record::testing::write_sample(asked_.recording, record::Detail::Pages, 50, chunks));
    predict::Truth truth;
    truth.command = {"sort", "--parallel=1", "words"};
    truth.kernel = "6.18.1";
    truth.group_version = "v1";
    truth.peak_bytes = 1 << 20;
    for (std::uint64_t percent : {0U, 75U, 50U}) {
      predict::Conditions conditions;
      conditions.limit_bytes = percent * 4096;
      truth.rows.push_back(predict::summarize(static_cast<double>(percent), conditions,
                                              std::vector{expected(conditions)}));
    }
    write_file(asked_.truth, predict::to_json(truth));
    write_file(asked_.costs, predict::to_json(predict::Costs{}));
    asked_.json = asked_.force = true;
  }

  static predict::Outcome expected(const predict::Conditions& conditions) {
    predict::Outcome outcome;
    outcome.minor_faults = 5000;
    outcome.major_faults = conditions.limit_bytes / 16;
    outcome.seconds = 1;
    return outcome;
  }
  // Off by `extra` major faults in the row with a limit of 50 pages.
  static Predictor predicting(std::uint64_t extra) {
    return [extra](const record::Recording& recording, const predict::Conditions& conditions,
                   const predict::Costs&) -> Result<predict::Outcome> {
      EXPECT_EQ(recording.info().command.front(), "sort");
      predict::Outcome outcome = expected(conditions);
      if (conditions.limit_bytes == 50 * 4096) outcome.major_faults += extra;
      return outcome;
    };
  }

  pw::testing::TemporaryFolder folder_;
  TruthReplay asked_{folder_ / "sort.pwrec", folder_ / "truth.json", folder_ / "costs.json",
                     folder_ / "out.json"};
};

TEST_F(TruthReplayTest, ComparesEveryRow) {
  EXPECT_EQ(replay_truth(asked_, predicting(0)), kOk);
  const Json json = Json::parse(read_file(asked_.output));
  EXPECT_EQ(test::schema_errors(json, "check.schema.json"), std::vector<std::string>{});
  ASSERT_EQ(json["rows"].size(), 3U);
  EXPECT_EQ(json["within"], true);
  EXPECT_EQ(json["rows"][2]["figures"][1]["predicted"], 12'800);
  EXPECT_EQ(json["notes"].size(), 0U);
}

TEST_F(TruthReplayTest, AFigureBeyondItsBarIsAFailure) {
  EXPECT_EQ(replay_truth(asked_, predicting(1280)), kOk);  // a tenth
  EXPECT_EQ(replay_truth(asked_, predicting(1281)), kFailed);
  const Json json = Json::parse(read_file(asked_.output));
  EXPECT_EQ(json["within"], false);
  EXPECT_EQ(json["rows"][1]["within"], true);
  EXPECT_EQ(json["rows"][2]["within"], false);
}

TEST_F(TruthReplayTest, AReportTellsTheSame) {
  ASSERT_EQ(replay_truth(asked_, predicting(1281)), kFailed);
  const auto checked = check_with(asked_, predicting(1281));
  ASSERT_TRUE(checked);
  report::Report report;
  report.columns.push_back({"base", {}});
  EXPECT_EQ(Json::parse(report::json(report))["check"], nullptr);
  report.checked = *checked;
  EXPECT_EQ(Json::parse(report::json(report))["check"], Json::parse(read_file(asked_.output)));
  const std::string text = report::text(report, {});
  EXPECT_NE(text.find("Prediction beside measurement"), std::string::npos);
  EXPECT_NE(text.find("Predictions marked off are beyond their bars."), std::string::npos);
}

TEST_F(TruthReplayTest, AnotherProgramIsNoted) {
  Json truth = Json::parse(read_file(asked_.truth));
  truth["command"] = {"gzip"};
  write_file(asked_.truth, truth.dump());
  EXPECT_EQ(replay_truth(asked_, predicting(0)), kOk);
  const Json json = Json::parse(read_file(asked_.output));
  ASSERT_EQ(json["notes"].size(), 1U);
  EXPECT_EQ(json["notes"][0], "The recording is of another command: sort --parallel=1 words");
}

// What was measured where the runs were is better than what this host takes, unless other costs are
// asked for.
TEST_F(TruthReplayTest, CostsThatWereSavedWithTheRunsAreTaken) {
  const Json bare = Json::parse(read_file(asked_.truth));
  predict::Truth truth = *predict::truth_from_json(bare.dump());
  truth.costs.host = "another host";
  truth.costs.look = {7'777, 7'000, 8'000, true};
  write_file(asked_.truth, predict::to_json(truth));
  double look = 0;
  const Predictor noting = [&](const record::Recording&, const predict::Conditions& conditions,
                               const predict::Costs& costs) -> Result<predict::Outcome> {
    if (conditions.limit_bytes == 0) look = costs.look.ns;
    return expected(conditions);
  };
  EXPECT_EQ(replay_truth(asked_, noting), kOk);
  EXPECT_EQ(look, predict::Costs{}.look.ns);
  asked_.costs.clear();
  EXPECT_EQ(replay_truth(asked_, noting), kOk);
  EXPECT_EQ(look, 7'777);
  EXPECT_EQ(Json::parse(read_file(asked_.output))["costs"],
            "costs measured on another host, saved with the runs");
}

TEST_F(TruthReplayTest, TheKernelsOwnAgeingIsPredicted) {
  predict::Truth truth = *predict::truth_from_json(read_file(asked_.truth));
  for (predict::TruthRow& row : truth.rows) row.conditions.ageing = Ageing::Generations;
  write_file(asked_.truth, predict::to_json(truth));
  const Predictor checking = [](const record::Recording&, const predict::Conditions& conditions,
                                const predict::Costs&) -> Result<predict::Outcome> {
    EXPECT_EQ(conditions.ageing, Ageing::Generations);
    return expected(conditions);
  };
  EXPECT_EQ(replay_truth(asked_, checking), kOk);
  const Json json = Json::parse(read_file(asked_.output));
  EXPECT_EQ(json["model"], "linux-mglru");
  EXPECT_EQ(json["ageing"], "linux-mglru");
  EXPECT_EQ(test::schema_errors(json, "check.schema.json"), std::vector<std::string>{});
}

TEST_F(TruthReplayTest, ASlowdownHasAnInterval) {
  predict::Truth truth = *predict::truth_from_json(read_file(asked_.truth));
  for (predict::TruthRow& row : truth.rows) {
    row.conditions.swap = row.limited() ? predict::SwapKind::Zram : predict::SwapKind::None;
    row.figures.back() = {1, 1, 1};  // CPU seconds
  }
  write_file(asked_.truth, predict::to_json(truth));
  const Predictor slower = [](const record::Recording&, const predict::Conditions& conditions,
                              const predict::Costs&) -> Result<predict::Outcome> {
    predict::Outcome outcome = expected(conditions);
    outcome.cpu_seconds = conditions.limit_bytes == 0 ? 1 : 1.1;
    return outcome;
  };
  EXPECT_EQ(replay_truth(asked_, slower), kOk);
  const Json json = Json::parse(read_file(asked_.output));
  EXPECT_EQ(test::schema_errors(json, "check.schema.json"), std::vector<std::string>{});
  const Json& slowdown = json["rows"][2]["figures"].back();
  ASSERT_EQ(slowdown["name"], "slowdown");
  EXPECT_NEAR(slowdown["predicted"].get<double>(), 1.1, 1e-9);
  EXPECT_GT(slowdown["predicted"], slowdown["predicted_low"]);
  EXPECT_LT(slowdown["predicted"], slowdown["predicted_high"]);
  EXPECT_EQ(json["rows"][2]["figures"][0]["predicted_low"], nullptr);
}

TEST_F(TruthReplayTest, WhatCannotBeReadIsAUsageError) {
  EXPECT_EQ(replay_truth(asked_, {}), kUsage);  // nothing predicts
  TruthReplay other = asked_;
  other.truth = folder_ / "none";
  EXPECT_EQ(replay_truth(other, predicting(0)), kUsage);
  other = asked_;
  other.truth = asked_.costs;
  EXPECT_EQ(replay_truth(other, predicting(0)), kUsage);
  other = asked_;
  other.costs = asked_.truth;
  EXPECT_EQ(replay_truth(other, predicting(0)), kUsage);
  EXPECT_FALSE(std::filesystem::exists(asked_.output));
}

}  // namespace
}  // namespace pw::tools
