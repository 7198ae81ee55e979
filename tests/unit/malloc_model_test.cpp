// The malloc model: small blocks come from the break, large ones from mmap, memory goes back, leaks
// show.
#include "proc/malloc_model.hpp"

#include <gtest/gtest.h>

#include "machine/program_memory.hpp"
#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

class MallocModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MachineConfig config = exact_config(64_MiB);
    config.verify_each_operation = false;
    machine = make_machine(config);
    pid = *machine->spawn();
    memory = std::make_unique<MachineMemory>(*machine, pid);
    heap = std::make_unique<MallocModel>(*memory);
  }
  std::uint64_t mapped(const std::string& label) {
    return machine->area_counters()[machine->label(label)].mapped_pages * kPageSize;
  }
  VirtAddr take(std::uint64_t bytes, SiteId site = 0) {
    const auto block = heap->malloc(ByteCount(bytes), site);
    EXPECT_TRUE(block);
    heap->verify();
    return *block;
  }
  void give(VirtAddr block) {
    EXPECT_TRUE(heap->free(block));
    heap->verify();
  }

  std::unique_ptr<Machine> machine;
  Pid pid = 0;
  std::unique_ptr<MachineMemory> memory;
  std::unique_ptr<MallocModel> heap;
};

TEST_F(MallocModelTest, SmallBlocksComeFromTheBreakAndLargeOnesFromMmap) {
  const VirtAddr small = take(100);
  EXPECT_TRUE(heap->in_heap(small));
  EXPECT_EQ(mapped("mmap"), 0U);
  EXPECT_EQ(mapped("[heap]"), 33 * kPageSize);  // 128 KiB of padding and the page begun
  const VirtAddr large = take(160 << 10);       // more than the padding has left
  EXPECT_FALSE(heap->in_heap(large));
  EXPECT_EQ(mapped("mmap"), 41 * kPageSize);
  EXPECT_EQ(large.value % kPageSize, 16U);
  EXPECT_EQ(heap->counters().mmap_calls, 1U);
  EXPECT_EQ(heap->counters().brk_calls, 1U);
  EXPECT_EQ(small.value % 16, 0U);
}

TEST_F(MallocModelTest, BlocksDoNotOverlapAndFreeOnesAreUsedAgain) {
  const VirtAddr a = take(1000), b = take(1000), c = take(1000);
  EXPECT_GE(b.value, a.value + 1000);
  EXPECT_GE(c.value, b.value + 1000);
  give(b);
  EXPECT_EQ(take(1000), b);
  give(a);
  give(b);
  EXPECT_EQ(take(2000), a) << "two free neighbours were not joined";
}

TEST_F(MallocModelTest, TheSmallestBlockThatFitsIsTaken) {
  const VirtAddr large = take(4000), wall = take(16), small = take(500), end = take(16);
  give(large);
  give(small);
  EXPECT_EQ(take(480), small);
  give(wall);
  give(end);
}

TEST_F(MallocModelTest, FreeingTheEndShrinksTheBreak) {
  const VirtAddr before = *machine->brk(pid, VirtAddr(0));
  std::vector<VirtAddr> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(take(100'000));
  EXPECT_GE(mapped("[heap]"), 10'000'000U);
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i) give(blocks[i]);
  EXPECT_GE(mapped("[heap]"), 10'000'000U) << "a block at the end holds everything below it";
  give(blocks.back());
  EXPECT_LE(mapped("[heap]"), 140'000U);  // the padding stays
  EXPECT_LE(machine->find(pid)->space->brk().value - before.value, 140'000U);
  EXPECT_EQ(heap->counters().live_blocks, 0U);
  EXPECT_LE(user_frames(*machine), 33U);
}

TEST_F(MallocModelTest, FreeingALargeBlockRaisesTheThreshold) {
  const VirtAddr block = take(1 << 20);
  EXPECT_FALSE(heap->in_heap(block));
  give(block);
  EXPECT_EQ(mapped("mmap"), 0U);
  EXPECT_EQ(heap->options().mmap_threshold.value, (1U << 20) + kPageSize);
  EXPECT_EQ(heap->options().trim_threshold.value, 2 * ((1U << 20) + kPageSize));
  EXPECT_TRUE(heap->in_heap(take(1 << 20)));
  const VirtAddr huge = take(40 << 20);
  give(huge);
  EXPECT_EQ(heap->options().mmap_threshold.value, (1U << 20) + kPageSize) << "beyond the maximum";
}

TEST_F(MallocModelTest, AFixedThresholdStaysWhereItIs) {
  MallocOptions options;
  options.dynamic_threshold = false;
  heap = std::make_unique<MallocModel>(*memory, options);
  give(take(1 << 20));
  EXPECT_FALSE(heap->in_heap(take(1 << 20)));
}

TEST_F(MallocModelTest, ReallocGrowsInPlaceWhereThereIsRoom) {
  const VirtAddr a = take(1000);
  const VirtAddr grown = *heap->realloc(a, ByteCount(5000));
  EXPECT_EQ(grown, a);
  heap->verify();
  const VirtAddr b = take(1000);
  const VirtAddr moved = *heap->realloc(a, ByteCount(9000));
  EXPECT_NE(moved, a);
  heap->verify();
  EXPECT_EQ(*heap->realloc(moved, ByteCount(100)), moved);
  heap->verify();
  EXPECT_EQ(heap->counters().live_bytes, 1100U);
  give(b);
  give(moved);
}

TEST_F(MallocModelTest, WrongPointersAreRefused) {
  const VirtAddr block = take(100);
  EXPECT_EQ(heap->free(block + ByteCount(16)).error().code, Errno::Invalid);
  give(block);
  EXPECT_EQ(heap->free(block).error().code, Errno::Invalid);
  EXPECT_TRUE(heap->free(VirtAddr(0)));
  EXPECT_EQ(heap->malloc(ByteCount(~std::uint64_t{0})).error().code, Errno::NoMemory);
}

TEST_F(MallocModelTest, WhenTheBreakIsBlockedBlocksComeFromMmap) {
  take(100);
  MmapRequest wall;
  wall.address = VirtAddr((machine->find(pid)->space->brk().value + kPageSize - 1) &
                          ~(kPageSize - 1));
  wall.length = 4_KiB;
  wall.fixed_noreplace = true;
  ASSERT_TRUE(machine->mmap(pid, wall));
  std::uint64_t from_mmap = 0;
  for (int i = 0; i < 20; ++i) from_mmap += heap->in_heap(take(20'000)) ? 0 : 1;
  EXPECT_GE(from_mmap, 13U);
}

TEST_F(MallocModelTest, TheReportNamesTheSiteAndTheAreaThatGrow) {
  const SiteId cache = heap->site("cache_insert"), image = heap->site("load_image"),
               steady = heap->site("handle_request");
  for (int round = 0; round < 3; ++round) {
    if (round == 1) heap->mark();
    take(300, cache);
    if (round == 2) take(200 << 10, image);
    give(take(5000, steady));
  }
  const std::vector<SiteGrowth> grown = heap->grown();
  ASSERT_EQ(grown.size(), 2U);
  EXPECT_EQ(grown[0].site, "load_image");
  EXPECT_EQ(grown[0].area, "mmap");
  EXPECT_EQ(grown[0].bytes, 200 << 10);
  EXPECT_EQ(grown[1].site, "cache_insert");
  EXPECT_EQ(grown[1].area, "[heap]");
  EXPECT_EQ(grown[1].blocks, 2);
  EXPECT_EQ(grown[1].bytes, 600);
}

TEST_F(MallocModelTest, RandomProgramsKeepTheHeapWhole) {
  Random random(3);
  std::map<std::uint64_t, std::uint64_t> live;  // block -> bytes
  for (int i = 0; i < 20'000; ++i) {
    const bool take_one = live.size() < 20 || (live.size() < 300 && random.chance(2));
    if (take_one) {
      const std::uint64_t bytes = random.chance(50) ? random.below(1 << 20) : random.below(3000);
      const auto block = heap->malloc(ByteCount(bytes));
      ASSERT_TRUE(block);
      const auto next = live.lower_bound(block->value);
      if (next != live.end()) {
        ASSERT_LE(block->value + bytes, next->first);
      }
      if (next != live.begin()) {
        ASSERT_LE(std::prev(next)->first + std::prev(next)->second, block->value);
      }
      live[block->value] = bytes;
    } else {
      auto it = live.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(random.below(live.size())));
      ASSERT_TRUE(heap->free(VirtAddr(it->first)));
      live.erase(it);
    }
    if (i % 100 == 0) heap->verify();
  }
  for (const auto& [block, bytes] : live) ASSERT_TRUE(heap->free(VirtAddr(block)));
  heap->verify();
  EXPECT_EQ(heap->counters().live_bytes, 0U);
  EXPECT_EQ(mapped("mmap"), 0U);
}

}  // namespace
}  // namespace pw
