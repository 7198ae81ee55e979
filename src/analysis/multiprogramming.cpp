#include "analysis/multiprogramming.hpp"

#include <memory>

#include "machine/scheduler.hpp"

namespace pw::analysis {
namespace {

class LocalProgram final : public sim::Workload {
 public:
  LocalProgram(const ProgramModel& model, VirtAddr work, VirtAddr input, std::uint64_t input_pages,
               std::uint64_t seed)
      : work_({work, model.pages, model.compute_ns, model.write_one_in}, model.locality,
              model.phase_steps, seed),
        input_({input, input_pages, model.compute_ns}),
        input_every_(model.input_every) {}

  std::optional<sim::WorkStep> next() override {
    ++steps_;
    const bool input = input_every_ != 0 && steps_ % input_every_ == 0;
    return input ? input_.next() : work_.next();
  }

 private:
  sim::Phases work_;
  sim::Loop input_;
  std::uint64_t input_every_;
  std::uint64_t steps_ = 0;
};

constexpr std::uint64_t kInputPages = 1ULL << 20;

Result<void> start_program(Machine& machine, Scheduler& scheduler, const ProgramModel& model,
                           std::uint64_t number) {
  const auto pid = machine.spawn("program " + std::to_string(number));
  PW_TRY(pid);
  MmapRequest memory;
  memory.length = bytes_of(PageCount(model.pages));
  const auto work = machine.mmap(*pid, memory);
  PW_TRY(work);
  MmapRequest file;
  file.length = bytes_of(PageCount(kInputPages));
  file.rights = kReadOnly;
  file.backing = &machine.object(machine.open_file("input", file.length));
  const auto input = machine.mmap(*pid, file);
  PW_TRY(input);
  scheduler.add(*pid, std::make_unique<LocalProgram>(model, *work, *input, kInputPages, number + 1),
                static_cast<int>(number));
  return {};
}

struct Sums {
  std::uint64_t busy_ns = 0, steps = 0, waits = 0, device_ns = 0;
};

Sums sums_of(Machine& machine, const ScheduleReport& report) {
  Sums sums;
  sums.busy_ns = report.busy_ns;
  for (const TaskReport& task : report.tasks) {
    sums.steps += task.steps;
    sums.waits += task.waits;
  }
  sums.device_ns = machine.swap().traffic().busy_ns;
  return sums;
}

}  // namespace

Result<LoadPoint> run_load(const LoadExperiment& experiment, std::uint64_t programs) {
  MachineConfig config = experiment.machine;
  config.contents = Contents::MetadataOnly;
  config.cold_page_cache = true;
  auto machine = Machine::create(config);
  PW_TRY(machine);
  Scheduler scheduler(**machine, experiment.control);
  for (std::uint64_t i = 0; i < programs; ++i) {
    PW_TRY(start_program(**machine, scheduler, experiment.program, i));
  }
  scheduler.run(experiment.warm_up_ns);
  const Sums before = sums_of(**machine, scheduler.report());
  scheduler.run(experiment.measured_ns);
  const ScheduleReport report = scheduler.report();
  const Sums after = sums_of(**machine, report);

  const double seconds = static_cast<double>(experiment.measured_ns) / 1e9;
  const double all_ns = static_cast<double>(experiment.measured_ns);
  const unsigned channels = std::max(1U, (*machine)->swap().traffic().channels);
  LoadPoint point;
  point.programs = programs;
  point.utilisation = static_cast<double>(after.busy_ns - before.busy_ns) / (all_ns * config.cpus);
  point.steps_per_second = static_cast<double>(after.steps - before.steps) / seconds;
  point.faults_per_second = static_cast<double>(after.waits - before.waits) / seconds;
  point.device_use = static_cast<double>(after.device_ns - before.device_ns) / (all_ns * channels);
  for (const TaskReport& task : report.tasks) {
    point.suspensions += task.suspensions;
    point.killed += task.killed ? 1 : 0;
  }
  return point;
}

Result<std::vector<LoadPoint>> multiprogramming_curve(const LoadExperiment& experiment,
                                                      std::span<const std::uint64_t> programs,
                                                      const std::function<void(double)>& progress) {
  std::vector<LoadPoint> points;
  for (const std::uint64_t count : programs) {
    auto point = run_load(experiment, count);
    PW_TRY(point);
    points.push_back(*point);
    if (progress)
      progress(static_cast<double>(points.size()) / static_cast<double>(programs.size()));
  }
  return points;
}

}  // namespace pw::analysis
