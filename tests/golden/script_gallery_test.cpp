// The gallery of data/scripts: every script does what it says on the simulated machine, with all
// invariants checked after each call, and on the running kernel; what it shows is compared byte for
// byte.
//
// A script that cannot run on a host says why, in a line "# sim only: REASON". What a host cannot
// show (page tables, TLBs) is compared for the machine only.
//
// The text of a script that shows something is tests/golden/data/scripts/NAME.txt. To accept a
// change on purpose, run this test with PW_UPDATE_GOLDEN=1 and say in the commit why it changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "ports/host/host_target.hpp"
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

std::string script_of(const std::string& name) {
  return bytes_of(fs::path(PW_SOURCE_DIR "/data/scripts") / (name + ".pws"));
}

fs::path golden_of(const std::string& name) {
  return fs::path(PW_SOURCE_DIR "/tests/golden/data/scripts") / (name + ".txt");
}

// The rest of the line "# sim only: ...", or nothing.
constexpr std::string_view kSimOnly = "# sim only:";
std::optional<std::string> why_not_on_host(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.substr(0, kSimOnly.size()) == kSimOnly) return line.substr(kSimOnly.size());
  }
  return std::nullopt;
}

std::vector<std::string> for_host() {
  std::vector<std::string> names;
  for (std::string& name : gallery()) {
    if (!why_not_on_host(script_of(name))) names.push_back(std::move(name));
  }
  return names;
}

// What the steps `show` wrote, each with its title.
std::vector<std::string> sections(const std::string& shown) {
  std::vector<std::string> parts;
  std::istringstream lines(shown);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.substr(0, 4) == "--- ") parts.emplace_back();
    if (parts.empty()) parts.emplace_back();
    parts.back() += line + '\n';
  }
  return parts;
}

class ScriptGallery : public testing::TestWithParam<std::string> {};
class ScriptGalleryOnHost : public testing::TestWithParam<std::string> {};

TEST_P(ScriptGallery, DoesWhatItSays) {
  const std::string text = script_of(GetParam());
  EXPECT_EQ(text.substr(0, 2), "# ") << "a script begins with what it teaches";
  if (const auto why = why_not_on_host(text)) {
    EXPECT_GT(why->size(), 20U) << "a reason why it cannot run on a host";
  }
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

  const fs::path golden = golden_of(GetParam());
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

TEST_P(ScriptGalleryOnHost, TheKernelDoesTheSame) {
  const auto target = host::HostTarget::create();
  if (!target) GTEST_SKIP() << target.error().message;
  const Result<Program> program = parse(script_of(GetParam()));
  ASSERT_TRUE(program) << program.error().message;
  std::string shown;
  const RunReport report = run(*program, **target, {}, [&](std::string_view s) { shown += s; });
  EXPECT_TRUE(report.good()) << summary(report);
  EXPECT_GT(report.checks, 0U);
  EXPECT_EQ(report.noted, 0U) << summary(report);
  if (shown.empty()) return;

  const std::vector<std::string> expected = sections(bytes_of(golden_of(GetParam())));
  const std::vector<std::string> got = sections(shown);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const std::string title = got[i].substr(0, got[i].find('\n') + 1);
    if (got[i] == title + "only the simulated machine can show this\n") {
      EXPECT_EQ(expected[i].substr(0, title.size()), title);
    } else {
      EXPECT_EQ(got[i], expected[i]);
    }
  }
}

// docs/SCRIPTS.md has a line for each script and for no other, and says which cannot run on a host.
TEST(ScriptGalleryList, NamesEveryScriptOnce) {
  std::istringstream lines(bytes_of(PW_SOURCE_DIR "/docs/SCRIPTS.md"));
  std::vector<std::string> listed;
  std::string line;
  while (std::getline(lines, line) && line != "## The gallery") {
  }
  while (std::getline(lines, line) && line.substr(0, 3) != "## ") {
    if (line.substr(0, 3) != "| `") continue;
    listed.push_back(line.substr(3, line.find('`', 3) - 3));
    const bool marked = line.find("` (sim) |") != std::string::npos;
    EXPECT_EQ(marked, why_not_on_host(script_of(listed.back())).has_value()) << line;
  }
  std::sort(listed.begin(), listed.end());
  EXPECT_EQ(listed, gallery());
}

INSTANTIATE_TEST_SUITE_P(Data, ScriptGallery, testing::ValuesIn(gallery()),
                         [](const auto& named) { return named.param; });
INSTANTIATE_TEST_SUITE_P(Data, ScriptGalleryOnHost, testing::ValuesIn(for_host()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace pw::script
