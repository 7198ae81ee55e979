// The one-pass curves of the 20-million-reference traces: LRU at every size of lru-curve-zipf.csv,
// OPT at the sizes of policy-misses.csv; and against the policies played at a hundred sizes, for
// LRU on zipf the whole trace, else the beginnings of the traces. PAGEWRIGHT_LONG_TESTS in the
// environment: everything whole.
#include <gtest/gtest.h>
#include <tbb/parallel_for.h>

#include <cstdio>
#include <memory>
#include <set>
#include <vector>

#include "analysis/lru_curve.hpp"
#include "analysis/opt_curve.hpp"
#include "analysis/play.hpp"
#include "policy/lru.hpp"
#include "policy/opt.hpp"
#include "support/long_tests.hpp"
#include "support/policy_vectors.hpp"

namespace pw::analysis {
namespace {

#ifdef PW_CHECKING
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Powers of four below, and steps of one width up to, the memory that holds every page.
std::vector<std::uint32_t> hundred_sizes(std::uint32_t ids) {
  std::vector<std::uint32_t> sizes;
  for (std::uint32_t size = 1; size < ids; size *= 4) sizes.push_back(size);
  const std::uint64_t steps = 100 - sizes.size();
  for (std::uint64_t i = 1; i <= steps; ++i) {
    sizes.push_back(static_cast<std::uint32_t>(i * ids / steps));
  }
  return sizes;
}

// The curve is what the policy does at a hundred sizes.
template <class P>
void expect_as_played(const PageTrace& trace, const StackCurve& curve) {
  const bool opt = P::kNeeds == policy::Needs::Future;
  const auto next = opt ? next_references(trace) : std::vector<std::uint32_t>();
  const std::vector<std::uint32_t> sizes = hundred_sizes(trace.ids);
  ASSERT_EQ(std::set(sizes.begin(), sizes.end()).size(), 100U);
  std::vector<std::uint64_t> played(sizes.size());
  tbb::parallel_for(std::size_t{0}, sizes.size(), [&](std::size_t i) {
    played[i] = test::misses_on<P>(trace, sizes[i], {}, next);
  });
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    ASSERT_EQ(curve.misses(sizes[i]), played[i]) << sizes[i] << " frames";
  }
  EXPECT_EQ(played.back(), trace.ids) << "each page comes in once where all fit";
}

TEST(CurveVectors, LruOfTheZipfTraceAtEverySizeOfTheTableAndPlayedAtAHundred) {
  const PageTrace trace = test::dense_vector_trace(test::kVectorColumns[0]);
  const LruCurve curve = lru_curve(trace);
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
  if (!kSanitized) expect_as_played<policy::Lru>(trace, curve);
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

// 400,000 references of each trace; the long form, not under sanitizers, plays the 20 million: some
// five minutes of CPU time.
void expect_curves_as_played(std::size_t column) {
  const bool whole = test::long_tests() && !kSanitized;
  const PageTrace trace = test::dense_vector_trace(test::kVectorColumns[column],
                                                   whole ? test::kVectorReferences : 400'000);
  expect_as_played<policy::Lru>(trace, lru_curve(trace));
  expect_as_played<policy::Opt>(trace, opt_curve(trace));
}
TEST(CurveVectors, OnZipfEqualThePoliciesPlayedAtAHundredSizes) { expect_curves_as_played(0); }
TEST(CurveVectors, OnLoopEqualThePoliciesPlayedAtAHundredSizes) { expect_curves_as_played(1); }
TEST(CurveVectors, OnPhaseEqualThePoliciesPlayedAtAHundredSizes) { expect_curves_as_played(2); }

}  // namespace
}  // namespace pw::analysis
