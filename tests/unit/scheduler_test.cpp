// The scheduler: a fault that waits for a device blocks its own program and nobody else's.
#include "machine/scheduler.hpp"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

constexpr std::uint64_t kMs = 1'000'000;

// Every read waits a millisecond, whatever others wait for.
constexpr DeviceModel kSlow{"slow", 0, kMs, kMs, 0, 64};

class SchedulerTest : public ::testing::Test {
 protected:
  void make(unsigned cpus, ByteCount ram = 16_MiB) {
    MachineConfig config = exact_config(ram);
    config.verify_each_operation = false;
    config.cpus = cpus;
    config.file_device = kSlow;
    config.cold_page_cache = true;
    machine = make_machine(config);
  }
  // A program that reads a file of its own, page by page: it waits all the time.
  Pid reader(std::uint64_t pages, Scheduler& scheduler) {
    const Pid pid = *machine->spawn();
    const FileId file = machine->open_file("data", bytes_of(PageCount(pages)));
    const sim::Region region{map_file(*machine, pid, file, kReadOnly), pages, 1'000};
    scheduler.add(pid, std::make_unique<sim::Sequential>(region));
    return pid;
  }
  // A program that computes on one page for `ns`.
  Pid computer(std::uint64_t ns, Scheduler& scheduler) {
    const Pid pid = *machine->spawn();
    sim::Region region{map(*machine, pid, 4_KiB), 1, 10'000};
    region.steps = ns / region.compute_ns;
    scheduler.add(pid, std::make_unique<sim::Loop>(region));
    return pid;
  }

  std::unique_ptr<Machine> machine;
};

TEST_F(SchedulerTest, AloneAProgramThatWaitsLeavesTheCpuIdle) {
  make(1);
  Scheduler scheduler(*machine);
  reader(50, scheduler);
  scheduler.run(1'000 * kMs);
  const ScheduleReport report = scheduler.report();
  ASSERT_TRUE(report.tasks[0].ended);
  EXPECT_EQ(report.tasks[0].waits, 50U);
  EXPECT_EQ(report.tasks[0].blocked_ns, 50 * kMs);
  EXPECT_EQ(report.idle_ns, 50 * kMs);
  EXPECT_LT(report.utilisation(), 0.01);
  EXPECT_EQ(machine->counters().faults.major, 50U);
}

TEST_F(SchedulerTest, OthersComputeWhileOneWaits) {
  make(1);
  Scheduler scheduler(*machine);
  reader(50, scheduler);
  computer(300 * kMs, scheduler);
  scheduler.run(1'000 * kMs);
  const ScheduleReport report = scheduler.report();
  ASSERT_TRUE(report.tasks[0].ended && report.tasks[1].ended);
  EXPECT_EQ(report.idle_ns, 0U);
  // The reader waits a millisecond for its device each time, and for the CPU until the quantum of 4
  // is over. The computing loses nothing by it.
  EXPECT_NEAR(static_cast<double>(report.tasks[0].end_ns), 200.0 * kMs, 3.0 * kMs);
  EXPECT_LT(report.tasks[1].end_ns, 301 * kMs);
  EXPECT_GE(report.tasks[0].blocked_ns, 50 * kMs);
}

TEST_F(SchedulerTest, WaitsOfSeveralProgramsOverlap) {
  make(1);
  Scheduler scheduler(*machine);
  for (int i = 0; i < 20; ++i) reader(50, scheduler);
  scheduler.run(1'000 * kMs);
  const ScheduleReport report = scheduler.report();
  for (const TaskReport& task : report.tasks) EXPECT_LT(task.end_ns, 60 * kMs);
}

TEST_F(SchedulerTest, TheCpuIsSharedFairlyByQuantum) {
  make(1);
  Scheduler scheduler(*machine);
  for (int i = 0; i < 4; ++i) computer(1'000 * kMs, scheduler);
  scheduler.run(160 * kMs);
  const ScheduleReport report = scheduler.report();
  for (const TaskReport& task : report.tasks) {
    EXPECT_NEAR(static_cast<double>(task.busy_ns), 40.0 * kMs, 4.1 * kMs);
  }
  EXPECT_NEAR(static_cast<double>(report.switches), 40.0, 1.0);  // 160 ms in quanta of 4
}

TEST_F(SchedulerTest, SeveralCpusRunSeveralProgramsAtATime) {
  make(4);
  Scheduler scheduler(*machine);
  for (int i = 0; i < 8; ++i) computer(100 * kMs, scheduler);
  scheduler.run(1'000 * kMs);
  const ScheduleReport report = scheduler.report();
  for (const TaskReport& task : report.tasks) EXPECT_LT(task.end_ns, 210 * kMs);
  EXPECT_GT(report.utilisation(), 0.97);
  EXPECT_GE(report.busy_ns, 800 * kMs);
}

TEST_F(SchedulerTest, ProgramsThatFaultWrongAreEndedAndTheOthersGoOn) {
  make(2);
  Scheduler scheduler(*machine);
  const Pid wrong = *machine->spawn();
  scheduler.add(wrong, std::make_unique<sim::Sequential>(sim::Region{VirtAddr(0x10'0000), 4, 100}));
  computer(10 * kMs, scheduler);
  scheduler.run(100 * kMs);
  const ScheduleReport report = scheduler.report();
  EXPECT_TRUE(report.tasks[0].killed);
  EXPECT_EQ(machine->find(wrong)->cause, ExitCause::Segv);
  EXPECT_TRUE(report.tasks[1].ended);
}

TEST_F(SchedulerTest, TheSameExperimentGivesTheSameNumbers) {
  std::vector<std::uint64_t> seen;
  for (int run = 0; run < 2; ++run) {
    make(2, 1_MiB);
    Scheduler scheduler(*machine);
    for (int i = 0; i < 3; ++i) reader(300, scheduler);
    computer(50 * kMs, scheduler);
    scheduler.run(500 * kMs);
    const ScheduleReport report = scheduler.report();
    seen.push_back(report.busy_ns + report.idle_ns * 3 + report.switches * 5);
    ASSERT_TRUE(machine->verify());
  }
  EXPECT_EQ(seen[0], seen[1]);
}

std::map<std::uint64_t, int> pages_of(sim::Workload& workload, int steps) {
  std::map<std::uint64_t, int> pages;
  for (int i = 0; i < steps; ++i) {
    const auto step = workload.next();
    if (!step) break;
    ++pages[step->reference.address.value >> kPageShift];
  }
  return pages;
}

TEST(Workloads, WalkTheirRegionAsTheirNamesSay) {
  const sim::Region region{VirtAddr(0x10'0000), 100};
  sim::Sequential sequential(region);
  EXPECT_EQ(pages_of(sequential, 1000).size(), 100U);
  EXPECT_FALSE(sequential.next());
  sim::Loop loop(region);
  for (const auto& [page, times] : pages_of(loop, 300)) EXPECT_EQ(times, 3);
  sim::Uniform uniform(region, 7);
  for (const auto& [page, times] : pages_of(uniform, 100'000)) {
    EXPECT_GE(page, 0x100U);
    EXPECT_LT(page, 0x164U);
    EXPECT_NEAR(times, 1000, 150);
  }
  sim::Zipf zipf(region, 1.0, 7);
  const auto skewed = pages_of(zipf, 100'000);
  EXPECT_NEAR(skewed.at(0x100) / static_cast<double>(skewed.at(0x103)), 4.0, 0.5);
  sim::Phases phases(region, 5, 1000, 7);
  EXPECT_LE(pages_of(phases, 1000).size(), 5U);
}

}  // namespace
}  // namespace pw
