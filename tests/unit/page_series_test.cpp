// What the report page is told of parts of a run adds up to what it is told of the whole.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "analysis/area_distances.hpp"
#include "analysis/lru_curve.hpp"
#include "replay/replay.hpp"
#include "report/json.hpp"
#include "report/page_parts.hpp"
#include "support/sample_recording.hpp"

namespace pw::report {
namespace {

using record::testing::make_sample;

constexpr std::size_t kPoints = 32;

Column replayed(const record::Recording& recording) {
  Column column;
  column.label = "base";
  column.series.points = kPoints;
  MachineConfig config;
  config.ram = ByteCount(64 << 20);
  auto result = replay::replay(recording, config, {}, nullptr, &column.series);
  EXPECT_TRUE(result);
  column.result = std::move(*result);
  return column;
}

TEST(CounterSeries, ChangesOfAreasAddUpToTheirCounters) {
  const auto sample = make_sample(record::Detail::Pages, 4000);
  const auto recording = record::Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  const Column column = replayed(*recording);
  ASSERT_TRUE(column.series.areas_known);
  std::vector<AreaCounters> sums(column.result.areas.size());
  std::map<std::uint32_t, std::size_t> by_point;
  for (const replay::AreaChange& change : column.series.areas) {
    ASSERT_LT(change.area, sums.size());
    ASSERT_LT(change.point, kPoints);
    sums[change.area].touched_pages += change.touched;
    sums[change.area].faults.minor += change.minor;
    sums[change.area].faults.major += change.major;
    sums[change.area].faults.copy_on_write += change.copy_on_write;
    sums[change.area].faults.reused += change.reused;
    ++by_point[change.point];
  }
  EXPECT_GT(by_point.size(), 1U);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const AreaCounters& all = column.result.areas[i].counters;
    EXPECT_EQ(sums[i].touched_pages, all.touched_pages) << column.result.areas[i].name;
    EXPECT_EQ(sums[i].faults.minor, all.faults.minor);
    EXPECT_EQ(sums[i].faults.major, all.faults.major);
    EXPECT_EQ(sums[i].faults.copy_on_write, all.faults.copy_on_write);
    EXPECT_EQ(sums[i].faults.reused, all.faults.reused);
  }
}

TEST(CounterSeries, CountersThatGrowEndWithTheirTotals) {
  const auto sample = make_sample(record::Detail::Switches, 4000);
  const auto recording = record::Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  const Column column = replayed(*recording);
  const auto last = growing_counters(column.series.counters.back(), column.series.tlb.back());
  EXPECT_EQ(last, growing_counters(column.result.counters, column.result.tlb));
  std::map<std::string, std::uint64_t> named(last.begin(), last.end());
  EXPECT_EQ(named.size(), last.size());
  EXPECT_EQ(named.at("faults.minor"), column.result.counters.faults.minor);
  EXPECT_EQ(named.at("memory.forks"), column.result.counters.forks);
  EXPECT_EQ(named.at("tlb.walks"), column.result.tlb.walks);
}

TEST(AreaDistances, OverTimeAddUpToThoseOfTheWholeRun) {
  const auto sample = make_sample(record::Detail::Switches, 4000);
  const auto recording = record::Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  analysis::TraceDetails details;
  details.times = true;
  const auto trace = analysis::dense_trace(*recording, {}, details);
  ASSERT_TRUE(trace);
  constexpr std::size_t kAreas = 3, kBins = 16;
  std::vector<std::uint32_t> area_of;
  for (std::uint32_t id = 0; id < trace->ids; ++id) area_of.push_back(id % kAreas);
  const std::vector<std::uint64_t> sizes{2, 4, 8, 16, 1024};
  const auto found = analysis::area_distances(*trace, area_of, kAreas, sizes, {kBins, 16});
  constexpr std::size_t kTimed = 4, kEach = kTimed + 2;  // 1024 is left out
  ASSERT_EQ(found.over_time.size(), kAreas * kBins * kEach);
  std::size_t busy = 0;  // bins
  for (std::size_t area = 0; area < kAreas; ++area) {
    std::vector<std::uint64_t> sums(kEach);
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      for (std::size_t i = 0; i < kEach; ++i) {
        const std::uint64_t n = found.over_time[(area * kBins + bin) * kEach + i];
        sums[i] += n;
        if (i == kEach - 1 && area == 0) busy += n > 0 ? 1 : 0;
      }
    }
    EXPECT_EQ(sums.back(), found.cold[area]);
    std::uint64_t beyond = 0;
    for (std::size_t size = kTimed; size-- > 0;) {
      beyond += sums[size + 1];
      EXPECT_EQ(beyond, found.beyond[area * sizes.size() + size]) << area << ' ' << size;
    }
  }
  EXPECT_GT(busy, 1U);
  // All areas together are LRU's curve.
  const analysis::LruCurve lru = analysis::lru_curve(*trace);
  EXPECT_EQ(found.all.cold, lru.cold);
  EXPECT_EQ(found.all.by_distance, lru.by_distance);
  EXPECT_EQ(found.all.beyond, lru.beyond);
  EXPECT_EQ(found.all.known_from, lru.known_from);
}

TEST(PageSeries, GivesRowsToTheAreasTouchedMost) {
  std::vector<replay::AreaReport> areas(4);
  areas[0].counters.touched_pages = 1;
  areas[1].counters.touched_pages = 9;
  areas[2].counters.touched_pages = 1;
  areas[3].counters.touched_pages = 5;
  EXPECT_EQ(order_of_areas(areas), (std::vector<std::uint32_t>{1, 3, 0, 2}));
  Report report;
  report.columns.emplace_back();
  report.columns[0].result.areas = areas;
  report.columns[0].series.areas = {{0, 0, 2, 0, 0, 0, 0}, {1, 1, 3, 0, 0, 0, 0}};
  PagePack pack;
  add_series(pack, report, 2);  // the two touched least share the row after the last
  const std::string bytes = pack.bytes();
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const auto meta = nlohmann::json::parse(bytes.substr(4, length));
  const auto& place = meta.at("arrays").at("changes.0.area");
  ASSERT_EQ(place.at("length"), 2);
  std::array<std::uint32_t, 2> row{};
  const std::size_t base = (4 + std::size_t{length} + 7) / 8 * 8;
  std::memcpy(row.data(), bytes.data() + base + place.at("offset").get<std::size_t>(), sizeof row);
  EXPECT_EQ(row[0], 2U);
  EXPECT_EQ(row[1], 0U);
}

}  // namespace
}  // namespace pw::report
