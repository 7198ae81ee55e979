// Files as a recorded process reads, writes and changes them: the effects on the page cache,
// without bytes. Calls that map files are in system_calls.cpp.
#include "replay/recorded_process.hpp"

namespace pw::replay {

namespace {

// Linux x86-64: arch/x86/entry/syscalls/syscall_64.tbl.
enum Number : std::uint32_t {
  kOpen = 2,
  kClose = 3,
  kDup = 32,
  kDup2 = 33,
  kFcntl = 72,
  kFsync = 74,
  kFdatasync = 75,
  kTruncate = 76,
  kFtruncate = 77,
  kCreat = 85,
  kUnlink = 87,
  kReadahead = 187,
  kFadvise = 221,
  kOpenAt = 257,
  kUnlinkAt = 263,
  kSyncFileRange = 277,
  kFallocate = 285,
  kDup3 = 292,
  kMemfdCreate = 319,
  kOpenAt2 = 437,
};

// include/uapi/asm-generic/fcntl.h, include/uapi/linux/falloc.h
constexpr std::uint64_t kTruncates = 01000;
constexpr std::uint64_t kPunchHole = 2;
// include/uapi/linux/fs.h
constexpr std::uint64_t kWaitBefore = 1, kWrite = 2, kWaitAfter = 4;

}  // namespace

void RecordedProcess::transfer(const record::Event& event) {
  if (!running()) return;
  const FileId file = names_->file(event.index);
  if (file == kNoFileId) return;
  const ByteCount offset(event.offset), length(event.length);
  const bool writes = event.access == Access::Write;
  if (writes) {
    machine_->file_written(file, offset, length);
  } else {
    machine_->file_read(file, offset, length);
  }
  if (transcript_ == nullptr) return;
  transcript_->transferred(pid(), machine_->object(file), offset, length, writes);
}

void RecordedProcess::inherit(const RecordedProcess& parent) {
  descriptors_ = parent.descriptors_;
  for (const auto& [descriptor, file] : descriptors_) names_->opened(file);
}

void RecordedProcess::close_all() {
  for (const auto& [descriptor, file] : descriptors_) names_->closed(file);
  descriptors_.clear();
}

void RecordedProcess::open_descriptor(std::uint64_t descriptor, std::uint32_t file) {
  names_->opened(file);
  close_descriptor(descriptor);
  descriptors_[descriptor] = file;
}

void RecordedProcess::close_descriptor(std::uint64_t descriptor) {
  const auto open = descriptors_.find(descriptor);
  if (open == descriptors_.end()) return;
  const std::uint32_t file = open->second;
  descriptors_.erase(open);
  names_->closed(file);
}

void RecordedProcess::close_range(std::uint64_t first, std::uint64_t last) {
  for (auto it = descriptors_.lower_bound(first); it != descriptors_.end() && it->first <= last;) {
    close_descriptor((it++)->first);
  }
}

void RecordedProcess::resize_file(FileId file, ByteCount size) {
  (void)machine_->truncate_file(file, size);
  if (transcript_ != nullptr) transcript_->resized(pid(), machine_->object(file));
}

// fallocate(2): what is allocated beyond the end makes the file longer; holes lose their pages.
void RecordedProcess::allocate(FileId file, std::uint64_t mode, ByteCount offset,
                               ByteCount length) {
  const ByteCount end = offset + length;
  if ((mode & kPunchHole) != 0) {
    (void)machine_->punch_file(file, offset, end);
  } else if (mode == 0 && end > machine_->object(file).size) {
    (void)machine_->extend_file(file, end);
    if (transcript_ != nullptr) transcript_->resized(pid(), machine_->object(file));
  }
}

void RecordedProcess::file_call(const record::SyscallRecord& call) {
  const auto* a = call.arguments;
  const auto result = static_cast<std::uint64_t>(call.result);
  const FileId file = names_->file(call.file);
  if (file == kNoFileId) return;
  switch (call.number) {
    case kOpen:
    case kOpenAt:
      if ((a[call.number == kOpen ? 1 : 2] & kTruncates) != 0) resize_file(file, ByteCount(0));
      open_descriptor(result, call.file);
      break;
    case kCreat:
      resize_file(file, ByteCount(0));
      open_descriptor(result, call.file);
      break;
    case kOpenAt2:
    case kMemfdCreate:
    case kDup:
    case kDup2:
    case kDup3:
    case kFcntl:
      open_descriptor(result, call.file);
      break;
    case kClose:
      close_descriptor(a[0]);
      break;
    case kTruncate:
    case kFtruncate:
      resize_file(file, ByteCount(a[1]));
      break;
    case kFallocate:
      allocate(file, a[1], ByteCount(a[2]), ByteCount(a[3]));
      break;
    case kFsync:
    case kFdatasync:
      (void)machine_->sync_file(file);
      if (transcript_ != nullptr) transcript_->file_synced(pid(), machine_->object(file));
      break;
    case kSyncFileRange:
      (void)machine_->sync_file_range(
          file, a[1], a[2],
          {(a[3] & kWaitBefore) != 0, (a[3] & kWrite) != 0, (a[3] & kWaitAfter) != 0});
      break;
    case kReadahead:
      machine_->advise_file(file, a[1], a[2], Machine::FileAdvice::WillNeed);
      break;
    case kFadvise:
      if (a[3] > static_cast<std::uint64_t>(Machine::FileAdvice::NoReuse)) break;
      machine_->advise_file(file, a[1], a[2], static_cast<Machine::FileAdvice>(a[3]));
      break;
    case kUnlink:
    case kUnlinkAt:
      names_->unlinked(call.file);
      break;
    default:
      break;
  }
}

}  // namespace pw::replay
