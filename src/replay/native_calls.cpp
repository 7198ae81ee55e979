// Recorded memory system calls carried out in full, at the places that the kernel would have
// chosen.
#include <algorithm>

#include "replay/call_numbers.hpp"
#include "replay/recorded_process.hpp"
#include "space/advice.hpp"

namespace pw::replay {

namespace {

// The pages of [address, address + length).
VpnRange pages_in(std::uint64_t address, std::uint64_t length) {
  const Vpn begin = page_of(VirtAddr(address));
  return {begin, begin + pages_for(ByteCount(length + address % kPageSize))};
}

// What Valgrind loads into every program that has an interpreter.
bool is_recorders(const std::string& path) { return path.find("/vgpreload_") != std::string::npos; }

}  // namespace

// Carries a call out on the parts of [a[0], a[0] + a[1]).
template <class Call>
void RecordedProcess::each_part(const record::SyscallRecord& call, Call&& carry_out) {
  places_.for_each(pages_in(call.arguments[0], call.arguments[1]), [&](VpnRange part) {
    (void)carry_out(address_of(part.begin), bytes_of(part.pages()));
  });
}

void RecordedProcess::apply_native(const record::SyscallRecord& call, std::uint32_t stack) {
  const auto* a = call.arguments;
  switch (call.number) {
    case kMmap:
      map_native(call, stack);
      break;
    case kMunmap:
      each_part(call, [&](VirtAddr at, ByteCount n) { return machine_->munmap(pid(), at, n); });
      places_.forget(pages_in(a[0], a[1]));
      break;
    case kPkeyMprotect:
    case kMprotect:
      each_part(call, [&](VirtAddr at, ByteCount n) {
        return machine_->mprotect(pid(), at, n, rights_of(a[2]));
      });
      break;
    case kBrk:
      brk_native(call);
      break;
    case kMremap:
      remap_native(call);
      break;
    case kPrctl:
      if (a[0] == kPrctlSetThpDisable) {
        process_->space->settings().thp_disabled = a[1] != 0 ? 1 : 0;
      }
      break;
    case kCloseRange:
      if ((a[2] & kCloseOnExec) == 0) close_range(a[0] & kUnsigned, a[1] & kUnsigned);
      break;
    case kShmget:
      names_->add_segment(static_cast<std::uint64_t>(call.result), a[1]);
      break;
    case kShmat:
      attach_native(call);
      break;
    case kShmdt:
      detach_native(call);
      break;
    case kGetTimeOfDay:
    case kTime:
    case kClockGetTime:
      read_time();
      break;
    default:
      advise_native(call);
      break;
  }
}

void RecordedProcess::advise_native(const record::SyscallRecord& call) {
  const auto* a = call.arguments;
  switch (call.number) {
    case kMsync: {
      const SyncHow how{(a[2] & kSyncAsync) != 0, (a[2] & kSyncInvalidate) != 0,
                        (a[2] & kSyncNow) != 0};
      each_part(call, [&](VirtAddr at, ByteCount n) { return machine_->msync(pid(), at, n, how); });
      break;
    }
    case kMadvise:
      if (a[2] > kAdviseLast) break;
      each_part(call, [&](VirtAddr at, ByteCount n) {
        return machine_->madvise(pid(), at, n, static_cast<Advice>(a[2]));
      });
      break;
    case kMlock:
    case kMlock2: {
      const bool on_fault = call.number == kMlock2 && (a[2] & kLock2OnFault) != 0;
      each_part(call,
                [&](VirtAddr at, ByteCount n) { return machine_->mlock(pid(), at, n, on_fault); });
      break;
    }
    case kMunlock:
      each_part(call, [&](VirtAddr at, ByteCount n) { return machine_->munlock(pid(), at, n); });
      break;
    case kMlockall:
      (void)machine_->mlockall(pid(), {(a[0] & kLockCurrent) != 0, (a[0] & kLockFuture) != 0,
                                       (a[0] & kLockOnFault) != 0});
      break;
    case kMunlockall:
      (void)machine_->munlockall(pid());
      break;
    default:
      break;
  }
}

void RecordedProcess::map_native(const record::SyscallRecord& call, std::uint32_t stack) {
  const auto* a = call.arguments;
  const auto recorded = static_cast<std::uint64_t>(call.result);
  const VpnRange range = pages_in(recorded, a[1]);
  if (is_recorders(call.path) || places_.left_out(range.begin)) {
    left_recorder_out_ = true;
    return places_.leave_out(range);
  }
  MmapRequest request = request_for(call, stack);
  request.fixed = (a[3] & (kMapFixed | kMapFixedNoReplace)) != 0;
  request.address = VirtAddr(0);
  if (request.fixed || recorded == a[0]) request.address = places_.address(VirtAddr(recorded));
  request.traits.locked = (a[3] & kMapLocked) != 0;
  request.traits.no_reserve = (a[3] & kMapNoReserve) != 0;
  request.traits.no_huge = (a[3] & kMapStack) != 0;  // calc_vm_flag_bits(), linux/mman.h
  request.populate = (a[3] & kMapPopulate) != 0 && (a[3] & kMapNonBlock) == 0;
  const Result<VirtAddr> at = machine_->mmap(pid(), request);
  if (at) places_.place(range, page_of(*at));
}

void RecordedProcess::remap_native(const record::SyscallRecord& call) {
  const auto* a = call.arguments;
  const auto result = static_cast<std::uint64_t>(call.result);
  MremapRequest request;
  request.address = places_.address(VirtAddr(a[0]));
  request.old_length = ByteCount(a[1]);
  request.new_length = ByteCount(a[2]);
  // It may have stayed for the recorder and move here, and the other way round.
  request.may_move = true;
  request.dont_unmap = (a[3] & kMremapDontUnmap) != 0;
  request.fixed = (a[3] & kMremapFixed) != 0;
  if (request.fixed) request.new_address = places_.address(VirtAddr(result));
  const Result<VirtAddr> at = machine_->mremap(pid(), request);
  if (!at) return;
  if (!request.dont_unmap) places_.forget(pages_in(a[0], a[1]));
  places_.place(pages_in(result, a[2]), page_of(*at));
}

void RecordedProcess::grow_native_heap(VirtAddr recorded_end) {
  const VirtAddr begin = address_of(process_->space->layout().heap_begin);
  const VirtAddr wanted = begin + (recorded_end - recorded_heap_);
  (void)machine_->brk(pid(), wanted, machine_->label("[heap]"));
  const Vpn first = page_of(recorded_heap_);
  places_.place({first, first + pages_for(recorded_end - recorded_heap_)}, page_of(begin));
}

void RecordedProcess::brk_native(const record::SyscallRecord& call) {
  const VirtAddr now(static_cast<std::uint64_t>(call.result));
  read_vdso();  // it is a C library that asks
  if (!brk_known_) {
    recorded_heap_ = now;
    brk_known_ = true;
    return;
  }
  if (now >= recorded_heap_) grow_native_heap(now);
}

void RecordedProcess::attach_native(const record::SyscallRecord& call) {
  VmObject* segment = names_->segment(call.arguments[0]);
  if (segment == nullptr) return;
  MmapRequest request;
  request.length = segment->size;
  request.shared = true;
  request.segment = true;
  request.rights = {true, (call.arguments[2] & kShmReadOnly) == 0, false};
  request.backing = segment;
  request.label = machine_->label("[shm " + std::to_string(call.arguments[0]) + "]");
  const Result<VirtAddr> at = machine_->mmap(pid(), request);
  if (!at) return;
  const auto recorded = static_cast<std::uint64_t>(call.result);
  places_.place(pages_in(recorded, segment->size.value), page_of(*at));
  attached_[recorded] = segment->size.value;
}

void RecordedProcess::detach_native(const record::SyscallRecord& call) {
  const auto it = attached_.find(call.arguments[0]);
  if (it == attached_.end()) return;
  const VirtAddr recorded(it->first);
  (void)machine_->munmap(pid(), places_.address(recorded), ByteCount(it->second));
  places_.forget(pages_in(it->first, it->second));
  attached_.erase(it);
}

void RecordedProcess::register_rseq(const record::SyscallRecord& call) {
  constexpr std::uint64_t kUnregister = 1;
  if (!running()) return;
  if ((call.arguments[2] & kUnregister) != 0) {
    rseq_.erase(call.tid);
    return;
  }
  rseq_[call.tid] = VirtAddr(call.arguments[0]);
  write_rseq(call.tid);
}

// The kernel tells a thread which CPU it is on whenever it has been switched to
// (rseq_update_cpu_node_id(), kernel/rseq.c): a child of fork at once, its parent when it has
// waited.
void RecordedProcess::go_on() {
  if (running()) {
    for (const std::uint32_t tid : waiting_) write_rseq(tid);
  }
  waiting_.clear();
}

void RecordedProcess::write_rseq(std::uint32_t tid) {
  const auto at = rseq_.find(tid);
  if (at == rseq_.end() || !places_.find(page_of(at->second))) return;
  (void)machine_->touch(pid(), places_.address(at->second), Access::Write);
}

// The recorder missed how this page came to be there: assume anonymous memory.
void RecordedProcess::infer_native(Vpn recorded, Access access) {
  ++inferred_;
  MmapRequest request;
  request.address = address_of(recorded);
  request.length = ByteCount(kPageSize);
  request.rights = {true, true, access == Access::Execute};
  request.label = machine_->label("[unknown]");
  const Result<VirtAddr> at = machine_->mmap(pid(), request);
  if (at) places_.place({recorded, recorded + PageCount(1)}, page_of(*at));
}

}  // namespace pw::replay
