// The Scheduler's load control: suspends and lets in whole programs as LoadControl says.
#include <algorithm>

#include "machine/scheduler.hpp"

namespace pw {

std::size_t Scheduler::running() const {
  const auto runs = [](const Task& task) {
    return task.alive && !task.suspended && !task.to_suspend;
  };
  return static_cast<std::size_t>(std::count_if(tasks_.begin(), tasks_.end(), runs));
}

// What happened since the window began; the next one begins.
LoadWindow Scheduler::take_window(std::uint64_t now_ns) {
  LoadWindow sums;
  for (const Cpu& cpu : cpus_) sums.busy_ns += cpu.busy_ns;
  const SwapSpace::Traffic traffic = machine_->swap().traffic();
  sums.device_busy_ns = traffic.busy_ns;
  sums.faults = traffic.reads;
  LoadWindow window;
  window.length_ns = now_ns - window_begin_ns_;
  window.busy_ns = sums.busy_ns - seen_.busy_ns;
  window.faults = sums.faults - seen_.faults;
  window.device_busy_ns = sums.device_busy_ns - seen_.device_busy_ns;
  window.device_channels = std::max(1U, traffic.channels);
  seen_ = sums;
  window_begin_ns_ = now_ns;
  return window;
}

void Scheduler::control_load(std::uint64_t now_ns) {
  const LoadControlConfig& config = control_.config();
  if (config.criterion == LoadCriterion::Off) return;
  if (now_ns < window_begin_ns_ + config.window_ns) return;
  const LoadControl::Verdict verdict = control_.judge(take_window(now_ns), suspended_.size());
  if (verdict == LoadControl::Verdict::Less) ask_to_suspend(choose_to_suspend());
  if (verdict == LoadControl::Verdict::More) resume(now_ns);
  // Who has waited long enough takes turns with one that runs.
  if (!suspended_.empty() &&
      now_ns - tasks_[suspended_.front()].suspended_since_ns >= config.most_suspended_ns) {
    ask_to_suspend(longest_active());
    resume(now_ns);
  }
}

// The program that the choice of the configuration puts first among those that run.
std::size_t Scheduler::choose_to_suspend() const {
  const auto resident = [this](const Task& task) -> std::uint64_t {
    const Process* process = machine_->find(task.report.pid);
    return process == nullptr || process->space == nullptr
               ? 0
               : process->space->counters().resident_pages;
  };
  const std::uint64_t now_ns = machine_->clock().now_ns();
  const auto spared = [&](const Task& task) {
    return now_ns < task.active_since_ns + control_.config().least_active_ns;
  };
  const auto before = [&](const Task& a, const Task& b) {
    if (spared(a) != spared(b)) return spared(b);
    switch (control_.config().choice) {
      case SuspendChoice::Largest:
        if (resident(a) != resident(b)) return resident(a) > resident(b);
        break;
      case SuspendChoice::Smallest:
        if (resident(a) != resident(b)) return resident(a) < resident(b);
        break;
      case SuspendChoice::LowestPriority:
        if (a.priority != b.priority) return a.priority < b.priority;
        break;
      case SuspendChoice::Last:
        break;
    }
    return a.active_since_ns > b.active_since_ns;
  };
  std::size_t chosen = kNobody;
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Task& task = tasks_[i];
    if (!task.alive || task.suspended || task.to_suspend) continue;
    if (chosen == kNobody || before(task, tasks_[chosen])) chosen = i;
  }
  return chosen;
}

std::size_t Scheduler::longest_active() const {
  std::size_t chosen = kNobody;
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Task& task = tasks_[i];
    if (!task.alive || task.suspended || task.to_suspend) continue;
    if (chosen == kNobody || task.active_since_ns < tasks_[chosen].active_since_ns) chosen = i;
  }
  return chosen;
}

// A program leaves when its CPU puts it down or its device is done; one in the queue, at once.
void Scheduler::ask_to_suspend(std::size_t chosen) {
  if (running() < 2) return;
  tasks_[chosen].to_suspend = true;
  const auto queued = std::find(ready_.begin(), ready_.end(), chosen);
  if (queued == ready_.end()) return;
  ready_.erase(queued);
  suspend(chosen, machine_->clock().now_ns());
}

void Scheduler::suspend(std::size_t index, std::uint64_t now_ns) {
  Task& task = tasks_[index];
  task.to_suspend = false;
  task.suspended = true;
  task.suspended_since_ns = now_ns;
  ++task.report.suspensions;
  suspended_.push_back(index);
  (void)machine_->swap_out(task.report.pid);  // what cannot go stays, as reclaim's prey
}

void Scheduler::resume(std::uint64_t now_ns) {
  if (suspended_.empty()) return;
  const std::size_t index = suspended_.front();
  suspended_.pop_front();
  Task& task = tasks_[index];
  task.suspended = false;
  task.report.suspended_ns += now_ns - task.suspended_since_ns;
  task.active_since_ns = task.ready_ns = now_ns;
  ready_.push_back(index);
}

}  // namespace pw
