// A machine that follows one page in several beside one that follows all.
#include "space/page_sample.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "machine/machine.hpp"
#include "reclaim/linux/linux_reclaim.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kRun = 1U << PageSample::kRunShift;

TEST(PageSampleTest, OfNeighbouringRunsOneIsFollowedAndNotAlwaysTheSame) {
  for (const std::uint32_t one_in : {2U, 4U, 8U}) {
    const PageSample sample(one_in);
    std::vector<std::uint64_t> chosen(one_in);
    for (std::uint64_t group = 0; group < 4096; ++group) {
      std::uint64_t found = 0;
      for (std::uint64_t run = 0; run < one_in; ++run) {
        const std::uint64_t first = (group * one_in + run) * kRun;
        const bool in = sample.follows(first);
        for (std::uint64_t page = 1; page < kRun; ++page) {
          ASSERT_EQ(sample.follows(first + page), in);
        }
        found += in ? 1 : 0;
        chosen[run] += in ? 1 : 0;
      }
      ASSERT_EQ(found, 1U) << group;
    }
    for (const std::uint64_t times : chosen) {
      EXPECT_NEAR(static_cast<double>(times), 4096.0 / one_in, 0.2 * 4096.0 / one_in);
    }
  }
}

TEST(PageSampleTest, ThinsPrivateAnonymousMemoryAlone) {
  const PageSample sample(4);
  Vma area;
  area.range_ = {Vpn(0), Vpn(4 * kRun)};
  EXPECT_TRUE(sample.thins(area));
  EXPECT_FALSE(PageSample().thins(area));
  std::uint64_t pages = 0;
  for (Vpn vpn(0); vpn < area.range_.end; vpn = vpn + PageCount(1)) {
    if (sample.follows(area.backing_at(vpn).value)) pages += sample.pages(area, vpn);
  }
  EXPECT_EQ(pages, 4 * kRun);
  const auto machine = std::move(*Machine::create(MachineConfig{}));
  Vma other = area;
  other.backing = &machine->object(machine->open_file("f", ByteCount(kPageSize)));
  EXPECT_FALSE(sample.thins(other));
  other = area;
  other.shared = true;
  EXPECT_FALSE(sample.thins(other));
  other = area;
  other.grows_down = true;
  EXPECT_FALSE(sample.thins(other));
  EXPECT_EQ(sample.pages(other, Vpn(0)), 1U);
}

class SampledMachine {
 public:
  SampledMachine(std::uint32_t one_in, std::uint64_t limit, std::uint64_t pages,
                 const DeviceModel& swap_device = kZram, bool verify = true)
      : pages_(pages) {
    MachineConfig config;
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.ram = ByteCount(1ULL << 30);
    config.swap = ByteCount(1ULL << 30);
    config.swap_device = swap_device;
    config.costs.minor_ns = 1'000;
    config.linux_options.limit_pages = limit;
    config.linux_options.stat_flush_ns = 1'000'000;
    config.linux_options.sample_one_in = one_in;
    config.verify_each_operation = verify;
    machine_ = std::move(*Machine::create(config));
    pid_ = *machine_->spawn();
    MmapRequest request;
    request.length = bytes_of(PageCount(pages));
    request.rights = {true, true, false};
    begin_ = *machine_->mmap(pid_, request);
  }
  Machine& machine() { return *machine_; }
  Pid pid() const { return pid_; }
  VirtAddr begin() const { return begin_; }
  const MachineCounters& counters() { return machine_->counters(); }
  const LinuxReclaim& reclaim() { return dynamic_cast<LinuxReclaim&>(machine_->reclaimer()); }
  VirtAddr at(std::uint64_t page) const { return begin_ + bytes_of(PageCount(page)); }

  bool follows(std::uint64_t page) {
    const Vma* area = machine_->find(pid_)->space->find(page_of(at(page)));
    const PageSample& sample = machine_->core().sample;
    return !sample.thins(*area) || sample.follows(area->backing_at(page_of(at(page))).value);
  }
  std::uint64_t first_followed() {
    std::uint64_t page = 0;
    while (!follows(page)) ++page;
    return page;
  }
  // Each page that is followed, in order.
  void pass(Pid pid, Access access) {
    for (std::uint64_t page = 0; page < pages_; ++page) {
      if (!follows(page)) continue;
      ASSERT_TRUE(machine_->touch(pid, at(page), access).ok());
    }
  }

 private:
  std::uint64_t pages_;
  std::unique_ptr<Machine> machine_;
  Pid pid_ = 0;
  VirtAddr begin_;
};

TEST(SampledMachineTest, APageIsChargedCountedAndTimedForThoseItStandsFor) {
  for (const std::uint32_t one_in : {1U, 4U}) {
    SampledMachine sampled(one_in, 0, 16 * kRun);
    Machine& machine = sampled.machine();
    const std::uint64_t page = sampled.first_followed();
    ASSERT_TRUE(machine.touch(sampled.pid(), sampled.at(page), Access::Write).ok());  // its table
    const std::uint64_t used = sampled.reclaim().used();
    const FaultCounters before = sampled.counters().faults;
    const std::uint64_t ns = machine.clock().now_ns();
    ASSERT_TRUE(machine.touch(sampled.pid(), sampled.at(page + 1), Access::Write).ok());
    EXPECT_EQ(sampled.reclaim().used() - used, one_in);
    EXPECT_EQ(sampled.counters().faults.minor - before.minor, one_in);
    EXPECT_EQ(machine.find(sampled.pid())->space->counters().resident_pages, 2 * one_in);
    EXPECT_GE(machine.clock().now_ns() - ns, one_in * 1'000);
    EXPECT_LT(machine.clock().now_ns() - ns, one_in * 1'000 + 500);
    const std::uint64_t all = sampled.reclaim().used();
    ASSERT_TRUE(machine.munmap(sampled.pid(), sampled.begin(), bytes_of(PageCount(16 * kRun))));
    EXPECT_EQ(all - sampled.reclaim().used(), 2 * one_in + 3);  // and three tables
    EXPECT_TRUE(machine.verify());
  }
}

// What a page in use is protected from, and one that is not, goes by the limit alone.
TEST(SampledMachineTest, ReclaimDoesWhatItDoesToAllPages) {
  constexpr std::uint64_t kPages = 8192, kLimit = 4096, kHot = 2048;
  struct Figures {
    std::uint64_t major, in, out, scanned, refaults, peak;
  };
  std::vector<Figures> figures;
  for (const std::uint32_t one_in : {1U, 2U, 4U, 8U}) {
    SampledMachine sampled(one_in, kLimit, kPages, kZram, false);
    Random random(7);
    sampled.pass(sampled.pid(), Access::Write);
    for (int i = 0; i < 60'000; ++i) {
      const bool hot = random.below(4) != 0;
      const std::uint64_t page = hot ? random.below(kHot) : random.below(kPages);
      const Access access = random.below(3) == 0 ? Access::Write : Access::Read;
      if (!sampled.follows(page)) continue;
      ASSERT_TRUE(sampled.machine().touch(sampled.pid(), sampled.at(page), access).ok());
    }
    const MachineCounters& counters = sampled.counters();
    figures.push_back({counters.faults.major, counters.reclaim.pswpin, counters.reclaim.pswpout,
                       counters.reclaim.pgscan_direct, counters.reclaim.refault_anon,
                       sampled.reclaim().group().peak()});
    EXPECT_EQ(counters.faults.minor, kPages);
    EXPECT_LE(sampled.reclaim().used(), kLimit);
    EXPECT_TRUE(sampled.machine().verify());
  }
  const auto near = [&](std::uint64_t Figures::*member, double part, const char* name) {
    const auto exact = static_cast<double>(figures[0].*member);
    EXPECT_GT(exact, 1'000) << name;
    for (std::size_t i = 1; i < figures.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(figures[i].*member), exact, part * exact) << name << " " << i;
    }
  };
  near(&Figures::major, 0.05, "major");
  near(&Figures::in, 0.05, "in");
  near(&Figures::out, 0.05, "out");
  near(&Figures::scanned, 0.05, "scanned");
  near(&Figures::refaults, 0.05, "refaults");
  near(&Figures::peak, 0.01, "peak");
}

TEST(SampledMachineTest, WhatIsReadAheadFindsItsNeighbours) {
  constexpr std::uint64_t kPages = 8192, kLimit = 4096;
  std::vector<double> majors;
  for (const std::uint32_t one_in : {1U, 4U, 8U}) {
    SampledMachine sampled(one_in, kLimit, kPages, kSsd, false);
    sampled.pass(sampled.pid(), Access::Write);
    sampled.machine().compute(1'000'000'000);
    sampled.pass(sampled.pid(), Access::Read);
    majors.push_back(static_cast<double>(sampled.counters().faults.major));
    EXPECT_NEAR(static_cast<double>(sampled.counters().reclaim.pswpin), kPages, 0.02 * kPages);
  }
  EXPECT_LT(majors[0], kPages / 4.0);
  EXPECT_NEAR(majors[1], majors[0], 0.03 * majors[0]);
  EXPECT_NEAR(majors[2], majors[0], 0.03 * majors[0]);
}

TEST(SampledMachineTest, IsRefusedWhereItCannotBe) {
  MachineConfig config;
  config.linux_options.sample_one_in = 4;
  EXPECT_FALSE(Machine::create(config));  // of policies
  config.model = MemoryModel::Linux;
  EXPECT_TRUE(Machine::create(config));
  for (const std::uint32_t bad : {0U, 3U, 16U}) {
    config.linux_options.sample_one_in = bad;
    EXPECT_FALSE(Machine::create(config)) << bad;
  }
  config.linux_options.sample_one_in = 4;
  config.linux_options.huge_pages = HugePages::Madvise;
  EXPECT_FALSE(Machine::create(config));
}

TEST(SampledMachineTest, WhatIsPopulatedCountsOnce) {
  SampledMachine sampled(4, 0, 16 * kRun);
  Machine& machine = sampled.machine();
  const std::uint64_t used = sampled.reclaim().used();
  MmapRequest request;
  request.length = bytes_of(PageCount(16 * kRun));
  request.rights = {true, true, false};
  request.populate = true;
  const auto at = machine.mmap(sampled.pid(), request);
  ASSERT_TRUE(at);
  EXPECT_EQ(sampled.counters().faults.minor, 16 * kRun);
  EXPECT_NEAR(static_cast<double>(sampled.reclaim().used() - used), 16.0 * kRun, 8);  // tables
  ASSERT_TRUE(machine.mlock(sampled.pid(), sampled.begin(), bytes_of(PageCount(16 * kRun)), false));
  EXPECT_EQ(sampled.counters().faults.minor, 32 * kRun);
}

TEST(SampledMachineTest, AForkSharesAndCopiesForAllOfThem) {
  SampledMachine sampled(4, 0, 16 * kRun);
  Machine& machine = sampled.machine();
  sampled.pass(sampled.pid(), Access::Write);
  const std::uint64_t used = sampled.reclaim().used();
  const Pid child = *machine.fork(sampled.pid());
  EXPECT_EQ(machine.find(child)->space->counters().resident_pages, 16 * kRun);
  const std::uint64_t shared = sampled.reclaim().used();
  EXPECT_LT(shared - used, 16U);  // tables
  ASSERT_TRUE(machine.touch(child, sampled.at(sampled.first_followed()), Access::Write).ok());
  EXPECT_EQ(sampled.reclaim().used() - shared, 4U);
  ASSERT_TRUE(machine.exit(child, 0));
  EXPECT_EQ(sampled.reclaim().used(), used);
  EXPECT_TRUE(machine.verify());
}

TEST(SampledMachineTest, PagesThatMoveAreFollowedWhereTheyGo) {
  constexpr std::uint64_t kPages = 16 * kRun;
  SampledMachine sampled(4, 0, kPages);
  Machine& machine = sampled.machine();
  sampled.pass(sampled.pid(), Access::Write);
  std::vector<std::uint64_t> followed;
  for (std::uint64_t page = 0; page < kPages; ++page) {
    if (sampled.follows(page)) followed.push_back(page);
  }
  ASSERT_EQ(followed.size(), kPages / 4);
  MremapRequest request;
  request.address = sampled.begin();
  request.old_length = bytes_of(PageCount(kPages));
  request.new_length = bytes_of(PageCount(kPages));
  request.may_move = request.fixed = true;
  request.new_address = VirtAddr(0x10'0000'1000);  // not on the border of a run
  const auto moved = machine.mremap(sampled.pid(), request);
  ASSERT_TRUE(moved);
  const PageSample& sample = machine.core().sample;
  const std::uint64_t faults = sampled.counters().faults.minor;
  for (const std::uint64_t page : followed) {
    const VirtAddr at = *moved + bytes_of(PageCount(page));
    const Vma* area = machine.find(sampled.pid())->space->find(page_of(at));
    EXPECT_TRUE(sample.follows(area->backing_at(page_of(at)).value));
    ASSERT_TRUE(machine.touch(sampled.pid(), at, Access::Write).ok());
  }
  EXPECT_EQ(sampled.counters().faults.minor, faults);
}

}  // namespace
}  // namespace pw
