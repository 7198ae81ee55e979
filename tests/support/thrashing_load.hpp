// A machine of 1 MiB with a swap disk, and programs that each work on 40 pages of their own, a few
// microseconds on each, and now and then read input: two do not keep the CPU busy, four do, and
// with more than fit every one waits for pages that the others have taken.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "machine/scheduler.hpp"
#include "tests/support/small_machine.hpp"

namespace pw::test {

class WorkingProgram final : public sim::Workload {
 public:
  WorkingProgram(const sim::Region& work, const sim::Region& input, std::uint64_t seed)
      : work_(work, seed), input_(input) {}
  std::optional<sim::WorkStep> next() override {
    return ++steps_ % 100 == 0 ? input_.next() : work_.next();
  }

 private:
  sim::Uniform work_;
  sim::Loop input_;
  std::uint64_t steps_ = 0;
};

struct LoadResult {
  ScheduleReport before, after;  // the warm-up, and the time measured
};

inline LoadResult run_programs(int programs, std::uint64_t warm_up_ns, std::uint64_t measured_ns,
                               const LoadControlConfig& control = {}) {
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
    const sim::Region file{map_file(*machine, pid, input, kReadOnly), 16'384};
    const sim::Region work{map(*machine, pid, 160_KiB), 40, 2'000, 2};
    const auto seed = static_cast<std::uint64_t>(i + 1);
    scheduler.add(pid, std::make_unique<WorkingProgram>(work, file, seed), i);
  }
  LoadResult result;
  scheduler.run(warm_up_ns);
  result.before = scheduler.report();
  scheduler.run(measured_ns);
  result.after = scheduler.report();
  EXPECT_TRUE(machine->verify());
  return result;
}

}  // namespace pw::test
