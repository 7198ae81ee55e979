// Files: open(2) and what is done with a descriptor.
#include <algorithm>

#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

Reply Kernel::open(Process& process, const Request& r) {
  const auto& [flags, mode, unused2, unused3, unused4, unused5] = r.args;
  OpenFile file;
  file.path = r.text;
  file.readable = (flags & kOpenAccess) != kOpenWriteOnly;
  file.writable = (flags & kOpenAccess) != kOpenReadOnly;
  const auto known = directory_.find(r.text);
  if (known != directory_.end()) {
    if ((flags & kOpenCreate) != 0 && (flags & kOpenExclusive) != 0) return failed(Errno::Exists);
    file.object = known->second;
  } else {
    if ((flags & kOpenCreate) == 0) return failed(Errno::NoEntry);
    auto store = make_store_(r.text);
    if (!store) return failed(store.error().code);
    file.object = machine_->open_file(r.text, std::move(*store));
    directory_[r.text] = file.object;
  }
  machine_->hold_file(file.object);
  if ((flags & kOpenTruncate) != 0) {
    const Result<void> cut = machine_->truncate_file(file.object, ByteCount(0));
    if (!cut) return failed(cut.error().code);
  }
  return new_descriptor(process, std::move(file));
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
  const auto it = directory_.find(r.text);
  if (it == directory_.end()) return failed(Errno::NoEntry);
  const FileId object = it->second;
  directory_.erase(it);
  return reply_of(machine_->close_file(object));
}

Reply Kernel::pread(Process& process, const Request& r) {
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr || !file->readable) return failed(Errno::BadFile);
  const std::uint64_t size = machine_->object(file->object).size.value;
  const std::uint64_t offset = r.args[2];
  const std::uint64_t count = offset >= size ? 0 : std::min(r.args[1], size - offset);
  Reply reply{static_cast<std::int64_t>(count), std::string(count, '\0')};
  const Result<void> done = machine_->read_file(file->object, ByteCount(offset),
                                                std::as_writable_bytes(std::span(reply.bytes)));
  return done ? reply : failed(done.error().code);
}

Reply Kernel::pwrite(Process& process, const Request& r) {
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr || !file->writable) return failed(Errno::BadFile);
  const Result<void> done = machine_->write_file(file->object, ByteCount(r.args[1]),
                                                 std::as_bytes(std::span(r.text)));
  return done ? Reply{static_cast<std::int64_t>(r.text.size()), {}} : failed(done.error().code);
}

Reply Kernel::ftruncate(Process& process, const Request& r) {
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr) return failed(Errno::BadFile);
  if (!file->writable || static_cast<std::int64_t>(r.args[1]) < 0) return failed(Errno::Invalid);
  return reply_of(machine_->truncate_file(file->object, ByteCount(r.args[1])));
}

Reply Kernel::fsync(Process& process, const Request& r) {
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr) return failed(Errno::BadFile);
  return file->type == FileType::Disk ? reply_of(machine_->sync_file(file->object)) : Reply{};
}

Reply Kernel::fallocate(Process&, const Request&) { return failed(Errno::NoCall); }

// generic_fadvise(), mm/fadvise.c.
Reply Kernel::fadvise(Process& process, const Request& r) {
  const OpenFile* file = descriptors(process).find(r.args[0]);
  if (file == nullptr) return failed(Errno::BadFile);
  const auto advice = static_cast<std::uint32_t>(r.args[3]);
  if (static_cast<std::int64_t>(r.args[2]) < 0 || advice > kFileNoReuse) {
    return failed(Errno::Invalid);
  }
  machine_->advise_file(file->object, r.args[1], r.args[2],
                        static_cast<Machine::FileAdvice>(advice));
  return {};
}

Reply Kernel::fcntl(Process&, const Request&) { return failed(Errno::NoCall); }

}  // namespace pw::sys
