// mmap(2) and what changes areas.
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

namespace {

Rights rights_of(std::uint64_t prot) {
  return {(prot & kProtRead) != 0, (prot & kProtWrite) != 0, (prot & kProtExec) != 0};
}

}  // namespace

// ksys_mmap_pgoff(), do_mmap(), mm/mmap.c: the order of the checks is theirs.
Reply Kernel::mmap(Process& process, const Request& r) {
  const auto& [address, length, prot, flags, fd, offset] = r.args;
  if (offset % kPageSize != 0) return failed(Errno::Invalid);
  const bool anonymous = (flags & kMapAnonymous) != 0;
  const std::shared_ptr<OpenFile> file = anonymous ? nullptr : descriptors(process).share(fd);
  if (!anonymous && file == nullptr) return failed(Errno::BadFile);
  const std::uint64_t type = flags & kMapType;
  if (type != kMapShared && type != kMapPrivate && type != kMapSharedValidate) {
    return failed(Errno::Invalid);
  }
  MmapRequest request;
  request.address = VirtAddr(address);
  request.length = ByteCount(length);
  request.rights = rights_of(prot);
  request.shared = type != kMapPrivate;
  request.fixed = (flags & kMapFixed) != 0;
  request.fixed_noreplace = (flags & kMapFixedNoReplace) != 0;
  request.grows_down = (flags & kMapGrowsDown) != 0;
  if (file != nullptr) {
    if (!file->readable) return failed(Errno::Access);
    request.backing = &machine_->object(file->object);
    request.backing_page = PageOffset(offset >> kPageShift);
    request.may.write = file->writable || !request.shared;
  }
  return reply_of(machine_->mmap(process.pid, request));
}

Reply Kernel::munmap(Process& process, const Request& r) {
  return reply_of(machine_->munmap(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1])));
}

Reply Kernel::mprotect(Process& process, const Request& r) {
  return reply_of(machine_->mprotect(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1]),
                                     rights_of(r.args[2])));
}

Reply Kernel::brk(Process& process, const Request& r) {
  return reply_of(machine_->brk(process.pid, VirtAddr(r.args[0])));
}

Reply Kernel::mremap(Process& process, const Request& r) {
  const auto& [address, old_length, new_length, flags, new_address, unused] = r.args;
  MremapRequest request;
  request.address = VirtAddr(address);
  request.old_length = ByteCount(old_length);
  request.new_length = ByteCount(new_length);
  request.may_move = (flags & kRemapMayMove) != 0;
  request.fixed = (flags & kRemapFixed) != 0;
  request.new_address = VirtAddr(new_address);
  return reply_of(machine_->mremap(process.pid, request));
}

Reply Kernel::msync(Process& process, const Request& r) {
  return reply_of(machine_->msync(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1])));
}

Reply Kernel::mseal(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::pkey_alloc(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::pkey_free(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::pkey_mprotect(Process&, const Request&) { return failed(Errno::NoCall); }

}  // namespace pw::sys
