// Files: open(2) and what is done with a descriptor.
//
// The order of the checks is that of fs/open.c, fs/namei.c, fs/read_write.c and mm/shmem.c; a file
// of the folder answers as one of ext4 does.
#include <algorithm>

#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

namespace {

constexpr std::uint64_t kMostFile = 17'592'186'040'320;  // s_maxbytes of ext4: 2^32 - 1 pages
constexpr std::uint64_t kMostOffset = ~0ULL >> 1;        // of loff_t, and of files in shared memory
constexpr std::uint64_t kMostTransfer = 0x7fff'f000;     // MAX_RW_COUNT
constexpr std::uint64_t kUserBytes = 1ULL << 47;         // no buffer is longer
constexpr std::uint32_t kUmask = 022;

constexpr bool negative(std::uint64_t value) { return value > kMostOffset; }

std::uint64_t most_bytes(const OpenFile& file) {
  return file.type == FileType::Disk ? kMostFile : kMostOffset;
}

// may_open(), fs/namei.c: what the flags ask for.
std::uint32_t wanted_rights(std::uint64_t flags) {
  constexpr std::uint32_t kByMode[] = {kMayRead, kMayWrite, kMayRead | kMayWrite,
                                       kMayRead | kMayWrite};
  const std::uint32_t truncates = (flags & kOpenTruncate) != 0 ? kMayWrite : 0;
  return kByMode[flags & kOpenAccess] | truncates;
}

// OPEN_FMODE(): access mode 3 asks for both rights and gives neither.
void set_modes(OpenFile& file, std::uint64_t flags) {
  file.readable = ((flags + 1) & 1) != 0;
  file.writable = ((flags + 1) & 2) != 0;
  file.append = (flags & kOpenAppend) != 0;
}

}  // namespace

Reply Kernel::open_folder(Process& process, std::uint64_t flags) {
  if ((flags & kOpenCreate) != 0) {
    return failed((flags & kOpenExclusive) != 0 ? Errno::Exists : Errno::IsDirectory);
  }
  if ((wanted_rights(flags) & kMayWrite) != 0) return failed(Errno::IsDirectory);
  OpenFile file;
  file.type = FileType::Directory;
  return new_descriptor(process, std::move(file), (flags & kOpenCloseOnExec) != 0);
}

Result<FolderEntry*> Kernel::make_file(const Process& process, const std::string& name,
                                       std::uint32_t mode) {
  auto store = make_store_(name);
  if (!store) return tl::unexpected(store.error());
  const FileId object = machine_->open_file(name, std::move(*store));
  folder_.add(name, {object, process.user, mode & 07777 & ~kUmask});
  return folder_.find(name);
}

Reply Kernel::open(Process& process, const Request& r) {
  const std::uint64_t flags = r.args[0];
  if ((flags & kOpenDirectory) != 0 && (flags & kOpenCreate) != 0) return failed(Errno::Invalid);
  if (r.text.empty()) return failed(Errno::NoEntry);
  if (r.text.size() > Folder::kMostPath) return failed(Errno::NameTooLong);
  if (descriptors(process).full()) return failed(Errno::TooManyFiles);
  const Result<PathEnd> end = folder_.walk(r.text);
  if (!end) return failed(end.error().code);
  if (end->folder) return open_folder(process, flags);
  const bool create = (flags & kOpenCreate) != 0;
  FolderEntry* entry = folder_.find(end->name);
  if (end->slash_behind) {
    if (create) return failed(Errno::IsDirectory);
    return failed(entry == nullptr ? Errno::NoEntry : Errno::NoDirectory);
  }
  if (entry == nullptr) {
    if (!create) return failed(Errno::NoEntry);
    const Result<FolderEntry*> made = make_file(process, end->name,
                                                static_cast<std::uint32_t>(r.args[1]));
    if (!made) return failed(made.error().code);
    entry = *made;
  } else {
    if (create && (flags & kOpenExclusive) != 0) return failed(Errno::Exists);
    if ((flags & kOpenDirectory) != 0) return failed(Errno::NoDirectory);
    if (!permitted(process.user, entry->owner, entry->mode, wanted_rights(flags))) {
      return failed(Errno::Access);
    }
    if ((flags & kOpenTruncate) != 0) {
      const Result<void> cut = machine_->truncate_file(entry->object, ByteCount(0));
      if (!cut) return failed(cut.error().code);
    }
  }
  OpenFile file;
  file.object = entry->object;
  file.path = end->name;
  set_modes(file, flags);
  machine_->hold_file(file.object);
  return new_descriptor(process, std::move(file), (flags & kOpenCloseOnExec) != 0);
}

Reply Kernel::close(Process& process, const Request& r) {
  return reply_of(descriptors(process).remove(r.args[0]));
}

Reply Kernel::dup(Process& process, const Request& r) {
  FdTable& table = descriptors(process);
  std::shared_ptr<OpenFile> file = table.share(r.args[0]);
  if (file == nullptr) return failed(Errno::BadFile);
  const Result<int> fd = table.add(std::move(file));
  return fd ? Reply{*fd, {}} : failed(fd.error().code);
}

Reply Kernel::unlink(Process&, const Request& r) {
  const Result<PathEnd> end = folder_.walk(r.text);
  if (!end) return failed(end.error().code);
  if (end->folder) return failed(Errno::IsDirectory);
  const FolderEntry* entry = folder_.find(end->name);
  if (entry == nullptr) return failed(Errno::NoEntry);
  if (end->slash_behind) return failed(Errno::NoDirectory);
  const FileId object = entry->object;
  machine_->object(object).name += " (deleted)";
  folder_.remove(end->name);
  return reply_of(machine_->close_file(object));
}

// ksys_pread64(), vfs_read(), rw_verify_area(), fs/read_write.c.
Reply Kernel::pread(Process& process, const Request& r) {
  const auto& [fd, wanted, offset, unused3, unused4, unused5] = r.args;
  if (negative(offset)) return failed(Errno::Invalid);
  const OpenFile* file = descriptors(process).find(fd);
  if (file == nullptr || !file->readable) return failed(Errno::BadFile);
  if (wanted >= kUserBytes) return failed(Errno::Fault);
  if (negative(offset + wanted)) return failed(Errno::Invalid);
  if (file->type == FileType::Directory) return failed(Errno::IsDirectory);
  const std::uint64_t size = machine_->object(file->object).size.value;
  const std::uint64_t most = std::min(wanted, kMostTransfer);
  const std::uint64_t count = offset >= size ? 0 : std::min(most, size - offset);
  Reply reply{static_cast<std::int64_t>(count), std::string(count, '\0')};
  const Result<void> done = machine_->read_file(file->object, ByteCount(offset),
                                                std::as_writable_bytes(std::span(reply.bytes)),
                                                file->serial);
  return done ? reply : failed(done.error().code);
}

namespace {

// How much of [offset, offset + count) seals let a write have: shmem_write_begin() is asked page by
// page. Error: Perm.
Result<std::uint64_t> sealed_count(const VmObject& object, std::uint64_t offset,
                                   std::uint64_t count) {
  if ((object.seals & (kSealWrite | kSealFutureWrite)) != 0) return fail(Errno::Perm);
  const std::uint64_t size = object.size.value;
  if ((object.seals & kSealGrow) == 0 || offset + count <= size) return count;
  const std::uint64_t whole = size - size % kPageSize;
  if (whole <= offset) return fail(Errno::Perm);
  return whole - offset;
}

}  // namespace

// vfs_write(), generic_write_checks().
Reply Kernel::pwrite(Process& process, const Request& r) {
  if (negative(r.args[1])) return failed(Errno::Invalid);
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr || !file->writable) return failed(Errno::BadFile);
  std::uint64_t count = std::min<std::uint64_t>(r.text.size(), kMostTransfer);
  if (negative(r.args[1] + count)) return failed(Errno::Invalid);
  if (file->type == FileType::HugeMemfd) return failed(Errno::Invalid);  // it cannot be written
  if (count == 0) return {};
  const VmObject& object = machine_->object(file->object);
  const std::uint64_t offset = file->append ? object.size.value : r.args[1];
  if (offset >= most_bytes(*file)) return failed(Errno::FileTooBig);
  count = std::min(count, most_bytes(*file) - offset);
  const Result<std::uint64_t> allowed = sealed_count(object, offset, count);
  if (!allowed) return failed(allowed.error().code);
  const std::span<const char> bytes(r.text.data(), static_cast<std::size_t>(*allowed));
  const Result<void> done = machine_->write_file(file->object, ByteCount(offset),
                                                 std::as_bytes(bytes));
  return done ? Reply{static_cast<std::int64_t>(*allowed), {}} : failed(done.error().code);
}

// do_sys_ftruncate(), inode_newsize_ok(), shmem_setattr().
Reply Kernel::ftruncate(Process& process, const Request& r) {
  const std::uint64_t length = r.args[1];
  if (negative(length)) return failed(Errno::Invalid);
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr) return failed(Errno::BadFile);
  if (!file->writable || file->type == FileType::Directory) return failed(Errno::Invalid);
  if (length > most_bytes(*file)) return failed(Errno::FileTooBig);
  if (file->huge_size != 0 && length % file->huge_size != 0) return failed(Errno::Invalid);
  const VmObject& object = machine_->object(file->object);
  const std::uint32_t against = length < object.size.value   ? kSealShrink
                                : length > object.size.value ? kSealGrow
                                                             : 0;
  if ((object.seals & against) != 0) return failed(Errno::Perm);
  return reply_of(machine_->truncate_file(file->object, ByteCount(length)));
}

// FALLOC_FL_ZERO_RANGE: a hole, and the file may grow over it.
Result<void> Kernel::zero_range(const OpenFile& file, std::uint64_t offset, std::uint64_t end,
                                bool grow) {
  if (grow) PW_TRY(machine_->extend_file(file.object, ByteCount(end)));
  return machine_->punch_file(file.object, ByteCount(offset), ByteCount(end));
}

// vfs_fallocate(), fs/open.c; shmem_fallocate(), mm/shmem.c; ext4_fallocate(), fs/ext4/extents.c.
// Memory is not taken in advance: pages get their frames when they are used.
Reply Kernel::fallocate(Process& process, const Request& r) {
  const auto& [fd, mode, offset, length, unused4, unused5] = r.args;
  const OpenFile* file = descriptors(process).find(fd);
  if (file == nullptr) return failed(Errno::BadFile);
  if (negative(offset) || negative(length) || length == 0) return failed(Errno::Invalid);
  const std::uint64_t what = mode & ~kFallocKeepSize;
  const bool keep = (mode & kFallocKeepSize) != 0;
  const bool punch = what == kFallocPunchHole;
  if ((what != 0 && !punch && what != kFallocZeroRange) || (punch && !keep)) {
    return failed(Errno::NotSupported);
  }
  if (!file->writable) return failed(Errno::BadFile);
  const std::uint64_t end = offset + length;
  if (end > most_bytes(*file)) return failed(Errno::FileTooBig);
  if (file->type != FileType::Disk && what == kFallocZeroRange) return failed(Errno::NotSupported);
  const VmObject& object = machine_->object(file->object);
  const std::uint64_t size = object.size.value;
  if (punch) {
    if ((object.seals & (kSealWrite | kSealFutureWrite)) != 0) return failed(Errno::Perm);
    if (file->type != FileType::Disk || end <= size) {
      return reply_of(machine_->punch_file(file->object, ByteCount(offset), ByteCount(end)));
    }
    if (offset >= size) return {};  // nothing there, says ext4; else to the end of the last page
    const ByteCount last = bytes_of(pages_for(ByteCount(size)));
    return reply_of(machine_->punch_file(file->object, ByteCount(offset), last));
  }
  if (what == kFallocZeroRange) return reply_of(zero_range(*file, offset, end, !keep));
  if (file->type == FileType::HugeMemfd) return failed(Errno::NoSpace);  // no huge pages
  if ((object.seals & kSealGrow) != 0 && end > size) return failed(Errno::Perm);
  if (keep) return {};
  return reply_of(machine_->extend_file(file->object, ByteCount(end)));
}

Reply Kernel::fsync(Process& process, const Request& r) {
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr) return failed(Errno::BadFile);
  return file->type == FileType::Disk ? reply_of(machine_->sync_file(file->object)) : Reply{};
}

// generic_fadvise(), mm/fadvise.c.
Reply Kernel::fadvise(Process& process, const Request& r) {
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr) return failed(Errno::BadFile);
  const auto advice = static_cast<std::uint32_t>(r.args[3]);
  if (static_cast<std::int64_t>(r.args[2]) < 0 || advice > kFileNoReuse) {
    return failed(Errno::Invalid);
  }
  if (file->type == FileType::Directory) return {};
  machine_->advise_file(file->object, r.args[1], r.args[2],
                        static_cast<Machine::FileAdvice>(advice), file->serial);
  return {};
}

namespace {

// memfd_add_seals(), mm/memfd.c.
Reply add_seals(VmObject& object, const OpenFile& file, std::uint64_t seals) {
  constexpr std::uint64_t kAllSeals = kSealSeal | kSealShrink | kSealGrow | kSealWrite |
                                      kSealFutureWrite | kSealExec;
  if (!file.writable) return failed(Errno::Perm);
  if ((seals & ~kAllSeals) != 0) return failed(Errno::Invalid);
  if (file.type == FileType::Disk) return failed(Errno::Invalid);
  if ((object.seals & kSealSeal) != 0) return failed(Errno::Perm);
  // An executable memfd that stays executable may not change either.
  if ((seals & kSealExec) != 0 && (object.seals & kSealExec) == 0) {
    seals |= kSealShrink | kSealGrow | kSealWrite | kSealFutureWrite;
  }
  if ((seals & kSealWrite) != 0 && (object.seals & kSealWrite) == 0) {
    for (const Vma* area : object.mappings) {  // mapping_deny_writable()
      if (area->shared && area->may.write) return failed(Errno::Busy);
    }
  }
  object.seals |= static_cast<std::uint32_t>(seals);
  return {};
}

}  // namespace

Reply Kernel::fcntl(Process& process, const Request& r) {
  const auto& [fd, command, argument, unused3, unused4, unused5] = r.args;
  FdTable& table = descriptors(process);
  const OpenFile* file = table.find(fd);
  if (file == nullptr) return failed(Errno::BadFile);
  switch (static_cast<std::uint32_t>(command)) {
    case kFcntlGetFd:
      return {table.closes_on_exec(fd) ? 1 : 0, {}};
    case kFcntlSetFd:
      table.set_close_on_exec(fd, (argument & kFdCloseOnExec) != 0);
      return {};
    case kFcntlAddSeals:
      if (file->type == FileType::Directory) return failed(Errno::Perm);
      if (argument > 0xffff'ffff) return failed(Errno::Invalid);
      return add_seals(machine_->object(file->object), *file, argument);
    case kFcntlGetSeals:
      if (file->type == FileType::Disk || file->type == FileType::Directory) {
        return failed(Errno::Invalid);
      }
      return {machine_->object(file->object).seals, {}};
    default:
      return failed(Errno::Invalid);
  }
}

}  // namespace pw::sys
