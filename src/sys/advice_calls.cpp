// What programs say of their memory, and ask: madvise(2), mlock(2), mincore(2).
#include "sys/abi.hpp"
#include "sys/kernel.hpp"

namespace pw::sys {

Reply Kernel::madvise(Process& process, const Request& r) {
  if (r.args[2] != kAdviseDontNeed) return failed(Errno::NoCall);
  return reply_of(machine_->discard(process.pid, VirtAddr(r.args[0]), ByteCount(r.args[1])));
}

Reply Kernel::mincore(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::mlock(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::mlock2(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::munlock(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::mlockall(Process&, const Request&) { return failed(Errno::NoCall); }
Reply Kernel::munlockall(Process&, const Request&) { return failed(Errno::NoCall); }

}  // namespace pw::sys
