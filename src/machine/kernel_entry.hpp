// The way into the kernel and back: what each fault and each memory system call costs the TLB
// beside its work.
//
// On the way in the CPU runs the entry code, changes to the kernel's root if it has two, runs the
// kernel's code and reads the space's root table through the direct map: three references in
// Mode::Kernel, always the same, to pages that any kernel touches again and again. On the way back
// it changes the root. A real kernel touches far more; these are the ones that show what
// isolation costs: whether their translations, and the program's, outlive the change of roots.
//
// On the stack of whoever calls the core. Without a kernel map nothing happens, and nothing is
// counted. Invariant: outside any KernelScope, a CPU with an active space is in user mode's view.
#pragma once

#include "machine/kernel_map.hpp"
#include "ports/sim/sim_cpu.hpp"
#include "space/address_space.hpp"

namespace pw {

class KernelScope {
 public:
  // `cpu` has an active space if `map` is not null.
  KernelScope(const KernelMap* map, sim::SimCpu& cpu);
  ~KernelScope() {
    if (map_ != nullptr) cpu_->leave_kernel();
  }
  KernelScope(const KernelScope&) = delete;
  KernelScope& operator=(const KernelScope&) = delete;

 private:
  const KernelMap* map_;
  sim::SimCpu* cpu_;
};

// Makes `space` the one that runs on the CPU, as the kernel does it that `map` belongs to. A CPU
// without an active space is in the kernel already.
void run_space(const KernelMap& map, sim::SimCpu& cpu, AddressSpace& space);

}  // namespace pw
