// Chunks that several readers share are those that each would have decoded for itself, thinned or
// not, and decoded once.
#include "record/shared_chunks.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "predict/predict.hpp"
#include "predict/truth_file.hpp"
#include "support/busy_recording.hpp"
#include "support/plain_filter.hpp"

namespace pw::record {
namespace {

auto fields(const Event& e) {
  return std::tuple(e.kind, e.clock, e.page, e.evicted, e.last_reference, e.stays, e.came_here,
                    Access(e.access));
}

void expect_the_same(const Chunk& a, const Chunk& b) {
  EXPECT_EQ(a.info.left_out, b.info.left_out);
  EXPECT_EQ(a.info.events, b.info.events);
  EXPECT_EQ(a.images.size(), b.images.size());
  ASSERT_EQ(a.events.size(), b.events.size());
  for (std::size_t i = 0; i < a.events.size(); ++i) {
    ASSERT_EQ(fields(a.events[i]), fields(b.events[i])) << i;
  }
  ASSERT_EQ(a.syscalls.size(), b.syscalls.size());
  for (std::size_t i = 0; i < a.syscalls.size(); ++i) {
    EXPECT_EQ(a.syscalls[i].number, b.syscalls[i].number);
  }
}

TEST(SharedChunks, AreThoseOfTheRecordingForEachReader) {
  const pw::testing::TemporaryFolder folder;
  const auto recording = Recording::open(testing::recorded(folder, false));
  ASSERT_TRUE(recording);
  for (const std::uint32_t pages : {0U, 40U, 300U}) {
    SCOPED_TRACE(pages);
    const auto thinned = recording->thinned(pages);
    SharedChunks chunks(*recording, {.readers = 3, .filter_pages = pages});
    std::vector<std::vector<SharedChunks::Shared>> got(3);
    std::vector<std::thread> readers;
    for (auto& own : got) {
      readers.emplace_back([&] {
        for (std::size_t i = 0; i < recording->chunks().size(); ++i) {
          const auto chunk = chunks.get(i);
          ASSERT_TRUE(chunk);
          own.push_back(*chunk);
        }
      });
    }
    for (std::thread& reader : readers) reader.join();
    Chunk expected;
    for (std::size_t i = 0; i < recording->chunks().size(); ++i) {
      SCOPED_TRACE(i);
      ASSERT_TRUE((pages != 0 ? *thinned : *recording).decode(i, expected));
      expect_the_same(*got[0][i], expected);
      EXPECT_EQ(got[0][i], got[1][i]);  // the very same
      EXPECT_EQ(got[0][i], got[2][i]);
    }
  }
}

// One that is ahead does not make others wait, nor does who decodes ahead go on for ever.
TEST(SharedChunks, ThatAllHaveAskedForAreLetGo) {
  const pw::testing::TemporaryFolder folder;
  const auto recording = Recording::open(testing::recorded(folder, false));
  ASSERT_TRUE(recording);
  SharedChunks chunks(*recording, {.readers = 2});
  std::vector<std::weak_ptr<const Chunk>> seen;
  for (std::size_t i = 0; i < recording->chunks().size(); ++i) seen.push_back(*chunks.get(i));
  for (std::size_t i = 0; i < recording->chunks().size(); ++i) {
    EXPECT_FALSE(seen[i].expired());
    EXPECT_TRUE(chunks.get(i));
    EXPECT_TRUE(seen[i].expired());
  }
}

TEST(SharedChunks, OutOfOrderAreDecodedAgainWhereTooManyWouldBeKept) {
  const pw::testing::TemporaryFolder folder;
  const auto recording = Recording::open(testing::recorded(folder, false));
  ASSERT_TRUE(recording);
  for (const std::uint64_t most : {std::uint64_t{1}, ~std::uint64_t{0}}) {
    SharedChunks chunks(*recording, {.readers = 2, .in_order = false, .most_events = most});
    std::vector<SharedChunks::Shared> first;
    for (const std::size_t i : {3U, 0U, 5U}) first.push_back(*chunks.get(i));
    for (const std::size_t i : {0U, 3U, 5U}) {
      const auto again = chunks.get(i);
      ASSERT_TRUE(again);
      const SharedChunks::Shared& before = first[i == 3 ? 0 : i == 0 ? 1 : 2];
      expect_the_same(**again, *before);
      EXPECT_EQ(*again == before, most > 1);
    }
  }
}

TEST(SharedChunks, TellEachReaderWhatIsDamaged) {
  const pw::testing::TemporaryFolder folder;
  const std::string path = testing::recorded(folder, false);
  const auto recording = Recording::open(path, Recording::Verify::Index);
  ASSERT_TRUE(recording);
  std::string damaged = pw::testing::read_file(path);
  for (std::size_t at = 0; at + 200 < damaged.size(); at += 100) damaged[at + 150] ^= 1;
  pw::testing::write_file(path, damaged);
  SharedChunks chunks(*recording, {.readers = 2, .filter_pages = 40});
  for (int reader = 0; reader < 2; ++reader) {
    EXPECT_FALSE(chunks.get(0));
    EXPECT_FALSE(chunks.get(1));
  }
}

// Whether the processes are played in turns or there is only one; whether it is thinned before or
// meanwhile.
TEST(SharedChunks, MachinesSideBySideDoWhatEachDoesAlone) {
  const pw::testing::TemporaryFolder folder;
  const auto one = Recording::open(testing::recorded(folder, false));
  const std::string busy = testing::busy_recording({});
  const auto two = Recording::from_bytes(busy);
  ASSERT_TRUE(one && two);
  EXPECT_TRUE(replay::goes_in_turns(*two));
  const auto thinned = one->thinned(40);
  ASSERT_TRUE(thinned);
  std::vector<predict::Conditions> conditions;
  for (std::uint64_t i = 0; i < 11; ++i) {
    conditions.emplace_back().limit_bytes = i == 0 ? 0 : (8 + 24 * i) << kPageShift;
  }
  const std::pair<predict::Source, const Recording*> cases[] = {
      {{&*one}, &*one}, {{&*two}, &*two}, {{&*one, 40}, &*thinned}};
  for (const auto& [source, alone] : cases) {
    const auto together = predict::predict_all(source, conditions, {});
    ASSERT_TRUE(together);
    ASSERT_EQ(together->size(), conditions.size());
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      const auto single = predict::predict(*alone, conditions[i], {});
      ASSERT_TRUE(single);
      for (const predict::Quantity& quantity : predict::quantities()) {
        EXPECT_EQ(quantity.of((*together)[i]), quantity.of(*single)) << quantity.name << i;
      }
      EXPECT_EQ((*together)[i].cpu_seconds, single->cpu_seconds);
    }
    EXPECT_GT((*together)[5].swap_out, 0U);
  }
}

}  // namespace
}  // namespace pw::record
