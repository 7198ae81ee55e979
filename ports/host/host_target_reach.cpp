// What a script on the host must not touch: the channel, and more of the host's memory than its
// share.
//
// A call is let through where the kernel would not come to the channel: because it refuses the
// range, or because it stops at a hole before. All else would show or change what carries the
// script out, and is no answer of the kernel's: an error.
#include <sys/shm.h>
#include <sys/syscall.h>

#include <cstring>

#include "ports/host/host_target.hpp"
#include "sys/abi.hpp"

namespace pw::host {

using script::Outcome;
using script::ProcessIndex;
using sys::Call;

namespace {

constexpr std::uint64_t kOwnBegin = kPwBase, kOwnEnd = kPwBase + kPwBytes;
constexpr std::uint64_t kUserEnd = 0x7fff'ffff'f000;  // TASK_SIZE_MAX

bool aligned(std::uint64_t address) { return (address & (kPageSize - 1)) == 0; }

std::uint64_t whole_pages(std::uint64_t length) {
  const std::uint64_t rounded = (length + kPageSize - 1) & ~(kPageSize - 1);
  return rounded < length ? length : rounded;
}

// Whether the kernel refuses the range for reaching beyond what a process may have.
bool beyond_user(std::uint64_t address, std::uint64_t length) {
  return length > kUserEnd || address > kUserEnd - length;
}

bool populates(std::uint64_t advice) {
  return advice == sys::kAdvisePopulateRead || advice == sys::kAdvisePopulateWrite;
}

}  // namespace

// Whether [address, address + length) meets the channel, in whole pages.
bool HostTarget::touches_channel(std::uint64_t address, std::uint64_t length) {
  const std::uint64_t end = address + whole_pages(length);
  // A range that wraps around is refused by the kernel.
  return length != 0 && address < kOwnEnd && end > kOwnBegin && end > address;
}

Outcome HostTarget::refused() {
  Outcome outcome;
  outcome.error = "on the host, that range belongs to what carries the script out";
  return outcome;
}

// Why the call is not carried out; empty: it is.
std::string HostTarget::objection(Process& process, const sys::Request& request) {
  if (reaches_channel(process, request)) return refused().error;
  if (!brings_in_too_much(request)) return {};
  return "on the host, one call brings in at most " +
         std::to_string(options_.file_limit.value >> 20) + " MiB";
}

bool HostTarget::reaches_channel(Process& process, const sys::Request& request) {
  const auto& args = request.args;
  const bool meets = touches_channel(args[0], args[1]);
  switch (request.call) {
    case Call::Munmap:
      return meets && aligned(args[0]) && !beyond_user(args[0], whole_pages(args[1]));
    case Call::Madvise:
      if (!meets || !aligned(args[0])) return false;
      return !populates(args[2]) || !hole_before_channel(process, args[0]);
    case Call::Mprotect:
    case Call::PkeyMprotect:
    case Call::Msync:  // goes on behind a hole, and writes nothing of the channel
    case Call::Mincore:
    case Call::Mlock:
    case Call::Mlock2:
    case Call::Munlock:
    case Call::Mseal:
      return meets && !hole_before_channel(process, args[0]);
    case Call::Mmap:
      return meets && (args[0] != 0 || (args[3] & sys::kMapFixed) != 0) &&
             !beyond_user(args[0], whole_pages(args[1]));
    case Call::Mremap:
      return grows_into_channel(request);
    case Call::Prctl:
      return args[0] == sys::kPrctlSetVma && touches_channel(args[2], args[3]);
    case Call::ProcessVmReadv:
    case Call::ProcessVmWritev: {
      const bool read = request.call == Call::ProcessVmReadv;
      if (!touches_channel(args[1], read ? args[2] : request.text.size())) return false;
      const auto other = processes_.find(static_cast<ProcessIndex>(args[0]));
      return other != processes_.end() && other->second.running &&
             !hole_before_channel(other->second, args[1]);
    }
    case Call::Shmat:
      return attaches_to_channel(process, request);
    default:
      return false;
  }
}

// mremap. In place an area cannot grow into the stack either, channel or not.
bool HostTarget::grows_into_channel(const sys::Request& request) const {
  const auto& args = request.args;
  if (touches_channel(args[0], 1)) return true;
  const std::uint64_t length = whole_pages(args[2]);
  if ((args[3] & (sys::kRemapFixed | sys::kRemapDontUnmap)) != 0) {
    return touches_channel(args[4], args[2]) && !beyond_user(args[4], length);
  }
  return touches_channel(args[0], args[2]) && args[0] + length <= layout_->stack_begin.value;
}

// shmat: the kernel knows how long the segment is. Who may not ask may not attach.
bool HostTarget::attaches_to_channel(Process& process, const sys::Request& request) {
  const std::uint64_t address = request.args[1] & ~(kPageSize - 1);
  if (address == 0 || address >= kOwnEnd) return false;
  const Args args = {request.args[0], IPC_STAT, own_data(process)};
  const Outcome asked = raw(process, SYS_shmctl, args, "shmat");
  if (!asked.error.empty() || asked.value < 0) return false;
  shmid_ds status = {};
  std::memcpy(&status, channel_->slot(process.slot).data, sizeof status);
  return touches_channel(address, status.shm_segsz) &&
         !beyond_user(address, whole_pages(status.shm_segsz));
}

// Whether something between the address and the channel is not mapped.
bool HostTarget::hole_before_channel(Process& process, std::uint64_t address) {
  const Result<std::string_view> maps = read_view(process, script::Detail::Maps);
  if (!maps || address >= kOwnBegin) return false;
  const auto areas = parse_areas(*maps, names_);
  if (!areas) return false;
  for (const script::AreaView& area : *areas) {
    if (area.end <= address) continue;
    if (area.begin > address) return true;
    address = area.end;
    if (address >= kOwnBegin) return false;
  }
  return true;
}

// Whether one call would take more memory of the host than a script may have. What the kernel
// refuses for its length alone is left to the kernel.
bool HostTarget::brings_in_too_much(const sys::Request& request) const {
  const auto& args = request.args;
  const std::uint64_t most = options_.file_limit.value;
  switch (request.call) {
    case Call::Mmap:
      return (args[3] & sys::kMapPopulate) != 0 && args[1] > most && args[1] < kUserEnd;
    case Call::Madvise:
      return populates(args[2]) && args[1] > most && args[1] < kUserEnd;
    case Call::Fallocate: {
      // Not every file system compares with RLIMIT_FSIZE what it keeps behind the end.
      constexpr std::uint64_t kLongest = ~0ULL >> 1;
      return (args[1] & sys::kFallocKeepSize) != 0 && (args[1] & sys::kFallocPunchHole) == 0 &&
             args[3] > most && args[3] <= kLongest && args[2] <= kLongest - args[3];
    }
    default:
      return false;
  }
}

}  // namespace pw::host
