// The text of two made-up reports, byte for byte. To accept a change on purpose, run this test with
// PW_UPDATE_GOLDEN=1 and say in the commit why the text changed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "report/text.hpp"
#include "support/report_example.hpp"

namespace pw::report {
namespace {

void expect_golden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(PW_SOURCE_DIR) + "/tests/golden/data/" + name;
  if (std::getenv("PW_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << actual;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str());
}

TEST(ReportGolden, OneMachine) {
  expect_golden("report_one_machine.txt", text(testing::example_report()));
}

TEST(ReportGolden, ThreeMachinesAndDamage) {
  TextStyle style;
  style.width = 80;
  expect_golden("report_three_machines.txt", text(testing::example_with_columns(), style));
}

}  // namespace
}  // namespace pw::report
