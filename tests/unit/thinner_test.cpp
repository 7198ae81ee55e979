// A recording that is thinned is what a recorder with a larger filter makes of the same references.
#include "record/thinner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "base/random.hpp"
#include "predict/sources.hpp"
#include "record/block_walk.hpp"
#include "record/overview.hpp"
#include "record/writer.hpp"
#include "support/plain_filter.hpp"
#include "support/recorded_calls.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record {
namespace {

using testing::kSmall;
using testing::PlainFilter;
using testing::recorded;

constexpr std::uint32_t kLarge = 40;

auto fields(const Event& e) {
  return std::tuple(e.kind, e.clock, e.page, e.evicted, e.last_reference, Access(e.access));
}

// Pages that leave together have no order among them.
void order(std::vector<Event>& events) {
  const auto gone = [](const Event& e) { return e.kind == EventKind::FilterGone; };
  for (auto begin = events.begin(); begin != events.end();) {
    begin = std::find_if(begin, events.end(), gone);
    const auto end = std::find_if_not(begin, events.end(), gone);
    std::sort(begin, end, [](const Event& a, const Event& b) { return a.page < b.page; });
    begin = end;
  }
}

// The same program under both filters: mostly pages near each other, some far, now and then ranges
// unmapped and forks.
class Both {
 public:
  explicit Both(std::uint64_t seed) : random_(seed) {}
  PlainFilter small{kSmall}, large{kLarge};

  void chunk() {
    small.begin();
    large.begin();
    const std::uint64_t steps = 1 + random_.below(400);
    for (std::uint64_t i = 0; i < steps; ++i) step();
  }

 private:
  void step() {
    const std::uint64_t what = random_.below(200);
    if (what == 0) {
      small.fork();
      large.fork();
    } else if (what < 4) {
      const std::uint64_t begin = 1 + random_.below(90), end = begin + 1 + random_.below(20);
      small.unmap(begin, end);
      large.unmap(begin, end);
    } else {
      if (random_.below(3) == 0) around_ = 1 + random_.below(90);
      const std::uint64_t page = around_ + random_.below(12);
      const bool write = random_.below(4) == 0;
      small.reference(page, write);
      large.reference(page, write);
    }
  }

  Random random_;
  std::uint64_t around_ = 1;
};

TEST(Thinner, GivesWhatALargerFilterWouldHaveTold) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Both both(seed);
    Thinner thinner(kLarge);
    std::uint64_t left_out = 0;
    for (int chunk = 0; chunk < 6; ++chunk) {
      SCOPED_TRACE(std::to_string(seed) + ", chunk " + std::to_string(chunk));
      both.chunk();
      Chunk thin;
      left_out += thinner.thin(both.small.chunk, thin);
      std::vector<Event> expected = both.large.chunk.events;
      order(expected);
      order(thin.events);
      ASSERT_EQ(thin.events.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(fields(thin.events[i]), fields(expected[i])) << "event " << i;
      }
      EXPECT_EQ(thin.syscalls.size(), both.small.chunk.syscalls.size());
      std::map<std::uint64_t, bool> held, told;
      for (std::size_t i = 0; i < thin.filter.size(); ++i) {
        told[thin.filter[i]] = thin.filter_states[i].written;
      }
      for (std::size_t i = 0; i < both.large.chunk.filter.size(); ++i) {
        held[both.large.chunk.filter[i]] = both.large.chunk.filter_states[i].written;
      }
      EXPECT_EQ(told, held);
    }
    EXPECT_EQ(left_out, both.small.fetches - both.large.fetches);
    EXPECT_GT(left_out, 0U);
  }
}

// As an overview does when the one below it is given up.
TEST(Thinner, MayGoOnWithWhatTheOneBelowItGot) {
  constexpr std::uint32_t kBetween = 20;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Both both(seed);
    Thinner below(kBetween), thinner(kLarge);
    for (int chunk = 0; chunk < 6; ++chunk) {
      SCOPED_TRACE(std::to_string(seed) + ", chunk " + std::to_string(chunk));
      both.chunk();
      Chunk between, thin;
      if (chunk < 3) below.thin(both.small.chunk, between);
      if (chunk == 3) thinner.take_over(below);
      thinner.thin(chunk < 3 ? between : both.small.chunk, thin);
      EXPECT_EQ(thinner.continued(), chunk > 0);
      std::vector<Event> expected = both.large.chunk.events;
      order(expected);
      order(thin.events);
      ASSERT_EQ(thin.events.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(fields(thin.events[i]), fields(expected[i])) << "event " << i;
      }
    }
  }
}

// What is lost before a gap is not known to be in the larger filter.
TEST(Thinner, BeginsAnewAfterAGap) {
  Both both(3);
  Thinner thinner(kLarge);
  Chunk thin;
  both.chunk();
  thinner.thin(both.small.chunk, thin);
  both.chunk();
  both.chunk();
  both.small.chunk.info.gap = true;
  thinner.thin(both.small.chunk, thin);
  EXPECT_EQ(thin.filter.size(), both.small.chunk.filter.size());
}

// As encode_payload() does.
TEST(Thinner, TakesPagesOfWhichNothingIsToldForReferencedJustNow) {
  Both both(3);
  both.chunk();
  both.chunk();
  ASSERT_GT(both.small.chunk.filter.size(), 1U);
  both.small.chunk.filter_states.resize(1);
  Thinner thinner(kLarge);
  Chunk thin;
  thinner.thin(both.small.chunk, thin);
  ASSERT_EQ(thin.filter.size(), both.small.chunk.filter.size());
  EXPECT_EQ(thin.filter_states.back().last_reference, both.small.chunk.info.clock);
  EXPECT_FALSE(thin.filter_states.back().written);
}

// Through a file: the same references, fewer events, every chunk readable.
TEST(Thinner, ARecordingIsReadAsBefore) {
  const pw::testing::TemporaryFolder folder;
  RecordingInfo info;
  info.detail = Detail::Pages;
  info.filter_pages = kSmall;
  auto writer = Writer::create(folder / "r.pwrec", info, {});
  ASSERT_TRUE(writer && writer->add_process(7, 0, 1000));
  const auto maps = writer->add_maps(7, {testing::writable_area(1, 200)}, 1000);
  Both both(11);
  for (int i = 0; i < 5; ++i) {
    both.chunk();
    both.small.chunk.info.begin_ns = 1000 + static_cast<std::uint64_t>(i);
    ASSERT_TRUE(writer->add_chunk(both.small.chunk, *maps));
  }
  ASSERT_TRUE(writer->finish(0));
  const auto whole = Recording::open(folder / "r.pwrec");
  ASSERT_TRUE(whole);
  EXPECT_FALSE(whole->thinned(kSmall));
  EXPECT_FALSE(whole->thinned(1U << 20));
  const auto thin = whole->thinned(kLarge);
  ASSERT_TRUE(thin);
  EXPECT_EQ(thin->info().filter_pages, kLarge);
  EXPECT_EQ(thin->references(), whole->references());
  ASSERT_EQ(thin->chunks().size(), whole->chunks().size());
  std::uint64_t fetches = 0, left_out = 0;
  Chunk chunk;
  for (std::size_t i = 0; i < thin->chunks().size(); ++i) {
    ASSERT_TRUE(thin->decode(i, chunk));
    EXPECT_EQ(thin->maps_before(i).size(), 1U);
    left_out += chunk.info.left_out;
    fetches += static_cast<std::uint64_t>(
        std::count_if(chunk.events.begin(), chunk.events.end(),
                      [](const Event& e) { return e.kind == EventKind::Fetch; }));
  }
  EXPECT_EQ(fetches, both.large.fetches);
  EXPECT_EQ(left_out, both.small.fetches - both.large.fetches);
}

void expect_the_same(const Recording& a, const Recording& b) {
  EXPECT_EQ(a.info().filter_pages, b.info().filter_pages);
  ASSERT_EQ(a.chunks().size(), b.chunks().size());
  Chunk from_a, from_b;
  for (std::size_t i = 0; i < a.chunks().size(); ++i) {
    ASSERT_TRUE(a.decode(i, from_a) && b.decode(i, from_b)) << i;
    EXPECT_EQ(from_a.info.left_out, from_b.info.left_out);
    order(from_a.events);
    order(from_b.events);
    ASSERT_EQ(from_a.events.size(), from_b.events.size());
    for (std::size_t e = 0; e < from_a.events.size(); ++e) {
      ASSERT_EQ(fields(from_a.events[e]), fields(from_b.events[e])) << i << ", " << e;
    }
  }
}

TEST(Overview, IsWhatThinningMakes) {
  const pw::testing::TemporaryFolder folder;
  const auto with = Recording::open(recorded(folder, true));
  const auto without = Recording::open(recorded(folder, false));
  ASSERT_TRUE(with && without);
  EXPECT_EQ(without->overview_pages(), 0U);
  EXPECT_EQ(with->overview_pages(95), 0U);
  EXPECT_EQ(with->overview_pages(255), 96U);
  EXPECT_EQ(with->overview_pages(1023), 512U);
  EXPECT_EQ(with->overview_pages(), 4096U);
  for (const std::uint32_t pages : {95U, 96U, 255U, 256U, 400U, 1024U, 2000U, 4096U}) {
    SCOPED_TRACE(pages);
    const auto a = with->thinned(pages), b = without->thinned(pages);
    ASSERT_TRUE(a && b);
    std::uint64_t left_out = 0;
    for (const ChunkInfo& chunk : a->chunks()) left_out += chunk.left_out;
    EXPECT_GT(left_out, 5000U);
    expect_the_same(*a, *b);
  }
}

// Most parts go on with the filter of the one before.
TEST(Overview, AnyChunkMayBeAskedFor) {
  const pw::testing::TemporaryFolder folder;
  const auto with = Recording::open(recorded(folder, true));
  ASSERT_TRUE(with);
  const auto in_order = with->thinned(256), mixed = with->thinned(256);
  ASSERT_TRUE(in_order && mixed);
  std::vector<Chunk> chunks(with->chunks().size());
  for (std::size_t i = 0; i < chunks.size(); ++i) ASSERT_TRUE(in_order->decode(i, chunks[i]));
  for (const std::size_t i : {5U, 2U, 2U, 4U, 1U, 0U, 3U}) {
    Chunk chunk;
    ASSERT_TRUE(mixed->decode(i, chunk)) << i;
    EXPECT_EQ(chunk.filter, chunks[i].filter);
    ASSERT_EQ(chunk.events.size(), chunks[i].events.size());
    for (std::size_t e = 0; e < chunk.events.size(); ++e) {
      ASSERT_EQ(fields(chunk.events[e]), fields(chunks[i].events[e])) << i << ", " << e;
    }
  }
}

TEST(Overview, IsPassedOverIfAPartIsLost) {
  const pw::testing::TemporaryFolder folder;
  std::string bytes = pw::testing::read_file(recorded(folder, true));
  const auto without = Recording::open(recorded(folder, false));
  ByteSource source{std::string_view(bytes)};
  const auto blocks = find_blocks(source, Recording::Verify::All);
  ASSERT_TRUE(blocks && without);
  std::size_t parts = 0;
  for (const BlockRef& block : blocks->blocks) {
    if (block.header.type != BlockType::Thinned || block.header.filter_pages != 256) continue;
    if (++parts != 4) continue;
    bytes[block.offset + sizeof(BlockHeader) + 5] ^= 1;
  }
  EXPECT_EQ(parts, 6U);
  const auto damaged = Recording::from_bytes(bytes);
  ASSERT_TRUE(damaged);
  EXPECT_EQ(damaged->losses().size(), 1U);
  EXPECT_EQ(damaged->overview_pages(511), 96U);
  EXPECT_EQ(damaged->overview_pages(), 4096U);
  for (const std::uint32_t pages : {256U, 1024U}) {
    const auto a = damaged->thinned(pages), b = without->thinned(pages);
    ASSERT_TRUE(a && b);
    expect_the_same(*a, *b);
  }
}

// A stream that goes round through so many pages, as an LRU filter of kSmall tells it: the next
// 100,000 references.
Chunk next_round(std::uint64_t& clock, std::uint64_t pages) {
  Chunk chunk;
  chunk.info.clock = clock;
  for (std::uint64_t back = std::min<std::uint64_t>(clock, kSmall); back > 0; --back) {
    chunk.filter.push_back((clock - back + 1) % pages);
    chunk.filter_states.push_back({clock - back + 1, false});
  }
  for (int i = 0; i < 100'000; ++i) {
    Event& fetch = chunk.events.emplace_back();
    fetch.clock = ++clock;
    fetch.page = clock % pages;
    if (clock <= kSmall) continue;
    fetch.last_reference = clock - kSmall;
    fetch.evicted = fetch.last_reference % pages;
  }
  return chunk;
}

// Each page is new: a larger filter would have told the same.
TEST(Overview, IsGivenUpWhereItLeavesOutLittle) {
  Overview overview;
  std::uint64_t clock = 0, chunks = 0;
  for (int number = 0; number < 20; ++number) {
    const auto parts = overview.next(next_round(clock, ~std::uint64_t{0} >> 12), {});
    if (parts.empty()) continue;
    ++chunks;
    ASSERT_EQ(parts.size(), Overview::kFilterPages.size());
    for (const Overview::Part& part : parts) EXPECT_EQ(part.events, 100'000U);
  }
  EXPECT_EQ(chunks, 10U);  // 2^20 events
}

// Rounds through pages that are all new, of which every overview has all, between rounds that none
// has: what is kept when so many of a hundred are the former.
std::vector<std::uint32_t> kept_of(int new_ones) {
  Overview overview;
  std::uint64_t clock = 0;
  std::vector<std::uint32_t> last;
  for (int number = 0; number < 100; ++number) {
    const bool fresh = (number + 1) * new_ones / 100 > number * new_ones / 100;
    last.clear();
    for (const Overview::Part& part :
         overview.next(next_round(clock, fresh ? ~std::uint64_t{0} >> 12 : 90), {})) {
      last.push_back(part.filter_pages);
    }
  }
  return last;
}

TEST(Overview, IsKeptUpToAPartOfTheEventsTheCommonOnesLonger) {
  EXPECT_EQ(kept_of(30), (std::vector<std::uint32_t>{96, 4096}));  // others add nothing to 96
  EXPECT_EQ(kept_of(57), (std::vector<std::uint32_t>{256, 4096}));
  EXPECT_EQ(kept_of(64), (std::vector<std::uint32_t>{}));
}

// 600 pages in turns: 512 of them are never enough, 1024 always are. What is kept goes on as if the
// others had been. The largest one leaves out no more, but is compared with the chunks.
TEST(Overview, OfALargerFilterIsKeptWhereTheSmallerOneIsNot) {
  Overview overview;
  std::uint64_t clock = 0;
  std::vector<std::uint32_t> last;
  for (int number = 0; number < 20; ++number) {
    last.clear();
    for (const Overview::Part& part : overview.next(next_round(clock, 600), {})) {
      last.push_back(part.filter_pages);
      const bool enough = part.filter_pages >= 600;
      EXPECT_EQ(part.events, enough ? (number == 0 ? 600U : 0U) : 100'000U) << number;
      EXPECT_EQ(part.left_out, 100'000 - part.events);
    }
  }
  EXPECT_EQ(last, (std::vector<std::uint32_t>{1024, 4096}));
}

// A limit of N pages allows a filter of N / 16.
TEST(Sources, AreAsCoarseAsTheSmallestLimitAllows) {
  const pw::testing::TemporaryFolder folder;
  const auto with = Recording::open(recorded(folder, true));
  const auto without = Recording::open(recorded(folder, false));
  ASSERT_TRUE(with && without);
  const auto pages_for = [](const Recording& recording, std::uint64_t limit_pages) {
    predict::Sources sources(recording, 1);
    (void)sources.unlimited();
    return sources.down_to(limit_pages << kPageShift).pages();
  };
  EXPECT_EQ(predict::Sources(*with, 1).unlimited().pages(), 4096U);
  EXPECT_EQ(predict::Sources(*without, 1).unlimited().pages(), 512U);
  for (const Recording* recording : {&*with, &*without}) {
    EXPECT_EQ(pages_for(*recording, kSmall * 16), kSmall);
    EXPECT_EQ(pages_for(*recording, 200 * 16), 200U);
    EXPECT_EQ(pages_for(*recording, 2000 * 16), 2000U);
    EXPECT_EQ(pages_for(*recording, 1 << 20), kMaxFilterPages);
    EXPECT_EQ(predict::Sources(*recording, 1 << 20).down_to(1 << 30), predict::Source{recording});
  }
  EXPECT_EQ(pages_for(*with, 300 * 16), 256U);  // a filter of 300 would leave out little more
  EXPECT_EQ(pages_for(*with, 1023 * 16), 1023U);
  EXPECT_EQ(pages_for(*with, 1500 * 16), 1024U);
  EXPECT_EQ(pages_for(*without, 300 * 16), 300U);
  predict::Sources none(*with, 1);
  EXPECT_EQ(none.down_to(predict::Sources::kNoLimit), none.unlimited());
  // What the file has is taken as it is; else the largest overview that will do is thinned.
  EXPECT_EQ(none.down_to(256 * 16 << kPageShift).filter_pages, 0U);
  const predict::Source thin = none.down_to(900 * 16 << kPageShift);
  EXPECT_EQ(thin.filter_pages, 900U);
  EXPECT_EQ(thin.recording->info().filter_pages, 512U);
}

}  // namespace
}  // namespace pw::record
