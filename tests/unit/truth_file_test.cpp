// Truth files, and how predictions compare with them.
#include "predict/truth_file.hpp"
#include "predict/close_call.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/json_schema.hpp"
#include "tools/check_report.hpp"

namespace pw::predict {
namespace {

using Json = nlohmann::json;

Outcome run(std::uint64_t minor, std::uint64_t major, double seconds) {
  Outcome outcome;
  outcome.minor_faults = minor;
  outcome.major_faults = outcome.swap_in = major;
  outcome.swap_out = major + 1000;
  outcome.scanned = 3 * major;
  outcome.peak_resident_bytes = 64 << 20;
  outcome.seconds = outcome.cpu_seconds = seconds;
  return outcome;
}

Conditions limited() {
  Conditions conditions;
  conditions.limit_bytes = 32 << 20;
  conditions.stat_flush_ns = 20'000'000;
  return conditions;
}

Truth example() {
  Truth truth;
  truth.command = {"sort", "\xff file"};
  truth.environment = "00ff";
  truth.kernel = "6.18.1";
  truth.group_version = "v1";
  truth.peak_bytes = 64 << 20;
  truth.of_machine = {"pswpin"};
  truth.notes = {"a note"};
  truth.rows.push_back(summarize(0, Conditions{}, std::vector{run(1000, 0, 1.0)}));
  truth.rows.push_back(
      summarize(50, limited(),
                std::vector{run(900, 20'000, 4.0), run(910, 20'100, 4.1), run(950, 20'200, 4.2)}));
  return truth;
}

std::size_t index_of(std::string_view name) {
  std::size_t at = 0;
  while (quantities()[at].name != name) ++at;
  return at;
}

const Comparison& figure(const RowComparison& row, std::string_view name) {
  for (const Comparison& one : row.figures) {
    if (one.quantity->name == name) return one;
  }
  ADD_FAILURE() << "no figure " << name;
  return row.figures.front();
}

TEST(TruthFile, SummaryIsMedianLowestHighest) {
  const TruthRow row = example().rows[1];
  const Figure& minor = row.figures[index_of("minor_faults")];
  EXPECT_EQ(minor.median, 910);
  EXPECT_EQ(minor.low, 900);
  EXPECT_EQ(minor.high, 950);
  EXPECT_DOUBLE_EQ(minor.spread(), 50.0 / 910);
  const TruthRow even = summarize(50, limited(), std::vector{run(10, 0, 1), run(20, 0, 1)});
  EXPECT_EQ(even.figures[index_of("minor_faults")].median, 15);
}

TEST(TruthFile, KilledAndLateRunsAreLeftOutWhereOthersEnded) {
  Outcome killed = run(5, 5, 0.1);
  killed.oom = true;
  killed.oom_victim = "sort";
  const std::vector runs{killed, run(900, 20, 4), run(1, 1, 60)};
  const TruthRow row = summarize(50, limited(), runs, {false, false, true});
  EXPECT_EQ(row.runs, 3U);
  EXPECT_EQ(row.killed, 1U);
  EXPECT_EQ(row.late, 1U);
  EXPECT_EQ(row.oom_victim, "sort");
  EXPECT_FALSE(row.oom());
  EXPECT_EQ(row.figures[index_of("minor_faults")].low, 900);
  EXPECT_EQ(row.figures[index_of("minor_faults")].high, 900);

  const TruthRow all = summarize(50, limited(), std::vector{killed, killed});
  EXPECT_TRUE(all.oom());
  EXPECT_EQ(all.figures[index_of("minor_faults")].median, 5);
}

TEST(TruthFile, ComesBackAsItWasWritten) {
  const Truth truth = example();
  const std::string text = to_json(truth);
  EXPECT_EQ(test::schema_errors(Json::parse(text), "truth.schema.json"),
            std::vector<std::string>{});
  const auto again = truth_from_json(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), text);
  EXPECT_EQ(again->rows[1].conditions.limit_bytes, 32U << 20);
  EXPECT_EQ(again->rows[1].figures[index_of("seconds")].high, 4.2);
}

TEST(TruthFile, HasTheHostsCostsAndItsKernelsAgeing) {
  Truth truth = example();
  truth.costs.host = "a processor";
  truth.costs.file_read = {350, 300, 400, true};
  truth.rows[1].conditions.ageing = Ageing::Generations;
  const auto again = truth_from_json(to_json(truth));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->costs.host, "a processor");
  EXPECT_EQ(again->costs.file_read.high, 400);
  EXPECT_TRUE(any_measured(again->costs));
  EXPECT_FALSE(any_measured(example().costs));
  EXPECT_EQ(again->rows[0].conditions.ageing, Ageing::Lists);
  EXPECT_EQ(again->rows[1].conditions.ageing, Ageing::Generations);
  // Older files have neither.
  Json old = Json::parse(to_json(truth));
  old.erase("costs");
  for (Json& row : old["rows"]) row.erase("ageing");
  const auto read = truth_from_json(old.dump());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(any_measured(read->costs));
  EXPECT_EQ(read->rows[1].conditions.ageing, Ageing::Lists);
  old["costs"] = {{"schema", "pagewright.costs/1"}, {"costs", {{"walk", 5}}}};
  EXPECT_FALSE(truth_from_json(old.dump()));
}

TEST(TruthFile, WhatIsWrongIsSaid) {
  const Json good = Json::parse(to_json(example()));
  const auto message = [](const Json& json) {
    const auto truth = truth_from_json(json.dump());
    return truth ? std::string("accepted") : truth.error().message;
  };
  EXPECT_EQ(message(good), "accepted");
  Json bad = good;
  bad["schema"] = "pagewright.truth/2";
  EXPECT_EQ(message(bad), "no truth file of schema pagewright.truth/1");
  bad = good;
  bad["rows"] = Json::array();
  EXPECT_EQ(message(bad), "the truth file needs at least one row as 'rows'");
  bad = good;
  bad["rows"][0].erase("swap");
  EXPECT_EQ(message(bad), "a row needs a text as 'swap'");
  bad = good;
  bad["rows"][0]["swap"] = "tape";
  EXPECT_EQ(message(bad), "a row needs none, zram or ssd as 'swap'");
  bad = good;
  bad["rows"][1]["limit_bytes"] = -1;
  EXPECT_EQ(message(bad), "a row needs a whole number as 'limit_bytes'");
  bad = good;
  bad["rows"][1]["figures"]["swap_in"]["low"] = "x";
  EXPECT_EQ(message(bad), "the figure swap_in needs a number as 'low'");
  bad = good;
  bad["rows"][1]["figures"]["swap_in"]["low"] = 1e300;
  EXPECT_EQ(message(bad), "the figure swap_in needs a number of sensible size as 'low'");
  bad = good;
  bad["rows"] = 7;
  EXPECT_EQ(message(bad), "the truth file needs a list as 'rows'");
  EXPECT_FALSE(truth_from_json("[]"));
  EXPECT_FALSE(truth_from_json("{"));
}

TEST(TruthCompare, ErrorsAndBars) {
  const Truth truth = example();
  std::vector<Outcome> predicted{run(1010, 0, 0.5), run(910, 22'100, 4.0)};
  const auto rows = compare(truth, predicted);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_DOUBLE_EQ(figure(rows[0], "minor_faults").error, 0.01);
  EXPECT_TRUE(figure(rows[0], "minor_faults").within);  // 10 faults
  const Comparison& major = figure(rows[1], "major_faults");
  EXPECT_DOUBLE_EQ(major.error, 2000.0 / 20'100);
  EXPECT_DOUBLE_EQ(*major.allowed, 2010);
  EXPECT_TRUE(major.within);
  EXPECT_TRUE(rows[1].within);
  EXPECT_FALSE(figure(rows[1], "refault_anon").allowed);  // told only

  predicted[0].minor_faults = 1011;
  predicted[1].major_faults = 22'111;
  const auto off = compare(truth, predicted);
  EXPECT_FALSE(figure(off[0], "minor_faults").within);
  EXPECT_FALSE(off[0].within);
  EXPECT_FALSE(figure(off[1], "major_faults").within);
  EXPECT_FALSE(off[1].within);
}

TEST(TruthCompare, TheBarIsTheSpreadWhereThatIsMore) {
  Truth truth = example();
  truth.rows[1] = summarize(
      50, limited(), std::vector{run(900, 10'000, 4), run(900, 20'000, 4), run(900, 30'000, 4)});
  const auto rows = compare(truth, std::vector{run(1000, 0, 1), run(900, 39'000, 4)});
  EXPECT_EQ(*figure(rows[1], "major_faults").allowed, 20'000);
  EXPECT_TRUE(figure(rows[1], "major_faults").within);
}

TEST(TruthCompare, SlowdownIsWhatTheLimitAdds) {
  Truth truth = example();
  for (TruthRow& row : truth.rows) row.conditions.swap = SwapKind::Ssd;
  const auto rows = compare(truth, std::vector{run(1000, 0, 0.5), run(910, 20'100, 4.5)});
  EXPECT_EQ(rows[0].figures.size(), kQuantities);
  const Comparison& slowdown = figure(rows[1], "slowdown");
  EXPECT_DOUBLE_EQ(slowdown.measured.median, 4.1);
  EXPECT_DOUBLE_EQ(slowdown.predicted, 5.0);  // 4 s more than the 1 s that was measured
  EXPECT_TRUE(slowdown.within);
  const auto slow = compare(truth, std::vector{run(1000, 0, 0.5), run(910, 20'100, 4.7)});
  EXPECT_FALSE(figure(slow[1], "slowdown").within);

  // A time that does not repeat has no bar.
  Truth noisy = truth;
  noisy.rows[1].figures[index_of("seconds")] = {4, 3, 5};
  const auto told = compare(noisy, std::vector{run(1000, 0, 0.5), run(910, 20'100, 9)});
  EXPECT_FALSE(figure(told[1], "slowdown").allowed);
  EXPECT_TRUE(told[1].within);
}

TEST(TruthCompare, SlowdownIsOfCpuTimeWhereNothingIsWaitedFor) {
  Truth truth = example();
  truth.rows[0].figures[index_of("cpu_seconds")] = {0.5, 0.5, 0.5};
  truth.rows[1].figures[index_of("cpu_seconds")] = {1.5, 1.5, 1.5};
  std::vector<Outcome> predicted{run(1000, 0, 7), run(910, 20'100, 70)};
  predicted[0].cpu_seconds = 0.25;
  predicted[1].cpu_seconds = 1.0;
  const auto rows = compare(truth, predicted);
  EXPECT_DOUBLE_EQ(figure(rows[1], "slowdown").measured.median, 3.0);
  EXPECT_DOUBLE_EQ(figure(rows[1], "slowdown").predicted, 2.5);
}

TEST(TruthCompare, BeingKilledIsComparedAlone) {
  Truth truth = example();
  Outcome killed = run(5, 5, 0.1);
  killed.oom = true;
  truth.rows[1] = summarize(50, limited(), std::vector{killed, killed, run(900, 20, 4)});
  auto rows = compare(truth, std::vector{run(1000, 0, 1), killed});
  EXPECT_TRUE(rows[1].figures.empty());
  EXPECT_TRUE(rows[1].within);
  rows = compare(truth, std::vector{run(1000, 0, 1), run(900, 20, 4)});
  EXPECT_FALSE(rows[1].oom_agrees);
  EXPECT_FALSE(rows[1].within);
}

TEST(TruthCompare, WhatIsPerhapsKilledMayEndInEitherWay) {
  Truth truth = example();
  Outcome killed = run(5, 5, 0.1);
  killed.oom = true;
  truth.rows[1] = summarize(50, limited(), std::vector{killed, run(900, 20, 4), run(900, 20, 4)});
  Outcome predicted = run(900, 20, 4);
  predicted.runs = 8;
  predicted.kills = 6;
  predicted.oom = true;
  auto rows = compare(truth, std::vector{run(1000, 0, 1), predicted});
  EXPECT_TRUE(rows[1].oom_agrees);
  EXPECT_TRUE(rows[1].within);
  const tools::CheckReport report{truth, {run(1000, 0, 1), predicted}, "", {}, {}, Ageing::Lists};
  EXPECT_NE(tools::check_text(report, {})
                .find("Predicted: is killed for want of memory in 6 of 8 runs; measured: is "
                      "killed for want of memory in 1 of 3 runs: ok"),
            std::string::npos);
  truth.rows[1] = summarize(50, limited(), std::vector(6, run(900, 20, 4)));
  EXPECT_TRUE(compare(truth, std::vector{run(1000, 0, 1), predicted})[1].oom_agrees);
  predicted.kills = predicted.runs;
  EXPECT_FALSE(compare(truth, std::vector{run(1000, 0, 1), predicted})[1].oom_agrees);
  truth.rows[1] = summarize(50, limited(), std::vector(3, killed));
  EXPECT_TRUE(compare(truth, std::vector{run(1000, 0, 1), predicted})[1].oom_agrees);
  predicted.kills = 0;
  predicted.oom = false;
  EXPECT_FALSE(compare(truth, std::vector{run(1000, 0, 1), predicted})[1].oom_agrees);
  predicted.runs = 1;  // a long one
  predicted.close_calls = 3;
  EXPECT_TRUE(compare(truth, std::vector{run(1000, 0, 1), predicted})[1].oom_agrees);
}

TEST(CloseCall, LongRunsAreNotMadeAgain) {
  EXPECT_EQ(others_for(1'000'000, 2), 7U);
  EXPECT_EQ(others_for(5'000'000, 2), 3U);
  EXPECT_EQ(others_for(20'000'000, 1), 0U);
}

TEST(TruthCompare, TheVictimMustBeTheSame) {
  EXPECT_TRUE(same_victim("redis-server", "/usr/bin/redis-server --port 0"));
  EXPECT_TRUE(same_victim("a-name-of-fifte", "./a-name-of-fifteen-characters-and-more x/y"));
  EXPECT_FALSE(same_victim("sh", "sort lines"));
  EXPECT_FALSE(same_victim("sort", "sorted"));
  EXPECT_TRUE(same_victim("", "sort"));  // not known
  EXPECT_TRUE(same_victim("sort", ""));

  Truth truth = example();
  Outcome killed = run(5, 5, 0.1);
  killed.oom = true;
  killed.oom_victim = "sort";
  truth.rows[1] = summarize(50, limited(), std::vector{killed});
  Outcome predicted = killed;
  predicted.kills = 1;
  predicted.oom_victim = "/bin/sort -n";
  EXPECT_TRUE(compare(truth, std::vector{run(1000, 0, 1), predicted})[1].within);
  predicted.oom_victim = "sh -c sort";
  const auto rows = compare(truth, std::vector{run(1000, 0, 1), predicted});
  EXPECT_TRUE(rows[1].oom_agrees);
  EXPECT_FALSE(rows[1].victim_agrees);
  EXPECT_FALSE(rows[1].within);
  tools::CheckReport report{truth, {run(1000, 0, 1), predicted}, "", {}, {}, Ageing::Lists};
  const std::string text = tools::check_text(report, {});
  EXPECT_NE(text.find("(sh -c sort); measured: is killed for want of memory (sort): off, another "
                      "process"),
            std::string::npos)
      << text;
}

TEST(TruthCompare, RunsThatWereAllStoppedSayNothing) {
  Truth truth = example();
  truth.rows[1] = summarize(50, limited(), std::vector{run(5, 5, 60)}, {true});
  const auto rows = compare(truth, std::vector{run(1000, 0, 1), run(900, 20, 4)});
  EXPECT_TRUE(rows[1].figures.empty());
  EXPECT_TRUE(rows[1].within);
}

TEST(CheckReport, JsonFollowsItsSchema) {
  tools::CheckReport report{example(), {}, "", {"another"}, {}, Ageing::Lists};
  const auto errors = [&report] {
    return test::schema_errors(Json::parse(check_json(report)), "check.schema.json");
  };
  EXPECT_EQ(errors(), std::vector<std::string>{});
  report.predicted = {run(1000, 0, 1), run(910, 30'000, 4)};
  report.predicted[0].zero_in = 5;  // an error without a measure
  EXPECT_EQ(errors(), std::vector<std::string>{});
  const Json json = Json::parse(check_json(report));
  EXPECT_EQ(json["within"], false);
  EXPECT_EQ(json["rows"][0]["within"], true);
  EXPECT_EQ(json["rows"][1]["within"], false);
  EXPECT_EQ(json["rows"][0]["figures"][index_of("zero_in")]["error"], nullptr);
  EXPECT_EQ(json["rows"][1]["figures"].back()["name"], "slowdown");
  EXPECT_EQ(json["notes"].size(), 3U);

  Json bad = json;
  bad["rows"][0]["figures"][0]["name"] = "pages";
  EXPECT_EQ(test::schema_errors(bad, "check.schema.json").size(), 1U);
}

TEST(CheckReport, TextShowsPredictionBesideMeasurement) {
  tools::CheckReport report{
      example(), {run(1000, 0, 1), run(910, 30'000, 4)}, "the costs", {}, {}, Ageing::Lists};
  const std::string text = check_text(report, {});
  EXPECT_NE(text.find("  major faults      30,000    20,100   1.0 %  +49.3 %  off, bar 10 %\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("Predictions marked off are beyond their bars."), std::string::npos);
  EXPECT_FALSE(within_bars(report));
  report.predicted.clear();
  const std::string measured = check_text(report, {});
  EXPECT_NE(measured.find("  major faults     20,100   1.0 %\n"), std::string::npos) << measured;
  EXPECT_TRUE(within_bars(report));
}

}  // namespace
}  // namespace pw::predict
