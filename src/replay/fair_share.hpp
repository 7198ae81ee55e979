// Who gets the CPU, as the kernel has it for tasks of one weight (EEVDF: Stoica and Abdel-Wahab
// 1995; kernel/sched/fair.c of Linux 6.18).
//
// Each task has a virtual time, which is the time that it has run. Whoever has run no more than the
// average of all that can run is eligible, and of those the one runs whose deadline, a slice after
// where it began, is the earliest. Whoever sleeps keeps what it has not had (at most a tick), and
// has what it had in advance made up by its sleep.
//
// The CPU is taken away at ticks only, when the slice is over; or for a task that wakes, once the
// one that runs has had a slice of its own (RUN_TO_PARITY).
//
// Owned by Turns. Time is whatever the caller counts, in ns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pw::replay {

class FairShare {
 public:
  static constexpr std::int64_t kSlice = 1'400'000;  // base_slice_ns with two CPUs
  static constexpr std::int64_t kTick = 4'000'000;
  static constexpr std::int64_t kMostLag = kTick;

  struct Task {
    std::int64_t ran = 0;       // virtual time
    std::int64_t deadline = 0;  // virtual
    std::int64_t lag = 0;       // not had, when it fell asleep
    bool queued = false;        // can run, or runs
  };

  // A task can run: a new one, or one that has slept.
  void add_new(Task& task) {
    task.ran = average();
    task.deadline = task.ran + kSlice / 2;
    insert(task);
  }
  void wake(Task& task) {
    const std::int64_t now = average();
    // Its lag is of an average that it was part of, and will be again.
    const auto others = static_cast<std::int64_t>(tasks_.size());
    const std::int64_t lag = others > 0 ? task.lag * (others + 1) / others : 0;
    task.ran = task.lag >= 0 ? now - lag : std::max(task.ran, now);
    task.deadline = task.ran + kSlice;
    insert(task);
  }
  void sleep(Task& task) {
    if (!task.queued) return;
    task.lag = std::clamp(average() - task.ran, -kMostLag, kMostLag);
    task.queued = false;
    std::erase(tasks_, &task);
    if (running_ == &task) running_ = nullptr;
  }

  // The one that runs has done so for so long. Beyond a tick it was in the kernel, looking for
  // pages, and has let others run meanwhile (cond_resched()).
  void pass(std::int64_t time) {
    if (running_ == nullptr) return;
    running_->ran += std::min(time, kTick);
    if (running_->ran < running_->deadline) return;
    running_->deadline = running_->ran + kSlice;
    over_ = true;
    std::erase(tasks_, running_);  // the last of those with this deadline
    tasks_.push_back(running_);
  }
  // Who runs from now on; null: nobody can.
  Task* next() {
    if (running_ != nullptr && !over_) return running_;
    return start(best());
  }
  // Somebody can run since just now: whether the one that runs has to stop.
  bool preempted() {
    if (running_ == nullptr) return false;
    over_ = over_ || (running_->ran >= protected_until_ && best() != running_);
    return over_;
  }

 private:
  std::int64_t average() const {
    if (tasks_.empty()) return last_average_;
    std::int64_t sum = 0;
    const std::int64_t base = tasks_.front()->ran;
    for (const Task* task : tasks_) sum += task->ran - base;
    return last_average_ = base + sum / static_cast<std::int64_t>(tasks_.size());
  }
  void insert(Task& task) {
    task.queued = true;
    tasks_.push_back(&task);
  }
  Task* best() const {
    const std::int64_t now = average();
    Task* chosen = nullptr;
    for (Task* task : tasks_) {
      if (task->ran > now) continue;
      const bool sooner = chosen == nullptr || task->deadline < chosen->deadline ||
                          (task->deadline == chosen->deadline && chosen == running_);
      if (sooner) chosen = task;
    }
    return chosen;
  }
  Task* start(Task* task) {
    running_ = task;
    over_ = false;
    if (task != nullptr) protected_until_ = std::min(task->ran + kSlice, task->deadline);
    return task;
  }

  std::vector<Task*> tasks_;  // that can run. With the same deadline, the first of them is next
  Task* running_ = nullptr;   // one of them
  std::int64_t protected_until_ = 0;
  bool over_ = false;  // its slice, at the next look
  mutable std::int64_t last_average_ = 0;
};

}  // namespace pw::replay
