// The system-call boundary of a machine: raw arguments in, a value or -errno out, as Linux answers.
//
// Owned by whoever runs programs on a machine (scripts, the explorer). What a call does to memory
// is src/space's matter; here arguments are checked in the kernel's order and given their meaning.
// Calls are grouped in source files as the manual groups them: memory_calls, file_calls,
// shared_calls, process_calls.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "sys/calls.hpp"
#include "sys/files.hpp"

namespace pw::sys {

class Kernel {
 public:
  // `make_store`: where files of the directory keep their bytes.
  Kernel(Machine& machine, MakeStore make_store);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  Machine& machine() { return *machine_; }

  // A process without a program: an empty space with a stack, as after execve(2) of nothing.
  Result<Pid> spawn(const std::string& name);
  // Carries out a call of a running process. -ESRCH if there is none; -ENOSYS for what is not
  // known.
  Reply call(Pid pid, const Request& request);

 private:
  using Handler = Reply (Kernel::*)(Process&, const Request&);
  static Handler handler_of(Call call);

  // memory_calls.cpp
  Reply mmap(Process&, const Request&);
  Reply munmap(Process&, const Request&);
  Reply mprotect(Process&, const Request&);
  Reply brk(Process&, const Request&);
  Reply mremap(Process&, const Request&);
  Reply msync(Process&, const Request&);
  Reply mincore(Process&, const Request&);
  Reply madvise(Process&, const Request&);
  Reply mlock(Process&, const Request&);
  Reply mlock2(Process&, const Request&);
  Reply munlock(Process&, const Request&);
  Reply mlockall(Process&, const Request&);
  Reply munlockall(Process&, const Request&);
  Reply mseal(Process&, const Request&);
  Reply pkey_alloc(Process&, const Request&);
  Reply pkey_free(Process&, const Request&);
  Reply pkey_mprotect(Process&, const Request&);
  Reply protect(Process&, const Request&, std::optional<std::int64_t> key);
  // The key of memory that may only be executed, closed to loads and stores; none if all are taken.
  std::optional<std::uint8_t> execute_only_key(Process& process);
  // file_calls.cpp
  Reply open(Process&, const Request&);
  Reply close(Process&, const Request&);
  Reply dup(Process&, const Request&);
  Reply unlink(Process&, const Request&);
  Reply pread(Process&, const Request&);
  Reply pwrite(Process&, const Request&);
  Reply ftruncate(Process&, const Request&);
  Reply fallocate(Process&, const Request&);
  Reply fsync(Process&, const Request&);
  Reply fadvise(Process&, const Request&);
  Reply fcntl(Process&, const Request&);
  // shared_calls.cpp
  Reply memfd_create(Process&, const Request&);
  Reply shm_open(Process&, const Request&);
  Reply shm_unlink(Process&, const Request&);
  Reply shmget(Process&, const Request&);
  Reply shmat(Process&, const Request&);
  Reply shmdt(Process&, const Request&);
  Reply shmctl(Process&, const Request&);
  // process_calls.cpp
  Reply prctl(Process&, const Request&);
  Reply setrlimit(Process&, const Request&);
  Reply getrlimit(Process&, const Request&);
  Reply process_vm_readv(Process&, const Request&);
  Reply process_vm_writev(Process&, const Request&);
  Reply fork(Process&, const Request&);
  Reply vfork(Process&, const Request&);
  Reply clone(Process&, const Request&);
  Reply exec(Process&, const Request&);
  Reply exit(Process&, const Request&);
  Reply wait(Process&, const Request&);

  FdTable& descriptors(const Process& process);
  Reply new_descriptor(Process& process, OpenFile file, bool close_on_exec);
  Reply open_folder(Process& process, std::uint64_t flags);
  Result<FolderEntry*> make_file(const Process& process, const std::string& name,
                                 std::uint32_t mode);
  Reply open_shared(Process& process, const std::string& name, std::uint64_t flags,
                    std::uint32_t mode);
  Result<void> zero_range(const OpenFile& file, std::uint64_t offset, std::uint64_t end, bool grow);
  Reply name_area(Process& process, const Request&);
  // The child has the descriptors of `parent`, its own or shared.
  Reply born(const Process& parent, const Result<Pid>& child, bool share_files);
  // What processes leave behind that have ended, of themselves or by a signal: their descriptors
  // go, and their children are nobody's; those that have ended too are reaped, as init does.
  void sweep();
  void orphan_children(Pid pid);

  Machine* machine_;
  MakeStore make_store_;
  std::uint64_t next_serial_ = 0;
  Folder folder_;
  std::map<Pid, std::shared_ptr<FdTable>> descriptors_;
};

// As system calls answer.
inline Reply reply_of(const Result<void>& result) {
  return {result ? 0 : -static_cast<std::int64_t>(result.error().code), {}};
}
inline Reply reply_of(const Result<VirtAddr>& result) {
  return {result ? static_cast<std::int64_t>(result->value)
                 : -static_cast<std::int64_t>(result.error().code),
          {}};
}
inline Reply failed(Errno code) { return {-static_cast<std::int64_t>(code), {}}; }

}  // namespace pw::sys
