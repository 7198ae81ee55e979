// Runs several programs on the machine's CPUs, round robin with a quantum; a program whose fault
// waits for a device gives its CPU to the next. Here and not in ports/sim, because it drives a
// Machine.
//
// Owned by whoever runs an experiment. Each CPU has its own time; the CPU that is furthest behind
// runs next, for at most kSliceNs, so that CPUs are never further apart than a slice or one step.
// The machine's clock shows the time of the CPU that runs. One queue for all CPUs, first in first
// out.
//
// Invariant: busy + idle is the same for every CPU when run() returns, give or take a slice. A CPU
// idles only while no program is ready.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "machine/machine.hpp"
#include "ports/sim/workloads.hpp"

namespace pw {

struct TaskReport {
  Pid pid = 0;
  bool ended = false;   // its workload was done
  bool killed = false;  // by a signal or for want of memory
  std::uint64_t steps = 0;
  std::uint64_t busy_ns = 0;     // on a CPU, its faults included
  std::uint64_t blocked_ns = 0;  // waiting for a device
  std::uint64_t waits = 0;       // times it blocked
  std::uint64_t end_ns = 0;      // when it ended
};

struct ScheduleReport {
  std::uint64_t busy_ns = 0, idle_ns = 0;  // of all CPUs
  std::uint64_t switches = 0;              // a CPU took up another program than the one before
  std::vector<TaskReport> tasks;           // as they were added

  double utilisation() const {
    const std::uint64_t all = busy_ns + idle_ns;
    return all == 0 ? 0.0 : static_cast<double>(busy_ns) / static_cast<double>(all);
  }
};

class Scheduler {
 public:
  static constexpr std::uint64_t kSliceNs = 20'000;

  // Takes the quantum from the machine's configuration.
  explicit Scheduler(Machine& machine);

  // A program that runs `workload` in the process `pid`.
  void add(Pid pid, std::unique_ptr<sim::Workload> workload);
  // Runs for `ns` of simulated time, or until every program has ended. May be called again.
  void run(std::uint64_t ns);
  ScheduleReport report() const;

 private:
  static constexpr std::size_t kNobody = ~std::size_t{0};

  struct Task {
    std::unique_ptr<sim::Workload> workload;
    std::optional<sim::WorkStep> step;  // begun, not done
    FaultRequest request;               // of the step, while it faults
    std::uint64_t ready_ns = 0;         // queued: not to run before
    std::uint64_t blocked_since_ns = 0;
    TaskReport report;
  };
  struct Cpu {
    std::uint64_t now_ns = 0;
    std::uint64_t busy_ns = 0, idle_ns = 0;
    std::size_t task = kNobody;
    std::size_t last_task = kNobody;
    std::uint64_t quantum_end_ns = 0;
  };
  enum class StepEnd : std::uint8_t { Done, Blocked, Ended };

  unsigned next_cpu() const;
  void wake(std::uint64_t now_ns);
  // Gives the CPU a program that is ready at its time. False: there is none.
  bool dispatch(unsigned cpu);
  void run_slice(unsigned cpu, std::uint64_t until_ns);
  StepEnd run_step(Task& task);
  void stop(Cpu& cpu, StepEnd why);
  // Lets the CPU stand still until something can become ready, at most until `until_ns`.
  void idle(unsigned cpu, std::uint64_t until_ns);

  Machine* machine_;
  std::uint64_t quantum_ns_;
  std::vector<Task> tasks_;
  std::deque<std::size_t> ready_;     // by index; those whose time has come
  std::vector<std::size_t> blocked_;  // in no order
  std::vector<Cpu> cpus_;
  std::uint64_t switches_ = 0;
  std::size_t alive_ = 0;
};

}  // namespace pw
