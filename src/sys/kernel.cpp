#include "sys/kernel.hpp"

namespace pw::sys {

Kernel::Kernel(Machine& machine, MakeStore make_store)
    : machine_(&machine), make_store_(std::move(make_store)) {}

Kernel::~Kernel() = default;

Kernel::Handler Kernel::handler_of(Call call) {
  static constexpr Handler kHandlers[] = {
      &Kernel::mmap,
      &Kernel::munmap,
      &Kernel::mprotect,
      &Kernel::brk,
      &Kernel::mremap,
      &Kernel::msync,
      &Kernel::mincore,
      &Kernel::madvise,
      &Kernel::mlock,
      &Kernel::mlock2,
      &Kernel::munlock,
      &Kernel::mlockall,
      &Kernel::munlockall,
      &Kernel::mseal,
      &Kernel::pkey_alloc,
      &Kernel::pkey_free,
      &Kernel::pkey_mprotect,
      &Kernel::open,
      &Kernel::close,
      &Kernel::dup,
      &Kernel::unlink,
      &Kernel::pread,
      &Kernel::pwrite,
      &Kernel::ftruncate,
      &Kernel::fallocate,
      &Kernel::fsync,
      &Kernel::fadvise,
      &Kernel::fcntl,
      &Kernel::memfd_create,
      &Kernel::shm_open,
      &Kernel::shm_unlink,
      &Kernel::shmget,
      &Kernel::shmat,
      &Kernel::shmdt,
      &Kernel::shmctl,
      &Kernel::prctl,
      &Kernel::setrlimit,
      &Kernel::getrlimit,
      &Kernel::process_vm_readv,
      &Kernel::process_vm_writev,
      &Kernel::fork,
      &Kernel::vfork,
      &Kernel::clone,
      &Kernel::exec,
      &Kernel::exit,
      &Kernel::wait,
  };
  static_assert(std::size(kHandlers) == kCallCount);
  return kHandlers[static_cast<std::size_t>(call)];
}

Result<Pid> Kernel::spawn(const std::string& name) {
  const Result<Pid> pid = machine_->spawn(name);
  if (!pid) return pid;
  descriptors_[*pid] = std::make_shared<FdTable>();
  const Result<VirtAddr> stack = machine_->map_stack(*pid, machine_->initial_stack());
  if (!stack) return tl::unexpected(stack.error());
  return pid;
}

Reply Kernel::call(Pid pid, const Request& request) {
  Process* process = machine_->find(pid);
  if (process == nullptr || process->state != ProcessState::Running) {
    return failed(Errno::NoProcess);
  }
  return (this->*handler_of(request.call))(*process, request);
}

void Kernel::orphan_children(Pid pid) {
  std::vector<Pid> ended;
  machine_->processes().for_each([&](Process& child) {
    if (child.parent != pid) return;
    child.parent = 0;
    if (child.state == ProcessState::Zombie) ended.push_back(child.pid);
  });
  for (const Pid child : ended) (void)machine_->reap(child);
}

void Kernel::sweep() {
  for (auto it = descriptors_.begin(); it != descriptors_.end();) {
    const Process* process = machine_->find(it->first);
    if (process != nullptr && process->state == ProcessState::Running) {
      ++it;
      continue;
    }
    const Pid gone = it->first;
    it = descriptors_.erase(it);
    orphan_children(gone);
  }
}

FdTable& Kernel::descriptors(const Process& process) { return *descriptors_.at(process.pid); }

Reply Kernel::new_descriptor(Process& process, OpenFile file, bool close_on_exec) {
  file.serial = ++next_serial_;
  const std::shared_ptr<OpenFile> description(new OpenFile(std::move(file)),
                                              [this](OpenFile* last) {
                                                if (last->type != FileType::Directory)
                                                  (void)machine_->close_file(last->object);
                                                delete last;
                                              });
  const Result<int> fd = descriptors(process).add(description, close_on_exec);
  return fd ? Reply{*fd, {}} : failed(fd.error().code);
}

}  // namespace pw::sys
