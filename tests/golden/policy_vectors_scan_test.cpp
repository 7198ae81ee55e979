// The scan-resistant policies over the three traces of 20 million references: miss counts equal
// those of libCacheSim and of the algorithms' authors, which tests/data/policy-misses.csv holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/play.hpp"
#include "policy/arc.hpp"
#include "policy/car.hpp"
#include "policy/clock_pro.hpp"
#include "policy/lirs.hpp"
#include "policy/s3_fifo.hpp"
#include "policy/sieve.hpp"
#include "policy/slru.hpp"
#include "policy/two_q.hpp"
#include "support/vector_traces.hpp"

namespace pw::analysis {
namespace {

// A row of the table: misses on zipf, loop and phase; none where the table has none.
using Row = std::array<std::optional<std::uint64_t>, 3>;
struct Column {
  const char* trace;
  std::uint32_t frames;
};
constexpr std::array<Column, 3> kColumns{{{"zipf", 100'000}, {"loop", 20'000}, {"phase", 100'000}}};

// The row of a policy and a variant, of which fields in quotation marks may hold commas.
Row row_of(const std::string& policy, const std::string& variant) {
  std::ifstream table(PW_SOURCE_DIR "/tests/data/policy-misses.csv");
  const std::string quoted = policy + ",\"" + variant + "\",";
  const std::string plain = policy + "," + variant + ",";
  for (std::string line; std::getline(table, line);) {
    const std::string& start = line.starts_with(quoted) ? quoted : plain;
    if (!line.starts_with(start)) continue;
    line.erase(0, start.size());
    Row row;
    for (auto& misses : row) {
      const std::string field = line.substr(0, line.find(','));
      if (!field.empty()) misses = std::stoull(field);
      line.erase(0, std::min(line.size(), field.size() + 1));
    }
    return row;
  }
  ADD_FAILURE() << "no row " << quoted;
  return {};
}

// The traces with ids in the order of first appearance, made once.
const PageTrace& trace(const std::string& name) {
  static std::map<std::string, PageTrace> made;
  PageTrace& dense = made[name];
  if (!dense.pages.empty()) return dense;
  dense.pages = test::vector_trace(name);
  constexpr PageId kNew = ~PageId{0};
  std::vector<PageId> id_of(1'000'000, kNew);
  for (PageId& page : dense.pages) {
    PageId& id = id_of[page];
    if (id == kNew) id = dense.ids++;
    page = id;
  }
  return dense;
}

template <class P>
void expect_misses(const Row& expected, const std::vector<double>& values = {},
                   const PageTrace& (*trace_of)(const std::string&) = trace) {
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    if (!expected[i]) continue;
    const PageTrace& references = trace_of(kColumns[i].trace);
    policy::Setup setup;
    setup.ids = references.ids;
    setup.frames = kColumns[i].frames;
    setup.values = values;
    P policy(setup);
    EXPECT_EQ(play(references, policy, setup.frames).misses, *expected[i]) << kColumns[i].trace;
  }
}

TEST(PolicyVectorsScan, TwoQ) { expect_misses<policy::TwoQ>(row_of("2Q", "Kin .25, Kout .5")); }
TEST(PolicyVectorsScan, SegmentedLru) {
  expect_misses<policy::Slru>(row_of("SLRU", "libCacheSim variant"));
}
TEST(PolicyVectorsScan, Arc) { expect_misses<policy::Arc>(row_of("ARC", "")); }
TEST(PolicyVectorsScan, Sieve) { expect_misses<policy::Sieve>(row_of("SIEVE", "")); }
TEST(PolicyVectorsScan, S3Fifo) {
  expect_misses<policy::S3Fifo>(row_of("S3-FIFO", "10 % small, 90 % ghost, threshold 2"));
}
TEST(PolicyVectorsScan, LirsOfTheAuthors) {
  expect_misses<policy::Lirs>(row_of("LIRS", "authors' program, HIR 1 %"));
}

// The authors' program for CLOCK-Pro reads over a reference to the page referenced just before.
// Such a reference never misses, so that leaving it out beforehand changes no count.
const PageTrace& without_repeats(const std::string& name) {
  static std::map<std::string, PageTrace> made;
  PageTrace& shorter = made[name];
  if (shorter.pages.empty()) {
    shorter = trace(name);
    const auto repeats = std::unique(shorter.pages.begin(), shorter.pages.end());
    shorter.pages.erase(repeats, shorter.pages.end());
  }
  return shorter;
}
TEST(PolicyVectorsScan, ClockProOfTheAuthorsWithAFixedShare) {
  expect_misses<policy::ClockPro>(row_of("CLOCK-Pro", "authors' program, fixed 5 % cold"),
                                  {0, 0.05, 0.05, 0}, without_repeats);
}
TEST(PolicyVectorsScan, ClockProOfTheAuthorsAdaptive) {
  expect_misses<policy::ClockPro>(row_of("CLOCK-Pro", "authors' program, adaptive 1-99 % cold"), {},
                                  without_repeats);
}

}  // namespace
}  // namespace pw::analysis
