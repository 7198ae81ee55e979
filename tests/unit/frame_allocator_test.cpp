// FrameAllocator against a bitmap: no overlap, alignment, exact counts, maximal blocks after
// everything is back; and what a large machine costs before it is used.
#include "phys/frame_allocator.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/random.hpp"
#include "phys/frame_memory.hpp"
#include "phys/frame_table.hpp"
#include "support/host_memory.hpp"

namespace pw {
namespace {

using test::resident_bytes_of_this_process;

constexpr std::uint64_t frames_in(unsigned order) { return std::uint64_t{1} << order; }

FrameTable table_of(std::uint64_t frames) {
  auto table = FrameTable::create(PageCount(frames));
  PW_CHECK(table.has_value());
  return std::move(*table);
}

struct Block {
  Pfn first;
  unsigned order;
};

class Model {
 public:
  Model(std::uint64_t frames, std::uint64_t seed)
      : table_(table_of(frames)), allocator_(table_), used_(frames, false), random_(seed) {}

  void allocate(unsigned order) {
    const Pfn pfn = allocator_.allocate(order);
    if (pfn == kNoFrame) {
      ASSERT_FALSE(could_serve(order)) << "order " << order << " refused though a block is free";
      return;
    }
    ASSERT_EQ(pfn.value % frames_in(order), 0U);
    ASSERT_LE(pfn.value + frames_in(order), used_.size());
    for (std::uint64_t i = 0; i < frames_in(order); ++i) {
      ASSERT_FALSE(used_[pfn.value + i]) << "frame " << pfn.value + i << " handed out twice";
      used_[pfn.value + i] = true;
      const Frame& frame = table_[pfn + PageCount(i)];
      ASSERT_EQ(frame.kind, i == 0 ? FrameKind::Taken : FrameKind::Free);
      ASSERT_TRUE(frame.refs == 0 && frame.flags == 0 && frame.aux == 0 && frame.index == 0 &&
                  frame.extra == 0);
    }
    used_count_ += frames_in(order);
    scribble(table_[pfn]);
    live_.push_back({pfn, order});
    ASSERT_EQ(allocator_.free_pages().value, used_.size() - used_count_);
  }
  void free_one() {
    if (live_.empty()) return;
    std::swap(live_[random_.below(live_.size())], live_.back());
    const Block block = live_.back();
    live_.pop_back();
    if (block.order > 0 && random_.chance(4)) {  // in two parts, as after a split
      const Pfn upper = block.first + PageCount(frames_in(block.order - 1));
      scribble(table_[upper]);
      allocator_.free(upper, block.order - 1);
      allocator_.free(block.first, block.order - 1);
    } else {
      allocator_.free(block.first, block.order);
    }
    for (std::uint64_t i = 0; i < frames_in(block.order); ++i) used_[block.first.value + i] = false;
    used_count_ -= frames_in(block.order);
    ASSERT_EQ(allocator_.free_pages().value, used_.size() - used_count_);
  }
  void step(unsigned highest_order) {
    // Long phases of growth and of shrinking, so that both ends are met.
    const bool growing = steps_++ / (used_.size() + 100) % 2 == 0;
    if (random_.below(10) < (growing ? 7U : 3U)) {
      allocate(static_cast<unsigned>(random_.below(1 + random_.below(highest_order + 1))));
    } else {
      free_one();
    }
  }
  // The free blocks and the used frames tile the RAM.
  void compare() {
    allocator_.verify();
    std::vector<bool> covered = used_;
    std::array<std::uint64_t, FrameAllocator::kOrders> blocks{};
    allocator_.for_each_free_block([&](Pfn first, unsigned order) {
      ++blocks[order];
      for (std::uint64_t i = 0; i < frames_in(order); ++i) {
        ASSERT_FALSE(covered[first.value + i]) << "frame " << first.value + i;
        covered[first.value + i] = true;
      }
    });
    for (std::size_t i = 0; i < covered.size(); ++i) ASSERT_TRUE(covered[i]) << "frame lost: " << i;
    for (unsigned order = 0; order < FrameAllocator::kOrders; ++order) {
      ASSERT_EQ(allocator_.free_blocks(order), blocks[order]) << "order " << order;
    }
  }
  void free_everything_and_expect_maximal_blocks() {
    while (!live_.empty()) free_one();
    allocator_.drain_cache();
    compare();
    std::array<std::uint64_t, FrameAllocator::kOrders> expected{};
    for (std::uint64_t at = 0; at < used_.size();) {
      unsigned order = FrameAllocator::kMaxOrder;
      while (at % frames_in(order) != 0 || at + frames_in(order) > used_.size()) --order;
      ++expected[order];
      at += frames_in(order);
    }
    for (unsigned order = 0; order < FrameAllocator::kOrders; ++order) {
      ASSERT_EQ(allocator_.free_blocks(order), expected[order]) << "order " << order;
    }
  }

 private:
  static void scribble(Frame& frame) { frame = {1, 2, 3, FrameKind::Anon, 0xFF, 0, 6, 7}; }
  bool could_serve(unsigned order) const {
    for (std::uint64_t at = 0; at + frames_in(order) <= used_.size(); at += frames_in(order)) {
      bool free = true;
      for (std::uint64_t i = 0; free && i < frames_in(order); ++i) free = !used_[at + i];
      if (free) return true;
    }
    return false;
  }

  FrameTable table_;
  FrameAllocator allocator_;
  std::vector<bool> used_;
  std::uint64_t used_count_ = 0;
  std::vector<Block> live_;
  Random random_;
  std::uint64_t steps_ = 0;
};

void play(std::uint64_t frames, std::uint64_t seed, unsigned highest_order, int steps) {
  SCOPED_TRACE(testing::Message() << frames << " frames, seed " << seed);
  Model model(frames, seed);
  for (int i = 0; i < steps; ++i) {
    model.step(highest_order);
    if (i % 512 == 0) model.compare();
    if (testing::Test::HasFatalFailure()) return;
  }
  model.free_everything_and_expect_maximal_blocks();
}

TEST(FrameAllocator, AgreesWithABitmapOnSmallMachines) {
  for (const std::uint64_t frames : {1U, 2U, 3U, 31U, 64U, 100U, 1000U, 1023U}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) play(frames, seed, 7, 4'000);
  }
}

TEST(FrameAllocator, AgreesWithABitmapWhenTheCacheOverflows) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    play(5'000, seed, 0, 60'000);
    play(5'000, seed, 3, 60'000);
  }
}

TEST(FrameAllocator, ServesTheLargestBlocks) {
  const std::uint64_t frames = 2 * frames_in(18) + frames_in(17) + 5;
  FrameTable table = table_of(frames);
  FrameAllocator allocator(table);
  const Pfn single = allocator.allocate(0);
  EXPECT_EQ(allocator.allocate(18), Pfn(frames_in(18)));
  EXPECT_EQ(allocator.allocate(18), kNoFrame);
  allocator.free(single, 0);
  EXPECT_EQ(allocator.allocate(18), Pfn(0));  // needs the cached frame joined again
  EXPECT_EQ(allocator.allocate(17), Pfn(2 * frames_in(18)));
  EXPECT_EQ(allocator.allocate(2), Pfn(2 * frames_in(18) + frames_in(17)));
  EXPECT_EQ(allocator.free_pages(), PageCount(1));
  allocator.verify();
}

TEST(FrameAllocator, HandsOutFreshFramesFromTheBottom) {
  FrameTable table = table_of(1 << 20);
  FrameAllocator allocator(table);
  for (std::uint64_t i = 0; i < 100'000; ++i) ASSERT_EQ(allocator.allocate(0), Pfn(i));
}

TEST(FrameAllocator, TakesSingleFramesFromTheSmallestBlockThatIsFree) {
  FrameTable table = table_of(64);
  FrameAllocator allocator(table);
  EXPECT_EQ(allocator.allocate(3), Pfn(0));  // leaves 8 at 8, 16 at 16, 32 at 32
  EXPECT_EQ(allocator.allocate(0), Pfn(8));
  EXPECT_EQ(allocator.free_blocks(4), 1U);
  EXPECT_EQ(allocator.free_blocks(5), 1U);
}

TEST(FrameAllocator, GivesTheWarmestFrameFirst) {
  FrameTable table = table_of(64);
  FrameAllocator allocator(table);
  const Pfn first = allocator.allocate(0);
  const Pfn second = allocator.allocate(0);
  allocator.free(second, 0);
  allocator.free(first, 0);
  EXPECT_EQ(allocator.allocate(0), first);
  EXPECT_EQ(allocator.allocate(0), second);
}

TEST(FrameAllocator, StartsAMachineOf64GiBInLessThanAMebibyte) {
  constexpr std::uint64_t kFrames = (64ULL << 30) / kPageSize;
  const std::uint64_t before = resident_bytes_of_this_process();
  auto memory = FrameMemory::create(PageCount(kFrames));
  ASSERT_TRUE(memory.has_value());
  FrameTable table = table_of(kFrames);
  FrameAllocator allocator(table);
  EXPECT_EQ(allocator.free_blocks(18), 64U);
  for (int i = 0; i < 100; ++i) allocator.allocate(0);
  EXPECT_EQ(allocator.free_pages().value, kFrames - 100);
  EXPECT_LT(resident_bytes_of_this_process() - before, 1U << 20);
}

TEST(FrameAllocatorDeathTest, RefusesASecondFreeAndFramesNeverHandedOut) {
  FrameTable table = table_of(64);
  FrameAllocator allocator(table);
  const Pfn pfn = allocator.allocate(0);
  const Pfn block = allocator.allocate(3);
  allocator.free(pfn, 0);
  allocator.free(block, 3);
  EXPECT_DEATH(allocator.free(pfn, 0), "freed twice");
  EXPECT_DEATH(allocator.free(block, 3), "freed twice");
  EXPECT_DEATH(allocator.free(Pfn(63), 0), "freed twice");
  EXPECT_DEATH(allocator.free(Pfn(64), 0), "");
  EXPECT_DEATH(allocator.free(Pfn(4), 3), "");
}

TEST(FrameTable, ReportsAMachineTooLargeForTheHost) {
  const auto table = FrameTable::create(PageCount(std::uint64_t{1} << 50));
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, Errno::NoMemory);
  const auto memory = FrameMemory::create(PageCount(~std::uint64_t{0}));
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().code, Errno::NoMemory);
}

TEST(FrameMemory, KeepsBytesUntilTheyAreDiscarded) {
  auto memory = FrameMemory::create(PageCount(1000));
  ASSERT_TRUE(memory.has_value());
  const auto value = [&](std::uint64_t pfn, std::size_t at) {
    return std::to_integer<int>(memory->page(Pfn(pfn))[at]);
  };
  EXPECT_EQ(value(999, kPageSize - 1), 0);
  for (const std::uint64_t pfn : {3U, 4U, 5U, 6U}) {
    std::memset(memory->at(Pfn(pfn)), static_cast<int>(pfn), kPageSize);
  }
  memory->copy(Pfn(10), Pfn(5));
  memory->zero(Pfn(3));
  memory->discard(Pfn(4), PageCount(2));
  EXPECT_EQ(value(3, 0), 0);
  EXPECT_EQ(value(4, 0), 0);
  EXPECT_EQ(value(5, kPageSize - 1), 0);
  EXPECT_EQ(value(6, 0), 6);
  EXPECT_EQ(value(10, 0), 5);
  EXPECT_EQ(value(10, kPageSize - 1), 5);
  EXPECT_EQ(value(11, 0), 0);
}

TEST(FrameMemory, GivesDiscardedPagesBackToTheHost) {
  auto memory = FrameMemory::create(PageCount(4096));
  ASSERT_TRUE(memory.has_value());
  std::memset(memory->base(), 1, 4096 * kPageSize);
  const std::uint64_t before = resident_bytes_of_this_process();
  memory->discard(Pfn(0), PageCount(4096));
  EXPECT_LT(resident_bytes_of_this_process(), before - 2048 * kPageSize);
}

}  // namespace
}  // namespace pw
