// The text report: what must be in it, what must not, and how it fits a terminal.
#include "report/text.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "report/table.hpp"
#include "report/units.hpp"
#include "support/report_example.hpp"

namespace pw::report {
namespace {

TEST(ReportUnits, CountsHaveThousands) {
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(1'000), "1,000");
  EXPECT_EQ(count(1'234'567), "1,234,567");
  EXPECT_EQ(count(123'456), "123,456");
}

TEST(ReportUnits, BytesHaveThreeDigitsAndBinaryUnits) {
  EXPECT_EQ(bytes(ByteCount(0)), "0 B");
  EXPECT_EQ(bytes(ByteCount(1023)), "1023 B");
  EXPECT_EQ(bytes(ByteCount(1024)), "1 KiB");
  EXPECT_EQ(bytes(ByteCount(35'860'480)), "34.2 MiB");
  EXPECT_EQ(bytes(ByteCount(16ULL << 30)), "16 GiB");
  EXPECT_EQ(bytes(ByteCount((1ULL << 20) - 1)), "1.00 MiB");
  EXPECT_EQ(page_bytes(65), "260 KiB");
}

TEST(ReportUnits, DurationsChooseTheirUnit) {
  EXPECT_EQ(duration(0), "0 ns");
  EXPECT_EQ(duration(0.512), "0.512 ns");
  EXPECT_EQ(duration(8199.8), "8.20 us");
  EXPECT_EQ(duration(999.9), "1.00 us");
  EXPECT_EQ(duration(80'198), "80.2 us");
  EXPECT_EQ(duration(1.3e9), "1.30 s");
  EXPECT_EQ(duration(150e9), "2.50 min");
}

TEST(ReportUnits, PercentTellsAlmostAllFromAll) {
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(1), "100 %");
  EXPECT_EQ(percent(0.5), "50.0 %");
  EXPECT_EQ(percent(0.9963), "99.63 %");
  EXPECT_EQ(percent(0.99999), "99.9990 %");
  EXPECT_EQ(percent(1e-9), "< 0.0001 %");
  EXPECT_EQ(percent(1 - 1e-9), "> 99.9999 %");
}

TEST(ReportTable, AlignsAndLeavesNoBlanksAtTheEnd) {
  Table table({Align::Left, Align::Right, Align::Left});
  table.row({"a", "1", ""});
  table.row({"bcd", "1,000", "x"});
  EXPECT_EQ(table.text(), "  a        1\n  bcd  1,000  x\n");
}

TEST(ReportTable, ShortensTheMiddle) {
  EXPECT_EQ(shortened("short", 10), "short");
  EXPECT_EQ(shortened("/usr/lib/libc.so.6", 15), "/usr/l...c.so.6");
}

TEST(ReportTable, ShortensCallChainsBetweenCalls) {
  EXPECT_EQ(shortened("anon: malloc <- read_line <- main", 30), "anon: malloc <- ...");
  EXPECT_EQ(shortened("anon: malloc <- read_line <- main", 32), "anon: malloc <- read_line <- ...");
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

TEST(ReportText, FitsTheWidth) {
  for (const std::size_t width : {80U, 100U, 120U}) {
    TextStyle style;
    style.width = width;
    EXPECT_LE(longest_line(text(testing::example_report(), style)), width);
    EXPECT_LE(longest_line(text(testing::example_with_columns(), style)), width);
  }
}

TEST(ReportText, HasNoEscapesUnlessAskedTo) {
  EXPECT_EQ(text(testing::example_report()).find('\x1b'), std::string::npos);
  TextStyle style;
  style.color = true;
  EXPECT_NE(text(testing::example_report(), style).find('\x1b'), std::string::npos);
}

TEST(ReportText, ColorAddsOnlyEscapes) {
  TextStyle style;
  style.color = true;
  std::string colored = text(testing::example_with_columns(), style);
  for (const char* code : {"\x1b[0m", "\x1b[1m", "\x1b[2m"}) {
    const std::string escape = code;
    for (std::size_t at; (at = colored.find(escape)) != std::string::npos;) {
      colored.erase(at, escape.size());
    }
  }
  EXPECT_EQ(colored, text(testing::example_with_columns()));
}

TEST(ReportText, ShowsTheLargestAreasAndSumsUpTheRest) {
  TextStyle style;
  style.areas = 1;
  const std::string out = text(testing::example_report(), style);
  EXPECT_NE(out.find("[heap]"), std::string::npos);
  EXPECT_EQ(out.find("[stack]"), std::string::npos);
  EXPECT_NE(out.find("2 more"), std::string::npos);
  EXPECT_NE(out.find("410"), std::string::npos);  // 405 + 5 faults
}

TEST(ReportText, ShowsTheBusiestProcessesAndSumsUpTheRest) {
  TextStyle style;
  style.processes = 1;
  const std::string out = text(testing::example_report(), style);
  EXPECT_NE(out.find("sort words.txt\n"), std::string::npos);
  EXPECT_NE(out.find("1,000,000     220      0            1 more\n"), std::string::npos) << out;
}

TEST(ReportText, BarsAreLogarithmicWhereFaultsSpanOrdersOfMagnitude) {
  Report report = testing::example_report();
  EXPECT_NE(text(report).find("logarithmic"), std::string::npos);
  report.need->points = {{100, 9'400, 9'200}, {200, 9'100, 9'050}, {300, 9'000, 9'000}};
  const std::string linear = text(report);
  EXPECT_EQ(linear.find("logarithmic"), std::string::npos);
  const std::string full = '|' + std::string(29, '=') + std::string(29, '-') + '\n';
  EXPECT_NE(linear.find(full), std::string::npos) << linear;
}

TEST(ReportText, ManyMachinesGoIntoSeveralBlocks) {
  Report report = testing::example_report();
  for (int i = 1; i < 7; ++i) {
    report.columns.push_back({"ram=" + std::to_string(i) + "G", testing::example_result()});
  }
  const std::string out = text(report);
  EXPECT_LE(longest_line(out), 100U);
  EXPECT_NE(out.find("ram=6G"), std::string::npos);
}

TEST(ReportText, EveryNoteThatTheNumbersAskFor) {
  std::string notes;
  for (const std::string& note : all_notes(testing::example_with_columns())) notes += note;
  for (const char* words : {"estimates", "--detail switches", "took turns", "damaged at byte 4,096",
                            "killed for want of memory", "had to be assumed"}) {
    EXPECT_NE(notes.find(words), std::string::npos) << words;
  }
  Report exact = testing::example_report();
  exact.recording.detail = record::Detail::Switches;
  EXPECT_TRUE(all_notes(exact).empty());
}

TEST(ReportText, DerivesTheTextbookNumbers) {
  const Derived d = derive(testing::example_result());
  EXPECT_EQ(d.faults, 9'465U);
  EXPECT_NEAR(d.l1_ratio + d.l2_ratio + d.walk_ratio, 1, 1e-12);
  // 0.5 ns, 2.5 ns for each of 4,000,000 L2 hits and 8 ns for each of 620,000 entries read.
  EXPECT_NEAR(d.translation_ns, 0.5 + (4e6 * 2.5 + 620e3 * 8) / 1'234'567'890, 1e-9);
  EXPECT_NEAR(d.fault_ns, 38e6 / 9'465, 1e-6);
  EXPECT_NEAR(d.access_ns, d.translation_ns + 38e6 / 1'234'567'890, 1e-9);
}

TEST(ReportText, ReferencesHiddenByTheFilterAreHitsOfTheL1Tlb) {
  replay::ReplayResult r;
  r.references = 1'000;
  r.tlb.references = 100;
  r.tlb.l1_hits = 60;
  r.tlb.l2_hits = 30;
  r.tlb.walks = 10;
  r.tlb.walk_references = 40;
  const Derived d = derive(r);
  EXPECT_EQ(d.hidden, 900U);
  EXPECT_DOUBLE_EQ(d.l1_ratio, 0.96);
  EXPECT_DOUBLE_EQ(d.walk_ratio, 0.01);
  EXPECT_DOUBLE_EQ(d.references_per_walk, 4);
  EXPECT_DOUBLE_EQ(d.translation_ns, 0.5 + (30 * 2.5 + 40 * 8) / 1'000);
}

TEST(ReportText, AnEmptyResultDoesNotDivideByZero) {
  Report report;
  report.columns.push_back({"base", {}});
  EXPECT_EQ(text(report).find("nan"), std::string::npos);
  EXPECT_EQ(text(report).find("inf"), std::string::npos);
}

TEST(ReportText, CommandsAreQuotedForTheShell) {
  EXPECT_EQ(command_line({"sort", "--parallel=1", "a b", "it's", ""}),
            "sort --parallel=1 'a b' 'it'\\''s' ''");
}

}  // namespace
}  // namespace pw::report
