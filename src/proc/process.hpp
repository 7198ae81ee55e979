// A process: who runs in which address space, and how it ended.
//
// Owned by the ProcessTable. Threads share a space by sharing the Process; a vfork child shares its
// parent's until it execs or exits. A process that ended stays as a zombie until its parent reaps
// it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "proc/layout.hpp"
#include "space/address_space.hpp"

namespace pw {

using Pid = std::uint32_t;

enum class ProcessState : std::uint8_t { Running, Zombie };
enum class ExitCause : std::uint8_t { None, Exit, Segv, Bus, OutOfMemory };

struct Process {
  Pid pid = 0;
  Pid parent = 0;
  ProcessState state = ProcessState::Running;
  ExitCause cause = ExitCause::None;
  int status = 0;
  unsigned cpu = 0;
  int priority = 0;        // of its claim on memory; greater is more
  std::uint32_t user = 0;  // uid: what shared memory permissions look at
  SpaceLimits limits;
  bool privileged() const { return user == 0; }
  SpaceLimits limits_now() const {
    SpaceLimits now = limits;
    now.may_lock_all = now.may_administer = privileged();
    return now;
  }
  std::uint32_t pkru = 0;  // what it may do to pages with protection keys (SDM vol. 3A 4.6.2)
  std::string name;
  ProcessLayout places;
  std::shared_ptr<AddressSpace> space;             // null in a zombie
  bool borrowed_space = false;                     // a vfork child before exec
  FaultCounters faults;                            // of a zombie: what its space had counted
  std::uint64_t resident_peak = 0, told_peak = 0;  // told: ru_maxrss (space/told_resident.hpp)
  // Taken by this process itself, whoever shares its space (getrusage).
  std::uint64_t minor_faults = 0, major_faults = 0;
};

// Counts the faults of a scope for the process that takes them.
class FaultTally {
 public:
  explicit FaultTally(Process& process)
      : process_(&process), space_(process.space.get()), before_(space_->counters().faults) {}
  ~FaultTally() { stop(); }
  // Before the process may lose its space.
  void stop() {
    if (space_ == nullptr) return;
    const FaultCounters& now = space_->counters().faults;
    process_->minor_faults += now.minor - before_.minor;
    process_->major_faults += now.major - before_.major;
    space_ = nullptr;
  }
  FaultTally(const FaultTally&) = delete;
  FaultTally& operator=(const FaultTally&) = delete;

 private:
  Process* process_;
  AddressSpace* space_;
  FaultCounters before_;
};

class ProcessTable {
 public:
  Process& create(Pid parent) {
    const Pid pid = next_pid_++;
    Process& process = processes_[pid];
    process.pid = pid;
    process.parent = parent;
    return process;
  }
  Process* find(Pid pid) {
    const auto it = processes_.find(pid);
    return it == processes_.end() ? nullptr : &it->second;
  }
  void erase(Pid pid) { processes_.erase(pid); }
  std::size_t size() const { return processes_.size(); }
  template <class Fn>
  void for_each(Fn&& fn) {
    for (auto& [pid, process] : processes_) fn(process);
  }

 private:
  std::map<Pid, Process> processes_;
  Pid next_pid_ = 1;
};

}  // namespace pw
