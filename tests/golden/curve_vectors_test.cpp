// The one-pass curves of the 20-million-reference traces: LRU at every size of lru-curve-zipf.csv,
// OPT at the sizes of policy-misses.csv.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

#include "analysis/lru_curve.hpp"
#include "analysis/opt_curve.hpp"
#include "analysis/play.hpp"
#include "policy/lru.hpp"
#include "policy/opt.hpp"
#include "support/policy_vectors.hpp"

namespace pw::analysis {
namespace {

TEST(CurveVectors, LruOfTheZipfTraceAtEverySizeOfTheTable) {
  const LruCurve curve = lru_curve(test::dense_vector_trace(test::kVectorColumns[0]));
  const std::unique_ptr<FILE, int (*)(FILE*)> file(
      std::fopen(PW_SOURCE_DIR "/tests/data/lru-curve-zipf.csv", "r"), &std::fclose);
  ASSERT_TRUE(file);
  char head[64];
  ASSERT_NE(std::fgets(head, sizeof head, file.get()), nullptr);
  unsigned long pages = 0, misses = 0;
  std::size_t rows = 0;
  while (std::fscanf(file.get(), "%lu,%lu", &pages, &misses) == 2) {
    if (pages == 0) continue;  // a memory of no pages, in which every reference misses
    ASSERT_EQ(curve.misses(pages), misses) << pages;
    ++rows;
  }
  EXPECT_EQ(rows, 921U);
}

// Of two of the three traces: one curve takes ten seconds and more.
TEST(CurveVectors, OptAtTheSizesOfTheTable) {
  const test::VectorRow row = test::vector_row("OPT", "demand, no bypass");
  for (const std::size_t i : {0U, 1U}) {
    const test::VectorColumn& column = test::kVectorColumns[i];
    const StackCurve curve = opt_curve(test::dense_vector_trace(column));
    EXPECT_EQ(curve.misses(column.frames), row[i]) << column.trace;
  }
}

// 400,000 references of each trace, at a hundred sizes: the curves are what the policies do.
TEST(CurveVectors, AtAHundredSizesTheCurvesEqualThePoliciesPlayed) {
  for (const char* name : {"zipf", "loop", "phase"}) {
    PageTrace trace;
    trace.pages = test::vector_trace(name, 400'000);
    trace.ids = 1'000'000;
    const LruCurve lru = lru_curve(trace);
    const StackCurve opt = opt_curve(trace);
    const std::vector<std::uint32_t> next = next_references(trace);
    policy::Setup setup;
    setup.ids = trace.ids;
    for (std::uint32_t i = 0; i < 100; ++i) {
      setup.frames = 1 + i * 2'500;
      policy::Lru by_lru(setup);
      ASSERT_EQ(lru.misses(setup.frames), play(trace, by_lru, setup.frames).misses) << name;
      policy::Opt by_opt(setup);
      ASSERT_EQ(opt.misses(setup.frames), play(trace, by_opt, setup.frames, next.data()).misses)
          << name << ' ' << setup.frames;
    }
  }
}

}  // namespace
}  // namespace pw::analysis
