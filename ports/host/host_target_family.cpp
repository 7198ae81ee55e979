// Births and deaths of a script's processes on the host.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "ports/host/host_target.hpp"
#include "sys/abi.hpp"

namespace pw::host {

using script::Outcome;
using script::ProcessIndex;

namespace {

constexpr std::uint64_t kNobody = 0x7fff'ffff;  // no process has this pid: above the largest
constexpr std::uint64_t kNoHang = 1;

}  // namespace

// fork, vfork and clone. The kernel suspends a parent with CLONE_VFORK: its answer comes when the
// child lets it go.
Outcome HostTarget::bear(Process& parent, std::uint64_t flags, ProcessIndex child) {
  Outcome outcome;
  constexpr std::uint64_t kAllowed = sys::kCloneVm | sys::kCloneFiles | sys::kCloneVfork | SIGCHLD;
  if ((flags & ~kAllowed) != 0) {
    outcome.error = "on the host, clone knows the flags vm, files and vfork";
    return outcome;
  }
  if (pid_of(child) != 0) {
    outcome.error = name_of(child) + " runs already";
    return outcome;
  }
  const unsigned slot = channel_->take_slot();
  if (slot == 0) {
    outcome.error = kTooMany;
    return outcome;
  }
  channel_->expect(slot);
  PwSlot& own = channel_->slot(parent.slot);
  own.args[0] = flags & ~static_cast<std::uint64_t>(SIGCHLD);
  own.args[1] = slot;
  own.command = kPwClone;
  channel_->post(parent.slot);
  const auto answer = channel_->await(slot, parent.pidfd.get());
  const pid_t pid = static_cast<pid_t>(channel_->header().pids[slot]);
  if (answer != HostChannel::Answer::Done || pid == 0) {
    channel_->give_back(slot);
    return answer == HostChannel::Answer::Done ? outcome_of(parent, "clone")
                                               : gone(parent, answer, "clone");
  }
  const ProcessIndex index = parent.index;
  Process& born = admit(child, pid, slot);
  born.parent = index;
  born.huge_off = parent.huge_off;
  if ((flags & sys::kCloneVfork) == 0) return outcome_of(parent, "clone");
  parent.suspended = true;
  processes_[child].holds_parent = true;
  outcome.value = pid;
  return outcome;
}

void HostTarget::let_parent_go(Process& child) {
  if (!child.holds_parent) return;
  child.holds_parent = false;
  if (!child.parent) return;
  Process& parent = processes_[*child.parent];
  if (!parent.running) return;
  parent.suspended = false;
  outcome_of(parent, "vfork");
}

// The program itself, from the beginning, whatever the path: a file of the script's has no program
// in it. One that exists and is not executable is refused as the kernel would.
Outcome HostTarget::exec(Process& process, const sys::Request& request) {
  constexpr auto kMissing = -static_cast<std::int64_t>(Errno::NoEntry);
  Outcome outcome = plain_text(process, request, SYS_access, {0, X_OK}, 0);
  const bool missing = outcome.value == kMissing && !request.text.empty();
  if (!outcome.error.empty() || (outcome.value < 0 && !missing)) return outcome;
  const std::array<std::uint64_t, 2> limits = lift_limit(process);
  outcome = step(process, kPwExec, "exec");
  if (!outcome.error.empty()) return outcome;
  put_limit(process, limits);
  if (outcome.value < 0) return outcome;
  process.maps = OwnedFd();
  process.smaps = OwnedFd();
  let_parent_go(process);
  return outcome;
}

// RLIMIT_AS does not keep the new image from mapping the channel. What is needed of the limit by
// the image itself, a stack, is not looked at.
std::array<std::uint64_t, 2> HostTarget::lift_limit(Process& process) {
  std::array<std::uint64_t, 2> limits = {};  // soft, hard
  raw(process, SYS_prlimit64, {0, sys::kLimitAs, 0, own_data(process)}, "exec");
  std::memcpy(limits.data(), channel_->slot(process.slot).data, sizeof limits);
  put_limit(process, {limits[1], limits[1]});
  return limits;
}

void HostTarget::put_limit(Process& process, const std::array<std::uint64_t, 2>& limits) {
  std::memcpy(channel_->slot(process.slot).data, limits.data(), sizeof limits);
  raw(process, SYS_prlimit64, {0, sys::kLimitAs, own_data(process), 0}, "exec");
}

Outcome HostTarget::exit(Process& process, const sys::Request& request) {
  PwSlot& slot = channel_->slot(process.slot);
  slot.command = kPwCall;
  slot.number = SYS_exit_group;
  slot.args[0] = request.args[0];
  channel_->post(process.slot);
  if (!channel_->await_death(process.pidfd.get())) {
    return gone(process, HostChannel::Answer::Late, "exit");
  }
  bury(process);
  return {};
}

// Does not wait: in lock step nothing would ever end what is waited for. EAGAIN, as on the
// simulated machine.
Outcome HostTarget::wait(Process& process, const sys::Request& request) {
  const auto found = processes_.find(static_cast<ProcessIndex>(request.args[0]));
  const bool child = found != processes_.end() && found->second.parent == process.index &&
                     !found->second.reaped && request.args[0] == found->first;
  PwSlot& slot = channel_->slot(process.slot);
  std::memset(slot.data, 0, sizeof(int));
  const std::uint64_t pid = child ? static_cast<std::uint64_t>(found->second.pid) : kNobody;
  Outcome outcome = raw(process, SYS_wait4, {pid, own_data(process), kNoHang, 0}, "wait");
  if (!outcome.error.empty() || outcome.value < 0) return outcome;
  if (outcome.value == 0) {
    outcome.value = -static_cast<std::int64_t>(Errno::Again);
    return outcome;
  }
  found->second.reaped = true;
  int status = 0;
  std::memcpy(&status, slot.data, sizeof status);
  const int signal = status & 0x7f;
  outcome.value = signal == 0 ? status >> 8 & 0xff : 128 + signal;
  return outcome;
}

std::uint64_t HostTarget::pid_for(std::uint64_t process) const {
  const pid_t pid = process > 0xffff'ffff ? 0 : pid_of(static_cast<ProcessIndex>(process));
  return pid != 0 ? static_cast<std::uint64_t>(pid) : kNobody;
}

}  // namespace pw::host
