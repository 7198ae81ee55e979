// Processes: fork(2) and its kin, limits, and the memory of others.
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

Reply Kernel::fork(Process& process, const Request&) {
  const Result<Pid> child = machine_->fork(process.pid);
  if (!child) return failed(child.error().code);
  descriptors_[*child] = std::make_shared<FdTable>(descriptors(process));
  return {static_cast<std::int64_t>(*child), {}};
}

Reply Kernel::vfork(Process& process, const Request&) {
  const Result<Pid> child = machine_->vfork(process.pid);
  if (!child) return failed(child.error().code);
  descriptors_[*child] = std::make_shared<FdTable>(descriptors(process));
  return {static_cast<std::int64_t>(*child), {}};
}

Reply Kernel::clone(Process& process, const Request& r) {
  const bool shares_memory = (r.args[0] & kCloneVm) != 0;
  const Result<Pid> child = shares_memory ? machine_->vfork(process.pid)
                                          : machine_->fork(process.pid);
  if (!child) return failed(child.error().code);
  descriptors_[*child] = (r.args[0] & kCloneFiles) != 0
                             ? descriptors_.at(process.pid)
                             : std::make_shared<FdTable>(descriptors(process));
  return {static_cast<std::int64_t>(*child), {}};
}

Reply Kernel::exec(Process& process, const Request& r) {
  const Result<void> replaced = machine_->replace_space(process.pid, r.text);
  if (!replaced) return failed(replaced.error().code);
  const Result<VirtAddr> stack = machine_->map_stack(process.pid, ByteCount(33 * kPageSize));
  return stack ? Reply{} : failed(stack.error().code);
}

Reply Kernel::exit(Process& process, const Request& r) {
  descriptors_.erase(process.pid);
  return reply_of(machine_->exit(process.pid, static_cast<int>(r.args[0] & 0xff)));
}

Reply Kernel::wait(Process& process, const Request& r) {
  const auto pid = static_cast<Pid>(r.args[0]);
  const Process* child = machine_->find(pid);
  if (child == nullptr || child->parent != process.pid) return failed(Errno::NoChild);
  if (child->state == ProcessState::Running) return failed(Errno::Again);
  const int status = child->status;
  const Result<void> reaped = machine_->reap(pid);
  return reaped ? Reply{status, {}} : failed(reaped.error().code);
}

Reply Kernel::prctl(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::setrlimit(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::getrlimit(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::process_vm_readv(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::process_vm_writev(Process&, const Request&) { return failed(Errno::NoCall); }

}  // namespace pw::sys
