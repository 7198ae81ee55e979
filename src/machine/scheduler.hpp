// Runs several programs on the machine's CPUs, round robin with a quantum; a program whose fault
// waits for a device gives its CPU to the next. Here and not in ports/sim, because it drives a
// Machine.
//
// Owned by whoever runs an experiment. Each CPU has its own time; the CPU that is furthest behind
// runs next, for at most kSliceNs, so that CPUs are never further apart than a slice or one step.
// The machine's clock shows the time of the CPU that runs. One queue for all CPUs, first in first
// out.
//
// With load control on, a program may be suspended: its pages go out, and it is not run until it is
// let in again. A suspended program is in neither queue; the last one that runs is never suspended.
//
// Invariant: busy + idle is the same for every CPU when run() returns, give or take a slice. A CPU
// idles only while no program is ready.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "machine/load_control.hpp"
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
  std::uint64_t suspensions = 0;
  std::uint64_t suspended_ns = 0;
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
  explicit Scheduler(Machine& machine, const LoadControlConfig& control = {});

  // A program that runs `workload` in the process `pid`. Of two, the one with the greater
  // `priority` is suspended later where priority decides.
  void add(Pid pid, std::unique_ptr<sim::Workload> workload, int priority = 0);
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
    int priority = 0;
    bool alive = true;
    bool to_suspend = false;  // as soon as its CPU or its device lets it go
    bool suspended = false;
    std::uint64_t suspended_since_ns = 0, active_since_ns = 0;
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

  // Load control, in scheduler_load.cpp.
  void control_load(std::uint64_t now_ns);
  LoadWindow take_window(std::uint64_t now_ns);
  std::size_t choose_to_suspend() const;
  std::size_t longest_active() const;
  void ask_to_suspend(std::size_t task);
  void suspend(std::size_t task, std::uint64_t now_ns);
  void resume(std::uint64_t now_ns);
  std::size_t running() const;  // programs that are neither suspended nor asked to be

  Machine* machine_;
  std::uint64_t quantum_ns_;
  std::vector<Task> tasks_;
  std::deque<std::size_t> ready_;     // by index; those whose time has come
  std::vector<std::size_t> blocked_;  // in no order
  std::vector<Cpu> cpus_;
  std::uint64_t switches_ = 0;
  std::size_t alive_ = 0;
  LoadControl control_;
  std::deque<std::size_t> suspended_;  // the one that waits longest in front
  std::uint64_t window_begin_ns_ = 0;
  LoadWindow seen_;  // sums at the beginning of the window
};

}  // namespace pw
