// What programs say of their memory, and ask: madvise(2), mlock(2), mincore(2), msync(2).
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

namespace {

// madvise_behavior_valid(), mm/madvise.c.
bool is_advice(std::uint64_t advice, bool huge_pages) {
  if (advice == kAdviseCollapse) return huge_pages;
  return advice <= kAdviseDontNeed || (advice >= kAdviseFree && advice <= kAdviseDontNeedLocked);
}

// int arguments: the upper half of the register is not looked at.
std::uint64_t int_of(std::uint64_t argument) { return static_cast<std::uint32_t>(argument); }

}  // namespace

Reply Kernel::madvise(Process& process, const Request& r) {
  const std::uint64_t advice = int_of(r.args[2]);
  const bool huge = machine_->config().linux_options.huge_pages != HugePages::Never;
  if (!is_advice(advice, huge)) return failed(Errno::Invalid);
  return reply_of(machine_->madvise(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1]),
                                    static_cast<Advice>(advice)));
}

Reply Kernel::mincore(Process& process, const Request& r) {
  Result<std::string> pages = machine_->mincore(process.pid, VirtAddr(r.args[0]),
                                                ByteCount(r.args[1]));
  return pages ? Reply{0, std::move(*pages)} : failed(pages.error().code);
}

Reply Kernel::mlock(Process& process, const Request& r) {
  return reply_of(machine_->mlock(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1])));
}

Reply Kernel::mlock2(Process& process, const Request& r) {
  const std::uint64_t flags = int_of(r.args[2]);
  if ((flags & ~kLockOnFault) != 0) return failed(Errno::Invalid);
  return reply_of(machine_->mlock(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1]),
                                  flags == kLockOnFault));
}

Reply Kernel::munlock(Process& process, const Request& r) {
  return reply_of(machine_->munlock(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1])));
}

Reply Kernel::mlockall(Process& process, const Request& r) {
  const std::uint64_t flags = int_of(r.args[0]);
  constexpr std::uint64_t kAll = kLockCurrent | kLockFuture | kLockAllOnFault;
  if (flags == 0 || (flags & ~kAll) != 0 || flags == kLockAllOnFault) return failed(Errno::Invalid);
  return reply_of(machine_->mlockall(
      process.pid,
      {(flags & kLockCurrent) != 0, (flags & kLockFuture) != 0, (flags & kLockAllOnFault) != 0}));
}

Reply Kernel::munlockall(Process& process, const Request&) {
  return reply_of(machine_->munlockall(process.pid));
}

Reply Kernel::msync(Process& process, const Request& r) {
  const std::uint64_t flags = int_of(r.args[2]);
  if ((flags & ~(kSyncAsync | kSyncInvalidate | kSyncSync)) != 0) return failed(Errno::Invalid);
  return reply_of(machine_->msync(
      process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1]),
      {(flags & kSyncAsync) != 0, (flags & kSyncInvalidate) != 0, (flags & kSyncSync) != 0}));
}

}  // namespace pw::sys
