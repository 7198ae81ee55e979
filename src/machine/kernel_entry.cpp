#include "machine/kernel_entry.hpp"

#include "base/check.hpp"

namespace pw {

namespace {

void reference(sim::SimCpu& cpu, VirtAddr address, Access access) {
  sim::Translation out;
  PW_CHECK_MSG(cpu.translate(address, access, Mode::Kernel, out), "the kernel faulted");
}

}  // namespace

KernelScope::KernelScope(const KernelMap* map, sim::SimCpu& cpu) : map_(map), cpu_(&cpu) {
  if (map == nullptr) return;
  reference(cpu, KernelMap::kEntryCode, Access::Execute);
  cpu.enter_kernel();
  reference(cpu, KernelMap::kCode, Access::Execute);
  reference(cpu, map->direct(cpu.root()), Access::Read);
}

void run_space(const KernelMap& map, sim::SimCpu& cpu, AddressSpace& space) {
  const x86::PageTables& tables = space.tables();
  if (cpu.is_active(space.id()) && cpu.root() == tables.root()) return;
  if (!cpu.has_space()) {
    cpu.load_space(space.id(), tables.root(), tables.user_root());
    return cpu.leave_kernel();
  }
  const KernelScope kernel(&map, cpu);
  cpu.load_space(space.id(), tables.root(), tables.user_root());
}

}  // namespace pw
