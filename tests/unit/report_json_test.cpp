// The JSON report follows data/report.schema.json, which describes it completely: every object of
// the schema forbids members it does not name.
#include "report/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/json_schema.hpp"
#include "support/report_example.hpp"

namespace pw::report {
namespace {

using Json = nlohmann::json;

std::vector<std::string> errors_of(const Json& document) {
  return test::schema_errors(document, "report.schema.json");
}

TEST(ReportJson, FollowsItsSchema) {
  EXPECT_EQ(errors_of(Json::parse(json(testing::example_report()))), std::vector<std::string>{});
  EXPECT_EQ(errors_of(Json::parse(json(testing::example_with_columns()))),
            std::vector<std::string>{});
}

TEST(ReportJson, FollowsItsSchemaWithoutCurvesAndNumbers) {
  Report report;
  report.columns.push_back({"base", {}});
  EXPECT_EQ(errors_of(Json::parse(json(report))), std::vector<std::string>{});
}

TEST(ReportJson, TheValidatorNoticesWhatDoesNotFit) {
  const Json good = Json::parse(json(testing::example_report()));
  Json bad = good;
  bad.erase("notes");
  EXPECT_EQ(errors_of(bad).size(), 1U);
  bad = good;
  bad["extra"] = 1;
  EXPECT_EQ(errors_of(bad).size(), 1U);
  bad = good;
  bad["machines"][0]["faults"]["minor"] = -1;
  EXPECT_EQ(errors_of(bad).size(), 1U);
  bad = good;
  bad["machines"][0]["config"]["levels"] = 3;
  EXPECT_EQ(errors_of(bad).size(), 1U);
  bad = good;
  bad["machines"] = Json::array();
  EXPECT_EQ(errors_of(bad).size(), 1U);
  bad = good;
  bad["recording"]["command"][0] = 7;
  EXPECT_EQ(errors_of(bad).size(), 1U);
}

TEST(ReportJson, CarriesTheNumbers) {
  const Json document = Json::parse(json(testing::example_with_columns()));
  EXPECT_EQ(document["schema"], "pagewright.report/1");
  EXPECT_EQ(document["machines"].size(), 3U);
  EXPECT_EQ(document["machines"][1]["label"], "ram=50%");
  EXPECT_EQ(document["machines"][0]["faults"]["minor"], 9'120);
  EXPECT_EQ(document["machines"][0]["memory"]["table_peak_pages"], 31);
  EXPECT_EQ(document["need"]["points"][2]["opt_faults"], 21'000);
  EXPECT_EQ(document["need"]["exact"], false);
  EXPECT_EQ(document["recording"]["losses"][0]["offset"], 4'096);
}

TEST(ReportJson, BytesThatAreNotTextDoNoHarm) {
  Report report = testing::example_report();
  report.recording.command = {"cat", "\xff\xfe.bin"};
  EXPECT_EQ(errors_of(Json::parse(json(report))), std::vector<std::string>{});
}

}  // namespace
}  // namespace pw::report
