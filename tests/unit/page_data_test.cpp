// The data of a report page: its form, its sums, its bounds.
#include "report/page_data.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "analysis/lru_curve.hpp"
#include "report/page_pack.hpp"
#include "support/sample_recording.hpp"

namespace pw::report {
namespace {

using nlohmann::json;
using record::testing::make_sample;

// A block taken apart as the page does it.
struct Block {
  json meta;
  std::string data;

  explicit Block(const std::string& bytes) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    meta = json::parse(bytes.substr(4, length));
    data = bytes.substr((4 + std::size_t{length} + 7) / 8 * 8);
  }
  template <class T>
  std::vector<T> array(const std::string& name) const {
    const json& place = meta.at("arrays").at(name);
    EXPECT_EQ(place.at("offset").get<std::size_t>() % 8, 0U);
    EXPECT_EQ(place.at("kind"), sizeof(T) == 1 ? "u8" : sizeof(T) == 4 ? "u32" : "f64");
    std::vector<T> values(place.at("length").get<std::size_t>());
    std::memcpy(values.data(), data.data() + place.at("offset").get<std::size_t>(),
                values.size() * sizeof(T));
    return values;
  }
};

constexpr std::size_t kPoints = 32;

Report studied(const record::Recording& recording) {
  Report report;
  report.recording = recording.info();
  MachineConfig config;
  config.ram = ByteCount(64 << 20);
  Column column;
  column.label = "base";
  column.series.points = kPoints;
  auto result = replay::replay(recording, config, {}, nullptr, &column.series);
  EXPECT_TRUE(result);
  column.result = std::move(*result);
  report.columns.push_back(std::move(column));
  return report;
}

PageDataOptions options() {
  PageDataOptions options;
  options.bins = kPoints;
  options.costs = [](std::uint64_t) { return analysis::NeedCosts{1e9, 90'000, 5}; };
  return options;
}

template <class T>
double sum(const std::vector<T>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

class PageDataTest : public ::testing::TestWithParam<record::Detail> {};

TEST_P(PageDataTest, TellsTheSameAsTheAnalyses) {
  const auto sample = make_sample(GetParam(), 4000);
  const auto recording = record::Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  const auto trace = analysis::dense_trace(*recording);
  const analysis::LruCurve lru = analysis::lru_curve(*trace);
  Report report = studied(*recording);
  const auto bytes = page_data(*recording, report, options());
  ASSERT_TRUE(bytes);
  const Block block(*bytes);

  EXPECT_EQ(block.meta.at("schema"), "pagewright.page/1");
  EXPECT_EQ(block.meta.at("references"), recording->references());
  EXPECT_EQ(block.meta.at("pages"), trace->ids);
  ASSERT_TRUE(report.need);
  EXPECT_EQ(block.meta.at("report").at("need").at("first_touches"), lru.cold);
  EXPECT_EQ(sum(block.array<std::uint32_t>("touch.pages")), trace->ids);
  EXPECT_EQ(sum(block.array<std::uint32_t>("area.fresh")), trace->ids);
  EXPECT_EQ(sum(block.array<std::uint32_t>("heat.pages")), trace->ids);

  // LRU's curve comes back whole: distances up to 4,096 are not rounded.
  const auto distances = block.array<std::uint32_t>("lru.distance");
  const auto counts = block.array<double>("lru.count");
  for (std::uint64_t frames = lru.known_from; frames < lru.fits_in() + 3; ++frames) {
    double misses = static_cast<double>(lru.cold);
    for (std::size_t i = 0; i < distances.size(); ++i)
      misses += distances[i] > frames ? counts[i] : 0;
    ASSERT_EQ(misses, static_cast<double>(lru.misses(frames))) << frames;
  }
}

TEST_P(PageDataTest, SeriesEndWithTheTotals) {
  const auto sample = make_sample(GetParam(), 4000);
  const auto recording = record::Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  Report report = studied(*recording);
  const replay::CounterSeries& series = report.columns.front().series;
  const MachineCounters& totals = report.columns.front().result.counters;
  ASSERT_EQ(series.counters.size(), kPoints);
  EXPECT_EQ(series.counters.back().faults.minor, totals.faults.minor);
  EXPECT_EQ(series.tlb.back().walks, report.columns.front().result.tlb.walks);
  EXPECT_LE(series.counters.front().faults.minor, totals.faults.minor);
  for (std::size_t i = 1; i < kPoints; ++i) {
    EXPECT_GE(series.counters[i].faults.minor, series.counters[i - 1].faults.minor);
  }
  const Block block(*page_data(*recording, report, options()));
  EXPECT_EQ(sum(block.array<double>("series.0.minor")), static_cast<double>(totals.faults.minor));
}

INSTANTIATE_TEST_SUITE_P(Details, PageDataTest,
                         ::testing::Values(record::Detail::Pages, record::Detail::Switches,
                                           record::Detail::Full));

TEST(PageData, SamplesWhatIsTooLong) {
  const auto sample = make_sample(record::Detail::Full, 6000);
  const auto recording = record::Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  Report report = studied(*recording);
  PageDataOptions small = options();
  small.sample = 1000;
  const Block block(*page_data(*recording, report, small));
  const json& facts = block.meta.at("samples").at("4k");
  EXPECT_LT(facts.at("rate"), 1);
  EXPECT_LE(facts.at("operations"), 1250);
  EXPECT_GT(facts.at("operations"), 200);
  const auto pages = facts.at("pages").get<std::size_t>();
  EXPECT_EQ(block.array<std::uint8_t>("4k.parts").size(), pages);
  EXPECT_EQ(block.array<std::uint8_t>("4k.areas").size(), pages);
  EXPECT_EQ(block.array<std::uint32_t>("4k.stacks").size(), pages);
}

TEST(PageData, IsMadeOfARecordingWithoutReferences) {
  pw::testing::TemporaryFolder folder;
  auto writer = record::Writer::create(folder / "empty.pwrec", {}, {});
  ASSERT_TRUE(writer && writer->add_process(1, 0, 0) && writer->finish(0));
  const auto recording = record::Recording::open(folder / "empty.pwrec");
  ASSERT_TRUE(recording);
  Report report = studied(*recording);
  const auto bytes = page_data(*recording, report, options());
  ASSERT_TRUE(bytes);
  EXPECT_EQ(Block(*bytes).meta.at("bins"), 1);
}

// A name for each page, of every kind of byte, and longer than any screen.
TEST(PageData, StaysSmallWhateverTheAreasAreCalled) {
  Report report;
  report.columns.emplace_back();
  for (int i = 0; i < 1'000'000; ++i) {
    replay::AreaReport area;
    area.name = "<script>\xFF&" + std::string(1000, 'x') + std::to_string(i);
    area.counters.touched_pages = static_cast<std::uint64_t>(i % 7);
    area.counters.faults.minor = 1;
    if (i % 100 == 0) report.columns.front().result.areas.push_back(std::move(area));
  }
  const auto sample = make_sample(record::Detail::Pages, 100);
  const auto recording = record::Recording::from_bytes(sample.bytes);
  ASSERT_TRUE(recording);
  const auto bytes = page_data(*recording, report, options());
  ASSERT_TRUE(bytes);
  EXPECT_LT(bytes->size(), 1'000'000U);
  const Block block(*bytes);
  const json& areas = block.meta.at("report").at("machines").at(0).at("areas");
  ASSERT_EQ(areas.size(), 301U);
  double minor = 0;
  for (const json& area : areas) minor += area.at("faults").at("minor").get<double>();
  EXPECT_EQ(minor, 10'000);
}

TEST(PagePack, EncodesAsRfc4648Says) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("\xFF\xFE\xFD"), "//79");
}

TEST(PagePack, PutsTheBlockInItsPlace) {
  EXPECT_FALSE(page_with("<html></html>", "data"));
  const auto page = page_with("<a>@PAGEWRIGHT_DATA@</a>", std::string(10'000, 'z'));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->starts_with("<a>KLUv/"));  // zstd's magic number
  EXPECT_TRUE(page->ends_with("</a>"));
  EXPECT_LT(page->size(), 200U);
}

}  // namespace
}  // namespace pw::report
