// Scripts on the simulated machine: a Target over sys::Kernel and Machine.
//
// Owns the machine. Signals do not end a process (signals_kill is switched off), but running out of
// memory does. Files live in sparse stores in memory and are gone with the target. On a machine
// without bytes (Contents::MetadataOnly) pages are counted and all that is loaded is zeros.
#pragma once

#include <memory>
#include <vector>

#include "machine/machine.hpp"
#include "script/sparse_store.hpp"
#include "script/target.hpp"
#include "sys/kernel.hpp"

namespace pw::script {

struct SimLimits {
  ByteCount ram{4ULL << 30};    // the largest machine
  ByteCount store{1ULL << 30};  // bytes of files and swap together, as far as they are written
  std::uint64_t tlb_entries = 1U << 20;  // of all CPUs
};

class SimTarget final : public Target, public Inspector {
 public:
  // Errors: those of Machine::create, Invalid with a sentence if it is beyond the limits.
  static Result<std::unique_ptr<SimTarget>> create(MachineConfig config,
                                                   const SimLimits& limits = {});

  Machine& machine() { return *machine_; }
  // 0: there is no such process.
  Pid pid_of(ProcessIndex process) const { return process < pids_.size() ? pids_[process] : 0; }

  Result<void> spawn(ProcessIndex process) override;
  Outcome call(ProcessIndex process, const sys::Request& request, ProcessIndex child) override;
  Outcome load(ProcessIndex process, VirtAddr address, std::uint64_t count) override;
  Outcome store(ProcessIndex process, VirtAddr address, std::string_view bytes) override;
  Outcome fetch(ProcessIndex process, VirtAddr address) override;
  Outcome set_pkru(ProcessIndex process, std::uint32_t value) override;
  Result<Layout> layout(ProcessIndex process) override;
  Result<ProcessView> look(ProcessIndex process, Detail detail) override;
  Inspector* inspector() override { return this; }

  Result<std::uint64_t> counter(ProcessIndex process, std::string_view name) override;
  Result<std::uint64_t> counter(std::string_view name) override;
  Result<std::string> show(std::string_view what, ProcessIndex process, VirtAddr address) override;

 private:
  SimTarget(std::unique_ptr<Machine> machine, std::shared_ptr<StoreBudget> budget);
  void note_pid(ProcessIndex process, Pid pid);
  Process* running(ProcessIndex process);
  bool has_bytes() const { return machine_->config().contents == Contents::Bytes; }
  Outcome touch(ProcessIndex process, VirtAddr address, std::uint64_t count, Access kind);
  void warm_files();

  std::unique_ptr<Machine> machine_;
  std::shared_ptr<StoreBudget> budget_;
  std::unique_ptr<sys::Kernel> kernel_;  // goes before the machine
  std::vector<Pid> pids_;                // by index; 0: none
};

}  // namespace pw::script
