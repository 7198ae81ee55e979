// The LRU curve equals LRU simulated by definition on the unfiltered references.
#include "analysis/lru_curve.hpp"

#include <gtest/gtest.h>

#include "filtered_trace.hpp"
#include "support/recorded_calls.hpp"

namespace pw::analysis {
namespace {

using namespace testing;  // NOLINT

TEST(LruCurve, OfFilteredReferencesEqualsNaiveLruAtEverySizeFromK) {
  for (const std::size_t k : {1U, 2U, 7U, 16U}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      for (const Pages& refs : strings_of_all_kinds(seed, 3000, 40 + seed * 9)) {
        const DenseTrace trace = filtered(refs, k, 500);
        const LruCurve curve = lru_curve(trace);
        EXPECT_TRUE(curve.exact());
        EXPECT_EQ(curve.known_from, k);
        EXPECT_EQ(trace.references, refs.size());
        for (std::size_t frames = k; frames <= 100; frames += 1 + frames / 8) {
          ASSERT_EQ(curve.misses(frames), naive_lru(refs, frames))
              << "K " << k << ", seed " << seed << ", frames " << frames;
        }
      }
    }
  }
}

TEST(LruCurve, OfAPlainTraceEqualsNaiveLruAtEverySize) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (const Pages& refs : strings_of_all_kinds(seed, 2500, 10 + seed * 9)) {
      PageTrace trace;
      trace.pages.assign(refs.begin(), refs.end());
      trace.ids = static_cast<std::uint32_t>(10 + seed * 9);
      const LruCurve curve = lru_curve(trace);
      for (std::size_t frames = 1; frames <= trace.ids; ++frames) {
        ASSERT_EQ(curve.misses(frames), naive_lru(refs, frames)) << seed << ' ' << frames;
      }
    }
  }
}

TEST(LruCurve, OfEveryReferenceEqualsNaiveLru) {
  for (const Pages& refs : strings_of_all_kinds(5, 3000, 50)) {
    DenseTraceBuilder builder(record::Detail::Full, 0);
    ASSERT_TRUE(builder.add(unfiltered_chunk(refs)));
    const LruCurve curve = lru_curve(builder.finish());
    for (std::size_t frames = 1; frames <= 60; ++frames) {
      ASSERT_EQ(curve.misses(frames), naive_lru(refs, frames)) << frames;
    }
  }
}

// As a recorder makes detail switches: a data reference is told when its page is not the last
// referenced, an instruction fetch when its page is not the one instructions came from last.
TEST(LruCurve, OfSwitchesEqualsNaiveLruThoughCodeIsToldOnlyWhenItsPageChanges) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    DenseTraceBuilder builder(record::Detail::Switches, 1);
    record::Chunk chunk;
    Pages refs;
    std::uint64_t code = 1000;
    std::uint64_t last_code = record::kNoPage;
    std::uint64_t in_filter = record::kNoPage;
    std::uint64_t in_filter_at = 0;
    const auto refer = [&](std::uint64_t page, Access access) {
      refs.push_back(page);
      const std::uint64_t clock = refs.size();
      const bool fetch = access == Access::Execute ? page != last_code : page != in_filter;
      if (access == Access::Execute) last_code = page;
      if (fetch) {
        record::Event e;
        e.kind = record::EventKind::Fetch;
        e.clock = clock;
        e.page = page;
        e.access = access;
        e.evicted = in_filter;
        e.last_reference = in_filter_at;
        chunk.events.push_back(e);
        in_filter = page;
      }
      if (page == in_filter) in_filter_at = clock;
    };
    for (const std::uint64_t data : phases(random, 1500, 40)) {
      if (random.chance(6)) code = 1000 + random.below(8);
      if (random.chance(40)) code = data;  // a program may read its own code
      refer(code, Access::Execute);
      if (random.chance(5)) continue;
      refer(data, Access::Read);
      refer(code, Access::Execute);  // the instructions behind, at least the jump elsewhere
    }
    chunk.info.end_clock = refs.size();
    ASSERT_TRUE(builder.add(chunk));
    const LruCurve curve = lru_curve(builder.finish());
    for (std::size_t frames = 2; frames <= 50; ++frames) {
      ASSERT_EQ(curve.misses(frames), naive_lru(refs, frames)) << seed << ' ' << frames;
    }
  }
}

TEST(LruCurve, CountsBothPagesOfAStraddlingReference) {
  DenseTraceBuilder builder(record::Detail::Full, 0);
  record::Chunk chunk;
  record::Event e;
  e.kind = record::EventKind::Reference;
  e.clock = 2;
  e.address = kPageSize - 4;
  e.size = 8;
  chunk.events.push_back(e);
  chunk.info.end_clock = 2;
  ASSERT_TRUE(builder.add(chunk));
  EXPECT_EQ(lru_curve(builder.finish()).cold, 2U);
}

TEST(LruCurve, SurvivesCompactionOfMillionsOfOperations) {
  // A loop over 300 pages: below 300 frames LRU misses every time (K 8), from 300 on only at first.
  DenseTrace trace;
  trace.filter_pages = 1;
  trace.ids = 300;
  for (int round = 0; round < 2000; ++round) {
    for (PageId id = 0; id < 300; ++id) {
      trace.ops.emplace_back(OpKind::Use, id);
      trace.ops.emplace_back(OpKind::Rest, id);
    }
  }
  const LruCurve curve = lru_curve(trace);
  EXPECT_EQ(curve.misses(299), 600'000U);
  EXPECT_EQ(curve.misses(300), 300U);
  EXPECT_EQ(curve.fits_in(), 300U);
}

TEST(LruCurve, SizesBelowTheFilterAreNotKnown) {
  const LruCurve curve = lru_curve(filtered({1, 2, 3, 4, 5, 1}, 4, 10));
  EXPECT_FALSE(curve.known(3));
  EXPECT_TRUE(curve.known(4));
  EXPECT_DEATH(static_cast<void>(curve.misses(3)), "known");
}

TEST(LruCurve, AFilterResetTellsTheSameAsReferencesThatPushPagesOut) {
  Random random(3);
  const Pages refs = phases(random, 2000, 60);
  DenseTraceBuilder builder(record::Detail::Pages, 8);
  Filter filter(8);
  record::Chunk chunk = begin_chunk(filter, 1);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (i % 100 == 99) filter.reset(chunk.events);
    filter.reference(refs[i], chunk.events);
  }
  end_chunk(filter, chunk);
  ASSERT_TRUE(builder.add(chunk));
  const LruCurve curve = lru_curve(builder.finish());
  for (std::size_t frames = 8; frames <= 64; ++frames) {
    ASSERT_EQ(curve.misses(frames), naive_lru(refs, frames)) << frames;
  }
}

TEST(LruCurve, WhereProcessesTakeTurnsIsOffByNoMoreThanItSays) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Random random(seed);
    const std::size_t k = 6;
    std::vector<Filter> filters(3, Filter(k));
    DenseTraceBuilder builder(record::Detail::Pages, k);
    Pages global;
    for (int turn = 0; turn < 40; ++turn) {
      const auto pid = static_cast<std::uint32_t>(random.below(3));
      record::Chunk chunk = begin_chunk(filters[pid], pid + 1);
      for (const std::uint64_t page : phases(random, 100 + random.below(200), 40)) {
        filters[pid].reference(page, chunk.events);
        global.push_back(page + 1000 * pid);
      }
      end_chunk(filters[pid], chunk);
      ASSERT_TRUE(builder.add(chunk));
    }
    const LruCurve curve = lru_curve(builder.finish());
    EXPECT_FALSE(curve.exact());
    EXPECT_LE(curve.inferred, 40 * k);
    for (std::size_t frames = 3 * k; frames <= 120; frames += 3) {
      const std::uint64_t truth = naive_lru(global, frames);
      EXPECT_LE(curve.misses(frames), truth + curve.inferred) << seed << ' ' << frames;
      EXPECT_GE(curve.misses(frames) + curve.inferred, truth) << seed << ' ' << frames;
    }
  }
}

// Pages 0..9 are referenced, `call` happens, pages 0..9 are referenced again; K 1.
LruCurve around_a_call(const record::SyscallRecord& call, std::uint64_t second_first_page = 0) {
  DenseTraceBuilder builder(record::Detail::Switches, 1);
  Filter filter(1);
  record::Chunk chunk = begin_chunk(filter, 1);
  for (std::uint64_t p = 0; p < 10; ++p) filter.reference(p, chunk.events);
  filter.reference(99, chunk.events);
  record::testing::add_call(chunk, filter.clock(), call);
  for (std::uint64_t p = 0; p < 10; ++p) {
    filter.reference(second_first_page + p, chunk.events);
  }
  end_chunk(filter, chunk);
  EXPECT_TRUE(builder.add(chunk));
  return lru_curve(builder.finish());
}

TEST(LruCurve, PagesGivenBackAreNewWhenReferencedAgain) {
  record::SyscallRecord nothing;
  EXPECT_EQ(around_a_call(nothing).cold, 11U);

  record::SyscallRecord munmap;
  munmap.number = 11;
  munmap.arguments[0] = 2 * kPageSize;
  munmap.arguments[1] = 3 * kPageSize;
  EXPECT_EQ(around_a_call(munmap).cold, 14U);
  EXPECT_EQ(around_a_call(munmap).misses(11), 14U);

  record::SyscallRecord failed = munmap;
  failed.result = -22;
  EXPECT_EQ(around_a_call(failed).cold, 11U);

  record::SyscallRecord dontneed = munmap;
  dontneed.number = 28;
  dontneed.arguments[2] = 4;
  EXPECT_EQ(around_a_call(dontneed).cold, 14U);

  record::SyscallRecord willneed = dontneed;
  willneed.arguments[2] = 3;
  EXPECT_EQ(around_a_call(willneed).cold, 11U);
}

TEST(LruCurve, MremapTakesThePagesAlong) {
  record::SyscallRecord mremap;
  mremap.number = 25;
  mremap.arguments[0] = 0;
  mremap.arguments[1] = 10 * kPageSize;
  mremap.arguments[2] = 10 * kPageSize;
  mremap.result = 500 * kPageSize;
  EXPECT_EQ(around_a_call(mremap, 500).cold, 11U);
  EXPECT_EQ(around_a_call(mremap, 0).cold, 21U);
  mremap.arguments[2] = 4 * kPageSize;  // shrunk on the way: six pages are gone
  EXPECT_EQ(around_a_call(mremap, 500).cold, 17U);
  mremap.result = 0;  // shrunk in place
  EXPECT_EQ(around_a_call(mremap, 0).cold, 17U);
}

TEST(LruCurve, ANewImageStartsCold) {
  DenseTraceBuilder builder(record::Detail::Pages, 4);
  Filter filter(4);
  record::Chunk chunk = begin_chunk(filter, 1);
  for (std::uint64_t p = 0; p < 10; ++p) filter.reference(p, chunk.events);
  filter.reset(chunk.events);
  record::Event exec;
  exec.kind = record::EventKind::Exec;
  exec.clock = filter.clock();
  chunk.events.push_back(exec);
  for (std::uint64_t p = 0; p < 10; ++p) filter.reference(p, chunk.events);
  end_chunk(filter, chunk);
  ASSERT_TRUE(builder.add(chunk));
  const LruCurve curve = lru_curve(builder.finish());
  EXPECT_EQ(curve.cold, 20U);
  EXPECT_EQ(curve.misses(4), 20U);
}

}  // namespace
}  // namespace pw::analysis
