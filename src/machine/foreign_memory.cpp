// The memory of another process: process_vm_readv(2), process_vm_writev(2).
//
// Pages are brought in as the owner's own accesses would, by its areas' rights alone: neither
// stacks grow nor protection keys are asked (get_user_pages_remote(), mm/gup.c). Faults count for
// who asks.
#include <algorithm>
#include <cstring>

#include "machine/machine.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

bool may_transfer(const Vma& area, Access access) {  // check_vma_flags(), mm/gup.c
  return access == Access::Write ? area.rights.write : area.rights.read;
}

}  // namespace

// The frame of a page, for as long as nothing else happens. Error: Fault.
Result<Pfn> Machine::foreign_page(AddressSpace& space, Vpn vpn, Access access) {
  if (vpn >= space.layout().user_end) return fail(Errno::Fault);
  const Vma* area = space.find(vpn);
  if (area == nullptr || !may_transfer(*area, access)) return fail(Errno::Fault);
  FaultRequest request{&space, address_of(vpn), access};
  for (;;) {
    int level = 0;
    const x86::Pte* entry = space.tables().find_any(vpn, level);
    const bool there = entry != nullptr && entry->present();
    // What is common property since a fork becomes the owner's own first, lest the reader see what
    // relatives write later (gup_must_unshare(), mm/internal.h).
    request.unshare = there && access == Access::Read && (entry->raw & kSharedByFork) != 0;
    const bool enough = there && (access != Access::Write || entry->writable());
    if (enough && !request.unshare) return frame_under(*entry, level, vpn);
    const FaultOutcome outcome = handle_fault(*core_, request, watcher_);
    if (outcome.kind == FaultOutcome::Kind::Wait) {
      clock_.advance_to(outcome.until_ns);
    } else if (outcome.kind != FaultOutcome::Kind::Resolved) {
      return fail(Errno::Fault);
    }
  }
}

Result<AddressSpace*> Machine::foreign_space(const Process& who, Pid pid) {
  const Process* owner = find(pid);
  if (owner == nullptr || owner->state != ProcessState::Running) return fail(Errno::NoProcess);
  if (who.user != 0 && who.user != owner->user) return fail(Errno::Perm);
  return owner->space.get();
}

// Calls copy(bytes of the machine, their number) for each page of the range, until one cannot be
// had; gives the number of bytes. Errors: NoProcess, Perm, Fault (nothing could be had).
template <class Copy>
Result<std::uint64_t> Machine::transfer(Pid pid, Pid other, VirtAddr address, std::uint64_t count,
                                        Access access, Copy&& copy) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Result<AddressSpace*> space = foreign_space(**found, other);
  if (!space) return tl::unexpected(space.error());
  FaultCounters& theirs = (*space)->counters().faults;
  FaultCounters& ours = (*found)->space->counters().faults;
  const FaultCounters before = theirs;
  std::uint64_t done = 0;
  while (done < count) {
    const VirtAddr at(address.value + done);
    if (at.value < address.value) break;  // wrapped
    const Result<Pfn> pfn = foreign_page(**space, page_of(at), access);
    if (!pfn) break;
    const std::uint64_t n = std::min(count - done, kPageSize - offset_in_page(at));
    copy(pool_->bytes(*pfn) + offset_in_page(at), static_cast<std::size_t>(n));
    if (access == Access::Write) mark_dirty(*core_, pool_->frame(*pfn));
    done += n;
  }
  const std::uint64_t minor = theirs.minor - before.minor, major = theirs.major - before.major;
  theirs.minor -= minor;
  theirs.major -= major;
  ours.minor += minor;
  ours.major += major;
  (*found)->minor_faults += minor;
  (*found)->major_faults += major;
  checked();
  if (done == 0) return fail(Errno::Fault);
  return done;
}

Result<std::string> Machine::read_foreign(Pid pid, Pid other, VirtAddr address,
                                          std::uint64_t count) {
  std::string bytes;
  const Result<std::uint64_t> done = transfer(
      pid, other, address, count, Access::Read, [&bytes](const std::byte* from, std::size_t n) {
        bytes.append(reinterpret_cast<const char*>(from), n);
      });
  if (!done) return tl::unexpected(done.error());
  return bytes;
}

Result<std::uint64_t> Machine::write_foreign(Pid pid, Pid other, VirtAddr address,
                                             std::span<const std::byte> bytes) {
  return transfer(pid, other, address, bytes.size(), Access::Write,
                  [&bytes](std::byte* to, std::size_t n) {
                    std::memcpy(to, bytes.data(), n);
                    bytes = bytes.subspan(n);
                  });
}

}  // namespace pw
