// Damage costs the chunks that it hits, and no others; and it is told.
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "record/block_walk.hpp"
#include "record/recording.hpp"
#include "support/sample_recording.hpp"

namespace pw::record {
namespace {

using testing::make_sample;
using testing::Sample;

using ChunkName = std::tuple<std::uint32_t, std::uint64_t, std::size_t>;  // pid, clock, events

// The chunks of `bytes` that can be read and have all their events; opens and decodes everything
// else too.
std::multiset<ChunkName> readable(std::string_view bytes, std::size_t* losses = nullptr) {
  std::multiset<ChunkName> names;
  auto recording = Recording::from_bytes(bytes);
  if (losses != nullptr) *losses = recording ? recording->losses().size() : 1;
  if (!recording) return names;
  Chunk chunk;
  for (std::size_t i = 0; i < recording->chunks().size(); ++i) {
    (void)recording->maps_before(i);
    if (!recording->decode(i, chunk)) continue;
    names.emplace(chunk.info.pid, chunk.info.clock, chunk.events.size());
  }
  for (std::uint32_t i = 0; i < recording->stack_count(); ++i) (void)recording->stack(i);
  return names;
}

struct Placed {
  std::uint64_t begin, end;
  ChunkName name;
};

std::vector<Placed> places(const std::string& bytes) {
  std::vector<Placed> result;
  ByteSource source{std::string_view(bytes)};
  auto found = find_blocks(source, Recording::Verify::All);
  for (const BlockRef& block : found->blocks) {
    if (block.header.type != BlockType::Chunk) continue;
    result.push_back({block.offset,
                      block.offset + sizeof(BlockHeader) + block.header.stored_bytes,
                      {block.header.pid, block.header.clock, block.header.count}});
  }
  return result;
}

TEST(RecordSalvage, AFileCutAnywhereKeepsTheChunksBeforeTheCut) {
  Sample sample = make_sample(Detail::Pages, 25);
  std::vector<Placed> chunks = places(sample.bytes);
  ASSERT_EQ(chunks.size(), 5U);
  for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
    std::multiset<ChunkName> expected;
    for (const Placed& chunk : chunks) {
      if (chunk.end <= size) expected.insert(chunk.name);
    }
    std::size_t losses = 0;
    ASSERT_EQ(readable(std::string_view(sample.bytes).substr(0, size), &losses), expected) << size;
    ASSERT_GE(losses, 1U) << size;
  }
}

TEST(RecordSalvage, AFlippedByteCostsOneChunkAtMost) {
  for (Detail detail : {Detail::Pages, Detail::Full}) {
    Sample sample = make_sample(detail, 20);
    std::vector<Placed> chunks = places(sample.bytes);
    ASSERT_EQ(chunks.size(), 5U);
    for (std::size_t at = 0; at < sample.bytes.size(); ++at) {
      std::string damaged = sample.bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      std::multiset<ChunkName> expected;
      for (const Placed& chunk : chunks) {
        if (at < chunk.begin || at >= chunk.end) expected.insert(chunk.name);
      }
      std::size_t losses = 0;
      ASSERT_EQ(readable(damaged, &losses), expected) << at;
      ASSERT_GE(losses, 1U) << at;
    }
  }
}

TEST(RecordSalvage, MissingAndForeignBytesInTheMiddleCostNoOtherChunk) {
  Sample sample = make_sample(Detail::Pages, 60);
  std::vector<Placed> chunks = places(sample.bytes);
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = sample.bytes;
    std::size_t at = 64 + random.below(damaged.size() - 64);
    std::size_t n = 1 + random.below(50);
    bool remove = random.chance(2);
    if (remove) {
      damaged.erase(at, n);
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        damaged.insert(at, 1, static_cast<char>(random.next()));
      }
    }
    std::multiset<ChunkName> found = readable(damaged);
    for (const Placed& chunk : chunks) {
      bool hit = remove ? at < chunk.end && at + n > chunk.begin
                        : at > chunk.begin && at < chunk.end;
      ASSERT_TRUE(hit || found.count(chunk.name) == 1) << at << ' ' << n << ' ' << remove;
    }
  }
}

TEST(RecordSalvage, TellsWhichEventsAreLostAndMarksTheGap) {
  Sample sample = make_sample(Detail::Pages, 50);
  std::vector<Placed> chunks = places(sample.bytes);
  std::string damaged = sample.bytes;
  damaged[chunks[1].begin + 20] ^= 1;  // the header: only the index knows what was there
  auto recording = Recording::from_bytes(damaged);
  ASSERT_TRUE(recording);
  ASSERT_EQ(recording->losses().size(), 1U);
  EXPECT_EQ(recording->losses()[0].offset, chunks[1].begin);
  std::string events = std::to_string(sample.chunks[1].events.size()) + " events of process 100";
  EXPECT_NE(recording->losses()[0].what.find(events), std::string::npos)
      << recording->losses()[0].what;

  // The parent's last chunk has lost its predecessor, the child its fork; both know their areas.
  ASSERT_EQ(recording->chunks().size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const ChunkInfo& chunk = recording->chunks()[i];
    bool parents_last = chunk.pid == 100 && chunk.begin_ns == 4000;
    bool childs_first = chunk.pid == 101 && chunk.begin_ns == 3600;
    EXPECT_EQ(chunk.gap, parents_last || childs_first) << i;
    EXPECT_FALSE(recording->maps_before(i).empty()) << i;
  }
}

TEST(RecordSalvage, ReadsChunksWithoutTheFilesHeader) {
  Sample sample = make_sample(Detail::Switches, 50);
  std::string damaged = sample.bytes.substr(64);
  auto recording = Recording::from_bytes(damaged);
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->info().detail, Detail::Switches);
  EXPECT_EQ(recording->info().filter_pages, 1U);
  EXPECT_EQ(readable(damaged).size(), 5U);
}

TEST(RecordSalvage, ManyRandomDamagesNeitherCrashNorGrow) {
  Random random(11);
  for (Detail detail : {Detail::Pages, Detail::Switches, Detail::Full}) {
    Sample sample = make_sample(detail, 40);
    for (int round = 0; round < 1500; ++round) {
      std::string damaged = sample.bytes;
      for (std::uint64_t n = random.below(6); n > 0; --n) {
        std::size_t at = random.below(damaged.size());
        switch (random.below(3)) {
          case 0:
            damaged[at] = static_cast<char>(random.next());
            break;
          case 1:
            damaged.erase(at, random.below(200));
            break;
          default:
            damaged.insert(at, damaged.substr(random.below(damaged.size()), 300));
            break;
        }
      }
      std::multiset<ChunkName> found = readable(damaged);
      ASSERT_LE(found.size(), damaged.size() / sizeof(BlockHeader));
    }
  }
}

}  // namespace
}  // namespace pw::record
