// System calls of a script on the host: the script's raw arguments, with what a program would have
// in buffers put into the process's part of the channel.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "ports/host/host_target.hpp"
#include "sys/abi.hpp"

namespace pw::host {

using script::Outcome;
using script::ProcessIndex;
using sys::Call;

namespace {

constexpr std::uint64_t kUserEnd = 1ULL << 47;
constexpr std::uint64_t kFirstFd = 3;             // below: /dev/null
constexpr std::uint64_t kLongestPath = 4096;      // PATH_MAX: one more is ENAMETOOLONG
constexpr std::uint64_t kMostPages = 1ULL << 24;  // whose residency is told in one answer

std::uint64_t whole_pages(std::uint64_t length) {
  const std::uint64_t rounded = (length + kPageSize - 1) & ~(kPageSize - 1);
  return rounded < length ? length : rounded;
}

}  // namespace

std::uint64_t HostTarget::own_data(const Process& process) {
  return kPwBase + kPwSlotBytes * (process.slot + 1) + offsetof(PwSlot, data);
}

Outcome HostTarget::call(ProcessIndex index, const sys::Request& request, ProcessIndex child) {
  Outcome outcome;
  Process* process = running(index, outcome);
  if (process == nullptr) return outcome;
  outcome.error = objection(*process, request);
  if (!outcome.error.empty()) return outcome;
  switch (request.call) {
    case Call::Fork:
      return bear(*process, 0, child);
    case Call::Vfork:
      return bear(*process, sys::kCloneVm | sys::kCloneVfork, child);
    case Call::Clone:
      return bear(*process, request.args[0], child);
    case Call::Exec:
      return exec(*process, request);
    case Call::Exit:
      return exit(*process, request);
    case Call::Wait:
      return wait(*process, request);
    case Call::Open:
    case Call::Unlink:
    case Call::MemfdCreate:
    case Call::ShmOpen:
    case Call::ShmUnlink:
      return text_call(*process, request);
    case Call::Pread:
    case Call::ProcessVmReadv:
      return read_call(*process, request);
    case Call::Pwrite:
    case Call::ProcessVmWritev:
      return write_call(*process, request);
    case Call::Mincore:
      return mincore(*process, request);
    case Call::MlockAll:
    case Call::MunlockAll:
      return lock_all(*process, request);
    case Call::Setrlimit:
      return set_limit(*process, request);
    case Call::Getrlimit:
      return get_limit(*process, request);
    case Call::Shmget:
    case Call::Shmctl:
      return shared_memory(*process, request);
    case Call::Prctl:
      return prctl(*process, request);
    default:
      return plain_call(*process, request);
  }
}

Outcome HostTarget::raw(Process& process, long number, const Args& args, std::string_view what) {
  PwSlot& slot = channel_->slot(process.slot);
  slot.number = static_cast<std::uint64_t>(number);
  std::copy(args.begin(), args.end(), slot.args);
  return step(process, kPwCall, what);
}

// Numbers in registers, nothing else.
Outcome HostTarget::plain_call(Process& process, const sys::Request& request) {
  const sys::Signature& signature = sys::signature(request.call);
  Args args = request.args;
  std::size_t at = 0;
  for (const sys::Argument& argument : signature.arguments) {
    if (argument.kind == sys::ArgKind::Text || argument.kind == sys::ArgKind::Bytes) continue;
    if (argument.kind == sys::ArgKind::Fd) args[at] = shown_fd(args[at]);
    ++at;
  }
  return raw(process, signature.number, args, signature.name);
}

std::uint64_t HostTarget::shown_fd(std::uint64_t fd) {
  const std::uint64_t number = fd & 0xffff'ffff;  // as the kernel takes it
  return number < kFirstFd || number == kPwFd ? ~0ULL : fd;
}

// A call with the request's text in argument `at`.
Outcome HostTarget::plain_text(Process& process, const sys::Request& request, long number,
                               Args args, std::size_t at) {
  Outcome outcome;
  std::string text = request.text.substr(0, kLongestPath + 1);
  const bool path = request.call != Call::MemfdCreate;
  if (text.find('\0') != std::string::npos) outcome.error = "a name cannot have a zero byte";
  if (path && (text.find('/') != std::string::npos || text == "." || text == "..")) {
    outcome.error = "on the host, files have names without slashes: they lie in one folder";
  }
  if (!outcome.error.empty()) return outcome;
  PwSlot& slot = channel_->slot(process.slot);
  std::memcpy(slot.data, text.c_str(), text.size() + 1);
  args[at] = own_data(process);
  return raw(process, number, args, sys::signature(request.call).name);
}

Outcome HostTarget::text_call(Process& process, const sys::Request& request) {
  const auto& args = request.args;
  switch (request.call) {
    case Call::Open:
      return plain_text(process, request, SYS_open, {0, args[0], args[1]}, 0);
    case Call::Unlink:
      return plain_text(process, request, SYS_unlink, {}, 0);
    case Call::MemfdCreate:
      return plain_text(process, request, SYS_memfd_create, {0, args[0]}, 0);
    default:
      return shared_name(process, request);
  }
}

// What the C library makes of shm_open(3) and shm_unlink(3): a name in /dev/shm, here with the
// run's prefix.
Outcome HostTarget::shared_name(Process& process, const sys::Request& request) {
  Outcome outcome;
  const std::size_t begin = std::min(request.text.find_first_not_of('/'), request.text.size());
  const std::string name = request.text.substr(begin);
  constexpr std::size_t kLongest = 254;
  if (name.empty() || name.size() > kLongest || name.find('/') != std::string::npos) {
    outcome.value = -static_cast<std::int64_t>(Errno::Invalid);
    return outcome;
  }
  const std::string path = "/dev/shm/" + names_.shared_prefix + name;
  if (path.find('\0') != std::string::npos || names_.shared_prefix.size() + name.size() > 255) {
    outcome.error = "on the host, that name for shared memory is too long, or has a zero byte";
    return outcome;
  }
  PwSlot& slot = channel_->slot(process.slot);
  std::memcpy(slot.data, path.c_str(), path.size() + 1);
  Args args = {own_data(process)};
  if (request.call == Call::ShmUnlink) return raw(process, SYS_unlink, args, "shm_unlink");
  args[1] = request.args[0] | O_NOFOLLOW | O_CLOEXEC;
  args[2] = request.args[1];
  outcome = raw(process, SYS_open, args, "shm_open");
  if (outcome.value >= 0) shared_names_.insert(name);
  return outcome;
}

// pread and process_vm_readv, as many bytes at a time as the channel holds.
Outcome HostTarget::read_call(Process& process, const sys::Request& request) {
  const bool file = request.call == Call::Pread;
  const std::uint64_t count = request.args[file ? 1 : 2];
  const std::string_view what = sys::signature(request.call).name;
  PwSlot& slot = channel_->slot(process.slot);
  std::string bytes;
  std::uint64_t done = 0;
  for (;;) {
    // Too many bytes for any buffer: as they are, and the kernel refuses.
    const std::uint64_t part = count >= kUserEnd
                                   ? count
                                   : std::min<std::uint64_t>(count - done, kPwDataBytes);
    Outcome outcome;
    if (file) {
      outcome = raw(process, SYS_pread64,
                    {shown_fd(request.args[0]), own_data(process), part, request.args[2] + done},
                    what);
    } else {
      outcome = transfer(process, request, part, done);
    }
    if (!outcome.error.empty() || (outcome.value < 0 && done == 0)) return outcome;
    const auto got = static_cast<std::uint64_t>(std::max<std::int64_t>(outcome.value, 0));
    bytes.append(reinterpret_cast<const char*>(slot.data), got);
    done += got;
    if (got < part || done >= count) break;
  }
  Outcome outcome;
  outcome.value = static_cast<std::int64_t>(done);
  outcome.bytes = std::move(bytes);
  return outcome;
}

Outcome HostTarget::write_call(Process& process, const sys::Request& request) {
  const bool file = request.call == Call::Pwrite;
  const std::string_view what = sys::signature(request.call).name;
  PwSlot& slot = channel_->slot(process.slot);
  std::uint64_t done = 0;
  for (;;) {
    const std::string_view part = std::string_view(request.text).substr(done, kPwDataBytes);
    std::memcpy(slot.data, part.data(), part.size());
    Outcome outcome;
    if (file) {
      outcome = raw(
          process, SYS_pwrite64,
          {shown_fd(request.args[0]), own_data(process), part.size(), request.args[1] + done},
          what);
    } else {
      outcome = transfer(process, request, part.size(), done);
    }
    if (!outcome.error.empty() || (outcome.value < 0 && done == 0)) return outcome;
    const auto got = static_cast<std::uint64_t>(std::max<std::int64_t>(outcome.value, 0));
    done += got;
    if (got < part.size() || done >= request.text.size()) break;
  }
  Outcome outcome;
  outcome.value = static_cast<std::int64_t>(done);
  return outcome;
}

// One piece of process_vm_readv or process_vm_writev.
Outcome HostTarget::transfer(Process& process, const sys::Request& request, std::uint64_t count,
                             std::uint64_t done) {
  PwSlot& slot = channel_->slot(process.slot);
  slot.iovec[0] = own_data(process);
  slot.iovec[1] = count;
  slot.iovec[2] = request.args[1] + done;
  slot.iovec[3] = count;
  const std::uint64_t local = kPwBase + kPwSlotBytes * (process.slot + 1) + offsetof(PwSlot, iovec);
  const sys::Signature& signature = sys::signature(request.call);
  return raw(process, signature.number,
             {pid_for(request.args[0]), local, 1, local + 2 * sizeof(std::uint64_t), 1, 0},
             signature.name);
}

// '0' or '1' for each page, in pieces that the channel holds. A hole ends it with the same error
// wherever it lies.
Outcome HostTarget::mincore(Process& process, const sys::Request& request) {
  const std::uint64_t address = request.args[0], length = request.args[1];
  const bool beyond = length >= kUserEnd || address + length < address;
  const std::uint64_t pages = whole_pages(length) >> kPageShift;
  PwSlot& slot = channel_->slot(process.slot);
  Outcome outcome;
  std::string bytes;
  std::uint64_t done = 0;
  do {
    const std::uint64_t part = std::min<std::uint64_t>(pages - done, kPwDataBytes);
    const Args args = {address + (done << kPageShift), beyond ? length : part << kPageShift,
                       own_data(process)};
    outcome = raw(process, SYS_mincore, args, "mincore");
    if (!outcome.error.empty() || outcome.value < 0 || beyond) return outcome;
    for (std::uint64_t i = 0; i < part; ++i) bytes += (slot.data[i] & 1) != 0 ? '1' : '0';
    done += part;
    if (done < pages && done >= kMostPages) {
      outcome.error = "mincore of more than 16 Mi pages";
      return outcome;
    }
  } while (done < pages);
  outcome.bytes = std::move(bytes);
  return outcome;
}

// These say "all", and mean the channel too: it is brought in before, so that its faults are not
// counted, and unlocked afterwards. As long as it takes, the limit is higher by its size, if the
// hard limit allows: mlockall compares all of the process with it.
Outcome HostTarget::lock_all(Process& process, const sys::Request& request) {
  if (request.call == Call::MunlockAll || (request.args[0] & sys::kLockCurrent) == 0) {
    return plain_call(process, request);
  }
  const std::uint64_t data = own_data(process);
  const Args old = {0, sys::kLimitMemLock, 0, data}, fresh = {0, sys::kLimitMemLock, data, 0};
  PwSlot& slot = channel_->slot(process.slot);
  std::uint64_t limits[2] = {};  // soft, hard
  raw(process, SYS_prlimit64, old, "mlockall");
  std::memcpy(limits, slot.data, sizeof limits);
  const std::uint64_t soft = limits[0];
  if (soft != 0) {
    limits[0] = limits[1] - soft < kPwBytes ? limits[1] : soft + kPwBytes;
    std::memcpy(slot.data, limits, sizeof limits);
    raw(process, SYS_prlimit64, fresh, "mlockall");
  }
  step(process, kPwTouchAll, "mlockall");
  Outcome outcome = plain_call(process, request);
  if (!outcome.error.empty()) return outcome;
  limits[0] = soft;
  std::memcpy(slot.data, limits, sizeof limits);
  raw(process, SYS_prlimit64, fresh, "mlockall");
  raw(process, SYS_munlock, {kPwBase, kPwBytes}, "mlockall");
  return outcome;
}

Outcome HostTarget::set_limit(Process& process, const sys::Request& request) {
  const std::uint64_t resource = request.args[0];
  std::uint64_t soft = request.args[1];
  Outcome outcome;
  constexpr std::uint64_t kLimits = 16;  // RLIM_NLIMITS
  const bool of_memory = resource == sys::kLimitAs || resource == sys::kLimitMemLock ||
                         resource == sys::kLimitData || resource == sys::kLimitStack;
  if (!of_memory && resource < kLimits) {
    outcome.error = "on the host, scripts set limits of memory only: data, stack, memlock, as";
    return outcome;
  }
  const std::uint64_t data = own_data(process);
  outcome = raw(process, SYS_prlimit64, {0, resource, 0, data}, "setrlimit");
  if (!outcome.error.empty() || outcome.value < 0) return outcome;
  PwSlot& slot = channel_->slot(process.slot);
  std::uint64_t limits[2];  // soft, hard
  std::memcpy(limits, slot.data, sizeof limits);
  if (resource == sys::kLimitAs && soft <= limits[1]) {
    soft = limits[1] - soft < kPwBytes ? limits[1] : soft + kPwBytes;
  }
  limits[0] = soft;
  std::memcpy(slot.data, limits, sizeof limits);
  return raw(process, SYS_prlimit64, {0, resource, data, 0}, "setrlimit");
}

Outcome HostTarget::get_limit(Process& process, const sys::Request& request) {
  const std::uint64_t resource = request.args[0];
  Outcome outcome = raw(process, SYS_prlimit64, {0, resource, 0, own_data(process)}, "getrlimit");
  if (!outcome.error.empty() || outcome.value < 0) return outcome;
  std::uint64_t soft = 0;
  std::memcpy(&soft, channel_->slot(process.slot).data, sizeof soft);
  constexpr std::uint64_t kMost = ~0ULL >> 1;  // the answer of "unlimited": it is no error
  if (resource == sys::kLimitAs && soft >= kPwBytes && soft <= kMost) soft -= kPwBytes;
  outcome.value = static_cast<std::int64_t>(std::min(soft, kMost));
  return outcome;
}

Outcome HostTarget::shared_memory(Process& process, const sys::Request& request) {
  Outcome outcome;
  if (request.call == Call::Shmget) {
    outcome = plain_call(process, request);
    if (outcome.value >= 0) segments_.insert(static_cast<std::uint64_t>(outcome.value));
    return outcome;
  }
  const std::uint64_t command = request.args[1];
  if (command == sys::kIpcSet) {
    outcome.error = "on the host, shmctl knows rmid, nattch, lock and unlock";
    return outcome;
  }
  outcome = raw(process, SYS_shmctl, {request.args[0], command, own_data(process)}, "shmctl");
  if (!outcome.error.empty() || outcome.value < 0) return outcome;
  if (command == sys::kIpcRemove) segments_.erase(request.args[0]);
  if (command == sys::kIpcStat) {
    shmid_ds status = {};
    std::memcpy(&status, channel_->slot(process.slot).data, sizeof status);
    outcome.value = static_cast<std::int64_t>(status.shm_nattch);
  }
  return outcome;
}

Outcome HostTarget::prctl(Process& process, const sys::Request& request) {
  const auto& args = request.args;
  Outcome outcome;
  const bool names = args[0] == sys::kPrctlSetVma;
  if (!names && args[0] != sys::kPrctlSetThpDisable && args[0] != sys::kPrctlGetThpDisable) {
    outcome.error = "on the host, prctl knows set_vma, set_thp_disable and get_thp_disable";
    return outcome;
  }
  Args all = {args[0], args[1], args[2], args[3]};
  if (names && !request.text.empty()) {
    const std::string text = request.text.substr(0, kLongestPath);
    std::memcpy(channel_->slot(process.slot).data, text.c_str(), text.size() + 1);
    all[4] = own_data(process);
  }
  outcome = raw(process, SYS_prctl, all, "prctl");
  if (names || !outcome.error.empty() || outcome.value < 0 || options_.huge_pages) return outcome;
  if (args[0] == sys::kPrctlGetThpDisable) {
    outcome.value = process.huge_off;
    return outcome;
  }
  process.huge_off = raw(process, SYS_prctl, {sys::kPrctlGetThpDisable}, "prctl").value;
  raw(process, SYS_prctl, {sys::kPrctlSetThpDisable, 1}, "prctl");
  return outcome;
}

}  // namespace pw::host
