// Worked examples of faults and reclaim: rows PF1 to PF3, RP2 and RP5, with exact counts.
#include <gtest/gtest.h>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

FileId cold_file(Machine& machine, ByteCount size) {
  return machine.open_file("data", std::make_unique<sim::MemoryStore>(size));
}

class Recorder final : public FaultWatcher {
 public:
  void step(FaultStep step, const FaultRequest&, std::uint64_t) override { steps.push_back(step); }
  std::vector<FaultStep> steps;
};

// A read of a file page on disk: validity check, a frame, page-in; when the device is done the
// request is handed in again, the table is updated, the access restarted.
TEST(FaultGolden, AMajorFaultTakesItsStepsInOrder) {
  const auto machine = make_machine(exact_config(1_MiB));
  const Pid pid = *machine->spawn();
  const VirtAddr at = map_file(*machine, pid, cold_file(*machine, 16_KiB));
  Recorder recorder;
  machine->watch(&recorder);
  ASSERT_TRUE(machine->touch(pid, at, Access::Read).ok());
  using Step = FaultStep;
  const std::vector<Step> expected{Step::Request, Step::Area,    Step::Frame,
                                   Step::PageIn,  Step::Request, Step::Area,
                                   Step::Frame,   Step::Install, Step::Restart};
  EXPECT_EQ(recorder.steps, expected);
  recorder.steps.clear();
  ASSERT_TRUE(machine->touch(pid, at, Access::Read).ok());
  EXPECT_TRUE(recorder.steps.empty()) << "the access is transparent from now on";
  machine->watch(nullptr);
}

// A small program: reads 10 fresh pages, writes them, writes 5 others, forks, the child writes 3;
// maps a file of 4 pages, reads it, writes one page of a private and one of a shared mapping;
// stumbles twice.
TEST(FaultGolden, KindsAreToldApart) {
  MachineConfig config = exact_config(1_MiB);
  config.signals_kill = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, 64_KiB);
  for (std::uint64_t n = 0; n < 10; ++n) load(*machine, pid, page(base, n));
  for (std::uint64_t n = 0; n < 15; ++n) ASSERT_TRUE(store(*machine, pid, page(base, n), n).ok());
  const Pid child = *machine->fork(pid);
  for (std::uint64_t n = 0; n < 3; ++n) ASSERT_TRUE(store(*machine, child, page(base, n), 1).ok());
  const FileId file = cold_file(*machine, 16_KiB);
  const VirtAddr own = map_file(*machine, pid, file);
  const VirtAddr common = map_file(*machine, pid, file, kReadWrite, true);
  for (std::uint64_t n = 0; n < 4; ++n) load(*machine, pid, page(own, n));
  ASSERT_TRUE(store(*machine, pid, own, 1).ok());
  load(*machine, pid, common);
  ASSERT_TRUE(store(*machine, pid, common, 1).ok());
  machine->touch(pid, VirtAddr(0x20'0000), Access::Read);
  machine->touch(pid, VirtAddr(0x10'0000), Access::Read);

  const FaultCounters& faults = machine->counters().faults;
  EXPECT_EQ(faults.zero_page, 10U);
  EXPECT_EQ(faults.anonymous, 15U);
  EXPECT_EQ(faults.copy_on_write, 3 + 1U);
  EXPECT_EQ(faults.major, 4U);
  EXPECT_EQ(faults.file_mapped, 4 + 2U);
  EXPECT_EQ(faults.write_notify, 1U);
  EXPECT_EQ(faults.minor, 10 + 15 + 3 + 1 + 2U);
  EXPECT_EQ(faults.segv, 2U);
  EXPECT_EQ(faults.spurious, 0U);
  EXPECT_EQ(faults.swap_in, 0U);
}

// Belady's anomaly: 1 2 3 4 1 2 5 1 2 3 4 5 under FIFO gives 9 faults with 3 frames and 10 with 4
// (Belady, Nelson, Shedler, CACM 12(6), 1969).
TEST(FaultGolden, BeladysAnomalyHappensOnTheMachine) {
  const auto faults_with = [](std::uint64_t frames, const std::string& policy) {
    MachineConfig config = exact_config(1_MiB);
    config.swap = 1_MiB;
    config.policy = policy;
    config.resident_limit_pages = frames;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const VirtAddr base = map(*machine, pid, 64_KiB);
    for (const std::uint64_t n : {1U, 2U, 3U, 4U, 1U, 2U, 5U, 1U, 2U, 3U, 4U, 5U}) {
      EXPECT_TRUE(machine->touch(pid, page(base, n), Access::Write).ok());
    }
    return machine->counters().faults.minor + machine->counters().faults.major;
  };
  EXPECT_EQ(faults_with(3, "fifo"), 9U);
  EXPECT_EQ(faults_with(4, "fifo"), 10U);
  EXPECT_EQ(faults_with(3, "lru"), 10U);
  EXPECT_EQ(faults_with(4, "lru"), 8U) << "a stack algorithm knows no anomaly";
}

struct Benefit {
  std::uint64_t minor, major, prefetched, used, wasted;
};
Benefit benefit_of(Machine& machine) {
  const MachineCounters& counters = machine.counters();
  return {counters.faults.minor, counters.faults.major, counters.reclaim.prefetched,
          counters.reclaim.prefetch_used, counters.reclaim.prefetch_wasted};
}

// 64 fresh pages written in order: a fault each, or one for eight.
TEST(PrefetchGolden, PrepagingSavesSevenFaultsOfEight) {
  const auto run = [](std::uint32_t prepage, std::uint64_t stride) {
    MachineConfig config = exact_config(1_MiB);
    config.prefetch.prepage_pages = prepage;
    config.swap = 1_MiB;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const VirtAddr base = map(*machine, pid, 256_KiB);
    for (std::uint64_t n = 0; n < 64; n += stride) {
      EXPECT_TRUE(store(*machine, pid, page(base, n), n).ok());
    }
    machine->reclaimer().reclaim(64);
    return benefit_of(*machine);
  };
  EXPECT_EQ(run(1, 1).minor, 64U);
  EXPECT_EQ(run(1, 1).prefetched, 0U);
  const Benefit all = run(8, 1);
  EXPECT_EQ(all.minor, 8U);
  EXPECT_EQ(all.prefetched, 56U);
  EXPECT_EQ(all.used, 56U);
  EXPECT_EQ(all.wasted, 0U);
  const Benefit sparse = run(8, 8);
  EXPECT_EQ(sparse.minor, 8U);
  EXPECT_EQ(sparse.used, 0U);
  EXPECT_EQ(sparse.wasted, 56U);
}

// 64 pages of a file in memory already, read in order: a minor fault each, or one for sixteen.
TEST(PrefetchGolden, FaultAroundMapsSixteenPagesAtATime) {
  const auto minor_faults = [](std::uint32_t window) {
    MachineConfig config = exact_config(1_MiB);
    config.prefetch.fault_around_pages = window;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const FileId file = cold_file(*machine, 256_KiB);
    std::vector<std::byte> all((256_KiB).value);
    EXPECT_TRUE(machine->read_file(file, ByteCount(0), all));
    MmapRequest request;
    request.address = VirtAddr(0x4000'0000);
    request.fixed = true;
    request.length = 256_KiB;
    request.rights = kReadOnly;
    request.backing = &machine->object(file);
    const VirtAddr at = *machine->mmap(pid, request);
    for (std::uint64_t n = 0; n < 64; ++n) load(*machine, pid, page(at, n));
    EXPECT_EQ(machine->counters().faults.major, 0U);
    return machine->counters().faults.minor;
  };
  EXPECT_EQ(minor_faults(1), 64U);
  EXPECT_EQ(minor_faults(16), 4U);
}

// 128 pages of a file on disk, read in order: each waits for the disk, or one for each window
// of 32.
TEST(PrefetchGolden, FileReadaheadWaitsOncePerWindow) {
  const auto run = [](std::uint32_t window, std::uint64_t pages_read) {
    MachineConfig config = exact_config(2_MiB);
    config.prefetch.file_readahead_pages = window;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const VirtAddr at = map_file(*machine, pid, cold_file(*machine, 512_KiB));
    for (std::uint64_t n = 0; n < pages_read; ++n) load(*machine, pid, page(at, n));
    machine->advance(1'000'000'000);  // whoever waits for a transfer has had time to take the page
    machine->reclaimer().reclaim(200);
    EXPECT_EQ(machine->counters().reclaim.file_read,
              machine->counters().reclaim.prefetched + machine->counters().faults.major);
    return benefit_of(*machine);
  };
  EXPECT_EQ(run(1, 128).major, 128U);
  EXPECT_EQ(run(1, 128).prefetched, 0U);
  const Benefit sequential = run(32, 128);
  EXPECT_EQ(sequential.major, 4U);
  EXPECT_EQ(sequential.prefetched, 124U);
  EXPECT_EQ(sequential.used, 124U);
  EXPECT_EQ(sequential.wasted, 0U);
  EXPECT_EQ(run(32, 1).wasted, 31U);
}

// 64 pages in swap, read again in order: each waits for the device, or one for each aligned cluster
// of 8.
TEST(PrefetchGolden, SwapReadaheadBringsAClusterBack) {
  const auto run = [](std::uint32_t window, std::uint64_t stride) {
    MachineConfig config = exact_config(1_MiB);
    config.swap = 1_MiB;
    config.prefetch.swap_readahead_pages = window;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const VirtAddr base = *map_at(*machine, pid, 0x4000'0000, 256_KiB);
    for (std::uint64_t n = 0; n < 64; ++n) EXPECT_TRUE(store(*machine, pid, page(base, n), n).ok());
    EXPECT_EQ(machine->reclaimer().reclaim(64), 64U);
    for (std::uint64_t n = 0; n < 64; n += stride) EXPECT_EQ(load(*machine, pid, page(base, n)), n);
    machine->advance(1'000'000'000);
    machine->reclaimer().reclaim(64);
    return benefit_of(*machine);
  };
  EXPECT_EQ(run(1, 1).major, 64U);
  const Benefit all = run(8, 1);
  EXPECT_EQ(all.major, 8U);
  EXPECT_EQ(all.prefetched, 56U);
  EXPECT_EQ(all.used, 56U);
  const Benefit sparse = run(8, 8);
  EXPECT_EQ(sparse.major, 8U);
  EXPECT_EQ(sparse.wasted, 56U);
}

// Below the low watermark kswapd is woken and works beside the program; when the program is faster
// and the min watermark is reached, it reclaims for itself. Both are counted as in /proc/vmstat.
TEST(ReclaimGolden, BackgroundAndDirectReclaimAreCountedApart) {
  const auto run = [](std::uint64_t pause_ns) {
    MachineConfig config = exact_config(4_MiB);
    config.min_free_pages = 32;
    config.swap = 32_MiB;
    config.verify_each_operation = false;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const VirtAddr base = map(*machine, pid, 16_MiB);
    for (std::uint64_t n = 0; n < 4096; ++n) {
      EXPECT_TRUE(store(*machine, pid, page(base, n), n).ok());
      machine->compute(pause_ns);
    }
    EXPECT_TRUE(machine->verify());
    return machine->counters().reclaim;
  };
  const ReclaimCounters hurried = run(0), relaxed = run(1'000'000);
  EXPECT_GT(hurried.pgsteal_direct, 1000U);
  EXPECT_GT(hurried.pgscan_direct, 1000U);
  EXPECT_GT(hurried.allocstall, 0U);
  EXPECT_GT(hurried.pgsteal_kswapd, 0U);
  EXPECT_EQ(relaxed.pgsteal_direct, 0U);
  EXPECT_EQ(relaxed.allocstall, 0U);
  EXPECT_GT(relaxed.kswapd_wakeups, 10U);
  EXPECT_GT(relaxed.pgsteal_kswapd, 3000U);
  EXPECT_GE(relaxed.pgscan_kswapd, relaxed.pgsteal_kswapd);
  for (const ReclaimCounters& counters : {hurried, relaxed}) {
    EXPECT_EQ(counters.pswpout, counters.pgsteal_direct + counters.pgsteal_kswapd);
    EXPECT_EQ(counters.pswpin, 0U);
  }
}

}  // namespace
}  // namespace pw
