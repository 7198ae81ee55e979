// The verbs curve and belady as users call them: what they print, and what they refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <sstream>

#include "support/json_schema.hpp"
#include "support/temporary_folder.hpp"
#include "tools/verbs.hpp"

namespace pw::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Said {
  int status = 0;
  std::string out, err;
};

Said call(std::vector<std::string> words) {
  CLI::App app("", "pagewright");
  Call call;
  add_curve(app, call);
  add_belady(app, call);
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

class CurveVerb : public ::testing::Test {
 protected:
  // Belady's string three times, pages 1 to 5.
  CurveVerb() : path_(folder_ / "string.txt") {
    std::ofstream file(path_);
    for (int i = 0; i < 3; ++i) file << "1 2 3 4 1 2 5 1 2 3 4 5 ";
    file << '\n';
  }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  ::pw::testing::TemporaryFolder folder_;
  std::string path_;
};

TEST_F(CurveVerb, CsvHasARowForEachSizeAndAColumnForEachPolicy) {
  const Said said = call({"curve", path_, "--policy", "fifo,lru,opt", "--sizes", "3,4,5", "--csv"});
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_EQ(said.out,
            "pages,bytes,fifo,lru,opt\n"
            "3,12288,27,30,19\n"
            "4,16384,30,24,12\n"
            "5,20480,5,5,5\n");
}

TEST_F(CurveVerb, OnePolicyAtOneSizeIsTheSameThoughTheTraceIsNotKept) {
  const Said said = call({"curve", path_, "--policy", "fifo", "--sizes", "4", "--csv"});
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_EQ(said.out, "pages,bytes,fifo\n4,16384,30\n");
  const Said text = call({"curve", path_, "--policy", "fifo", "--sizes", "4"});
  EXPECT_THAT(text.out, HasSubstr(path_ + " (plain): 36 references to 5 pages"));
  std::ofstream(path_, std::ios::app) << "x\n";
  const Said broken = call({"curve", path_, "--policy", "fifo", "--sizes", "4"});
  EXPECT_EQ(broken.status, 2);
  EXPECT_EQ(broken.err, call({"curve", path_, "--policy", "lru", "--sizes", "4"}).err);
}

TEST_F(CurveVerb, OfASampleTheNumberOfPagesIsAnEstimate) {
  {
    std::ofstream file(path_);
    for (int i = 0; i < 4'000; ++i) file << i % 1'000 << '\n';
  }
  const Said said = call({"curve", path_, "--sample", "0.25", "--policy", "lru", "--json"});
  ASSERT_EQ(said.status, 0) << said.err;
  const test::Json told = test::Json::parse(said.out);
  const double error = told["sample"]["first_references_error"];
  EXPECT_GT(error, 0);
  EXPECT_NEAR(told["input"]["pages"], 1'000, 3 * error + 100);
  EXPECT_EQ(told["input"]["pages"], told["first_references"]);
  EXPECT_EQ(told["input"]["references"], 4'000);
  EXPECT_THAT(call({"curve", path_, "--sample", "0.25"}).out,
              HasSubstr("4,000 references to about "));
}

TEST_F(CurveVerb, TextHasTheTableThePictureAndTheMemoryToGive) {
  const Said said = call({"curve", path_, "--policy", "lru,opt", "--sizes", "3..5/3"});
  EXPECT_EQ(said.status, 0);
  EXPECT_THAT(said.out, HasSubstr("36 references to 5 pages"));
  EXPECT_THAT(said.out, HasSubstr("  12 KiB      3   30   19\n"));
  EXPECT_THAT(said.out, HasSubstr("a lru, b opt"));
  EXPECT_THAT(said.out, HasSubstr("at most 5 % slower"));
}

TEST_F(CurveVerb, ManyPoliciesAreRowsAndMeanResidentSetsAreTold) {
  const Said few = call({"curve", path_, "--policy", "lru,working-set:tau=3", "--sizes", "5"});
  EXPECT_THAT(few.out, HasSubstr("memory  pages  lru  working-set:tau=3\n"));
  EXPECT_THAT(few.out, HasSubstr("working-set:tau=3 gives up pages unasked: of the largest memory "
                                 "shown it holds"));
  EXPECT_THAT(few.out, Not(HasSubstr("lru gives up")));
  const Said all = call({"curve", path_, "--policy", "all", "--sizes", "3,4,5"});
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.out, HasSubstr("12 KiB  16 KiB  20 KiB\n"));
  EXPECT_THAT(all.out, HasSubstr("  lru                30      24       5\n"));
  EXPECT_THAT(all.out, HasSubstr("  opt                19      12       5\n"));
}

TEST_F(CurveVerb, JsonFollowsItsSchema) {
  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
           {}, {"--sample", "0.5"}, {"--metric", "eat", "--policy", "all", "--sizes", "3"}}) {
    std::vector<std::string> words{"curve", path_, "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Said said = call(words);
    ASSERT_EQ(said.status, 0) << said.err;
    EXPECT_EQ(test::schema_errors(test::Json::parse(said.out), "curve.schema.json"),
              std::vector<std::string>{});
  }
}

TEST_F(CurveVerb, TheSchemaNoticesWhatDoesNotFit) {
  test::Json good = test::Json::parse(call({"curve", path_, "--json"}).out);
  good["curves"][0]["points"][0]["surprise"] = 1;
  EXPECT_EQ(test::schema_errors(good, "curve.schema.json").size(), 1U);
}

TEST_F(CurveVerb, SvgHasALineForEachPolicyAndIsWellFormed) {
  const std::string svg = folder_ / "curve.svg";
  EXPECT_EQ(call({"curve", path_, "--svg", svg, "--policy", "lru,opt,fifo"}).status, 0);
  const std::string text = content(svg);
  const auto count = [&text](const std::string& what) {
    int n = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
    return n;
  };
  EXPECT_EQ(count("<polyline"), 3);
  EXPECT_EQ(count("<svg"), count("</svg>"));
  EXPECT_EQ(count("<text"), count("</text>"));
  EXPECT_EQ(text.find("href"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("memory (logarithmic scale, pages of 4 KiB)"));
  // It is not overwritten unasked.
  const Said again = call({"curve", path_, "--svg", svg});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("--force"));
}

TEST_F(CurveVerb, SaysWhatIsWrongAndWhatWouldBeRight) {
  const auto refused = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"curve", path_};
    words.insert(words.end(), more.begin(), more.end());
    const Said said = call(words);
    EXPECT_EQ(said.status, 2) << said.out;
    EXPECT_EQ(said.out, "");
    EXPECT_EQ(std::count(said.err.begin(), said.err.end(), '\n'), 1) << said.err;
    return said.err;
  };
  EXPECT_THAT(refused({"--policy", "lrv"}), HasSubstr("no policy 'lrv'"));
  EXPECT_THAT(refused({"--metric", "speed"}), HasSubstr("faults, ratio, eat or slowdown"));
  EXPECT_THAT(refused({"--sizes", "5K"}), HasSubstr("64M"));
  EXPECT_THAT(refused({"--sample", "2"}), HasSubstr("below 1"));
  EXPECT_THAT(refused({"--sample", "0.1", "--sample-size", "5"}), HasSubstr("exclude"));
  EXPECT_THAT(refused({"--json", "--csv"}), HasSubstr("exclude"));
  EXPECT_EQ(call({"curve", folder_ / "none"}).status, 2);
}

TEST(BeladyVerb, ShowsTheAnomalyStepByStep) {
  const Said said = call({"belady"});
  EXPECT_EQ(said.status, 0);
  EXPECT_EQ(said.out,
            "fifo on 12 references to 5 pages\n"
            "  frames  faults\n"
            "       3       9\n"
            "       4      10  more than with 3: Belady's anomaly\n"
            "\n"
            "3 frames, 9 faults\n"
            "  page       1 2 3 4 1 2 5 1 2 3 4 5\n"
            "  frame 1    1 1 1 4 4 4 5 5 5 5 5 5\n"
            "  frame 2    . 2 2 2 1 1 1 1 1 3 3 3\n"
            "  frame 3    . . 3 3 3 2 2 2 2 2 4 4\n"
            "  fault      * * * * * * *     * *\n"
            "\n"
            "4 frames, 10 faults\n"
            "  page       1 2 3 4 1 2 5 1 2 3 4 5\n"
            "  frame 1    1 1 1 1 1 1 5 5 5 5 4 4\n"
            "  frame 2    . 2 2 2 2 2 2 1 1 1 1 5\n"
            "  frame 3    . . 3 3 3 3 3 3 2 2 2 2\n"
            "  frame 4    . . . 4 4 4 4 4 4 3 3 3\n"
            "  fault      * * * *     * * * * * *\n");
}

TEST(BeladyVerb, FindsTheOnlyStringOfTwelve) {
  EXPECT_EQ(call({"belady", "--search", "12"}).out,
            "fifo: 1 of 2,079,475 strings of 12 references to at most 5 pages fault more with 4 "
            "frames than with 3, by up to 1\n"
            "  1 2 3 4 1 2 5 1 2 3 4 5\n");
}

TEST(BeladyVerb, StackAlgorithmsHaveNone) {
  for (const char* policy : {"lru", "opt"}) {
    EXPECT_THAT(call({"belady", "--policy", policy, "--search", "10"}).out,
                HasSubstr("0 of 86,472 strings"))
        << policy;
  }
}

TEST(BeladyVerb, RandomStringsAreTheSameForASeed) {
  const std::vector<std::string> words{"belady", "--policy", "clock", "--random",
                                       "20000",  "--pages",  "8",     "--frames",
                                       "4,5",    "--search", "30",    "--json"};
  const Said said = call(words);
  EXPECT_EQ(said.out, call(words).out);
  const test::Json found = test::Json::parse(said.out);
  EXPECT_EQ(found["tried"], 20'000);
  EXPECT_GT(found["found"], 0);
}

TEST(BeladyVerb, EveryPolicyPlaysTheStringWithItsNames) {
  const Said said = call({"belady", "--policy", "opt", "--string", "ab cd ab ef", "--frames", "2"});
  EXPECT_THAT(said.out, HasSubstr("  page       ab cd ab ef\n"));
  EXPECT_THAT(said.out, HasSubstr("2 frames, 3 faults\n"));
}

TEST(BeladyVerb, Refuses) {
  EXPECT_EQ(call({"belady", "--frames", "0"}).status, 2);
  EXPECT_EQ(call({"belady", "--frames", "3", "--search", "5"}).status, 2);
  EXPECT_EQ(call({"belady", "--search", "40"}).status, 2);
  EXPECT_EQ(call({"belady", "--string", " "}).status, 2);
  EXPECT_EQ(call({"belady", "--policy", "none"}).status, 2);
}

}  // namespace
}  // namespace pw::tools
