// SimMmu: whatever the CPUs have cached, none uses a translation older than the last invalidation;
// and what interrupts that takes.
#include "ports/sim/sim_mmu.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.hpp"
#include "unit/sim_tables.hpp"

namespace pw::sim {
namespace {

using test::kPageFlags;

constexpr SpaceId kSpaces = 8;
constexpr std::uint64_t kBase = 1ULL << 30;
constexpr std::uint64_t kPages = 100;

// Spaces of kPages pages whose mapping the test knows beside the tables.
struct World {
  explicit World(const CpuConfig& config, unsigned cpus)
      : tables(4, 64), mmu(cpus, config, tables.memory(), 1) {
    for (SpaceId space = 0; space < kSpaces; ++space) roots.push_back(tables.new_table());
  }
  void map(SpaceId space, std::uint64_t page, std::uint64_t flags) {
    truth[{space, page}] = {Pfn(next_frame), flags};
    tables.map(roots[space], Vpn(kBase + page), 1, Pfn(next_frame++), flags);
  }
  void unmap(SpaceId space, std::uint64_t page) {
    truth.erase({space, page});
    tables.entry(roots[space], Vpn(kBase + page), 1) = 0;
  }
  static VpnRange range(std::uint64_t page, std::uint64_t count) {
    return range_of(Vpn(kBase + page), PageCount(count));
  }

  struct Page {
    Pfn pfn;
    std::uint64_t flags;
  };
  test::SimTables tables;
  SimMmu mmu;
  std::vector<Pfn> roots;
  std::map<std::pair<SpaceId, std::uint64_t>, Page> truth;
  std::uint64_t next_frame = 1000;
};

struct SimMmuModel : ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Pcid, SimMmuModel, ::testing::Bool());

TEST_P(SimMmuModel, NoCpuUsesAStaleTranslation) {
  CpuConfig config;
  config.tlb.pcid = GetParam();
  World world(config, 3);
  Random random(42);
  for (unsigned cpu = 0; cpu < 3; ++cpu) world.mmu.cpu(cpu).load_space(cpu, world.roots[cpu]);
  const auto check_cached = [&](unsigned, SpaceId space, Vpn vpn, int level, Pfn pfn,
                                std::uint64_t rights, bool) {
    const auto page = world.truth.find({space, vpn.value - kBase});
    ASSERT_NE(page, world.truth.end());
    ASSERT_EQ(level, 1);
    ASSERT_EQ(pfn, page->second.pfn);
    ASSERT_EQ(rights & ~page->second.flags, 0U);
  };
  for (int step = 0; step < 60'000; ++step) {
    SimCpu& cpu = world.mmu.cpu(static_cast<unsigned>(random.below(3)));
    const std::uint64_t page = random.below(kPages);
    if (random.chance(30)) {
      const auto space = static_cast<SpaceId>(random.below(kSpaces));
      cpu.load_space(space, world.roots[space]);
    } else if (random.chance(6)) {
      const auto space = static_cast<SpaceId>(random.below(kSpaces));
      world.mmu.set_initiator(static_cast<unsigned>(random.below(3)));
      const std::uint64_t count = 1 + random.below(random.chance(20) ? 50 : 3);
      for (std::uint64_t i = page; i < page + count; ++i) {
        switch (random.below(3)) {
          case 0:
            world.unmap(space, i);
            break;
          case 1:
            world.map(space, i, kPageFlags);
            break;
          default:
            world.map(space, i, kPageFlags & ~x86::kWritable);
        }
      }
      if (random.chance(50)) {
        world.mmu.drop_space(space, FlushReason::Unmap);
      } else {
        world.mmu.invalidate(space, World::range(page, count), FlushReason::Unmap, false);
      }
      world.mmu.for_each_cached(check_cached);
    } else {
      const Access access = random.chance(2) ? Access::Write : Access::Read;
      Translation out;
      const auto truth = world.truth.find({cpu.space(), page});
      const bool allowed = truth != world.truth.end() &&
                           (access == Access::Read || (truth->second.flags & x86::kWritable) != 0);
      ASSERT_EQ(cpu.translate(address_of(Vpn(kBase + page)), access, Mode::User, out), allowed);
      ASSERT_TRUE(!allowed || out.pfn == truth->second.pfn);
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(world.mmu.shootdowns().ipis, 100U);
  EXPECT_EQ(world.mmu.shootdowns().lazy > 100, GetParam());
  EXPECT_GT(world.mmu.cpu(0).counters().l1_hits, 500U);
}

struct SimMmuCase : ::testing::Test {
  World world{CpuConfig{}, 4};
  SimMmu& mmu = world.mmu;
  Translation out;

  void load(unsigned cpu, SpaceId space) { mmu.cpu(cpu).load_space(space, world.roots[space]); }
  bool touch(unsigned cpu, std::uint64_t page) {
    return mmu.cpu(cpu).translate(address_of(Vpn(kBase + page)), Access::Read, Mode::User, out);
  }
  void invalidate(SpaceId space, std::uint64_t page, std::uint64_t count) {
    mmu.invalidate(space, World::range(page, count), FlushReason::Protect, false);
  }
};

TEST_F(SimMmuCase, OnlyOtherCpusWithTheSpaceActiveAreInterrupted) {
  load(0, 1);
  load(1, 1);
  load(2, 1);
  load(3, 2);
  invalidate(1, 0, 1);
  EXPECT_EQ(mmu.shootdowns().ipis, 2U);
  EXPECT_EQ(mmu.shootdowns().shootdowns, 1U);
  EXPECT_EQ(mmu.shootdowns().ipis_by_reason[static_cast<unsigned>(FlushReason::Protect)], 2U);
  EXPECT_EQ(mmu.cpu(0).counters().ipis_received, 0U);
  EXPECT_EQ(mmu.cpu(1).counters().ipis_received, 1U);
  mmu.set_initiator(3);
  invalidate(1, 0, 1);
  EXPECT_EQ(mmu.shootdowns().ipis, 5U);
  invalidate(2, 0, 1);
  EXPECT_EQ(mmu.shootdowns().ipis, 5U);
}

TEST_F(SimMmuCase, AnInactiveSpaceIsFlushedWhenItComesBack) {
  world.map(1, 0, kPageFlags);
  load(1, 1);
  ASSERT_TRUE(touch(1, 0));
  load(1, 2);
  invalidate(1, 0, 1);
  invalidate(1, 0, 1);
  EXPECT_EQ(mmu.shootdowns().ipis, 0U);
  EXPECT_EQ(mmu.shootdowns().lazy, 1U);
  mmu.for_each_cached([](auto...) { FAIL() << "a stale translation counts as usable"; });
  const auto flushes = mmu.cpu(1).counters().flushes_full;
  load(1, 1);
  EXPECT_EQ(mmu.cpu(1).counters().flushes_full, flushes + 1);
  ASSERT_TRUE(touch(1, 0));
  EXPECT_EQ(mmu.cpu(1).counters().walks, 2U);
}

TEST_F(SimMmuCase, RangesAboveTheCeilingFlushTheWholeSpace) {
  load(0, 1);
  invalidate(1, 0, SimMmu::kFlushCeiling.value);
  EXPECT_EQ(mmu.cpu(0).counters().flushes_page, 33U);
  EXPECT_EQ(mmu.cpu(0).counters().flushes_full, 0U);
  invalidate(1, 0, SimMmu::kFlushCeiling.value + 1);
  EXPECT_EQ(mmu.cpu(0).counters().flushes_page, 33U);
  EXPECT_EQ(mmu.cpu(0).counters().flushes_full, 1U);
}

TEST_F(SimMmuCase, ABatchInterruptsEachCpuOnceButDropsAtOnce) {
  for (std::uint64_t page = 0; page < 3; ++page) world.map(1, page, kPageFlags);
  load(1, 1);
  load(2, 1);
  ASSERT_TRUE(touch(1, 0) && touch(1, 1) && touch(1, 2));
  mmu.begin_batch();
  for (std::uint64_t page = 0; page < 3; ++page) {
    world.unmap(1, page);
    invalidate(1, page, 1);
    EXPECT_FALSE(touch(1, page));
  }
  mmu.end_batch();
  EXPECT_EQ(mmu.shootdowns().ipis, 2U);
  mmu.begin_batch();
  invalidate(1, 0, 1);
  mmu.end_batch();
  EXPECT_EQ(mmu.shootdowns().ipis, 4U);
  invalidate(1, 0, 1);
  invalidate(1, 0, 1);
  EXPECT_EQ(mmu.shootdowns().ipis, 8U);
}

TEST_F(SimMmuCase, GlobalPagesGoOnEveryCpuAtOnceAndSurviveSwitches) {
  world.map(1, 0, kPageFlags | x86::kGlobal);
  load(1, 1);
  ASSERT_TRUE(touch(1, 0));
  load(1, 2);  // has no such page, yet a global translation serves all spaces
  EXPECT_TRUE(touch(1, 0));
  EXPECT_EQ(mmu.cpu(1).counters().walks, 1U);
  world.unmap(1, 0);
  mmu.drop_space(1, FlushReason::Unmap);
  EXPECT_EQ(mmu.shootdowns().ipis, 1U);
  EXPECT_FALSE(touch(1, 0));
}

TEST_F(SimMmuCase, FreedTablesLeaveTheWalkCaches) {
  world.map(1, 0, kPageFlags);
  load(0, 1);
  ASSERT_TRUE(touch(0, 0));
  unsigned upper = 0;
  mmu.for_each_cached_table([&](unsigned, SpaceId space, Vpn vpn, int level, Pfn table, auto) {
    EXPECT_EQ(space, 1U);
    EXPECT_EQ(vpn.value, kBase & ~(x86::pages_at(level).value - 1));
    EXPECT_EQ(table, x86::Pte{world.tables.entry(world.roots[1], Vpn(kBase), level)}.pfn());
    ++upper;
  });
  EXPECT_EQ(upper, 3U);
  world.tables.entry(world.roots[1], Vpn(kBase), 2) = 0;
  mmu.invalidate(1, World::range(0, 1), FlushReason::Unmap, true);
  EXPECT_FALSE(touch(0, 0));
  mmu.for_each_cached_table([](auto...) { FAIL(); });
}

}  // namespace
}  // namespace pw::sim
