// Policies played while a trace is read, and samples taken while it is read: the same as over the
// whole trace, errors included.
#include "analysis/stream.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/formats/oracle_general.hpp"
#include "support/temporary_folder.hpp"
#include "support/vector_traces.hpp"
#include "unit/formats/trace_text.hpp"

namespace pw::analysis::testing {
namespace {

std::string exported(const PageTrace& trace) {
  std::string bytes;
  EXPECT_TRUE(export_oracle_general(trace, 4096, [&bytes](std::string_view piece) {
    bytes += piece;
    return Result<void>();
  }));
  return bytes;
}

std::string vector_file(const char* name, std::size_t count) {
  PageTrace trace;
  trace.pages = test::vector_trace(name, count);
  trace.ids = 1'000'000;
  return exported(trace);
}

// Keeps what it gets, and how often it got something.
struct KeepingSink final : PageSink {
  std::vector<PageId> pages;
  int blocks = 0;

  void take(std::span<const PageId> block) override {
    pages.insert(pages.end(), block.begin(), block.end());
    ++blocks;
  }
};

std::string text_of(const Names& names, char between) {
  std::string text;
  for (const std::uint64_t name : names) text += std::to_string(name) + between;
  return text;
}

TEST(Stream, ASinkGetsTheReferencesOfTheWholeTraceInEveryFormat) {
  Random random(3);
  for (const std::size_t count : {1U, 5U, 900U, 300'000U}) {
    PageTrace made;
    made.ids = 5'000;
    Names names;
    for (std::size_t i = 0; i < count; ++i) {
      made.pages.push_back(static_cast<PageId>(random.below(1 + random.below(5'000))));
      names.push_back(std::uint64_t{made.pages.back()} << (made.pages.back() % 40));
    }
    const std::string text = text_of(names, '\n');
    for (const auto& [format, bytes] : std::vector<std::pair<std::string, std::string>>{
             {"oracle", exported(made)}, {"plain", text}, {"csv", "id\n" + text}}) {
      const Result<PageTrace> whole = trace_of_bytes(bytes, format);
      Result<InputFile> file = InputFile::of_bytes(bytes, format);
      ASSERT_TRUE(whole && file);
      const std::uint32_t below = file->ids_below();
      KeepingSink sink;
      const Result<Streamed> streamed = file->stream(sink);
      ASSERT_TRUE(streamed) << streamed.error().message;
      EXPECT_EQ(sink.pages, whole->pages);
      EXPECT_EQ(streamed->ids, whole->ids);
      EXPECT_EQ(streamed->references, count);
      EXPECT_EQ(streamed->format, format);
      EXPECT_GE(below, whole->ids);
      EXPECT_EQ(sink.blocks > 2, count > 200'000);
    }
  }
}

TEST(Stream, EveryPolicyPlaysAsOverTheWholeTrace) {
  Random random(7);
  PageTrace mixed;
  mixed.ids = 700;
  for (int i = 0; i < 30'000; ++i) {
    mixed.pages.push_back(static_cast<PageId>(random.below(1 + random.below(700))));
  }
  for (const std::string& bytes : {vector_file("zipf", 150'000), vector_file("loop", 250'000),
                                   vector_file("phase", 150'000), exported(mixed)}) {
    const Result<PageTrace> whole = trace_of_bytes(bytes, "oracle");
    ASSERT_TRUE(whole);
    for (const policy::PolicyInfo& info : policy::policies()) {
      if (info.needs == policy::Needs::Future) continue;
      const policy::PolicySpec spec = *policy::parse_policy(info.name);
      for (const std::uint32_t frames : {1U, 300U, 20'000U}) {
        Result<InputFile> file = InputFile::of_bytes(bytes);
        const auto streamed = play_while_reading(*file, spec, frames);
        ASSERT_TRUE(streamed);
        const Played played = play_policy(*whole, spec, frames, nullptr);
        EXPECT_EQ(streamed->played.references, played.references) << info.name;
        EXPECT_EQ(streamed->played.misses, played.misses) << info.name << ' ' << frames;
        EXPECT_EQ(streamed->played.evictions, played.evictions) << info.name;
        EXPECT_EQ(streamed->played.given_up, played.given_up) << info.name;
        EXPECT_EQ(streamed->played.resident_sum, played.resident_sum) << info.name;
      }
    }
  }
}

TEST(Stream, BrokenFilesGiveTheSameErrors) {
  Random random(11);
  const std::string good = exported([&] {
    PageTrace trace;
    trace.ids = 40;
    for (int i = 0; i < 200; ++i) trace.pages.push_back(static_cast<PageId>(random.below(40)));
    return trace;
  }());
  int broken = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string bytes = good;
    if (random.chance(4)) bytes.resize(random.below(bytes.size()));
    for (std::uint64_t change = random.below(3); change > 0 && !bytes.empty(); --change) {
      const std::size_t at = random.below(bytes.size());
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    }
    if (bytes.size() >= 24 && random.chance(3)) {
      const auto next = static_cast<std::int64_t>(random.below(220)) - 2;
      std::memcpy(bytes.data() + random.below(bytes.size() / 24) * 24 + 16, &next, sizeof next);
    }
    const std::string format = random.chance(2) ? "oracle" : "plain";
    const std::size_t block = 24 + random.below(3'000);
    const Result<PageTrace> whole = trace_of_bytes(bytes, format, block);
    Result<InputFile> file = InputFile::of_bytes(bytes, format, block);
    if (!file || file->ids_below() == 0) {
      EXPECT_FALSE(whole);
      continue;
    }
    KeepingSink sink;
    const Result<Streamed> streamed = file->stream(sink);
    ASSERT_EQ(streamed.has_value(), whole.has_value()) << round;
    if (whole) continue;
    ++broken;
    EXPECT_EQ(streamed.error().message, whole.error().message);
    EXPECT_EQ(streamed.error().code, whole.error().code);
  }
  EXPECT_GT(broken, 1'000);
}

TEST(Stream, WhatCanNotBeStreamedSaysSo) {
  const std::string text = "1 2 3 1 2 3\n";
  EXPECT_GT(InputFile::of_bytes(text)->ids_below(), 3U);
  EXPECT_EQ(InputFile::of_bytes(zstd_frame(text))->ids_below(), 0U);
  const pw::testing::TemporaryFolder folder;
  pw::testing::write_file(folder / "x", text);
  Result<InputFile> file = InputFile::open(folder / "x");
  ASSERT_TRUE(file);
  SweepOptions options;
  options.sizes = {2};
  const auto can = [&](const char* policy) {
    options.policies = {*policy::parse_policy(policy)};
    return can_sweep_while_reading(*file, options);
  };
  EXPECT_TRUE(can("fifo"));
  EXPECT_FALSE(can("lru"));  // known at every size after one pass
  EXPECT_FALSE(can("opt"));
  options.sizes = {2, 3};
  EXPECT_FALSE(can("fifo"));
  options.sizes = {2};
  options.sample = SampleSize{0.5, 0, 1};
  EXPECT_FALSE(can("fifo"));
}

// More references than the size of the file allowed: the arrays by id have no room for them.
TEST(Stream, AFileThatGrowsIsAnError) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = folder / "growing";
  Names names(40'000);
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = i;
  const std::string text = text_of(names, '\n');
  pw::testing::write_file(path, text.substr(0, text.find("\n9\n") + 1));
  Result<InputFile> file = InputFile::open(path, "plain");
  ASSERT_TRUE(file);
  pw::testing::write_file(path, text);
  KeepingSink sink;
  const Result<Streamed> streamed = file->stream(sink);
  ASSERT_FALSE(streamed);
  EXPECT_EQ(streamed.error().message, path + ": the file grew while it was read");
}

TEST(Stream, TheSweepIsThatOverTheWholeTrace) {
  const std::string bytes = vector_file("phase", 60'000);
  SweepOptions options;
  options.policies = {*policy::parse_policy("working-set:tau=500")};
  options.sizes = {2'000};
  Result<InputFile> file = InputFile::of_bytes(bytes);
  ASSERT_TRUE(can_sweep_while_reading(*file, options));
  const Result<StreamedSweep> streamed = sweep_while_reading(*file, options);
  const Result<Input> input = InputFile::of_bytes(bytes)->read();
  ASSERT_TRUE(streamed && input);
  const Result<Sweep> whole = sweep(*input, options);
  ASSERT_TRUE(whole);
  const SizePoint& one = streamed->sweep.curves.at(0).points.at(0);
  const SizePoint& other = whole->curves.at(0).points.at(0);
  EXPECT_EQ(one.pages, other.pages);
  EXPECT_EQ(one.misses, other.misses);
  EXPECT_EQ(one.error, other.error);
  EXPECT_EQ(one.known, other.known);
  EXPECT_GT(one.resident, 0);
  EXPECT_EQ(one.resident, other.resident);
  EXPECT_EQ(streamed->sweep.cold, whole->cold);
  EXPECT_EQ(streamed->sweep.cold_error, 0);
  EXPECT_EQ(streamed->input.references, input->references());
}

// By a rate or by a number of pages, the sample that the reader takes is that of the whole trace.
TEST(TakenSample, IsTheSampleOfTheWholeTrace) {
  const Names text_names = [] {
    Random random(5);
    Names names;
    for (int i = 0; i < 20'000; ++i) names.push_back(random.below(1 + random.below(9'000)) * 4096);
    return names;
  }();
  for (const std::string& bytes : {vector_file("zipf", 80'000), text_of(text_names, ' ')}) {
    const Result<PageTrace> whole = trace_of_bytes(bytes);
    ASSERT_TRUE(whole);
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      for (const SampleSize& size :
           {SampleSize{0.05, 0, seed}, SampleSize{0.5, 0, seed}, SampleSize{0, 100, seed},
            SampleSize{0, 3'000, seed}, SampleSize{0, 1'000'000, seed}}) {
        const Sample sample(*whole, size);
        InputOptions how;
        how.sample = size;
        const Result<Input> input = InputFile::of_bytes(bytes)->read(how);
        ASSERT_TRUE(input);
        EXPECT_EQ(input->pages()->pages, sample.whole(*whole).pages);
        EXPECT_EQ(input->ids(), sample.pages());
        EXPECT_EQ(input->sample->rate, sample.rate());
        EXPECT_EQ(input->references(), whole->references());
      }
    }
  }
}

TEST(TakenSample, OfNoPageIsAnError) {
  InputOptions how;
  how.sample = SampleSize{1e-9, 0, 1};
  const Result<Input> input = InputFile::of_bytes("1 2 3")->read(how);
  ASSERT_FALSE(input);
  EXPECT_EQ(input.error().message,
            "no page falls into the sample; take a larger one, or another seed");
}

// Pages that are in are checked against their earlier records, others by themselves.
TEST(TakenSample, OraclesAreCheckedWhereTheSampleIs) {
  const std::string good = oracle_file({1, 2, 3, 1, 2, 3});
  InputOptions how;
  how.sample = SampleSize{0, 1, 1};  // one of the three pages
  const Result<Input> one = InputFile::of_bytes(good)->read(how);
  ASSERT_TRUE(one);
  ASSERT_EQ(one->pages()->names.size(), 1U);
  const std::uint64_t name = one->pages()->names[0];
  how.sample = SampleSize{one->sample->rate, 0, 1};  // the same page by its rate
  const auto with_next = [&](std::size_t record, std::int64_t next) {
    std::string changed = good;
    std::memcpy(changed.data() + record * 24 + 16, &next, sizeof next);
    const Result<Input> input = InputFile::of_bytes(changed, "oracle")->read(how);
    return input ? std::string() : input.error().message;
  };
  for (std::size_t record = 0; record < 3; ++record) {
    const bool in = record + 1 == name;
    EXPECT_EQ(with_next(record, -1).empty(), !in);
    EXPECT_EQ(with_next(record, 6).empty(), !in || record == 2);
    EXPECT_EQ(with_next(record + 3, 6).empty(), !in && record != 2);
    EXPECT_FALSE(with_next(record, 1).empty());
  }
}

// As of samples of a whole trace, but first references are estimated too.
TEST(TakenSample, EstimatesAreUnbiasedAndTheirErrorsHonest) {
  const std::string bytes = vector_file("zipf", 60'000);
  const Result<Input> whole = InputFile::of_bytes(bytes)->read();
  ASSERT_TRUE(whole);
  SweepOptions options;
  options.policies = {*policy::parse_policy("lru"), *policy::parse_policy("clock")};
  options.sizes = {2'000, 1'000'000};  // the second has first references alone
  const Result<Sweep> exact = sweep(*whole, options);
  ASSERT_TRUE(exact);
  constexpr int kSeeds = 60;
  struct Tally {
    double truth = 0, sum = 0, squares = 0, told = 0;

    void add(double value, double error) {
      sum += value;
      squares += (value - truth) * (value - truth);
      told += error * error;
    }
  };
  for (const SampleSize& kind : {SampleSize{0.1, 0, 0}, SampleSize{0, 2'000, 0}}) {
    std::vector<Tally> tallies(5);
    for (std::size_t i = 0; i < 4; ++i) {
      tallies[i].truth = exact->curves[i / 2].points[i % 2].misses;
    }
    tallies[4].truth = whole->ids();
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      InputOptions how;
      how.sample = kind;
      how.sample->seed = seed;
      const Result<Input> input = InputFile::of_bytes(bytes)->read(how);
      ASSERT_TRUE(input);
      const Result<Sweep> result = sweep(*input, options);
      ASSERT_TRUE(result);
      for (std::size_t i = 0; i < 4; ++i) {
        const SizePoint& point = result->curves[i / 2].points[i % 2];
        tallies[i].add(point.misses, point.error);
      }
      tallies[4].add(static_cast<double>(result->cold), result->cold_error);
    }
    for (const Tally& tally : tallies) {
      const double off = std::sqrt(tally.squares / kSeeds);
      EXPECT_NEAR(tally.sum / kSeeds, tally.truth, 0.02 * tally.truth);
      EXPECT_LT(off, 0.1 * tally.truth);
      EXPECT_GT(std::sqrt(tally.told / kSeeds), off / 2);
      EXPECT_LT(std::sqrt(tally.told / kSeeds), off * 2);
    }
  }
}

}  // namespace
}  // namespace pw::analysis::testing
