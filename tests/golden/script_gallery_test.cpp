// The gallery of data/scripts: every script does what it says on the simulated machine, with all
// invariants checked after each call; what it shows is compared byte for byte.
//
// The text of a script that shows something is tests/golden/data/scripts/NAME.txt. To accept a
// change on purpose, run this test with PW_UPDATE_GOLDEN=1 and say in the commit why it changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "script/parser.hpp"
#include "script/printer.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"

namespace pw::script {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::vector<std::string> gallery() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(PW_SOURCE_DIR "/data/scripts")) {
    if (entry.path().extension() == ".pws") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class ScriptGallery : public testing::TestWithParam<std::string> {};

TEST_P(ScriptGallery, DoesWhatItSays) {
  const std::string text = bytes_of(fs::path(PW_SOURCE_DIR "/data/scripts") /
                                    (GetParam() + ".pws"));
  EXPECT_EQ(text.substr(0, 2), "# ") << "a script begins with what it teaches";
  const Result<Program> program = parse(text);
  ASSERT_TRUE(program) << program.error().message;
  const Result<Program> again = parse(print(*program));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(*again == *program);

  Result<MachineConfig> config = machine_of(*program);
  ASSERT_TRUE(config);
  config->verify_each_operation = true;
  const auto target = SimTarget::create(*config);
  ASSERT_TRUE(target) << target.error().message;
  std::string shown;
  const RunReport report = run(*program, **target, {}, [&](std::string_view s) { shown += s; });
  EXPECT_TRUE(report.good()) << summary(report);
  EXPECT_GT(report.checks, 0U);
  EXPECT_EQ(report.noted, 0U) << summary(report);

  const fs::path golden = fs::path(PW_SOURCE_DIR "/tests/golden/data/scripts") /
                          (GetParam() + ".txt");
  if (std::getenv("PW_UPDATE_GOLDEN") != nullptr && !shown.empty()) {
    fs::create_directories(golden.parent_path());
    std::ofstream(golden) << shown;
  }
  if (shown.empty()) {
    EXPECT_FALSE(fs::exists(golden)) << "the script shows nothing";
  } else {
    EXPECT_EQ(shown, bytes_of(golden));
  }
}

INSTANTIATE_TEST_SUITE_P(Data, ScriptGallery, testing::ValuesIn(gallery()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pw::script
