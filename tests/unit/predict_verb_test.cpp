// The verb predict as users call it, and what it makes of outcomes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "predict/forecast.hpp"
#include "predict/predict.hpp"
#include "predict/sample.hpp"
#include "predict/truth_file.hpp"
#include "support/json_schema.hpp"
#include "support/sample_recording.hpp"
#include "support/temporary_folder.hpp"
#include "tools/predict_report.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

struct Said {
  int status = 0;
  std::string out, err;
};

class PredictVerb : public ::testing::Test {
 protected:
  PredictVerb() {
    std::vector<record::Chunk> chunks;
    EXPECT_TRUE(record::testing::write_sample(path_, record::Detail::Full, 3'000, chunks));
  }
  Said predict(std::vector<std::string> words) {
    CLI::App app("", "pagewright");
    Call call;
    add_predict(app, call);
    words.insert(words.begin(), {"predict", path_, "--costs", costs_});
    std::reverse(words.begin(), words.end());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    app.parse(words);
    Said said;
    said.status = call.status;
    said.out = ::testing::internal::GetCapturedStdout();
    said.err = ::testing::internal::GetCapturedStderr();
    return said;
  }
  testing::TemporaryFolder folder_;
  std::string path_ = (folder_.path() / "sample.pwrec").string();
  std::string costs_ = [this] {
    const std::string path = (folder_.path() / "costs.json").string();
    testing::write_file(path, predict::to_json(predict::Costs{}));
    return path;
  }();
};

TEST_F(PredictVerb, TellsEveryLimitAsTextAndAsJson) {
  const Said text = predict({"--limit", "100%,50%"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("Predicted: sort --parallel=1 words"));
  EXPECT_THAT(text.out, HasSubstr("slowdown"));
  const Said json = predict({"--limit", "100%,50%", "--swap", "ssd", "--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  const Json parsed = Json::parse(json.out);
  EXPECT_THAT(test::schema_errors(parsed, "predict.schema.json"), ::testing::IsEmpty());
  ASSERT_EQ(parsed["rows"].size(), 2U);
  EXPECT_LE(parsed["rows"][1]["limit_bytes"], parsed["rows"][0]["limit_bytes"]);
}

// Prediction checks only what it reads; where that is damaged, the rest is predicted.
TEST_F(PredictVerb, DamageIsToldAndTheRestPredicted) {
  std::string bytes = testing::read_file(path_);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  testing::write_file(path_, bytes);
  const auto opened = record::Recording::open(path_, record::Recording::Verify::Index);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->losses().empty());
  std::size_t lost = 0;
  record::Chunk chunk;
  for (std::size_t i = 0; i < opened->chunks().size(); ++i) {
    const Result<void> decoded = opened->decode(i, chunk);
    if (decoded) continue;
    EXPECT_EQ(decoded.error().code, Errno::Io);
    ++lost;
  }
  EXPECT_EQ(lost, 1U);
  const Said damaged = predict({"--limit", "100%"});
  EXPECT_EQ(damaged.status, 0) << damaged.err;
  EXPECT_THAT(damaged.out, HasSubstr("is damaged: parts of the run are missing."));
  const Json rest = Json::parse(predict({"--limit", "100%", "--json"}).out);
  EXPECT_GT(rest["base"]["minor_faults"], 0);
}

TEST_F(PredictVerb, BothWaysOfAgeingCanBeAskedForAndStandBesideEachOther) {
  const Json lists = Json::parse(predict({"--limit", "50%", "--json"}).out);
  const Said alone = predict({"--limit", "50%", "--model", "linux-mglru", "--json"});
  const Json generations = Json::parse(alone.out);
  const Json both = Json::parse(predict({"--limit", "50%", "--model", "both", "--json"}).out);
  EXPECT_EQ(lists["knobs"]["model"], "linux");
  EXPECT_EQ(generations["knobs"]["model"], "linux-mglru");
  for (const Json& each : {lists, generations, both}) {
    EXPECT_THAT(test::schema_errors(each, "predict.schema.json"), ::testing::IsEmpty());
  }
  EXPECT_TRUE(lists["mglru_rows"].is_null());
  EXPECT_EQ(both["rows"], lists["rows"]);
  EXPECT_EQ(both["mglru_rows"], generations["rows"]);
  EXPECT_NE(both["mglru_rows"], both["rows"]);
  const Said text = predict({"--limit", "50%", "--model", "both"});
  EXPECT_THAT(text.out, HasSubstr("With the multi-generational LRU in place of"));
  EXPECT_THAT(text.out, HasSubstr("follows the kernel's source"));
}

TEST_F(PredictVerb, TwoEqualRecordingsDoNotDiffer) {
  const Said said = predict({"--limit", "50%", "--against", path_, "--json"});
  EXPECT_EQ(Json::parse(said.out)["second_recording_differs"], 0.0);
}

TEST_F(PredictVerb, RefusesWhatItCannotMakeSenseOf) {
  for (const char* bad : {"0%", "x", "-5%", "12", "5 0%"}) {
    const Said said = predict({"--limit", bad});
    EXPECT_EQ(said.status, 2) << bad;
    EXPECT_THAT(said.err, HasSubstr("--limit")) << bad;
  }
  EXPECT_THAT(predict({"--sample", "4"}).err, HasSubstr("detail pages"));
  EXPECT_THAT(predict({"--flush", "1h"}).err, HasSubstr("--flush"));
  EXPECT_THAT(predict({"--flush", "5s"}).err, HasSubstr("1ms to 2s"));
}

// --- what stands behind the verb

predict::Outcome outcome(std::uint64_t in, double seconds) {
  predict::Outcome result;
  result.major_faults = result.swap_in = in;
  result.swap_out = in;
  result.cpu_seconds = result.seconds = seconds;
  result.peak_group_bytes = 100 << 20;
  return result;
}

TEST(Slowdown, IsWhatTheLimitAddsToTheProgramsOwnTime) {
  const predict::Costs costs;
  const auto known = predict::slowdown(outcome(0, 1), outcome(1000, 4), predict::SwapKind::Zram,
                                       costs, {}, 2, true);
  EXPECT_DOUBLE_EQ(known.middle, 1 + 3.0 / 2);
  EXPECT_LT(known.low, known.middle);
  EXPECT_GT(known.high, known.middle);
  const auto guessed = predict::slowdown(outcome(0, 1), outcome(1000, 4), predict::SwapKind::Zram,
                                         costs, {}, 2, false);
  EXPECT_DOUBLE_EQ(guessed.middle, known.middle);
  const auto text = predict::slowdown(outcome(0, 1), outcome(1000, 4), predict::SwapKind::Zram,
                                      costs, {1'500, 1'500, 1'500}, 2, true);
  EXPECT_GT(text.low, known.low);  // what pages hold is known
  EXPECT_LT(text.high, known.high);
  EXPECT_DOUBLE_EQ(guessed.low - 1, (known.low - 1) / 2);
  EXPECT_DOUBLE_EQ(guessed.high - 1, (known.high - 1) * 2);
}

TEST(Forecast, ThePaceIsThatOfTheProgramsOwnPart) {
  predict::Outcome base = outcome(0, 3);
  base.seconds = 4;            // one of which it waited
  base.reference_seconds = 2;  // the rest are faults and TLB misses
  predict::Outcome same = base;
  EXPECT_DOUBLE_EQ(predict::pace_of(same, predict::SwapKind::Zram, 3), 1);
  EXPECT_DOUBLE_EQ(same.cpu_seconds, 3);
  EXPECT_DOUBLE_EQ(predict::pace_of(same, predict::SwapKind::Zram, 6), 2.5);
  EXPECT_DOUBLE_EQ(same.cpu_seconds, 6);
  EXPECT_DOUBLE_EQ(same.seconds, 7);
  predict::Outcome wall = base;
  EXPECT_DOUBLE_EQ(predict::pace_of(wall, predict::SwapKind::Ssd, 3), 0.5);
  EXPECT_DOUBLE_EQ(wall.cpu_seconds, 2);
  // Faults alone take longer than that: the program's own part is next to nothing, never less.
  predict::Outcome fast = base;
  EXPECT_GT(predict::pace_of(fast, predict::SwapKind::Zram, 0.5), 0);
  EXPECT_GT(fast.cpu_seconds, 1);
  predict::Outcome nothing;
  EXPECT_EQ(predict::pace_of(nothing, predict::SwapKind::Zram, 1), 1);
}

TEST(Forecast, ATruthIsPredictedAtThePaceOfItsFirstRow) {
  testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "sample.pwrec").string();
  std::vector<record::Chunk> chunks;
  ASSERT_TRUE(record::testing::write_sample(path, record::Detail::Pages, 50, chunks));
  const auto recording = record::Recording::open(path);
  ASSERT_TRUE(recording);
  predict::Truth truth;
  predict::Conditions half;
  half.limit_bytes = 1 << 20;
  const std::vector<predict::Outcome> runs{outcome(0, 6)};
  truth.rows = {predict::summarize(0, {}, runs), predict::summarize(50, half, runs)};
  bool in_memory[2] = {false, false};  // without a limit, with one
  const predict::Predict paces = [&](const record::Recording&, const predict::Conditions& c,
                                     const predict::Costs&) -> Result<predict::Outcome> {
    in_memory[c.limit_bytes == 0 ? 0 : 1] = c.mapped_in_memory;
    predict::Outcome one = outcome(c.limit_bytes, 3 * c.pace);
    one.reference_seconds = one.cpu_seconds;
    return one;
  };
  const auto told = predict::predict_truth(*recording, truth, {}, paces);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->size(), 2U);
  EXPECT_DOUBLE_EQ((*told)[0].cpu_seconds, 6);
  EXPECT_DOUBLE_EQ((*told)[1].cpu_seconds, 6);
  EXPECT_TRUE(in_memory[0] && in_memory[1]);
  truth.rows[0] = predict::summarize(0, {}, std::vector{outcome(1, 6)});  // a major fault
  (void)predict::predict_truth(*recording, truth, {}, paces);
  EXPECT_FALSE(in_memory[0] || in_memory[1]);
  truth.rows.erase(truth.rows.begin());  // nothing to go by
  EXPECT_DOUBLE_EQ((*predict::predict_truth(*recording, truth, {}, paces))[0].cpu_seconds, 3);
}

Result<record::Recording> sample_in(const testing::TemporaryFolder& folder) {
  const std::string path = (folder.path() / "sample.pwrec").string();
  std::vector<record::Chunk> chunks;
  EXPECT_TRUE(record::testing::write_sample(path, record::Detail::Pages, 50, chunks));
  return record::Recording::open(path);
}

Result<std::vector<predict::Outcome>> by_limit(const predict::Source&,
                                               const std::vector<predict::Conditions>& conditions,
                                               const predict::Costs&) {
  std::vector<predict::Outcome> all;
  for (const predict::Conditions& one : conditions) {
    all.push_back(outcome(one.limit_bytes / 4096, 1));
  }
  return all;
}

TEST(Forecast, LimitsArePartsOfThePeakAndWholePages) {
  testing::TemporaryFolder folder;
  const auto recording = sample_in(folder);
  ASSERT_TRUE(recording);
  const auto told = predict::forecast(*recording, {{75, 0}, {0, (10 << 20) + 5}}, {}, {}, {},
                                      by_limit);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->rows[0].conditions.limit_bytes, 75U << 20);
  EXPECT_EQ(told->rows[0].outcome.swap_in, (75U << 20) / 4096);
  EXPECT_EQ(told->rows[1].conditions.limit_bytes, 10U << 20);
  EXPECT_NEAR(told->rows[1].percent, 10, 1e-9);
  const auto coarse = predict::forecast(*recording, {{0, 64 << 10}}, {}, {}, {}, by_limit);
  ASSERT_FALSE(coarse);
  EXPECT_THAT(coarse.error().message, HasSubstr("too small for this recording"));
}

TEST(Forecast, MoreToReplayMeansFewerPages) {
  EXPECT_EQ(predict::sample_for(9'000'000, 5), 1U);
  EXPECT_EQ(predict::sample_for(18'000'000, 5), 4U);
  EXPECT_EQ(predict::sample_for(35'000'000, 5), 8U);
  EXPECT_EQ(predict::sample_for(35'000'000, 2), 4U);
  // but not too few of them
  EXPECT_EQ(predict::sample_at(96U << 20, 8), 8U);
  EXPECT_EQ(predict::sample_at((96U << 20) - 4096, 8), 4U);
  EXPECT_EQ(predict::sample_at(24U << 20, 8), 2U);
  EXPECT_EQ(predict::sample_at(20U << 20, 8), 1U);
}

TEST(Forecast, ASampleIsOfAllRunsOrRefused) {
  testing::TemporaryFolder folder;
  const auto recording = sample_in(folder);
  ASSERT_TRUE(recording);
  std::vector<std::uint32_t> asked;
  const auto note = [&](const predict::Source& source,
                        const std::vector<predict::Conditions>& conditions,
                        const predict::Costs& costs) {
    for (const predict::Conditions& one : conditions) asked.push_back(one.sample_one_in);
    return by_limit(source, conditions, costs);
  };
  predict::Conditions conditions;
  conditions.sample_one_in = 4;
  const auto told = predict::forecast(*recording, {{75, 0}, {50, 0}}, conditions, {}, {}, note);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->sample_one_in, 4U);
  EXPECT_EQ(asked, std::vector<std::uint32_t>(3, 4));
  asked.clear();
  conditions.sample_one_in = 0;  // a short one: all of it
  const auto chosen = predict::forecast(*recording, {{75, 0}}, conditions, {}, {}, note);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->sample_one_in, 1U);
  EXPECT_EQ(asked, std::vector<std::uint32_t>(2, 1));
  conditions.sample_one_in = 2;
  conditions.huge_pages = HugePages::Always;
  const auto huge = predict::forecast(*recording, {{75, 0}}, conditions, {}, {}, note);
  ASSERT_FALSE(huge);
  EXPECT_THAT(huge.error().message, HasSubstr("huge pages"));
  conditions.huge_pages = HugePages::Never;
  conditions.ageing = Ageing::Generations;
  EXPECT_FALSE(predict::forecast(*recording, {{75, 0}}, conditions, {}, {}, note));
}

// So that forecast() need not replay it.
TEST(Forecast, ALimitAtThePeakIsNotFelt) {
  testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "sample.pwrec").string();
  std::vector<record::Chunk> chunks;
  ASSERT_TRUE(record::testing::write_sample(path, record::Detail::Full, 3'000, chunks));
  const auto recording = record::Recording::open(path);
  ASSERT_TRUE(recording);
  for (const HugePages huge : {HugePages::Never, HugePages::Always}) {
    predict::Conditions conditions;
    conditions.huge_pages = huge;
    const auto base = predict::predict(*recording, conditions, {});
    ASSERT_TRUE(base);
    conditions.limit_bytes = base->peak_group_bytes;
    const auto at_peak = predict::predict(*recording, conditions, {});
    conditions.limit_bytes -= base->peak_group_bytes / 2;
    const auto half = predict::predict(*recording, conditions, {});
    ASSERT_TRUE(at_peak && half);
    for (const predict::Quantity& quantity : predict::quantities()) {
      EXPECT_EQ(quantity.of(*at_peak), quantity.of(*base)) << quantity.name;
    }
    EXPECT_GT(half->swap_out, 0U);
  }
}

TEST(Forecast, PartsOfThePeakThatAreTooSmallAreLeftOut) {
  testing::TemporaryFolder folder;
  const auto recording = sample_in(folder);
  ASSERT_TRUE(recording);
  const auto told = predict::forecast(*recording, {{50, 0}, {0.01, 0}, {20, 0}}, {}, {}, {},
                                      by_limit);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->rows.size(), 2U);
  EXPECT_EQ(told->rows[1].conditions.limit_bytes, 20U << 20);
  EXPECT_EQ(told->rows[1].outcome.swap_in, (20U << 20) / 4096);
  ASSERT_EQ(told->left_out.size(), 1U);
  EXPECT_THAT(told->left_out[0], HasSubstr("too small for this recording"));
  EXPECT_FALSE(predict::forecast(*recording, {{0.01, 0}}, {}, {}, {}, by_limit));
}

// At 50 % the kernel kills when it has gathered its statistics in the first half of their time.
TEST(Forecast, WhatEndedNarrowlyIsRunAgain) {
  testing::TemporaryFolder folder;
  const auto recording = sample_in(folder);
  ASSERT_TRUE(recording);
  std::vector<double> phases;
  const predict::PredictAll narrow = [&](const predict::Source&,
                                         const std::vector<predict::Conditions>& all,
                                         const predict::Costs&) {
    std::vector<predict::Outcome> outcomes;
    for (const predict::Conditions& one : all) {
      predict::Outcome each = outcome(1000, 1);
      each.peak_group_bytes = 100 << 20;
      if (one.limit_bytes == 50 << 20) {
        phases.push_back(one.stat_phase);
        each.close_calls = 2;
        each.oom = one.stat_phase < 0.5;
        each.oom_victim = each.oom ? "server" : "";
        each.kills = each.oom ? 1 : 0;
        each.major_faults = each.oom ? 5 : 2000;
      }
      outcomes.push_back(each);
    }
    return Result<std::vector<predict::Outcome>>(outcomes);
  };
  const auto told = predict::forecast(*recording, {{75, 0}, {50, 0}}, {}, {}, {}, narrow);
  ASSERT_TRUE(told && told->rows.size() == 2);
  EXPECT_EQ(told->rows[0].outcome.runs, 1U);
  const predict::Outcome& row = told->rows[1].outcome;
  EXPECT_EQ(row.runs, 8U);
  EXPECT_EQ(row.kills, 4U);
  EXPECT_EQ(row.major_faults, 2000U);  // of a run that ended
  EXPECT_EQ(row.oom_victim, "server");
  EXPECT_FALSE(row.oom);
  EXPECT_EQ(phases, (std::vector<double>{0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875}));
}

TEST(PredictReport, SaysWhoIsKilledAndHowMuchTwoRecordingsDiffer) {
  PredictReport report;
  report.command = {"server", "--big"};
  report.costs = "default costs";
  predict::Forecast row;
  row.percent = 50;
  row.conditions.limit_bytes = 50 << 20;
  row.outcome = outcome(1000, 2);
  row.outcome.oom = true;
  row.outcome.kills = 1;
  row.outcome.oom_victim = "server --big";
  report.forecasts.base = outcome(0, 1);
  predict::Forecast now_and_then = row;
  now_and_then.outcome.oom = false;
  now_and_then.outcome.kills = 3;
  now_and_then.outcome.runs = 8;
  report.forecasts.rows = {row, now_and_then};
  report.other = report.forecasts;
  report.other->rows[0].outcome.major_faults = 900;
  const std::string text = predict_text(report, {});
  EXPECT_THAT(text, HasSubstr("kills server --big"));
  EXPECT_THAT(text, HasSubstr("3 runs of 8"));
  EXPECT_THAT(text, HasSubstr("perhaps kills server --big"));
  EXPECT_THAT(text, HasSubstr("differ by up to 10.0 %"));
  const Json json = Json::parse(predict_json(report));
  EXPECT_THAT(test::schema_errors(json, "predict.schema.json"), ::testing::IsEmpty());
  EXPECT_TRUE(json["rows"][0]["oom"]);
  EXPECT_FALSE(json["rows"][1]["oom"]);
  EXPECT_EQ(json["rows"][1]["oom_runs"], 3);
  EXPECT_EQ(json["rows"][1]["oom_chance"], "perhaps");
  EXPECT_EQ(json["rows"][1]["runs"], 8);
}

}  // namespace
}  // namespace pw::tools
