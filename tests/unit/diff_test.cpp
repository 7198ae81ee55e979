// Two recordings compared: each figure is that of the side's own report, areas and call sites find
// each other by name, and the most changed stand first.
#include "report/diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/busy_recording.hpp"
#include "support/json_schema.hpp"
#include "support/temporary_folder.hpp"
#include "tools/verbs.hpp"

namespace pw::report {
namespace {

using nlohmann::json;
using pw::testing::TemporaryFolder;
using pw::testing::write_file;
using record::testing::busy_recording;
using record::testing::BusyShape;
using ::testing::HasSubstr;

struct Said {
  int status = 0;
  std::string out, err;
};

Said call(std::vector<std::string> words) {
  CLI::App app("", "pagewright");
  tools::Call call;
  tools::add_diff(app, call);
  tools::add_report(app, call);
  std::reverse(words.begin(), words.end());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Said said;
  try {
    app.parse(words);
    said.status = call.status;
  } catch (const CLI::ParseError&) {
    said.status = -1;  // what main() makes 2 of
  }
  said.out = ::testing::internal::GetCapturedStdout();
  said.err = ::testing::internal::GetCapturedStderr();
  return said;
}

class DiffVerb : public ::testing::Test {
 protected:
  DiffVerb() : a_(folder_ / "a.pwrec"), b_(folder_ / "b.pwrec") {
    write_file(a_, busy_recording({}));
    BusyShape more;
    more.pages = 600;
    more.references = 9000;
    more.library = "/new/libwork.so";
    more.stacks = 4;
    write_file(b_, busy_recording(more));
  }
  TemporaryFolder folder_;
  std::string a_, b_;
};

const json* named(const json& list, const char* key, const std::string& name) {
  for (const json& one : list) {
    if (one.at(key) == name) return &one;
  }
  return nullptr;
}

TEST_F(DiffVerb, FiguresAreThoseOfTheTwoReports) {
  const std::vector<std::string> machine{"--ram", "64M", "--swap", "1G", "--json"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), machine.begin(), machine.end());
    return words;
  };
  const Said said = call(with({"diff", a_, b_}));
  ASSERT_EQ(said.status, 0) << said.err;
  const json diff = json::parse(said.out);
  EXPECT_EQ(pw::test::schema_errors(diff, "diff.schema.json"), std::vector<std::string>{});
  EXPECT_EQ(diff.at("files"), json({a_, b_}));
  for (const char* side : {"a", "b"}) {
    const json report = json::parse(call(with({"report", side[0] == 'a' ? a_ : b_})).out);
    EXPECT_EQ(diff.at(side), report);
    const json& faults = report.at("machines")[0].at("faults");
    const auto figure = [&](const char* key) {
      return named(diff.at("figures"), "key", key)->at(side);
    };
    EXPECT_EQ(figure("faults"), faults.at("minor").get<int>() + faults.at("major").get<int>());
    EXPECT_EQ(figure("copy_on_write"), faults.at("copy_on_write"));
    EXPECT_EQ(figure("slowdown_pages"), report.at("need").at("slowdown_pages"));
    EXPECT_EQ(figure("simulated_ns"), report.at("machines")[0].at("time").at("simulated_ns"));
    std::uint64_t all = 0;
    for (const json& site : diff.at("call_sites")) {
      if (!site.at(side).is_null()) all += site.at(side).at("faults").get<std::uint64_t>();
    }
    EXPECT_EQ(all, figure("faults")) << "call sites of " << side;
  }
  for (const json& figure : diff.at("figures")) {
    EXPECT_EQ(figure.at("difference"), figure.at("b").get<double>() - figure.at("a").get<double>());
  }
}

TEST_F(DiffVerb, AreasAndSitesFindEachOtherByName) {
  const json diff = json::parse(call({"diff", a_, b_, "--json"}).out);
  const json& areas = diff.at("areas");
  ASSERT_EQ(areas.size(), 2U) << areas;  // the library of two folders is one area
  const json* library = named(areas, "name", "/old/libwork.so");
  ASSERT_NE(library, nullptr);
  EXPECT_EQ(library->at("name_b"), "/new/libwork.so");
  EXPECT_EQ(library->at("a").at("touched_pages"), 2 * 200);
  EXPECT_EQ(library->at("b").at("touched_pages"), 2 * 300);
  EXPECT_NE(named(areas, "name", "[heap]"), nullptr);
  const json* fresh = named(diff.at("call_sites"), "name", "f3(int; char) <- main");
  ASSERT_NE(fresh, nullptr);
  EXPECT_TRUE(fresh->at("a").is_null());
  EXPECT_EQ(fresh->at("b").at("touched_pages"), 2 * 150);
  const auto change = [](const json& one) {
    const auto of = [&](const char* side, const char* key) {
      return one.at(side).is_null() ? 0 : one.at(side).at(key).get<int>();
    };
    return std::max(std::abs(of("a", "faults") - of("b", "faults")),
                    std::abs(of("a", "touched_pages") - of("b", "touched_pages")));
  };
  for (const char* list : {"areas", "call_sites"}) {
    EXPECT_TRUE(std::is_sorted(diff.at(list).begin(), diff.at(list).end(),
                               [&](const json& x, const json& y) { return change(x) > change(y); }))
        << list;
  }
}

TEST_F(DiffVerb, TheTextTellsSignAndPercent) {
  const Said said = call({"diff", a_, b_});
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("A  "));
  EXPECT_THAT(said.out, HasSubstr("busy --hard"));
  EXPECT_THAT(said.out, HasSubstr("Areas, most changed first"));
  EXPECT_THAT(said.out, HasSubstr("[heap]"));
  EXPECT_THAT(said.out, HasSubstr("+50.0 %"));
  EXPECT_THAT(said.out, HasSubstr("f3(int; char) <- main"));
  EXPECT_THAT(said.out, HasSubstr("new"));
  const Said back = call({"diff", b_, a_});
  EXPECT_THAT(back.out, HasSubstr("-33.3 %"));
  EXPECT_THAT(back.out, HasSubstr("gone"));
  const Said same = call({"diff", a_, a_});
  EXPECT_THAT(same.out, HasSubstr("2 that did not change"));
  EXPECT_EQ(same.out.find("+"), std::string::npos);
}

TEST_F(DiffVerb, RefusesWhatItCannotCompare) {
  EXPECT_EQ(call({"diff", a_}).status, -1);
  const Said missing = call({"diff", a_, folder_ / "none"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("none"));
  write_file(folder_ / "text", "no recording");
  const Said text = call({"diff", folder_ / "text", b_});
  EXPECT_EQ(text.status, 2);
  EXPECT_THAT(text.err, HasSubstr("not a recording"));
  write_file(folder_ / "there", "mine");
  const Said there = call({"diff", a_, b_, "-o", folder_ / "there"});
  EXPECT_EQ(there.status, 2);
  EXPECT_EQ(pw::testing::read_file(folder_ / "there"), "mine");
  const Said both = call({"diff", a_, b_, "--json", "--html", folder_ / "x.html"});
  EXPECT_EQ(both.status, 2);
  EXPECT_THAT(both.err, HasSubstr("--html excludes --json and -o"));
  EXPECT_EQ(std::count(both.err.begin(), both.err.end(), '\n'), 1);
}

TEST_F(DiffVerb, SaysWhereTheMachinesDiffer) {
  EXPECT_THAT(call({"diff", a_, b_, "--ram", "50%", "--swap", "1G"}).out,
              HasSubstr("the machines differ"));
}

TEST(ChangeText, HasASignAndAsManyDigitsAsItNeeds) {
  EXPECT_EQ(change_text(5, 5), "=");
  EXPECT_EQ(change_text(0, 5), "new");
  EXPECT_EQ(change_text(5, 0), "gone");
  EXPECT_EQ(change_text(1000, 1001), "+0.10 %");
  EXPECT_EQ(change_text(200, 225), "+12.5 %");
  EXPECT_EQ(change_text(8, 2), "-75.0 %");
  EXPECT_EQ(change_text(10, 30), "+200 %");
  EXPECT_EQ(change_text(1, 500), "500 times");
}

}  // namespace
}  // namespace pw::report
