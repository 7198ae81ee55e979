// Recordings under several threads: one that all of them decode and replay, one that each opens for
// itself, one that is replaced while it is read, and several that are written at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <string>
#include <vector>

#include "analysis/lru_curve.hpp"
#include "record/payload.hpp"
#include "replay/replay.hpp"
#include "stress/in_threads.hpp"
#include "support/recorded_calls.hpp"
#include "support/sample_recording.hpp"
#include "unit/filtered_trace.hpp"

namespace pw::stress {
namespace {

using pw::testing::TemporaryFolder;
using record::Chunk;
using record::Detail;
using record::Recording;

#ifdef PW_CHECKING
constexpr std::size_t kEvents = 1'000, kRounds = 4;
#else
constexpr std::size_t kEvents = 20'000, kRounds = 20;
#endif
constexpr std::size_t kThreads = 8;

// Everything that a decoded chunk says.
std::string bytes_of_chunk(const Chunk& chunk, std::uint32_t filter_pages) {
  std::vector<std::uint32_t> numbers(chunk.images.size());
  std::iota(numbers.begin(), numbers.end(), 0U);
  auto bytes = record::encode_payload(chunk, filter_pages, numbers);
  return bytes ? *bytes : "not to be encoded: " + bytes.error().message;
}

// Decodes all chunks in an order of its own, into memory that it reuses; the numbers of the chunks
// that differ from `wanted`.
std::vector<std::size_t> differing(const Recording& recording,
                                   const std::vector<std::string>& wanted, std::uint64_t seed) {
  std::vector<std::size_t> order(wanted.size()), wrong;
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  Chunk chunk;
  for (const std::size_t i : order) {
    if (!recording.decode(i, chunk) ||
        bytes_of_chunk(chunk, recording.info().filter_pages) != wanted[i]) {
      wrong.push_back(i);
    }
  }
  return wrong;
}

std::vector<std::string> decoded_alone(const Recording& recording) {
  std::vector<std::string> all(recording.chunks().size());
  Chunk chunk;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(recording.decode(i, chunk));
    all[i] = bytes_of_chunk(chunk, recording.info().filter_pages);
  }
  return all;
}

class RecordingOf : public ::testing::TestWithParam<Detail> {
 protected:
  RecordingOf() {
    EXPECT_TRUE(record::testing::write_sample(path_, GetParam(), kEvents, chunks_));
    auto opened = Recording::open(path_);
    EXPECT_TRUE(opened);
    wanted_ = decoded_alone(*opened);
    EXPECT_EQ(wanted_.size(), chunks_.size());
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "sample.pwrec";
  std::vector<Chunk> chunks_;
  std::vector<std::string> wanted_;
};

TEST_P(RecordingOf, IsDecodedByManyThreads) {
  const auto recording = Recording::open(path_, Recording::Verify::Index);
  ASSERT_TRUE(recording);
  const auto maps = recording->maps_before(1).size();
  const auto stack = recording->stack(0).size();
  in_threads(kThreads, kThreads * kRounds, [&](std::size_t i) {
    EXPECT_EQ(differing(*recording, wanted_, i), std::vector<std::size_t>());
    EXPECT_EQ(recording->maps_before(1).size(), maps);
    EXPECT_EQ(recording->stack(0).size(), stack);
  });
}

TEST_P(RecordingOf, IsOpenedByManyThreads) {
  in_threads(kThreads, kThreads * kRounds, [&](std::size_t i) {
    const auto how = i % 2 == 0 ? Recording::Verify::All : Recording::Verify::Index;
    const auto recording = Recording::open(path_, how);
    ASSERT_TRUE(recording);
    EXPECT_TRUE(recording->losses().empty());
    ASSERT_EQ(recording->chunks().size(), wanted_.size());
    EXPECT_EQ(differing(*recording, wanted_, i), std::vector<std::size_t>());
  });
}

TEST_P(RecordingOf, IsWrittenTheSameByManyThreads) {
  const std::string wanted = pw::testing::read_file(path_);
  ASSERT_FALSE(wanted.empty());
  in_threads(kThreads, kThreads, [&](std::size_t i) {
    const std::string path = folder_ / ("copy-" + std::to_string(i));
    std::vector<Chunk> chunks;
    EXPECT_TRUE(record::testing::write_sample(path, GetParam(), kEvents, chunks));
    EXPECT_EQ(pw::testing::read_file(path), wanted) << i;
  });
}

INSTANTIATE_TEST_SUITE_P(Details, RecordingOf,
                         ::testing::Values(Detail::Pages, Detail::Switches, Detail::Full));

// A process that walks about in `pages` pages, in chunks whose number depends on the seed.
bool write_walk(const std::string& path, std::uint64_t seed, std::uint64_t pages) {
  constexpr std::uint64_t kFirstPage = 0x10000;
  constexpr std::uint32_t kFilter = 64, kPid = 77;
  record::RecordingInfo info;
  info.filter_pages = kFilter;
  auto writer = record::Writer::create(path, info, {.replace = true});
  if (!writer || !writer->add_process(kPid, 0, 1000)) return false;
  const auto image = writer->add_image(
      kPid, {{"walk"}, {record::testing::writable_area(kFirstPage, pages)}}, 1000);
  if (!image) return false;
  Random random(seed);
  analysis::testing::Filter filter(kFilter);
  for (std::uint64_t n = 0; n <= 2 + seed % 3; ++n) {
    Chunk chunk = analysis::testing::begin_chunk(filter, kPid);
    chunk.info.begin_ns = 1000 + n;
    if (n == 0) chunk.events.emplace_back().kind = record::EventKind::Exec;
    for (const std::uint64_t page : analysis::testing::phases(random, kEvents, pages)) {
      filter.reference(kFirstPage + page, chunk.events);
    }
    for (record::Event& event : chunk.events) event.access = Access::Write;
    analysis::testing::end_chunk(filter, chunk);
    if (!writer->add_chunk(chunk, *image, {*image})) return false;
  }
  return writer->finish(0).has_value();
}

// What one replay found: a word for each of its counters that reading alone could get wrong.
std::vector<std::uint64_t> replayed(const Recording& recording, std::uint64_t seed) {
  constexpr const char* kPolicies[] = {"clock", "lru", "fifo", "second-chance"};
  MachineConfig config;
  config.ram = ByteCount(256ULL << 20);
  config.swap = ByteCount(256ULL << 20);
  config.contents = Contents::MetadataOnly;
  config.policy = kPolicies[seed % 4];
  config.resident_limit_pages = 100 + seed * 17;
  const auto result = replay::replay(recording, config);
  if (!result) return {};
  const MachineCounters& all = result->counters;
  return {result->references, result->records,        result->simulated_ns, all.faults.minor,
          all.faults.major,   all.reclaim.pswpin,     all.reclaim.pswpout,  all.resident_peak,
          all.table_peak,     result->tlb.references, result->tlb.l1_hits,  result->tlb.walks,
          all.kernel_ns,      all.io_wait_ns};
}

TEST(OneRecording, IsReplayedByManyThreadsAtOnce) {
  constexpr std::uint64_t kReplays = 16;
  const TemporaryFolder folder;
  const std::string path = folder / "walk.pwrec";
  ASSERT_TRUE(write_walk(path, 1, 700));
  const auto recording = Recording::open(path);
  ASSERT_TRUE(recording);
  std::vector<std::vector<std::uint64_t>> alone(kReplays), together(kReplays);
  for (std::uint64_t i = 0; i < kReplays; ++i) alone[i] = replayed(*recording, i);
  in_threads(kThreads, kReplays, [&](std::size_t i) { together[i] = replayed(*recording, i); });
  const auto trace = analysis::dense_trace(*recording);
  ASSERT_TRUE(trace);
  const auto curve = analysis::lru_curve(*trace).beyond;
  in_threads(kThreads, kThreads, [&](std::size_t) {
    const auto again = analysis::dense_trace(*recording);
    ASSERT_TRUE(again);
    EXPECT_EQ(analysis::lru_curve(*again).beyond, curve);
  });
  for (std::uint64_t i = 0; i < kReplays; ++i) {
    ASSERT_FALSE(alone[i].empty());
    EXPECT_EQ(together[i], alone[i]) << i;
    if (i > 0) {
      EXPECT_NE(alone[i], alone[i - 1]) << "the configuration makes no difference";
    }
  }
}

// Whoever opens the file gets one of the two recordings, whole.
TEST(OneRecording, IsReplacedWhileThreadsReadIt) {
  const TemporaryFolder folder;
  const std::string path = folder / "walk.pwrec";
  std::vector<std::string> whole[2];
  for (std::uint64_t seed : {0U, 1U}) {
    ASSERT_TRUE(write_walk(path, seed, 300));
    const auto recording = Recording::open(path);
    ASSERT_TRUE(recording);
    whole[seed] = decoded_alone(*recording);
  }
  ASSERT_NE(whole[0].size(), whole[1].size());
  std::atomic<std::uint64_t> seen[2] = {};
  std::atomic<bool> done{false};
  in_threads(kThreads, kThreads, [&](std::size_t i) {
    if (i == 0) {
      for (std::uint64_t n = 0; n < 2 * kRounds || (n < 2'000 && (seen[0] == 0 || seen[1] == 0));
           ++n) {
        EXPECT_TRUE(write_walk(path, n % 2, 300));
      }
      done = true;
      return;
    }
    while (!done) {
      const auto recording = Recording::open(path);
      ASSERT_TRUE(recording);
      EXPECT_TRUE(recording->losses().empty());
      const std::size_t which = recording->chunks().size() == whole[0].size() ? 0 : 1;
      ++seen[which];
      ASSERT_EQ(recording->chunks().size(), whole[which].size());
      EXPECT_EQ(differing(*recording, whole[which], i), std::vector<std::size_t>());
    }
  });
  EXPECT_GT(seen[0], 0U);
  EXPECT_GT(seen[1], 0U);
}

}  // namespace
}  // namespace pw::stress
