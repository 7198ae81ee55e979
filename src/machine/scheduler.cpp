#include "machine/scheduler.hpp"

#include <algorithm>

namespace pw {

Scheduler::Scheduler(Machine& machine, const LoadControlConfig& control)
    : machine_(&machine),
      quantum_ns_(machine.config().quantum_ns),
      cpus_(machine.config().cpus),
      control_(control),
      window_begin_ns_(machine.clock().now_ns()) {
  for (Cpu& cpu : cpus_) cpu.now_ns = machine.clock().now_ns();
}

void Scheduler::add(Pid pid, std::unique_ptr<sim::Workload> workload, int priority) {
  Task task;
  task.workload = std::move(workload);
  task.report.pid = pid;
  task.priority = priority;
  task.active_since_ns = machine_->clock().now_ns();
  ready_.push_back(tasks_.size());
  tasks_.push_back(std::move(task));
  ++alive_;
}

unsigned Scheduler::next_cpu() const {
  const auto behind = std::min_element(
      cpus_.begin(), cpus_.end(), [](const Cpu& a, const Cpu& b) { return a.now_ns < b.now_ns; });
  return static_cast<unsigned>(behind - cpus_.begin());
}

void Scheduler::run(std::uint64_t ns) {
  const std::uint64_t until = cpus_[next_cpu()].now_ns + ns;
  while (alive_ > 0) {
    const unsigned cpu = next_cpu();
    if (cpus_[cpu].now_ns >= until) break;
    machine_->set_time(cpus_[cpu].now_ns);
    control_load(cpus_[cpu].now_ns);
    if (cpus_[cpu].task != kNobody || dispatch(cpu)) {
      run_slice(cpu, until);
    } else {
      idle(cpu, until);
    }
  }
  // Time never runs backwards for who looks at the machine after this.
  for (const Cpu& cpu : cpus_) {
    if (cpu.now_ns > machine_->clock().now_ns()) machine_->set_time(cpu.now_ns);
  }
}

// Programs whose device is done join the queue in the order in which their devices were done.
void Scheduler::wake(std::uint64_t now_ns) {
  std::sort(blocked_.begin(), blocked_.end(), [this](std::size_t a, std::size_t b) {
    return tasks_[a].ready_ns != tasks_[b].ready_ns ? tasks_[a].ready_ns < tasks_[b].ready_ns
                                                    : a < b;
  });
  auto it = blocked_.begin();
  for (; it != blocked_.end() && tasks_[*it].ready_ns <= now_ns; ++it) {
    TaskReport& report = tasks_[*it].report;
    report.blocked_ns += tasks_[*it].ready_ns - tasks_[*it].blocked_since_ns;
    if (tasks_[*it].to_suspend) {
      suspend(*it, now_ns);
    } else {
      ready_.push_back(*it);
    }
  }
  blocked_.erase(blocked_.begin(), it);
}

bool Scheduler::dispatch(unsigned index) {
  Cpu& cpu = cpus_[index];
  wake(cpu.now_ns);
  // One that was put back by a CPU ahead of this one waits for its own time.
  const auto next = std::find_if(ready_.begin(), ready_.end(), [&](std::size_t task) {
    return tasks_[task].ready_ns <= cpu.now_ns;
  });
  if (next == ready_.end()) return false;
  cpu.task = *next;
  ready_.erase(next);
  cpu.quantum_end_ns = cpu.now_ns + quantum_ns_;
  if (cpu.last_task != cpu.task) ++switches_;
  cpu.last_task = cpu.task;
  (void)machine_->run_on(tasks_[cpu.task].report.pid, index);  // fails for a process that has ended
  return true;
}

Scheduler::StepEnd Scheduler::run_step(Task& task) {
  if (!task.step) {
    task.step = task.workload->next();
    if (!task.step) {
      task.report.ended = true;
      return StepEnd::Ended;
    }
    task.request = {};
    task.request.address = task.step->reference.address;
    task.request.access = task.step->reference.access;
  }
  const FaultOutcome outcome = machine_->try_touch(task.report.pid, task.request);
  if (outcome.kind == FaultOutcome::Kind::Wait) {
    task.ready_ns = outcome.until_ns;
    return StepEnd::Blocked;
  }
  if (outcome.kind != FaultOutcome::Kind::Resolved) {
    task.report.killed = true;
    return StepEnd::Ended;
  }
  machine_->compute(task.step->compute_ns);
  task.step.reset();
  ++task.report.steps;
  return StepEnd::Done;
}

void Scheduler::run_slice(unsigned index, std::uint64_t until_ns) {
  Cpu& cpu = cpus_[index];
  Task& task = tasks_[cpu.task];
  const std::uint64_t start = cpu.now_ns;
  const std::uint64_t end = std::min({start + kSliceNs, cpu.quantum_end_ns, until_ns});
  StepEnd last = StepEnd::Done;
  // A step takes time, if only a reference's, which is counted in picoseconds: a slice ends.
  while (last == StepEnd::Done && machine_->clock().now_ns() < end) last = run_step(task);
  cpu.now_ns = machine_->clock().now_ns();
  cpu.busy_ns += cpu.now_ns - start;
  task.report.busy_ns += cpu.now_ns - start;
  if (last != StepEnd::Done || cpu.now_ns >= cpu.quantum_end_ns || task.to_suspend) stop(cpu, last);
}

void Scheduler::stop(Cpu& cpu, StepEnd why) {
  const std::size_t index = std::exchange(cpu.task, kNobody);
  Task& task = tasks_[index];
  switch (why) {
    case StepEnd::Ended:
      task.report.end_ns = cpu.now_ns;
      task.alive = task.to_suspend = false;
      --alive_;
      resume(cpu.now_ns);  // there is room for another
      break;
    case StepEnd::Blocked:
      ++task.report.waits;
      task.blocked_since_ns = cpu.now_ns;
      task.ready_ns = std::max(task.ready_ns, cpu.now_ns);
      blocked_.push_back(index);
      break;
    case StepEnd::Done:
      wake(cpu.now_ns);  // who woke up during the quantum stands before the one whose quantum it
                         // was
      task.ready_ns = cpu.now_ns;
      if (task.to_suspend) {
        suspend(index, cpu.now_ns);
      } else {
        ready_.push_back(index);
      }
      break;
  }
}

void Scheduler::idle(unsigned index, std::uint64_t until_ns) {
  Cpu& cpu = cpus_[index];
  std::uint64_t wake = until_ns;
  for (const std::size_t task : blocked_) wake = std::min(wake, tasks_[task].ready_ns);
  for (const std::size_t task : ready_) wake = std::min(wake, tasks_[task].ready_ns);
  for (const Cpu& other : cpus_) {  // a running program may be put back, or a device be started
    if (other.task != kNobody) wake = std::min(wake, other.now_ns + kSliceNs);
  }
  if (!suspended_.empty()) wake = std::min(wake, window_begin_ns_ + control_.config().window_ns);
  wake = std::max(wake, cpu.now_ns + 1);
  cpu.idle_ns += wake - cpu.now_ns;
  machine_->advance(wake - cpu.now_ns);
  cpu.now_ns = wake;
}

ScheduleReport Scheduler::report() const {
  ScheduleReport all;
  for (const Cpu& cpu : cpus_) {
    all.busy_ns += cpu.busy_ns;
    all.idle_ns += cpu.idle_ns;
  }
  all.switches = switches_;
  for (const Task& task : tasks_) all.tasks.push_back(task.report);
  return all;
}

}  // namespace pw
