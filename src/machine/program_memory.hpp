// ProgramMemory of a process of a Machine: the malloc model's way to the kernel. Owned by whoever
// plays the program. Areas are labelled "[heap]" and "mmap", as the model's leak report names them.
#pragma once

#include "machine/machine.hpp"
#include "proc/malloc_model.hpp"

namespace pw {

class MachineMemory final : public ProgramMemory {
 public:
  MachineMemory(Machine& machine, Pid pid)
      : machine_(&machine),
        pid_(pid),
        heap_(machine.label("[heap]")),
        mmap_(machine.label("mmap")) {}

  VirtAddr brk(VirtAddr wanted) override {
    const Result<VirtAddr> now = machine_->brk(pid_, wanted, heap_);
    return now ? *now : VirtAddr(0);
  }
  Result<VirtAddr> mmap(ByteCount length) override {
    MmapRequest request;
    request.length = length;
    request.label = mmap_;
    return machine_->mmap(pid_, request);
  }
  Result<void> munmap(VirtAddr address, ByteCount length) override {
    return machine_->munmap(pid_, address, length);
  }
  bool touch(VirtAddr address) override {
    return machine_->touch(pid_, address, Access::Write).ok();
  }

 private:
  Machine* machine_;
  Pid pid_;
  LabelId heap_, mmap_;
};

}  // namespace pw
