// A group at its limit with the multi-generational LRU: what it keeps and what it lets go, on
// patterns whose outcome is known; and that what it counts adds up.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "machine/machine.hpp"
#include "reclaim/mglru/mglru_reclaim.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kPages = 16'384, kLimit = 8'192;

class AgeingGroup : public ::testing::Test {
 protected:
  void start(Ageing ageing = Ageing::Generations, std::uint64_t limit = kLimit,
             const DeviceModel& swap_device = kZram, std::uint64_t swap_pages = 1 << 18) {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.ram = ByteCount(1ULL << 30);
    config.swap = ByteCount(swap_pages * kPageSize);
    config.swap_device = swap_device;
    config.linux_options.ageing = ageing;
    config.linux_options.limit_pages = limit;
    config.linux_options.stat_flush_ns = 1'000'000;
    machine_ = std::move(*Machine::create(config));
    pid_ = *machine_->spawn();
    begin_ = map(kPages);
  }
  VirtAddr map(std::uint64_t pages) {
    MmapRequest request;
    request.length = ByteCount(pages * kPageSize);
    request.rights = {true, true, false};
    return *machine_->mmap(pid_, request);
  }
  bool touch(std::uint64_t page, Access access) {
    return machine_->touch(pid_, begin_ + ByteCount(page * kPageSize), access).ok();
  }
  // References leave their traces only where the TLB does not know the page.
  void forget_translations() {
    machine_->mmu().drop_space(machine_->find(pid_)->space->id(), FlushReason::Unmap);
  }
  // Pages drawn with a probability that falls with their rank, as Zipf's law has it.
  void zipf(std::uint64_t touches, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<double> sums(kPages);
    double sum = 0;
    for (std::uint64_t rank = 0; rank < kPages; ++rank) {
      sums[rank] = sum += 1 / std::pow(static_cast<double>(rank + 1), 0.9);
    }
    for (std::uint64_t i = 0; i < touches; ++i) {
      const double at = static_cast<double>(random() >> 11) * 0x1p-53 * sum;
      const auto rank = static_cast<std::uint64_t>(std::upper_bound(sums.begin(), sums.end(), at) -
                                                   sums.begin());
      // Ranks are strewn over the pages.
      ASSERT_TRUE(touch(rank * 7919 % kPages, Access::Write));
    }
  }
  const MachineCounters& counters() { return machine_->counters(); }
  const MglruReclaim& reclaim() { return dynamic_cast<const MglruReclaim&>(machine_->reclaimer()); }

  std::unique_ptr<Machine> machine_;
  Pid pid_ = 0;
  VirtAddr begin_;
};

TEST_F(AgeingGroup, WithoutPressureNothingAges) {
  start(Ageing::Generations, 2 * kPages);
  for (std::uint64_t page = 0; page < kPages; ++page) ASSERT_TRUE(touch(page, Access::Write));
  EXPECT_EQ(counters().faults.major, 0U);
  EXPECT_EQ(reclaim().walked().walks, 0U);
  EXPECT_EQ(reclaim().generations().max_seq(), 3U);
  EXPECT_TRUE(machine_->verify());
}

// The first round finds nothing old. The next two age instead of evicting: generations 0 and 1 are
// empty, so that 2 to 4 are left after the first walk, and three are too few. The program has not
// run in between, so that the second has nobody to visit.
TEST_F(AgeingGroup, TheFirstReclaimAgesTwiceBeforeItEvicts) {
  start();
  std::uint64_t page = 0;
  while (counters().reclaim.pgsteal_direct == 0) ASSERT_TRUE(touch(page++, Access::Write));
  EXPECT_EQ(reclaim().walked().walks, 2U);
  EXPECT_EQ(reclaim().walked().spaces, 1U);
  EXPECT_EQ(reclaim().generations().max_seq(), 5U);
  EXPECT_EQ(reclaim().generations().min_seq(false), 2U);
  EXPECT_EQ(reclaim().walked().promoted, 0U);
  EXPECT_GE(counters().reclaim.pgsteal_anon, 32U);
  for (std::uint64_t gone = 0; gone < 32; ++gone) {  // the first come go first
    const Vpn vpn = page_of(begin_ + ByteCount(gone * kPageSize));
    const x86::Pte* entry = machine_->find(pid_)->space->tables().find(vpn);
    EXPECT_TRUE(entry == nullptr || !entry->present()) << gone;
  }
}

TEST_F(AgeingGroup, CountsAddUp) {
  start();
  zipf(200'000, 1);
  const ReclaimCounters& reclaimed = counters().reclaim;
  EXPECT_GT(counters().faults.major, 1000U);
  EXPECT_EQ(counters().faults.major, reclaimed.pswpin);
  EXPECT_EQ(reclaimed.refault_anon, reclaimed.pswpin);
  EXPECT_EQ(reclaimed.pswpout, reclaimed.pgsteal_anon);
  EXPECT_EQ(reclaimed.pgsteal_direct, reclaimed.pgsteal_anon + reclaimed.pgsteal_file);
  EXPECT_GE(reclaimed.pgscan_direct, reclaimed.pgsteal_direct);
  // Refaults of pages evicted lately are the only ones that begin as active.
  EXPECT_LE(reclaimed.activate_anon, reclaimed.refault_anon);
  EXPECT_GT(reclaim().walked().walks, 4U);
  // A walk is a generation; the first three were there.
  EXPECT_EQ(reclaim().generations().max_seq(), 3 + reclaim().walked().walks);
  EXPECT_GE(reclaim().walked().leaves, reclaim().walked().young);
  EXPECT_GE(reclaim().walked().young, reclaim().walked().promoted);
  EXPECT_GE(reclaim().walked().found, reclaim().walked().added);
  EXPECT_LE(reclaim().group().peak(), kLimit);
  EXPECT_LE(reclaim().used(), kLimit);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(AgeingGroup, TheSameReferencesGiveTheSameRun) {
  MachineCounters runs[2];
  PageTableWalk::Counts walks[2];
  for (int run = 0; run < 2; ++run) {
    start();
    zipf(20'000, 3);
    runs[run] = counters();
    walks[run] = reclaim().walked();
  }
  EXPECT_EQ(runs[0].faults.major, runs[1].faults.major);
  EXPECT_EQ(runs[0].reclaim.pgscan_direct, runs[1].reclaim.pgscan_direct);
  EXPECT_EQ(runs[0].reclaim.pswpout, runs[1].reclaim.pswpout);
  EXPECT_EQ(walks[0].leaves, walks[1].leaves);
  EXPECT_EQ(walks[0].promoted, walks[1].promoted);
}

// What the generations are for: pages in steady use stay while others pass through once. The first
// walk only marks them, so some go before they are known.
TEST_F(AgeingGroup, PagesInUseSurviveAScan) {
  start();
  constexpr std::uint64_t kHot = 2048, kOthers = 100'000;
  const VirtAddr others = map(kOthers);
  std::mt19937_64 random(2);
  std::uint64_t learnt = 0;
  for (std::uint64_t page = 0; page < kHot; ++page) ASSERT_TRUE(touch(page, Access::Write));
  for (std::uint64_t passed = 0; passed < kOthers; ++passed) {
    if (passed == 4 * kLimit) learnt = counters().faults.major;
    if (passed % 64 == 0) forget_translations();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(touch(random() % kHot, Access::Read));
    const VirtAddr at = others + ByteCount(passed * kPageSize);
    ASSERT_TRUE(machine_->touch(pid_, at, Access::Write).ok());
  }
  EXPECT_GT(counters().reclaim.pswpout, kOthers - kLimit);
  EXPECT_GT(learnt, 0U);
  EXPECT_LT(learnt, kHot);
  EXPECT_LE(counters().faults.major, learnt + 8);
  EXPECT_TRUE(machine_->verify());
}

// A loop over more than there is room for: lists lose every page each time round, and so do
// generations once they have told all pages apart by nothing but their age.
TEST_F(AgeingGroup, ALoopThatDoesNotFitMissesNearlyEveryTime) {
  start();
  constexpr std::uint64_t kRounds = 6;
  for (std::uint64_t i = 0; i < kRounds; ++i) {
    for (std::uint64_t page = 0; page < kPages; ++page) ASSERT_TRUE(touch(page, Access::Write));
  }
  const std::uint64_t most = (kRounds - 1) * kPages;
  EXPECT_LE(counters().faults.major, most);
  EXPECT_GT(counters().faults.major, most / 2);  // OPT: half
  EXPECT_TRUE(machine_->verify());
}

TEST_F(AgeingGroup, SkewedReferencesMissNoMoreThanAFewPercentAboveLists) {
  std::uint64_t majors[2];
  for (const Ageing ageing : {Ageing::Lists, Ageing::Generations}) {
    start(ageing);
    zipf(200'000, 5);
    majors[ageing == Ageing::Generations ? 1 : 0] = counters().faults.major;
  }
  EXPECT_LT(static_cast<double>(majors[1]), 1.1 * static_cast<double>(majors[0]));
  EXPECT_GT(majors[1], 10'000U);
}

TEST_F(AgeingGroup, WithoutSwapTheProgramIsKilledAtTheLimit) {
  start(Ageing::Generations, kLimit, kZram, 1);
  std::uint64_t page = 0;
  while (page < kPages && touch(page, Access::Write)) ++page;
  EXPECT_LT(page, kLimit);
  EXPECT_GT(page, kLimit - 100);
  EXPECT_EQ(counters().reclaim.oom_kills, 1U);
  EXPECT_EQ(machine_->find(pid_)->cause, ExitCause::OutOfMemory);
  EXPECT_TRUE(machine_->verify());
}

TEST_F(AgeingGroup, ADiskIsWrittenAndReadAhead) {
  start(Ageing::Generations, kLimit, kSsd);
  for (int i = 0; i < 3; ++i) {
    for (std::uint64_t page = 0; page < kPages; ++page) {
      ASSERT_TRUE(touch(page, Access::Write));
      if (page % 64 == 0) machine_->compute(1'000'000);
    }
  }
  EXPECT_GT(counters().reclaim.pswpout, kPages);
  EXPECT_GT(counters().reclaim.prefetch_used, counters().faults.major * 4);  // windows of eight
  EXPECT_TRUE(machine_->verify());
}

}  // namespace
}  // namespace pw
