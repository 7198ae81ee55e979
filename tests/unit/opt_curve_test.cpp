// OPT on what an LRU-K filter lets through equals OPT by definition on every reference, above K.
#include "analysis/opt_curve.hpp"

#include <gtest/gtest.h>

#include "analysis/lru_curve.hpp"
#include "filtered_trace.hpp"

namespace pw::analysis {
namespace {

using namespace testing;  // NOLINT

DenseTrace filtered(const Pages& refs, std::size_t k) {
  DenseTraceBuilder builder(record::Detail::Pages, static_cast<std::uint32_t>(k));
  Filter filter(k);
  record::Chunk chunk = begin_chunk(filter, 1);
  for (const std::uint64_t page : refs) filter.reference(page, chunk.events);
  end_chunk(filter, chunk);
  EXPECT_TRUE(builder.add(chunk));
  return builder.finish();
}

TEST(OptCurve, OfFilteredReferencesEqualsNaiveOptAboveK) {
  for (const std::size_t k : {1U, 3U, 8U, 20U}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      for (const Pages& refs : strings_of_all_kinds(seed * 31, 2500, 30 + seed * 7)) {
        const DenseTrace trace = filtered(refs, k);
        const OptCurve curve(trace);
        for (std::size_t frames = k + 1; frames <= 90; frames += 1 + frames / 6) {
          ASSERT_EQ(curve.misses(frames), naive_opt(refs, frames))
              << "K " << k << ", seed " << seed << ", frames " << frames;
        }
      }
    }
  }
}

TEST(OptCurve, ManyShortStringsEndRight) {
  // The pages left in the filter at the end have no Rest; short strings are all end.
  Random random(77);
  for (int round = 0; round < 3000; ++round) {
    const std::uint64_t k = 1 + random.below(5);
    const Pages refs = uniform(random, 5 + random.below(40), 3 + random.below(12));
    const DenseTrace trace = filtered(refs, k);
    const OptCurve curve(trace);
    for (std::size_t frames = k + 1; frames < k + 6; ++frames) {
      ASSERT_EQ(curve.misses(frames), naive_opt(refs, frames)) << "round " << round;
    }
  }
}

TEST(OptCurve, TextbookStringHasNineFaultsWithThreeFrames) {
  // Silberschatz, Galvin, Gagne, Operating System Concepts: OPT 9 faults, LRU 12.
  const Pages refs{7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1};
  const DenseTrace trace = filtered(refs, 1);
  EXPECT_EQ(OptCurve(trace).misses(3), 9U);
  EXPECT_EQ(lru_curve(trace).misses(3), 12U);
}

TEST(OptCurve, NeverMissesMoreThanLru) {
  for (const Pages& refs : strings_of_all_kinds(9, 20000, 400)) {
    const DenseTrace trace = filtered(refs, 16);
    const OptCurve opt(trace);
    const LruCurve lru = lru_curve(trace);
    for (std::uint64_t frames = 17; frames <= 401; frames += 32) {
      EXPECT_LE(opt.misses(frames), lru.misses(frames));
    }
    EXPECT_EQ(opt.misses(400), lru.cold);
  }
}

TEST(OptCurve, ADroppedPageFreesItsFrame) {
  // Two frames: 0 rests, is dropped, and 1 and 2 fit without evicting each other.
  DenseTrace trace;
  trace.filter_pages = 1;
  trace.ids = 3;
  const auto visit = [&](PageId id) {
    trace.ops.emplace_back(OpKind::Use, id);
    trace.ops.emplace_back(OpKind::Rest, id);
  };
  visit(0);
  trace.ops.emplace_back(OpKind::Drop, 0);
  visit(1);
  visit(2);
  visit(1);
  visit(2);
  EXPECT_EQ(OptCurve(trace).misses(2), 3U);
}

TEST(OptCurve, SizesUpToTheFilterAreNotKnown) {
  const DenseTrace trace = filtered({1, 2, 3, 4, 5, 1}, 4);
  const OptCurve curve(trace);
  EXPECT_FALSE(curve.known(4));
  EXPECT_TRUE(curve.known(5));
}

}  // namespace
}  // namespace pw::analysis
