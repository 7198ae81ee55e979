// The verb check as users call it, as far as no host is needed: what it refuses, and how it says
// so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "support/temporary_folder.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

using ::testing::HasSubstr;

struct Said {
  int status = 0;
  std::string out, err;
};

Said check(std::vector<std::string> words, std::vector<std::string> program = {"/bin/true"}) {
  CLI::App app("", "pagewright");
  Call call;
  call.program = std::move(program);
  add_check(app, call);
  words.insert(words.begin(), "check");
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

TEST(CheckVerb, LimitsArePartsOfThePeak) {
  for (const char* bad : {"0%", "-5%", "x", "50%%", "5 0%", "2000%", "64M", "nan%"}) {
    const Said said = check({"--limit", bad});
    EXPECT_EQ(said.status, 2) << bad;
    EXPECT_THAT(said.err, HasSubstr("is no limit: parts of the program's peak")) << bad;
  }
}

TEST(CheckVerb, FlushIsATimeOrOff) {
  for (const char* bad : {"0ms", "20s", "2001ms", "never", "-1ms"}) {
    const Said said = check({"--flush", bad});
    EXPECT_EQ(said.status, 2) << bad;
    EXPECT_THAT(said.err, HasSubstr("--flush is a time from 1ms to 2000ms, or off")) << bad;
  }
}

TEST(CheckVerb, FilesAreNotOverwritten) {
  const pw::testing::TemporaryFolder folder;
  const std::string file = folder / "there";
  pw::testing::write_file(file, "kept");
  for (const char* option : {"--save", "--output"}) {
    const Said said = check({option, file});
    EXPECT_EQ(said.status, 2);
    EXPECT_THAT(said.err, HasSubstr("exists: choose another name or say --force"));
  }
  EXPECT_EQ(pw::testing::read_file(file), "kept");
}

TEST(CheckVerb, AProgramIsNeeded) {
  const Said said = check({}, {});
  EXPECT_EQ(said.status, 2);
  EXPECT_THAT(said.err, HasSubstr("pagewright check -- PROGRAM ARGUMENTS"));
}

TEST(CheckVerb, CostsThatWereAskedForMustBeThere) {
  const pw::testing::TemporaryFolder folder;
  const Said said = check({"--costs", folder / "none"});
  EXPECT_EQ(said.status, 2);
  EXPECT_THAT(said.err, HasSubstr("there is no file " + (folder / "none")));
}

TEST(CheckVerb, ChoicesAreChecked) {
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"--swap", "tape"},
                                             {"--thp", "sometimes"},
                                             {"--model", "policy"},
                                             {"--swappiness", "201"},
                                             {"--runs", "0"},
                                             {"--pin", "-1"},
                                             {"--timeout", "0"}}) {
    CLI::App app("", "pagewright");
    Call call;
    add_check(app, call);
    std::vector<std::string> words{bad[1], bad[0], "check"};
    EXPECT_THROW(app.parse(words), CLI::ParseError) << bad[0];
  }
}

}  // namespace
}  // namespace pw::tools
