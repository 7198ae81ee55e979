// Shared memory: memfd_create(2), shm_open(3), System V segments.
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

Reply Kernel::memfd_create(Process& process, const Request& r) {
  OpenFile file;
  file.object = machine_->create_shared(ByteCount(0));
  file.type = FileType::Memfd;
  file.writable = true;
  file.path = "/memfd:" + r.text + " (deleted)";
  return new_descriptor(process, std::move(file));
}

Reply Kernel::shm_open(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::shm_unlink(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::shmget(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::shmat(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::shmdt(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::shmctl(Process&, const Request&) { return failed(Errno::NoCall); }

}  // namespace pw::sys
