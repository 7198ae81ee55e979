// The one-pass OPT curve equals OPT by definition at every size, on plain and on filtered strings.
#include "analysis/opt_curve.hpp"

#include <gtest/gtest.h>

#include "analysis/lru_curve.hpp"
#include "analysis/play.hpp"
#include "filtered_trace.hpp"
#include "opt_by_size.hpp"
#include "policy/opt.hpp"
#include "support/vector_traces.hpp"

namespace pw::analysis {
namespace {

using namespace testing;  // NOLINT

PageTrace plain(const Pages& refs) {
  PageTrace trace;
  std::map<std::uint64_t, PageId> ids;
  for (const std::uint64_t page : refs) {
    trace.pages.push_back(ids.emplace(page, static_cast<PageId>(ids.size())).first->second);
  }
  trace.ids = static_cast<std::uint32_t>(ids.size());
  return trace;
}

TEST(OptCurve, EveryShortStringAtEverySize) {
  // All strings of 7 references to at most 4 pages, under their names and others.
  for (std::uint32_t code = 0; code < 4 * 4 * 4 * 4 * 4 * 4 * 4; ++code) {
    Pages refs;
    for (std::uint32_t i = 0, rest = code; i < 7; ++i, rest /= 4) refs.push_back(rest % 4);
    const StackCurve curve = opt_curve(plain(refs));
    for (std::size_t frames = 1; frames <= 5; ++frames) {
      ASSERT_EQ(curve.misses(frames), naive_opt(refs, frames)) << code << ' ' << frames;
    }
  }
}

TEST(OptCurve, RandomStringsAtEverySize) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    for (const Pages& refs : strings_of_all_kinds(seed, 1200, 5 + seed * 4)) {
      const StackCurve curve = opt_curve(plain(refs));
      for (std::size_t frames = 1; frames <= 5 + seed * 4; ++frames) {
        ASSERT_EQ(curve.misses(frames), naive_opt(refs, frames)) << seed << ' ' << frames;
      }
    }
  }
}

TEST(OptCurve, FilteredStringsAtEverySizeAboveTheFilter) {
  for (const std::size_t k : {1U, 3U, 8U, 20U}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      for (const Pages& refs : strings_of_all_kinds(seed * 31, 2500, 30 + seed * 7)) {
        const DenseTrace trace = filtered(refs, k);
        const StackCurve curve = opt_curve(trace);
        EXPECT_FALSE(curve.known(k));
        for (std::size_t frames = k + 1; frames <= 90; frames += 1 + frames / 6) {
          ASSERT_EQ(curve.misses(frames), naive_opt(refs, frames))
              << "K " << k << ", seed " << seed << ", frames " << frames;
        }
      }
    }
  }
}

// Pages come into use, rest and are given back at random, at most four in use at a time.
TEST(OptCurve, FilteredTracesWithDropsEqualOptSizeBySize) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    DenseTrace trace;
    trace.filter_pages = 4;
    trace.ids = static_cast<std::uint32_t>(6 + random.below(30));
    std::vector<PageId> in_use;
    std::vector<bool> gone(trace.ids, false), known(trace.ids, false);
    for (int step = 0; step < 400; ++step) {
      const auto id = static_cast<PageId>(random.below(trace.ids));
      const auto at = std::find(in_use.begin(), in_use.end(), id);
      if (at != in_use.end()) {
        trace.ops.emplace_back(OpKind::Rest, id);
        in_use.erase(at);
      } else if (known[id] && random.chance(40)) {
        if (!gone[id]) trace.ops.emplace_back(OpKind::Drop, id);
        gone[id] = true;
      } else if (!gone[id]) {
        if (in_use.size() == trace.filter_pages) {
          trace.ops.emplace_back(OpKind::Rest, in_use.front());
          in_use.erase(in_use.begin());
        }
        trace.ops.emplace_back(OpKind::Use, id);
        in_use.push_back(id);
        known[id] = true;
      }
    }
    const OptBySize by_size(trace);
    const StackCurve curve = opt_curve(trace);
    for (std::uint64_t pages = 5; pages <= trace.ids + 1; ++pages) {
      ASSERT_EQ(curve.misses(pages), by_size.misses(pages)) << seed << ' ' << pages;
    }
  }
}

TEST(OptCurve, ALongTraceAtAHundredSizesEqualsThePolicyPlayed) {
  PageTrace trace = plain({});
  for (const std::uint32_t page : test::vector_trace("zipf", 60'000)) {
    trace.pages.push_back(page % 9'000);
  }
  trace.ids = 9'000;
  const std::vector<std::uint32_t> next = next_references(trace);
  const StackCurve curve = opt_curve(trace);
  policy::Setup setup;
  setup.ids = trace.ids;
  for (std::uint32_t frames = 1; frames <= 9'000; frames += 90) {
    setup.frames = frames;
    policy::Opt opt(setup);
    ASSERT_EQ(curve.misses(frames), play(trace, opt, frames, next.data()).misses) << frames;
  }
}

TEST(OptCurve, TextbookStrings) {
  // Silberschatz, Galvin, Gagne: 9 faults with 3 frames; Belady's string: 7 with 3, 6 with 4.
  EXPECT_EQ(
      opt_curve(plain({7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1})).misses(3), 9U);
  const StackCurve belady = opt_curve(plain({1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5}));
  EXPECT_EQ(belady.misses(3), 7U);
  EXPECT_EQ(belady.misses(4), 6U);
  EXPECT_EQ(opt_curve(plain({})).misses(1), 0U);
}

TEST(OptCurve, NeverMissesMoreThanLru) {
  for (const Pages& refs : strings_of_all_kinds(9, 20'000, 400)) {
    const DenseTrace trace = filtered(refs, 16);
    const StackCurve opt = opt_curve(trace);
    const LruCurve lru = lru_curve(trace);
    for (std::uint64_t frames = 17; frames <= 401; frames += 32) {
      EXPECT_LE(opt.misses(frames), lru.misses(frames));
    }
    EXPECT_EQ(opt.misses(400), lru.cold);
  }
}

// Two frames: 0 rests, is dropped, and 1 and 2 fit without evicting each other.
TEST(OptCurve, ADroppedPageFreesItsFrame) {
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
  EXPECT_EQ(opt_curve(trace).misses(2), 3U);
}

// The pages left in the filter at the end have no Rest; short strings are all end.
TEST(OptCurve, ManyShortStringsEndRight) {
  Random random(77);
  for (int round = 0; round < 3'000; ++round) {
    const std::uint64_t k = 1 + random.below(5);
    const Pages refs = uniform(random, 5 + random.below(40), 3 + random.below(12));
    const DenseTrace trace = filtered(refs, k);
    const StackCurve curve = opt_curve(trace);
    EXPECT_FALSE(curve.known(k));
    EXPECT_TRUE(curve.known(k + 1));
    for (std::size_t frames = k + 1; frames < k + 6; ++frames) {
      ASSERT_EQ(curve.misses(frames), naive_opt(refs, frames)) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace pw::analysis
