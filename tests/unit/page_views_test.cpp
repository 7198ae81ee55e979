// What the report page draws, against plain counts: heat map, larger pages, distances by area.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "analysis/area_distances.hpp"
#include "analysis/heat_map.hpp"
#include "analysis/larger_pages.hpp"
#include "analysis/lru_curve.hpp"
#include "filtered_trace.hpp"

namespace pw::analysis {
namespace {

using testing::Pages;

// Page numbers in order of their first reference, as ids are given.
std::vector<PagePlace> places_of(const Pages& refs, std::uint64_t pages_of_area) {
  std::vector<PagePlace> places;
  std::set<std::uint64_t> seen;
  for (const std::uint64_t page : refs) {
    if (!seen.insert(page).second) continue;
    PagePlace place;
    place.page = page;
    place.pid = 1;
    place.area = static_cast<std::uint32_t>(page / pages_of_area);
    places.push_back(place);
  }
  return places;
}

DenseTrace timed(const Pages& refs) {
  TraceDetails details;
  details.times = true;
  DenseTraceBuilder builder(record::Detail::Full, 0, details);
  EXPECT_TRUE(builder.add(testing::unfiltered_chunk(refs)));
  return builder.finish();
}

TEST(BinWalk, CutsTimeEvenly) {
  for (const std::uint64_t references : {1U, 5U, 64U, 1000U, 1027U}) {
    for (const std::size_t bins : {1U, 3U, 64U}) {
      BinWalk walk(references, bins);
      for (std::uint64_t t = 0; t < references; ++t) {
        ASSERT_EQ(walk.at(t + 1), t * bins / references) << references << ' ' << bins;
      }
    }
  }
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;
  BinWalk walk(kHuge, 512);
  EXPECT_EQ(walk.at(kHuge / 2), 255U);
  EXPECT_EQ(walk.at(kHuge / 2 + 1), 256U);
  EXPECT_EQ(walk.at(kHuge), 511U);
  EXPECT_EQ(BinWalk(0, 1).at(0), 0U);
}

TEST(HeatMap, CountsPagesUsedInEachBin) {
  for (const Pages& refs : testing::strings_of_all_kinds(3, 5000, 90)) {
    constexpr std::size_t kBins = 64;
    const DenseTrace trace = timed(refs);
    const auto places = places_of(refs, 10);
    const HeatMap map = heat_map(trace, places, 9, kBins, 12);
    ASSERT_EQ(map.cells.size(), map.rows.size() * kBins);
    std::vector<std::set<std::uint64_t>> used(kBins);
    for (std::size_t i = 0; i < refs.size(); ++i) used[i * kBins / refs.size()].insert(refs[i]);
    std::set<std::uint64_t> seen;
    std::size_t pages = 0;
    for (std::size_t row = 0; row < map.rows.size(); ++row) {
      const HeatRow& r = map.rows[row];
      pages += r.pages;
      for (std::size_t bin = 0; bin < kBins; ++bin) {
        const auto in_row = [&](std::uint64_t page) { return page >= r.begin && page < r.end; };
        ASSERT_EQ(map.cells[row * kBins + bin],
                  std::count_if(used[bin].begin(), used[bin].end(), in_row))
            << row << ' ' << bin;
      }
    }
    EXPECT_EQ(pages, places.size());
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      std::array<std::uint32_t, 9> in_use{}, fresh{};
      for (const std::uint64_t page : used[bin]) {
        ++in_use[page / 10];
        fresh[page / 10] += seen.insert(page).second ? 1 : 0;
      }
      for (std::size_t area = 0; area < 9; ++area) {
        ASSERT_EQ(map.areas[area * kBins + bin], in_use[area]);
        ASSERT_EQ(map.fresh[area * kBins + bin], fresh[area]);
      }
    }
  }
}

TEST(HeatMap, KeepsAPageInUseThroughHiddenReferences) {
  DenseTrace trace;
  trace.ids = 2;
  trace.references = 100;
  trace.ops = {Op(OpKind::Use, 0), Op(OpKind::Use, 1), Op(OpKind::Rest, 0)};
  trace.times = {1, 31, 60};  // page 1 never rests
  const auto places = places_of({7, 8}, 100);
  const HeatMap map = heat_map(trace, places, 1, 10, 10);
  ASSERT_EQ(map.rows.size(), 2U);
  const std::vector<std::uint32_t> wanted{1, 1, 1, 1, 1, 1, 0, 0, 0, 0,   // page 7
                                          0, 0, 0, 1, 1, 1, 1, 1, 1, 1};  // page 8
  EXPECT_EQ(map.cells, wanted);
}

TEST(HeatMap, BoundsItsRowsAndNamesWhatTheyHold) {
  for (const std::uint64_t each : {1U, 3U, 1000U}) {
    Pages refs;
    for (std::uint64_t page = 0; page < 20'000; ++page) refs.push_back(page * 7);
    const auto places = places_of(refs, each * 7);
    const HeatMap map = heat_map(timed(refs), places, 20'001, 4, 50);
    EXPECT_LE(map.rows.size(), 250U);
    EXPECT_GE(map.rows.size(), 20U);
    std::size_t pages = 0;
    for (const HeatRow& row : map.rows) {
      std::set<std::uint64_t> areas;
      for (const PagePlace& place : places) {
        if (place.page >= row.begin && place.page < row.end) areas.insert(place.area);
      }
      EXPECT_EQ(areas.size(), row.areas);
      EXPECT_EQ(*areas.begin(), row.area);
      pages += row.pages;
    }
    EXPECT_EQ(pages, refs.size());
  }
}

TEST(HeatMap, ManagesWithoutAReference) {
  const HeatMap map = heat_map(DenseTrace{}, {}, 1, 1, 50);
  EXPECT_TRUE(map.rows.empty());
  EXPECT_EQ(map.areas, std::vector<std::uint32_t>{0});
}

TEST(LargerPages, AreThoseOfTheLargerReferences) {
  for (const Pages& refs : testing::strings_of_all_kinds(9, 3000, 120)) {
    for (const unsigned bits : {0U, 1U, 3U}) {
      Pages large = refs;
      for (std::uint64_t& page : large) page >>= bits;
      const auto merged = with_larger_pages(timed(refs), places_of(refs, 1), bits);
      const LruCurve curve = lru_curve(merged.trace);
      for (std::size_t frames = 1; frames < 40; ++frames) {
        ASSERT_EQ(curve.misses(frames), testing::naive_lru(large, frames)) << bits << ' ' << frames;
      }
      EXPECT_EQ(merged.trace.times.size(), merged.trace.ops.size());
    }
  }
}

TEST(LargerPages, AreExactBehindAFilter) {
  constexpr std::size_t kFilter = 8;
  for (const Pages& refs : testing::strings_of_all_kinds(10, 4000, 120)) {
    Pages large = refs;
    for (std::uint64_t& page : large) page >>= 2;
    const auto merged = with_larger_pages(testing::filtered(refs, kFilter), places_of(refs, 1), 2);
    const LruCurve curve = lru_curve(merged.trace);
    for (std::size_t frames = kFilter; frames < 35; ++frames) {
      ASSERT_EQ(curve.misses(frames), testing::naive_lru(large, frames)) << frames;
    }
  }
}

TEST(LargerPages, AreGivenBackWithTheirLastPart) {
  DenseTrace trace;  // pages 0, 1 make one large page; page 2 another
  trace.ids = 3;
  const auto use = [&](PageId id) {
    trace.ops.emplace_back(OpKind::Use, id);
    trace.ops.emplace_back(OpKind::Rest, id);
  };
  use(0);
  use(1);
  use(2);
  trace.ops.emplace_back(OpKind::Drop, 0);
  use(1);  // still there
  trace.ops.emplace_back(OpKind::Drop, 1);
  use(2);
  const auto merged = with_larger_pages(trace, places_of({0, 1, 2}, 1), 1);
  const std::vector<Op> wanted{Op(OpKind::Use, 0),  Op(OpKind::Rest, 0), Op(OpKind::Use, 0),
                               Op(OpKind::Rest, 0), Op(OpKind::Use, 1),  Op(OpKind::Rest, 1),
                               Op(OpKind::Use, 0),  Op(OpKind::Rest, 0), Op(OpKind::Drop, 0),
                               Op(OpKind::Use, 1),  Op(OpKind::Rest, 1)};
  EXPECT_EQ(merged.trace.ops, wanted);
  EXPECT_EQ(merged.first_part, (std::vector<PageId>{0, 2}));
}

TEST(AreaDistances, AddUpToNaiveMissesOfEachArea) {
  for (const Pages& refs : testing::strings_of_all_kinds(4, 3000, 60)) {
    const auto places = places_of(refs, 20);
    std::vector<std::uint32_t> area_of;
    for (const PagePlace& place : places) area_of.push_back(place.area);
    const std::vector<std::uint64_t> sizes{1, 4, 10, 33};
    const AreaDistances found = area_distances(timed(refs), area_of, 3, sizes);
    for (std::size_t s = 0; s < sizes.size(); ++s) {
      std::list<std::uint64_t> memory;
      std::array<std::uint64_t, 3> misses{};
      for (const std::uint64_t page : refs) {
        const auto at = std::find(memory.begin(), memory.end(), page);
        if (at == memory.end()) {
          ++misses[page / 20];
          if (memory.size() == sizes[s]) memory.pop_back();
        } else {
          memory.erase(at);
        }
        memory.push_front(page);
      }
      for (std::size_t area = 0; area < 3; ++area) {
        ASSERT_EQ(found.cold[area] + found.beyond[area * sizes.size() + s], misses[area]);
      }
    }
  }
}

}  // namespace
}  // namespace pw::analysis
