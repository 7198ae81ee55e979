// Sweeps over sizes and policies: the same as runs by hand, whatever the threads; samples estimate
// what they say; costs, knees and sizes as users write them.
#include "analysis/sweep.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/curve_costs.hpp"
#include "filtered_trace.hpp"
#include "support/policy_vectors.hpp"
#include "tools/size_list.hpp"

namespace pw::analysis {
namespace {

using namespace testing;  // NOLINT

policy::PolicySpec spec(std::string_view text) { return *policy::parse_policy(text); }

Input input_of(PageTrace trace) {
  Input input;
  input.path = "made";
  input.format = "plain";
  input.trace = std::move(trace);
  return input;
}

PageTrace zipf(std::size_t count) {
  return test::dense_vector_trace(test::kVectorColumns[0], count);
}

TEST(Sweep, EveryPolicyAtEverySizeIsWhatPlayingItAlone) {
  const Input input = input_of(zipf(20'000));
  SweepOptions options;
  for (const policy::PolicyInfo& info : policy::policies()) {
    options.policies.push_back(spec(info.name));
  }
  options.sizes = {1, 7, 100, 3'000};
  const auto result = sweep(input, options);
  ASSERT_TRUE(result);
  const auto next = next_references(*input.pages());
  ASSERT_EQ(result->curves.size(), options.policies.size());
  for (const PolicyCurve& curve : result->curves) {
    for (const SizePoint& point : curve.points) {
      const auto frames = static_cast<std::uint32_t>(point.pages);
      EXPECT_EQ(point.misses,
                static_cast<double>(
                    play_policy(*input.pages(), curve.policy, frames, next.data()).misses))
          << curve.policy.name << ' ' << frames;
      EXPECT_TRUE(point.known);
      EXPECT_EQ(point.error, 0);
    }
    EXPECT_EQ(curve.stack.has_value(), curve.policy.name == "lru" || curve.policy.name == "opt");
  }
  EXPECT_EQ(result->cold, input.ids());
}

TEST(Sweep, ThreadsChangeNothing) {
  const Input input = input_of(zipf(30'000));
  SweepOptions options;
  options.policies = {spec("fifo"), spec("lru"), spec("clock")};
  options.sizes = {5, 50, 500, 5'000};
  options.sample = SampleSize{0.25, 0, 3};
  const auto one = sweep(input, options);
  options.threads = 7;
  const auto seven = sweep(input, options);
  ASSERT_TRUE(one && seven);
  for (std::size_t c = 0; c < one->curves.size(); ++c) {
    for (std::size_t p = 0; p < options.sizes.size(); ++p) {
      EXPECT_EQ(one->curves[c].points[p].misses, seven->curves[c].points[p].misses);
      EXPECT_EQ(one->curves[c].points[p].error, seven->curves[c].points[p].error);
    }
  }
}

TEST(Sweep, AFilteredTraceIsKnownAboveItsFilter) {
  Random random(5);
  const Pages refs = phases(random, 4'000, 60);
  Input input;
  input.trace = filtered(refs, 8);
  SweepOptions options;
  options.policies = {spec("lru"), spec("opt"), spec("fifo")};
  options.sizes = {4, 8, 9, 30};
  const auto result = sweep(input, options);
  ASSERT_TRUE(result);
  const auto known = [&](std::size_t curve) {
    std::string text;
    for (const SizePoint& p : result->curves[curve].points) text += p.known ? 'y' : 'n';
    return text;
  };
  EXPECT_EQ(known(0), "nyyy");
  EXPECT_EQ(known(1), "nnyy");
  EXPECT_EQ(known(2), "nnyy");
  EXPECT_EQ(result->curves[0].points[3].misses, static_cast<double>(naive_lru(refs, 30)));
  EXPECT_EQ(result->curves[1].points[3].misses, static_cast<double>(naive_opt(refs, 30)));
}

TEST(Sample, TakesTheShareOrTheNumberOfPagesAskedFor) {
  const Sample share(100'000, {0.1, 0, 1});
  EXPECT_NEAR(share.pages(), 10'000, 300);
  EXPECT_NEAR(share.rate(), 0.1, 1e-6);
  const Sample number(100'000, {0, 777, 1});
  EXPECT_EQ(number.pages(), 777U);
  EXPECT_NEAR(number.rate(), 0.00777, 0.001);
  EXPECT_EQ(Sample(50, {0, 777, 1}).pages(), 50U);
  EXPECT_EQ(Sample(50, {0, 777, 1}).rate(), 1.0);
}

TEST(Sample, KeepsEveryReferenceToItsPagesAndItsPartsAreTheWhole) {
  const PageTrace trace = zipf(20'000);
  const Sample sample(trace.ids, {0.3, 0, 9});
  std::size_t expected = 0;
  for (const PageId id : trace.pages) expected += sample.part(id) != Sample::kOut ? 1 : 0;
  const std::vector<PageTrace> traces = sample.traces(trace);
  ASSERT_EQ(traces.size(), 1 + kParts);
  EXPECT_EQ(traces[0].pages.size(), expected);
  EXPECT_EQ(traces[0].ids, sample.pages());
  std::size_t parts = 0;
  std::uint32_t ids = 0;
  for (std::size_t p = 1; p <= kParts; ++p) {
    EXPECT_GT(traces[p].ids, sample.pages() / kParts * 9 / 10);
    parts += traces[p].pages.size();
    ids += traces[p].ids;
  }
  EXPECT_EQ(ids, sample.pages());
  EXPECT_EQ(parts, expected);
}

// Of many samples the estimates are right on average, and about as far off as they say.
TEST(Sample, EstimatesAreUnbiasedAndTheirErrorsHonest) {
  const Input input = input_of(zipf(60'000));
  SweepOptions options;
  options.policies = {spec("lru"), spec("fifo")};
  options.sizes = {2'000};
  const auto exact = sweep(input, options);
  constexpr int kSeeds = 60;
  for (std::size_t c = 0; c < 2; ++c) {
    const double truth = exact->curves[c].points[0].misses;
    double sum = 0, squares = 0, told = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      options.sample = SampleSize{0.1, 0, seed};
      const SizePoint point = sweep(input, options)->curves[c].points[0];
      sum += point.misses;
      squares += (point.misses - truth) * (point.misses - truth);
      told += point.error * point.error;
    }
    const double off = std::sqrt(squares / kSeeds);
    EXPECT_NEAR(sum / kSeeds, truth, 0.02 * truth);
    EXPECT_LT(off, 0.1 * truth);
    EXPECT_GT(std::sqrt(told / kSeeds), off / 2);
    EXPECT_LT(std::sqrt(told / kSeeds), off * 2);
  }
}

TEST(CurveCosts, MetricsByHand) {
  CurveCosts costs;
  costs.memory_ns = 100;
  costs.first_ns = 500;
  costs.fault_ns = 10'000;
  const CurveBase base{1'000, 20};
  // 1000 * 100 + 20 * 500 = 110,000 ns with enough memory; 30 faults more: 300,000 ns.
  EXPECT_DOUBLE_EQ(metric_of(Metric::Faults, costs, base, 50), 50);
  EXPECT_DOUBLE_EQ(metric_of(Metric::Ratio, costs, base, 50), 0.05);
  EXPECT_DOUBLE_EQ(metric_of(Metric::Eat, costs, base, 50), 410);
  EXPECT_DOUBLE_EQ(metric_of(Metric::Slowdown, costs, base, 50), 410.0 / 110);
  EXPECT_EQ(metric_named("eat"), Metric::Eat);
  EXPECT_FALSE(metric_named("eats"));
}

TEST(CurveCosts, OfTheSizesShownAllLargerOnesMustDoToo) {
  PolicyCurve curve{spec("fifo"), {}, {}};
  const auto add = [&](std::uint64_t pages, double misses) {
    SizePoint point;
    point.pages = pages;
    point.misses = misses;
    curve.points.push_back(point);
  };
  add(10, 500);
  add(20, 100);  // within, but 30 pages are not: an anomaly
  add(30, 200);
  add(40, 90);
  add(50, 80);
  CurveCosts costs;
  costs.first_ns = 0;
  costs.memory_ns = 100;
  costs.fault_ns = 1'000;
  costs.percent = 9;
  const CurveBase base{10'000, 20};  // 9 % of 1,000,000 ns: 90 faults beside the 20
  const CurveSummary summary = summary_of(curve, costs, base, false);
  EXPECT_EQ(summary.within, 40U);
  EXPECT_FALSE(summary.every_size);
  EXPECT_EQ(summary.knee, 20U);
  costs.percent = 1;
  EXPECT_FALSE(summary_of(curve, costs, base, false).within);
}

TEST(SizeList, PagesBytesAndRanges) {
  using tools::parse_sizes;
  EXPECT_EQ(*parse_sizes("64M,1000p,7,8K"), (std::vector<std::uint64_t>{2, 7, 1'000, 16'384}));
  EXPECT_EQ(*parse_sizes("5,5p,20K"), (std::vector<std::uint64_t>{5}));
  EXPECT_EQ(*parse_sizes("4..64/5"), (std::vector<std::uint64_t>{4, 8, 16, 32, 64}));
  EXPECT_EQ(parse_sizes("1M..1G")->front(), 256U);
  EXPECT_EQ(parse_sizes("1M..1G")->back(), 262'144U);
  for (const char* bad : {"", "0", "x", "5K", "8..4", "4..", "4..8/1", "1,", "9999999T", "-3"}) {
    const auto sizes = parse_sizes(bad);
    ASSERT_FALSE(sizes) << bad;
    EXPECT_EQ(sizes.error().code, Errno::Invalid);
  }
}

}  // namespace
}  // namespace pw::analysis
