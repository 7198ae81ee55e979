// Processes: fork(2) and its kin, limits, and the memory of others.
#include <algorithm>

#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

Reply Kernel::born(const Process& parent, const Result<Pid>& child, bool share_files) {
  if (!child) return failed(child.error().code);
  const std::shared_ptr<FdTable>& table = descriptors_.at(parent.pid);
  descriptors_[*child] = share_files ? table : std::make_shared<FdTable>(*table);
  return {static_cast<std::int64_t>(*child), {}};
}

Reply Kernel::fork(Process& process, const Request&) {
  sweep();
  return born(process, machine_->fork(process.pid), false);
}

Reply Kernel::vfork(Process& process, const Request&) {
  sweep();
  return born(process, machine_->vfork(process.pid), false);
}

// Threads and the like are not known here; the low byte is the signal at the child's end.
Reply Kernel::clone(Process& process, const Request& r) {
  constexpr std::uint64_t kSignal = 0xff;
  constexpr std::uint64_t kKnown = kCloneVm | kCloneFiles | kCloneVfork | kSignal;
  const std::uint64_t flags = r.args[0];
  if ((flags & ~kKnown) != 0) return failed(Errno::Invalid);
  sweep();
  const Result<Pid> child = (flags & kCloneVm) != 0 ? machine_->vfork(process.pid)
                                                    : machine_->fork(process.pid);
  return born(process, child, (flags & kCloneFiles) != 0);
}

// An empty program, whatever the path. A file of the folder must at least be executable; one that
// does not exist is taken for a program from elsewhere.
Reply Kernel::exec(Process& process, const Request& r) {
  const Result<PathEnd> end = folder_.walk(r.text);
  if (!end && (r.text.empty() || end.error().code != Errno::NoEntry)) {
    return failed(end.error().code);
  }
  if (end && end->folder) return failed(Errno::Access);
  const FolderEntry* entry = end ? folder_.find(end->name) : nullptr;
  if (entry != nullptr) {
    constexpr std::uint32_t kAnyExecute = 0111;  // not even user 0 may without one of these
    const bool may = permitted(process.user, entry->owner, entry->mode, kMayExecute);
    if (!may || (entry->mode & kAnyExecute) == 0) return failed(Errno::Access);
  }
  const Result<void> replaced = machine_->replace_space(process.pid, r.text);
  if (!replaced) return failed(replaced.error().code);
  std::shared_ptr<FdTable>& table = descriptors_.at(process.pid);
  if (table.use_count() > 1) table = std::make_shared<FdTable>(*table);
  table->close_on_exec();
  const Result<VirtAddr> stack = machine_->map_stack(process.pid, machine_->initial_stack());
  return stack ? Reply{} : failed(stack.error().code);
}

Reply Kernel::exit(Process& process, const Request& r) {
  const Result<void> done = machine_->exit(process.pid, static_cast<int>(r.args[0] & 0xff));
  sweep();
  return reply_of(done);
}

// Never blocks: EAGAIN while the child runs.
Reply Kernel::wait(Process& process, const Request& r) {
  const auto pid = static_cast<Pid>(r.args[0]);
  const Process* child = machine_->find(pid);
  if (child == nullptr || r.args[0] != pid || child->parent != process.pid) {
    return failed(Errno::NoChild);
  }
  if (child->state == ProcessState::Running) return failed(Errno::Again);
  const int status = child->status;
  const Result<void> reaped = machine_->reap(pid);
  sweep();
  return reaped ? Reply{status, {}} : failed(reaped.error().code);
}

// PR_SET_VMA_ANON_NAME: prctl_set_vma(), kernel/sys.c.
Reply Kernel::name_area(Process& process, const Request& r) {
  if (!machine_->config().anon_names || r.args[1] != kPrctlSetVmaAnonName) {
    return failed(Errno::Invalid);
  }
  constexpr std::size_t kMostName = 79;  // ANON_VMA_NAME_MAX_LEN, less the zero byte
  const auto odd = [](char c) {
    return c <= 0x1f || c >= 0x7f || std::string_view("\\`$[]").find(c) != std::string_view::npos;
  };
  if (r.text.size() > kMostName || std::any_of(r.text.begin(), r.text.end(), odd)) {
    return failed(Errno::Invalid);
  }
  return reply_of(
      machine_->name_memory(process.pid, VirtAddr(r.args[2]), ByteCount(r.args[3]), r.text));
}

// kernel/sys.c of Linux 6.18.
Reply Kernel::prctl(Process& process, const Request& r) {
  const auto& [option, arg2, arg3, arg4, unused4, unused5] = r.args;
  constexpr std::uint64_t kExceptAdvised = 2;
  std::uint8_t& disabled = process.space->settings().thp_disabled;
  switch (static_cast<std::uint32_t>(option)) {
    case kPrctlSetVma:
      return name_area(process, r);
    case kPrctlSetThpDisable:
      if (arg4 != 0 || !r.text.empty() || (arg3 & ~kExceptAdvised) != 0) {
        return failed(Errno::Invalid);
      }
      if (arg2 == 0 && arg3 != 0) return failed(Errno::Invalid);
      disabled = static_cast<std::uint8_t>(arg2 == 0 ? 0 : 1 | arg3);
      return {};
    case kPrctlGetThpDisable:
      if (arg2 != 0 || arg3 != 0 || arg4 != 0 || !r.text.empty()) return failed(Errno::Invalid);
      return {disabled, {}};
    default:
      return failed(Errno::Invalid);
  }
}

namespace {

// The soft limit of a resource; null if memory has nothing to do with it.
std::uint64_t* limit_of(SpaceLimits& limits, std::uint64_t resource) {
  switch (static_cast<std::uint32_t>(resource)) {
    case kLimitAs:
      return &limits.address_space;
    case kLimitData:
      return &limits.data;
    case kLimitStack:
      return &limits.stack;
    case kLimitMemLock:
      return &limits.locked;
    default:
      return nullptr;
  }
}

// Only locked memory has a hard limit from the start.
std::uint64_t hard_limit(std::uint64_t resource) {
  return static_cast<std::uint32_t>(resource) == kLimitMemLock ? 8ULL << 20 : kUnlimited;
}

}  // namespace

// do_prlimit(), kernel/sys.c; the hard limit stays as it is, so that above it is EINVAL.
Reply Kernel::setrlimit(Process& process, const Request& r) {
  std::uint64_t* limit = limit_of(process.limits, r.args[0]);
  if (limit == nullptr || r.args[1] > hard_limit(r.args[0])) return failed(Errno::Invalid);
  *limit = r.args[1];
  return {};
}

// "Unlimited" is answered with the greatest number that is no error.
Reply Kernel::getrlimit(Process& process, const Request& r) {
  const std::uint64_t* limit = limit_of(process.limits, r.args[0]);
  if (limit == nullptr) return failed(Errno::Invalid);
  constexpr std::uint64_t kMost = ~0ULL >> 1;
  return {static_cast<std::int64_t>(std::min(*limit, kMost)), {}};
}

namespace {

constexpr std::uint64_t kMostTransfer = 0x7fff'f000;  // MAX_RW_COUNT
constexpr std::uint64_t kMostLength = ~0ULL >> 1;     // of a vector: ssize_t

}  // namespace

// process_vm_rw(), mm/process_vm_access.c: an empty vector is no error, whomever it is asked of.
Reply Kernel::process_vm_readv(Process& process, const Request& r) {
  const auto& [pid, address, count, unused3, unused4, unused5] = r.args;
  if (count > kMostLength) return failed(Errno::Invalid);
  if (count == 0) return {};
  Result<std::string> bytes = machine_->read_foreign(
      process.pid, static_cast<Pid>(pid), VirtAddr(address), std::min(count, kMostTransfer));
  if (!bytes) return failed(bytes.error().code);
  return {static_cast<std::int64_t>(bytes->size()), std::move(*bytes)};
}

Reply Kernel::process_vm_writev(Process& process, const Request& r) {
  if (r.text.empty()) return {};
  const Result<std::uint64_t> done = machine_->write_foreign(
      process.pid, static_cast<Pid>(r.args[0]), VirtAddr(r.args[1]),
      std::as_bytes(std::span(r.text)));
  return done ? Reply{static_cast<std::int64_t>(*done), {}} : failed(done.error().code);
}

}  // namespace pw::sys
