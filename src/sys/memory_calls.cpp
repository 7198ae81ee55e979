// mmap(2) and what changes areas.
#include <optional>

#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

namespace {

Rights rights_of(std::uint64_t prot) {
  return {(prot & kProtRead) != 0, (prot & kProtWrite) != 0, (prot & kProtExec) != 0};
}

// What the kind of mapping and the file say, in the order of do_mmap(), mm/mmap.c.
std::optional<Errno> objection(const OpenFile* file, std::uint64_t prot, std::uint64_t flags,
                               std::uint64_t length, std::uint64_t first) {
  const std::uint64_t type = flags & kMapType;
  const bool shared = type == kMapShared || type == kMapSharedValidate;
  if (file == nullptr) {
    if (type != kMapShared && type != kMapPrivate && type != kMapDroppable) return Errno::Invalid;
    const bool odd = (flags & (kMapLocked | kMapGrowsDown | kMapHugeTlb)) != 0;
    if (type == kMapDroppable && odd) return Errno::Invalid;
    return type == kMapShared && (flags & kMapGrowsDown) != 0 ? std::optional(Errno::Invalid)
                                                              : std::nullopt;
  }
  // file_mmap_ok(): beyond the greatest size that a regular file may have anywhere.
  constexpr std::uint64_t kMost = ~0ULL >> 1;
  if (length > kMost || first > (kMost - length) >> kPageShift) return Errno::Overflow;
  if (!shared && type != kMapPrivate) return Errno::Invalid;
  // LEGACY_MAP_MASK, include/linux/mman.h: MAP_SHARED_VALIDATE takes no others.
  constexpr std::uint64_t kLegacy = kMapType | kMapFixed | kMapAnonymous | kMapDenyWrite |
                                    kMapExecutable | kMapGrowsDown | kMapLocked | kMapNoReserve |
                                    kMapPopulate | kMapNonBlock | kMapStack | kMapHugeTlb |
                                    kMap32Bit | 0x3FULL << 26;
  if (type == kMapSharedValidate && (flags & ~kLegacy) != 0) return Errno::NotSupported;
  if (shared && (prot & kProtWrite) != 0 && !file->writable) return Errno::Access;
  if (!file->readable) return Errno::Access;
  if (file->type == FileType::Directory) return Errno::NoDevice;
  if ((flags & kMapGrowsDown) != 0) return Errno::Invalid;
  return file->type == FileType::HugeMemfd ? std::optional(Errno::NoMemory) : std::nullopt;
}

// Whether seals forbid new shared areas that may be written (memfd_check_seals_mmap(), mm/memfd.c).
bool write_sealed(const VmObject& object) {
  return (object.seals & (kSealWrite | kSealFutureWrite)) != 0;
}

}  // namespace

// ksys_mmap_pgoff(), mm/mmap.c: the order of the checks is its and do_mmap()'s.
Reply Kernel::mmap(Process& process, const Request& r) {
  const auto& [address, length, prot, flags, fd, offset] = r.args;
  if (offset % kPageSize != 0) return failed(Errno::Invalid);
  const bool anonymous = (flags & kMapAnonymous) != 0;
  const std::shared_ptr<OpenFile> file = anonymous ? nullptr : descriptors(process).share(fd);
  if (!anonymous && file == nullptr) return failed(Errno::BadFile);
  const std::uint64_t type = flags & kMapType;
  MmapRequest request;
  request.address = VirtAddr(address);
  request.length = ByteCount(length);
  request.rights = rights_of(prot);
  request.shared = type == kMapShared || type == kMapSharedValidate;
  request.fixed = (flags & kMapFixed) != 0;
  request.fixed_noreplace = (flags & kMapFixedNoReplace) != 0;
  request.grows_down = (flags & kMapGrowsDown) != 0;
  request.low = (flags & kMap32Bit) != 0;
  request.traits.locked = (flags & kMapLocked) != 0;
  request.populate = (flags & (kMapPopulate | kMapNonBlock)) == kMapPopulate;
  request.traits.no_huge = (flags & kMapStack) != 0;
  request.traits.no_reserve = (flags & kMapNoReserve) != 0 &&
                              machine_->config().overcommit != Overcommit::Never;
  if (type == kMapDroppable) {  // what may go at any time is not reserved, inherited or dumped
    AreaTraits& traits = request.traits;
    traits.droppable = traits.no_reserve = traits.wipe_on_fork = traits.dont_dump = true;
  }
  request.objection = objection(file.get(), prot, flags, length, offset >> kPageShift);
  if (prot == kProtExec && length != 0) request.traits.key = execute_only_key(process).value_or(0);
  request.backing_page = PageOffset(anonymous ? 0 : offset >> kPageShift);
  if (file != nullptr && file->type != FileType::Directory) {
    request.backing = &machine_->object(file->object);
    request.file = file->serial;
    request.read_only_file = request.shared && !file->writable;
    const bool sealed = write_sealed(*request.backing);
    request.may.write = !request.shared || (file->writable && !sealed);
    const bool refused = sealed && request.shared && request.rights.write;
    if (refused && !request.objection) request.objection = Errno::Perm;
  }
  return reply_of(machine_->mmap(process.pid, request));
}

Reply Kernel::munmap(Process& process, const Request& r) {
  return reply_of(machine_->munmap(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1])));
}

Reply Kernel::mprotect(Process& process, const Request& r) {
  return protect(process, r, std::nullopt);
}

Reply Kernel::protect(Process& process, const Request& r, std::optional<std::int64_t> key) {
  const std::uint64_t prot = r.args[2];
  ProtectRequest request;
  request.address = VirtAddr(r.args[0]);
  request.length = ByteCount(r.args[1]);
  request.rights = rights_of(prot);
  request.grows_down = (prot & kProtGrowsDown) != 0;
  request.grows_up = (prot & kProtGrowsUp) != 0;
  constexpr std::uint64_t kKnown = kProtRead | kProtWrite | kProtExec | kProtSem | kProtGrowsDown |
                                   kProtGrowsUp;
  if ((prot & ~kKnown) != 0) request.objection = Errno::Invalid;  // arch_validate_prot()
  if (key && !process.space->settings().keys.is_allocated(*key)) request.objection = Errno::Invalid;
  if (key) request.key = static_cast<std::uint8_t>(*key);
  const bool there = process.space->find(page_of(request.address)) != nullptr;
  if (!key && prot == kProtExec && there) (void)execute_only_key(process);
  return reply_of(machine_->mprotect(process.pid, request));
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
  request.dont_unmap = (flags & kRemapDontUnmap) != 0;
  request.unknown_flags = (flags & ~(kRemapMayMove | kRemapFixed | kRemapDontUnmap)) != 0;
  request.new_address = VirtAddr(new_address);
  return reply_of(machine_->mremap(process.pid, request));
}

Reply Kernel::mseal(Process& process, const Request& r) {
  if (r.args[2] != 0) return failed(Errno::Invalid);
  return reply_of(machine_->seal(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1])));
}

}  // namespace pw::sys
