// Recorded memory system calls, carried out on the machine at the addresses they had.
#include "replay/call_numbers.hpp"
#include "replay/recorded_process.hpp"

namespace pw::replay {

void RecordedProcess::apply(const record::SyscallRecord& call, std::uint32_t stack) {
  if (native() && call.number == kRseq) return register_rseq(call);
  if (call.result < 0 || !running()) return;
  if (call.file != record::kNoFile && call.number != kMmap) return file_call(call);
  followed_.areas_changed();
  const auto* a = call.arguments;
  if (call.number == kMadvise && a[1] == 0) note_mark(VirtAddr(a[0]));
  if (native()) return apply_native(call, stack);
  switch (call.number) {
    case kMmap:
      map_call(call, stack);
      break;
    case kMunmap:
      (void)unmap(VirtAddr(a[0]), ByteCount(a[1]));
      break;
    case kPkeyMprotect:
    case kMprotect:
      (void)protect(VirtAddr(a[0]), ByteCount(a[1]), rights_of(a[2]));
      break;
    case kBrk:
      brk_call(call);
      break;
    case kMremap:
      remap_call(call);
      break;
    case kMsync:
      (void)machine_->msync(pid(), VirtAddr(a[0]), ByteCount(a[1]));
      if (transcript_ != nullptr) transcript_->synced(pid(), VirtAddr(a[0]), ByteCount(a[1]));
      break;
    case kMadvise:
      if (a[2] != kAdviseDontNeed) break;
      (void)machine_->discard(pid(), VirtAddr(a[0]), ByteCount(a[1]));
      if (transcript_ != nullptr) transcript_->discarded(pid(), VirtAddr(a[0]), ByteCount(a[1]));
      break;
    case kCloseRange:
      if ((a[2] & kCloseOnExec) == 0) close_range(a[0] & kUnsigned, a[1] & kUnsigned);
      break;
    case kShmget:
      names_->add_segment(static_cast<std::uint64_t>(call.result), a[1]);
      break;
    case kShmat:
      attach_call(call);
      break;
    case kShmdt:
      if (const auto it = attached_.find(a[0]); it != attached_.end()) {
        (void)unmap(VirtAddr(a[0]), ByteCount(it->second));
        attached_.erase(it);
      }
      break;
    default:
      break;
  }
}

MmapRequest RecordedProcess::request_for(const record::SyscallRecord& call, std::uint32_t stack) {
  const auto* a = call.arguments;
  const std::uint64_t type = a[3] & kMapTypes;
  MmapRequest request;
  request.length = ByteCount(a[1]);
  request.rights = rights_of(a[2]);
  request.shared = type == kMapShared || type == kMapSharedValidate;
  request.grows_down = (a[3] & kMapGrowsDown) != 0;
  if ((a[3] & kMapAnonymous) == 0) {
    const std::string path = call.path.empty() ? "[file]" : call.path;
    request.label = machine_->label(path);
    request.backing = call.file != record::kNoFile ? &names_->mapped(call.file, path, a[5] + a[1])
                                                   : &names_->file(path, a[5] + a[1]);
    request.backing_page = PageOffset(a[5] >> kPageShift);
  } else {
    request.label = machine_->label(stack == kNoStack ? "anon" : call_sites_->of(stack));
  }
  return request;
}

void RecordedProcess::map_call(const record::SyscallRecord& call, std::uint32_t stack) {
  MmapRequest request = request_for(call, stack);
  request.address = VirtAddr(static_cast<std::uint64_t>(call.result));
  request.fixed = true;
  (void)map(request);
}

void RecordedProcess::remap_call(const record::SyscallRecord& call) {
  const auto* a = call.arguments;
  MremapRequest request;
  request.address = VirtAddr(a[0]);
  request.old_length = ByteCount(a[1]);
  request.new_length = ByteCount(a[2]);
  const auto result = static_cast<std::uint64_t>(call.result);
  if (result != a[0]) {
    request.may_move = true;
    request.fixed = true;
    request.new_address = VirtAddr(result);
  }
  if (transcript_ != nullptr) transcript_->moved(pid(), request);
  (void)machine_->mremap(pid(), request);
}

void RecordedProcess::brk_call(const record::SyscallRecord& call) {
  const VirtAddr now(static_cast<std::uint64_t>(call.result));
  if (!brk_known_) {  // the first answer tells where the heap begins
    process_->space->layout().heap_begin = page_of(now + ByteCount(kPageSize - 1));
    process_->space->set_brk(now);
    brk_known_ = true;
    return;
  }
  const VirtAddr before = process_->space->brk();
  const Result<VirtAddr> after = machine_->brk(pid(), now, machine_->label("[heap]"));
  if (after && transcript_ != nullptr) transcript_->break_moved(pid(), before, *after);
}

void RecordedProcess::attach_call(const record::SyscallRecord& call) {
  VmObject* segment = names_->segment(call.arguments[0]);
  if (segment == nullptr) return;
  MmapRequest request;
  request.address = VirtAddr(static_cast<std::uint64_t>(call.result));
  request.length = segment->size;
  request.fixed = true;
  request.shared = true;
  request.rights = {true, (call.arguments[2] & kShmReadOnly) == 0, false};
  request.backing = segment;
  request.label = machine_->label("[shm " + std::to_string(call.arguments[0]) + "]");
  if (!machine_->mmap(pid(), request)) return;
  if (transcript_ != nullptr) transcript_->attached(pid(), call.arguments[0], request);
  attached_[request.address.value] = segment->size.value;
}

}  // namespace pw::replay
