// PF4: the thrashing curve (Denning, "Thrashing: its causes and prevention", AFIPS FJCC 1968). On a
// machine of 1 MiB with a swap disk, programs of 40 pages each: two do not keep the CPU busy, four
// do, and with more than fit into memory every one waits for pages that the others have taken.
#include <gtest/gtest.h>

#include "machine/scheduler.hpp"
#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

double utilisation_of(int programs) {
  constexpr DeviceModel kDisk{"disk", 0, 100'000, 100'000, 0, 2};
  MachineConfig config = exact_config(1_MiB);
  config.verify_each_operation = false;
  config.swap = 64_MiB;
  config.swap_device = kDisk;
  config.file_device = DeviceModel{"input", 0, 300'000, 300'000, 0, 64};
  config.cold_page_cache = true;
  const auto machine = make_machine(config);
  Scheduler scheduler(*machine);
  // Each program works on 40 pages of its own, a few microseconds on each, and now and then reads
  // input.
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
  for (int i = 0; i < programs; ++i) {
    const Pid pid = *machine->spawn();
    const FileId input = machine->open_file("input", 64_MiB);
    MmapRequest request;
    request.length = 64_MiB;
    request.rights = kReadOnly;
    request.backing = &machine->object(input);
    const sim::Region file{*machine->mmap(pid, request), 16'384};
    sim::Region work{map(*machine, pid, 160_KiB), 40, 2'000, 2};
    scheduler.add(pid, std::make_unique<Program>(work, file, static_cast<std::uint64_t>(i + 1)));
  }
  constexpr std::uint64_t kWarmUp = 50'000'000, kMeasured = 300'000'000;
  scheduler.run(kWarmUp);
  const ScheduleReport before = scheduler.report();
  scheduler.run(kMeasured);
  const ScheduleReport after = scheduler.report();
  EXPECT_TRUE(machine->verify());
  return static_cast<double>(after.busy_ns - before.busy_ns) / static_cast<double>(kMeasured);
}

TEST(ThrashingGolden, UtilisationRisesWithTheDegreeOfMultiprogrammingAndThenFalls) {
  const double one = utilisation_of(1), two = utilisation_of(2), four = utilisation_of(4),
               six = utilisation_of(6), twelve = utilisation_of(12);
  RecordProperty("curve", std::to_string(one) + " " + std::to_string(two) + " " +
                              std::to_string(four) + " " + std::to_string(six) + " " +
                              std::to_string(twelve));
  EXPECT_NEAR(one, 0.41, 0.05);
  EXPECT_GT(two, one * 1.6);
  EXPECT_GT(four, two);
  EXPECT_LT(twelve, four / 2);
  EXPECT_LT(twelve, six);
}

}  // namespace
}  // namespace pw
