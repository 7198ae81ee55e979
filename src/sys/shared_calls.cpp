// Shared memory: memfd_create(2), shm_open(3), System V segments.
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

namespace {

// sanitize_flags(), mm/memfd.c, with sysctl vm.memfd_noexec = 0; the size of a huge page is told by
// its logarithm in bits 26 to 31.
constexpr unsigned kHugeShift = 26;
constexpr std::uint64_t kHugeMask = 0x3f;
constexpr std::uint64_t kMostName = 249;  // NAME_MAX, less "memfd:"

Result<void> check_flags(std::uint64_t flags) {
  constexpr std::uint64_t kKnown = kMemfdCloseOnExec | kMemfdAllowSealing | kMemfdHugeTlb |
                                   kMemfdNoExecSeal | kMemfdExec;
  const std::uint64_t sizes = (flags & kMemfdHugeTlb) != 0 ? kHugeMask << kHugeShift : 0;
  if ((flags & ~(kKnown | sizes)) != 0) return fail(Errno::Invalid);
  const std::uint64_t both = kMemfdExec | kMemfdNoExecSeal;
  if ((flags & both) == both) return fail(Errno::Invalid);
  return {};
}

// Of the pages asked for; 0: there are none of that size.
std::uint64_t huge_page_size(std::uint64_t flags) {
  const std::uint64_t log = flags >> kHugeShift & kHugeMask;
  if (log == 0 || log == 21) return 1ULL << 21;
  return log == 30 ? 1ULL << 30 : 0;
}

std::uint32_t first_seals(std::uint64_t flags) {
  if ((flags & kMemfdNoExecSeal) != 0) return static_cast<std::uint32_t>(kSealExec);
  return (flags & kMemfdAllowSealing) != 0 ? 0 : static_cast<std::uint32_t>(kSealSeal);
}

}  // namespace

Reply Kernel::memfd_create(Process& process, const Request& r) {
  const std::uint64_t flags = r.args[0] & 0xffff'ffff;
  const Result<void> good = check_flags(flags);
  if (!good) return failed(good.error().code);
  if (r.text.size() > kMostName) return failed(Errno::Invalid);
  if (descriptors(process).full()) return failed(Errno::TooManyFiles);
  const bool huge = (flags & kMemfdHugeTlb) != 0;
  if (huge && huge_page_size(flags) == 0) return failed(Errno::NoDevice);
  OpenFile file;
  file.object = machine_->create_shared(ByteCount(0));
  file.type = huge ? FileType::HugeMemfd : FileType::Memfd;
  file.huge_size = huge ? huge_page_size(flags) : 0;
  file.writable = true;
  file.path = "/memfd:" + r.text + " (deleted)";
  VmObject& object = machine_->object(file.object);
  object.name = file.path;
  object.seals = first_seals(flags);
  return new_descriptor(process, std::move(file), (flags & kMemfdCloseOnExec) != 0);
}

// glibc's shm_open() adds O_NOFOLLOW, O_NONBLOCK and O_CLOEXEC, and says EINVAL for a directory.
Reply Kernel::open_shared(Process& process, const std::string& name, std::uint64_t flags,
                          std::uint32_t mode) {
  constexpr std::uint32_t kUmask = 022;
  ShmOpen how;
  how.read = (flags & kOpenAccess) != kOpenWriteOnly;
  how.write = (flags & kOpenAccess) != kOpenReadOnly;
  how.create = (flags & kOpenCreate) != 0;
  how.exclusive = (flags & kOpenExclusive) != 0;
  how.truncate = (flags & kOpenTruncate) != 0;
  how.mode = mode & ~kUmask;
  const Result<SharedHandle> handle = machine_->shm_open(process.pid, name, how);
  if (!handle) return failed(handle.error().code);
  OpenFile file;
  file.object = handle->object;
  file.type = FileType::Shm;
  file.readable = ((flags + 1) & 1) != 0;
  file.writable = ((flags + 1) & 2) != 0;
  file.append = (flags & kOpenAppend) != 0;
  file.path = machine_->object(handle->object).name;
  return new_descriptor(process, std::move(file), true);
}

Reply Kernel::shm_open(Process& process, const Request& r) {
  const std::size_t begin = r.text.find_first_not_of('/');
  const std::string name = begin == std::string::npos ? std::string() : r.text.substr(begin);
  const std::uint64_t flags = r.args[0];
  if (name.empty() || name.find('/') != std::string::npos) return failed(Errno::Invalid);
  if (descriptors(process).full()) return failed(Errno::TooManyFiles);
  if (name != "." && name != "..") {
    return open_shared(process, name, flags, static_cast<std::uint32_t>(r.args[1]));
  }
  const Reply folder = open_folder(process, flags | kOpenCloseOnExec);
  const bool is_folder = folder.value == -static_cast<std::int64_t>(Errno::IsDirectory);
  return is_folder ? failed(Errno::Invalid) : folder;
}

// Where shm_open() says that a name is no name, shm_unlink() says that it does not exist.
Reply Kernel::shm_unlink(Process& process, const Request& r) {
  const std::size_t begin = r.text.find_first_not_of('/');
  const std::string name = begin == std::string::npos ? std::string() : r.text.substr(begin);
  if (name.empty() || name.find('/') != std::string::npos) return failed(Errno::NoEntry);
  if (name == "." || name == "..") return failed(Errno::IsDirectory);
  return reply_of(machine_->shm_unlink(process.pid, name));
}

Reply Kernel::shmget(Process& process, const Request& r) {
  const auto& [key, size, flags, unused3, unused4, unused5] = r.args;
  constexpr std::uint32_t kPermissions = 0777;
  ShmOpen how;
  how.create = (flags & kIpcCreate) != 0;
  how.exclusive = (flags & kIpcExclusive) != 0;
  how.mode = static_cast<std::uint32_t>(flags) & kPermissions;
  how.no_reserve = (flags & kShmNoReserve) != 0 &&
                   machine_->config().overcommit != Overcommit::Never;
  const Result<ShmId> id = machine_->shmget(process.pid, static_cast<ShmKey>(key), ByteCount(size),
                                            how);
  return id ? Reply{*id, {}} : failed(id.error().code);
}

namespace {

bool valid_id(std::uint64_t id) { return static_cast<std::int32_t>(id) >= 0; }

}  // namespace

Reply Kernel::shmat(Process& process, const Request& r) {
  const auto& [id, address, flags, unused3, unused4, unused5] = r.args;
  if (!valid_id(id)) return failed(Errno::Invalid);
  ShmAttach how;
  how.address = VirtAddr(address);
  how.read_only = (flags & kShmReadOnly) != 0;
  how.round = (flags & kShmRound) != 0;
  how.remap = (flags & kShmRemap) != 0;
  how.execute = (flags & kShmExec) != 0;
  return reply_of(machine_->shmat(process.pid, static_cast<ShmId>(id), how));
}

Reply Kernel::shmdt(Process& process, const Request& r) {
  return reply_of(machine_->shmdt(process.pid, VirtAddr(r.args[0])));
}

// IPC_STAT answers with the number of attachments: a script has no structure to fill.
Reply Kernel::shmctl(Process& process, const Request& r) {
  if (!valid_id(r.args[0])) return failed(Errno::Invalid);
  const auto id = static_cast<ShmId>(r.args[0]);
  switch (static_cast<std::uint32_t>(r.args[1])) {
    case kIpcRemove:
      return reply_of(machine_->shm_remove(process.pid, id));
    case kIpcStat: {
      const Result<ShmStatus> status = machine_->shm_status(id);
      if (!status) return failed(status.error().code);
      if (!permitted(process.user, status->owner, status->mode, kMayRead)) {
        return failed(Errno::Access);
      }
      return {static_cast<std::int64_t>(status->attached), {}};
    }
    case kShmLock:
      return reply_of(machine_->shm_lock(process.pid, id, true));
    case kShmUnlock:
      return reply_of(machine_->shm_lock(process.pid, id, false));
    default:
      return failed(Errno::Invalid);
  }
}

}  // namespace pw::sys
