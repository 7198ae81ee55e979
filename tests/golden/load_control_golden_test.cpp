// WS3: load control. Programs of 40 pages each on a machine of 1 MiB: with more than fit,
// throughput collapses; with load control some are suspended and it recovers (Denning, "Thrashing:
// its causes and prevention", AFIPS FJCC 1968).
#include <gtest/gtest.h>

#include <algorithm>

#include "machine/scheduler.hpp"
#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

struct Throughput {
  double utilisation = 0;  // of the CPU
  std::uint64_t steps = 0;
  std::uint64_t suspensions = 0;
  std::uint64_t least_steps = 0;  // of any program
};

// Works on 40 pages of its own, a few microseconds on each, and reads input now and then.
class Program final : public sim::Workload {
 public:
  Program(const sim::Region& work, const sim::Region& input, std::uint64_t seed)
      : work_(work, seed), input_(input) {}
  std::optional<sim::WorkStep> next() override {
    return ++steps_ % 100 == 0 ? input_.next() : work_.next();
  }

 private:
  sim::Uniform work_;
  sim::Loop input_;
  std::uint64_t steps_ = 0;
};

Throughput run(int programs, const LoadControlConfig& control) {
  constexpr DeviceModel kDisk{"disk", 0, 100'000, 100'000, 0, 2};
  MachineConfig config = exact_config(1_MiB);
  config.verify_each_operation = false;
  config.swap = 64_MiB;
  config.swap_device = kDisk;
  config.file_device = DeviceModel{"input", 0, 300'000, 300'000, 0, 64};
  config.cold_page_cache = true;
  const auto machine = make_machine(config);
  Scheduler scheduler(*machine, control);
  for (int i = 0; i < programs; ++i) {
    const Pid pid = *machine->spawn();
    const FileId input = machine->open_file("input", 64_MiB);
    MmapRequest request;
    request.length = 64_MiB;
    request.rights = kReadOnly;
    request.backing = &machine->object(input);
    const sim::Region file{*machine->mmap(pid, request), 16'384};
    const sim::Region work{map(*machine, pid, 160_KiB), 40, 2'000, 2};
    const auto seed = static_cast<std::uint64_t>(i + 1);
    scheduler.add(pid, std::make_unique<Program>(work, file, seed), i);
  }
  constexpr std::uint64_t kWarmUp = 1'000'000'000, kMeasured = 8'000'000'000;
  scheduler.run(kWarmUp);
  const ScheduleReport before = scheduler.report();
  scheduler.run(kMeasured);
  const ScheduleReport after = scheduler.report();
  EXPECT_TRUE(machine->verify());
  Throughput result;
  result.utilisation = static_cast<double>(after.busy_ns - before.busy_ns) /
                       static_cast<double>(kMeasured);
  result.least_steps = ~std::uint64_t{0};
  for (std::size_t i = 0; i < after.tasks.size(); ++i) {
    const std::uint64_t steps = after.tasks[i].steps - before.tasks[i].steps;
    result.steps += steps;
    result.least_steps = std::min(result.least_steps, steps);
    result.suspensions += after.tasks[i].suspensions;
  }
  return result;
}

class LoadControlGolden : public testing::TestWithParam<LoadCriterion> {};

TEST_P(LoadControlGolden, ThroughputRecoversWhereItCollapsedWithout) {
  LoadControlConfig control;
  control.criterion = GetParam();
  static const Throughput fitting = run(4, {});
  static const Throughput thrashing = run(12, {});
  const Throughput controlled = run(12, control);
  RecordProperty("utilisation", std::to_string(fitting.utilisation) + " " +
                                    std::to_string(thrashing.utilisation) + " " +
                                    std::to_string(controlled.utilisation));
  EXPECT_LT(thrashing.steps, fitting.steps / 2);
  EXPECT_GT(controlled.steps, fitting.steps * 9 / 10);
  EXPECT_GT(controlled.suspensions, 0U);
  EXPECT_GT(controlled.least_steps, thrashing.least_steps);  // nobody pays for it
}

TEST_P(LoadControlGolden, LeavesALoadThatFitsAlone) {
  LoadControlConfig control;
  control.criterion = GetParam();
  EXPECT_EQ(run(4, control).suspensions, 0U);
}

INSTANTIATE_TEST_SUITE_P(Criteria, LoadControlGolden,
                         testing::Values(LoadCriterion::LifetimeIsService, LoadCriterion::HalfBusy,
                                         LoadCriterion::FaultFrequency));

}  // namespace
}  // namespace pw
