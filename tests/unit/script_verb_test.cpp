// The verb script as users call it: what it prints, its exit status, its limits, its JSON; and that
// replay reads scripts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "support/json_schema.hpp"
#include "support/temporary_folder.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Said {
  int status = 0;
  std::string out, err;
};

Said call(std::vector<std::string> words) {
  CLI::App app("", "pagewright");
  Call call;
  add_script(app, call);
  add_replay(app, call);
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

class ScriptVerb : public ::testing::Test {
 protected:
  Said run(const std::string& text, std::vector<std::string> words = {}) {
    std::ofstream(path_) << text;
    words.insert(words.begin(), {"script", path_});
    return call(words);
  }
  ::pw::testing::TemporaryFolder folder_;
  std::string path_ = folder_ / "a.pws";
};

constexpr const char*
    kGood = "process A\np = mmap 0 1P rw private|anonymous\nstore p \"x\"\nload p 1 => \"x\"\n";

TEST_F(ScriptVerb, SaysThatAllIsAsExpected) {
  const Said said = run(kGood);
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_EQ(said.out, "4 steps, 1 check, all as expected\n");
  EXPECT_EQ(run(kGood, {"--quiet"}).out, "");
}

TEST_F(ScriptVerb, AFailedCheckIsStatusOneAndAnErrorTwo) {
  const Said failed = run(std::string(kGood) + "load p 1 => \"y\"", {"--quiet"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(failed.out,
            "line 5: A: load p 1 => \"y\"\n  expected \"y\"\n  got      \"x\"\n"
            "5 steps, 2 checks, 1 failed\n");
  const Said wrong = run("proces A");
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("line 1, column 1: there is no verb 'proces'; did you mean"));
  EXPECT_EQ(call({"script", folder_ / "nothing"}).status, 2);
  EXPECT_EQ(run("machine ram=8G\nprocess A").status, 2);
}

TEST_F(ScriptVerb, LimitsAreOptions) {
  const Said steps = run("process A\nrepeat 100 { brk 0 }", {"--limit", "steps=10"});
  EXPECT_EQ(steps.status, 1);
  EXPECT_THAT(steps.out, StartsWith("line 2: the script has done 10 steps"));
  const Said time = run("process A\nrepeat 1T { brk 0 }", {"--limit", "seconds=0"});
  EXPECT_EQ(time.status, 1);
  EXPECT_THAT(time.out, StartsWith("line 2: the script has run for 0 s"));
  const Said memory = run("process A\nrepeat 1T { brk 0 }", {"--limit", "memory=1M"});
  EXPECT_EQ(memory.status, 1);
  EXPECT_THAT(memory.out, HasSubstr("bytes of memory; the limit is 1048576 ('memory')"));
  EXPECT_EQ(run(kGood, {"--limit", "text=10"}).status, 2);
  EXPECT_THAT(run(kGood, {"--limit", "stpes=10"}).err, HasSubstr("there is no 'stpes'"));
  EXPECT_THAT(run(kGood, {"--limit", "steps"}).err, HasSubstr("write KEY=NUMBER"));
}

TEST_F(ScriptVerb, JsonFollowsItsSchema) {
  for (const std::string more :
       {"", "load p 1 => \"y\"", "munmap 1 1", "repeat 1T { brk 0 }", "show maps"}) {
    const Said said = run(kGood + more, {"--json", "--limit", "steps=50"});
    const auto json = pw::test::Json::parse(said.out);
    EXPECT_EQ(pw::test::schema_errors(json, "script.schema.json"), std::vector<std::string>{});
    EXPECT_EQ(json["good"], said.status == 0);
  }
}

TEST_F(ScriptVerb, ReplayReadsScripts) {
  std::ofstream(path_) << "process A\np = mmap 0 100P rw private|anonymous\n"
                          "repeat 3 { for i = 0..99 { store p+i*1P \"x\" } }\n";
  const Said plenty = call({"replay", path_, "--json"});
  ASSERT_EQ(plenty.status, 0) << plenty.err;
  EXPECT_EQ(pw::test::Json::parse(plenty.out)["machines"][0]["faults"]["major"], 0);
  std::ofstream(path_) << "process A\nmnap 0 1P\n";
  const Said wrong = call({"replay", path_});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("a.pws: line 2, column 1: there is no verb 'mnap'"));
}

}  // namespace
}  // namespace pw::tools
