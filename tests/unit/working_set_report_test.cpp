// What `pagewright workingset`, `eat` and `export` print, through their command lines.
#include "report/working_set_report.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "support/json_schema.hpp"
#include "support/sample_recording.hpp"
#include "tools/quantities.hpp"
#include "tools/verbs.hpp"
#include "unit/formats/trace_text.hpp"

namespace pw::tools {
namespace {

using Json = nlohmann::json;

struct Said {
  int status = 0;
  std::string out, err;
};

// Parses and runs as the program does.
Said say(std::vector<std::string> words) {
  Call call;
  CLI::App app;
  app.require_subcommand(1);
  add_workingset(app, call);
  add_eat(app, call);
  add_export(app, call);
  std::reverse(words.begin(), words.end());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  try {
    app.parse(words);
  } catch (const CLI::ParseError&) {
    call.status = 2;
  }
  return {call.status, ::testing::internal::GetCapturedStdout(),
          ::testing::internal::GetCapturedStderr()};
}

std::string text_file(const pw::testing::TemporaryFolder& folder) {
  const std::string path = folder / "string.txt";
  std::string text;
  for (int i = 0; i < 60; ++i) text += std::to_string(i % 3) + ' ';
  for (int i = 0; i < 60; ++i) text += std::to_string(10 + i % 5) + ' ';
  pw::testing::write_file(path, text);
  return path;
}

TEST(WorkingSetVerb, TextOfASmallTrace) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = text_file(folder);
  const Said said = say({"workingset", path, "--tau", "2,20", "--points", "4"});
  EXPECT_EQ(said.status, 0) << said.err;
  // 3 pages, then 5: with tau 20 sizes 1, 2, 3 (58 times), 4, 5, 6, 7, 8 (13 times), 7, 6, 5 (41
  // times), 521 in all.
  const std::string low = "|" + std::string(41, '=') + '\n';
  const std::string high = "|" + std::string(69, '=') + '\n';
  EXPECT_EQ(said.out, "Working sets\n  " + path +
                          " (plain): 120 references to 8 pages, 32 KiB\n\n"
                          "Size by tau, in pages (the window, in references)\n"
                          "  tau  average          largest  faults\n"
                          "    2      2.0   8 KiB        2     120\n"
                          "   20      4.3  16 KiB        5       8\n\n"
                          "Size over time, in pages\n"
                          "  references  tau 2  tau 20\n"
                          "          30      2       3  " +
                          low + "          60      2       3  " + low +
                          "          90      2       5  " + high + "         120      2       5  " +
                          high +
                          "\nPhases (windows of 2 references, distance at most 0.5)\n"
                          "  from   to  references  pages\n"
                          "     0  120         120    2.0  transition\n\n"
                          "  Every number is exact.\n");
}

TEST(WorkingSetVerb, CsvAndPhases) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = text_file(folder);
  EXPECT_EQ(say({"workingset", path, "--tau", "20,2", "--points", "2", "--csv"}).out,
            "references,tau 2,tau 20\n60,2,3\n120,2,5\n");
  const Json json = Json::parse(
      say({"workingset", path, "--tau", "10", "--phase-window", "10", "--json"}).out);
  EXPECT_EQ(json["phases"]["phases"],
            Json::parse(R"([{"begin":0,"end":60,"pages":3.0,"transition":false},
                            {"begin":60,"end":120,"pages":5.0,"transition":false}])"));
  EXPECT_EQ(pw::test::schema_errors(json, "workingset.schema.json"), std::vector<std::string>{});
}

TEST(WorkingSetVerb, ARecordingWithItsAreas) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "sample.pwrec";
  std::vector<record::Chunk> chunks;
  ASSERT_TRUE(record::testing::write_sample(path, record::Detail::Pages, 300, chunks));
  const Json json = Json::parse(say({"workingset", path, "--json"}).out);
  EXPECT_EQ(pw::test::schema_errors(json, "workingset.schema.json"), std::vector<std::string>{});
  EXPECT_EQ(json["input"]["exact"], false);
  std::uint64_t pages = 0;
  for (const Json& area : json["areas"]) pages += area["pages"].get<std::uint64_t>();
  EXPECT_EQ(pages, json["input"]["pages"]);
  const std::string text = say({"workingset", path, "--tau", "100"}).out;
  EXPECT_NE(text.find("Average by area"), std::string::npos);
  EXPECT_NE(text.find("a filter of 64 pages"), std::string::npos);
}

TEST(WorkingSetVerb, ErrorsAreOneLineWithTheRemedy) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = text_file(folder);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"workingset", folder / "none"},
           {"workingset", path, "--tau", "10x"},
           {"workingset", path, "--tau", "0"},
           {"workingset", path, "--phase-window", "0"},
           {"workingset", path, "--json", "--csv"},
           {"eat", path},
           {"eat", path, "--ram", "10"},
           {"eat", "--ram", "64M"},
           {"eat", path, "--ram", "64M", "--fault-probability", "0.1"},
           {"eat", "--memory", "5"},
           {"eat", "--memory", "0ns"},
           {"eat", "--device", "floppy"},
           {"export", path, "-o", path},
           {"export", folder / "none", "-o", folder / "x"}}) {
    const Said said = say(words);
    EXPECT_EQ(said.status, 2) << words[1];
    EXPECT_TRUE(said.out.empty());
    EXPECT_EQ(std::count(said.err.begin(), said.err.end(), '\n'), 1) << said.err;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
  EXPECT_FALSE(std::filesystem::exists(folder / "x.part"));
}

TEST(EatVerb, TheTextbooksNumbers) {
  const auto effective = [](std::vector<std::string> words) {
    words.insert(words.begin(), "eat");
    words.emplace_back("--json");
    return Json::parse(say(words).out)["effective_ns"].get<double>();
  };
  EXPECT_DOUBLE_EQ(
      effective({"--memory", "200ns", "--fault-probability", "0.001", "--device", "8ms"}), 8199.8);
  EXPECT_DOUBLE_EQ(
      effective({"--memory", "0.2us", "--fault-probability", "0.01", "--device", "8ms"}), 80198);
  EXPECT_DOUBLE_EQ(effective({"--hit-ratio", "0.98", "--tlb", "20ns", "--memory", "100ns"}), 122);
  EXPECT_DOUBLE_EQ(effective({"--hit-ratio", "0", "--memory", "100ns", "--walk-references", "4"}),
                   500);
  // Half of the faults write a page out first.
  EXPECT_DOUBLE_EQ(effective({"--memory", "200ns", "--fault-probability", "0.001", "--device",
                              "8ms", "--dirty-ratio", "0.5", "--overhead", "1us"}),
                   0.999 * 200 + 0.001 * 12'001'000);
  const std::string text = say({"eat", "--memory", "200ns", "--fault-probability", "0.001",
                                "--device", "8ms"})
                               .out;
  EXPECT_EQ(text,
            "  reference without fault        200 ns\n"
            "  fault, p = 0.001              8.00 ms\n"
            "  effective access time         8.20 us  41.0x of that without faults\n"
            "  at most 10 % slower      p <= 2.5e-06  one fault in 399,990 references or "
            "more\n");
}

TEST(EatVerb, FaultsCountedInATrace) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = text_file(folder);  // a loop of 3 pages, then one of 5: 60 times each
  const Json json = Json::parse(
      say({"eat", path, "--ram", "16K", "--memory", "100ns", "--device", "1us", "--json"}).out);
  EXPECT_EQ(json["measured"]["first_references"], 8);
  EXPECT_EQ(json["measured"]["reads"], 55);  // four pages lose every reference of a loop of five
  EXPECT_DOUBLE_EQ(json["effective_ns"].get<double>(), (65 * 100 + 55 * 1000) / 120.0);
}

TEST(ExportVerb, WritesWhatIsReadBack) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = text_file(folder);
  const std::string out = folder / "string.oracle";
  EXPECT_EQ(say({"export", path, "-o", out}).status, 0);
  const Result<analysis::PageTrace> trace = analysis::open_trace(path);
  const Result<analysis::PageTrace> back = analysis::open_trace(out);
  ASSERT_TRUE(trace && back);
  EXPECT_EQ(trace->pages, back->pages);
  EXPECT_EQ(trace->names, back->names);
  EXPECT_EQ(say({"export", path, "-o", out}).status, 2);
  EXPECT_EQ(say({"export", path, "-o", out, "--force"}).status, 0);
}

TEST(Quantities, CountsAndTimes) {
  EXPECT_EQ(parse_counts("10K,1000,2M,1000,1G").value(),
            (std::vector<std::uint64_t>{1000, 10'000, 2'000'000, 1'000'000'000}));
  for (const char* text : {"", "K", "-1", "1.5K", "1KK", "1T", "99999999999999G", "1,,2", "1,"}) {
    EXPECT_FALSE(parse_counts(text)) << text;
  }
  EXPECT_EQ(parse_time("100ns").value(), 100);
  EXPECT_EQ(parse_time("8.5us").value(), 8500);
  EXPECT_EQ(parse_time("8ms").value(), 8e6);
  EXPECT_EQ(parse_time("1s").value(), 1e9);
  for (const char* text : {"", "5", "ns", "-1ns", "1 ns", "infs", "nanns", "1e3ns", "1h"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace pw::tools
