// The memory system calls of a process, handed to src/space.
#include "machine/machine.hpp"

namespace pw {

Result<VirtAddr> Machine::mmap(Pid pid, const MmapRequest& request) {
  const auto done = in_space(pid, [&](AddressSpace& s) { return pw::mmap(s, request); });
  if (done)
    populate_new(pid, range_of(page_of(*done), pages_for(request.length)), request.populate);
  checked();
  return done;
}

Result<void> Machine::munmap(Pid pid, VirtAddr address, ByteCount length) {
  const auto done = in_space(pid, [&](AddressSpace& s) { return pw::munmap(s, address, length); });
  checked();
  return done;
}

Result<void> Machine::mprotect(Pid pid, const ProtectRequest& request) {
  const auto done = in_space(pid, [&](AddressSpace& s) { return pw::mprotect(s, request); });
  checked();
  return done;
}

Result<void> Machine::mprotect(Pid pid, VirtAddr address, ByteCount length, Rights rights) {
  ProtectRequest request;
  request.address = address;
  request.length = length;
  request.rights = rights;
  return mprotect(pid, request);
}

Result<VirtAddr> Machine::mremap(Pid pid, const MremapRequest& request) {
  const auto done = in_space(pid, [&](AddressSpace& s) { return pw::mremap(s, request); });
  if (done && request.new_length > request.old_length) {
    const Vpn begin = page_of(*done);
    populate_new(
        pid, {begin + pages_for(request.old_length), begin + pages_for(request.new_length)}, false);
  }
  checked();
  return done;
}

Result<VirtAddr> Machine::brk(Pid pid, VirtAddr wanted, LabelId label) {
  VirtAddr before;
  const auto done = in_space(pid, [&](AddressSpace& s) {
    before = s.brk();
    return Result<VirtAddr>(pw::brk(s, wanted, label));
  });
  if (done && *done > before) {
    constexpr ByteCount kPartPage(kPageSize - 1);
    populate_new(pid, {page_of(before + kPartPage), page_of(*done + kPartPage)}, false);
  }
  checked();
  return done;
}

Result<std::uint64_t> Machine::swap_out(Pid pid) {
  const auto done = in_space(
      pid, [&](AddressSpace& s) { return Result<std::uint64_t>(reclaimer_->swap_out(s)); });
  checked();
  return done;
}

Result<VirtAddr> Machine::map_stack(Pid pid, ByteCount initial, LabelId label) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  MmapRequest request;
  const PageCount pages = pages_for(initial);
  request.address = (*found)->places.stack_top - bytes_of(pages);
  request.length = bytes_of(pages);
  request.fixed_noreplace = true;
  request.grows_down = true;
  request.role = AreaRole::Stack;
  request.label = label;
  return mmap(pid, request);
}

}  // namespace pw
