// The JSON report follows data/report.schema.json, which describes it completely: every object of
// the schema forbids members it does not name.
#include "report/json.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/report_example.hpp"

namespace pw::report {
namespace {

using Json = nlohmann::json;

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "null" && value.is_null();
}

// The part of JSON Schema draft-07 that the schema uses; a keyword beyond it is an error too.
void validate(const Json& value, const Json& schema, const std::string& at,
              std::vector<std::string>& errors) {
  for (const auto& [key, rule] : schema.items()) {
    if (key == "type") {
      const Json types = rule.is_array() ? rule : Json::array({rule});
      bool fits = false;
      for (const Json& type : types) fits = fits || has_type(value, type.get<std::string>());
      if (!fits) errors.push_back(at + ": not of type " + rule.dump());
    } else if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) {
        errors.push_back(at + ": not one of " + rule.dump());
      }
    } else if (key == "minimum") {
      if (value.is_number() && value < rule) errors.push_back(at + ": below " + rule.dump());
    } else if (key == "minItems") {
      if (value.is_array() && value.size() < rule) errors.push_back(at + ": too few items");
    } else if (key == "required") {
      for (const Json& name : rule) {
        if (value.is_object() && !value.contains(name.get<std::string>())) {
          errors.push_back(at + ": lacks " + name.dump());
        }
      }
    } else if (key == "properties") {
      for (const auto& [name, part] : rule.items()) {
        if (value.is_object() && value.contains(name)) {
          validate(value[name], part, at + "/" + name, errors);
        }
      }
    } else if (key == "additionalProperties") {
      if (!value.is_object()) continue;
      for (const auto& [name, part] : value.items()) {
        if (!schema["properties"].contains(name)) errors.push_back(at + ": unknown " + name);
      }
    } else if (key == "items") {
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
        validate(value[i], rule, at + "/" + std::to_string(i), errors);
      }
    } else if (key != "$schema" && key != "$id" && key != "title" && key != "description" &&
               key != "$comment") {
      errors.push_back(at + ": the schema uses " + key);
    }
  }
}

Json schema() {
  std::ifstream file(std::string(PW_SOURCE_DIR) + "/data/report.schema.json");
  return Json::parse(file);
}

std::vector<std::string> errors_of(const Json& document) {
  std::vector<std::string> errors;
  validate(document, schema(), "", errors);
  return errors;
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
