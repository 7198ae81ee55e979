// The memory system calls of a process, handed to src/space.
#include <vector>

#include "machine/machine.hpp"

namespace pw {

Result<VirtAddr> Machine::mmap(Pid pid, const MmapRequest& request) {
  const auto done = in_space(pid, [&](AddressSpace& s) {
    const Result<VirtAddr> at = pw::mmap(s, request);
    if (at && (request.populate || request.traits.locked || s.lock_future().locked)) {
      populate_new(pid, range_of(page_of(*at), pages_for(request.length)), true);
    }
    return at;
  });
  checked();
  return done;
}

Result<void> Machine::munmap(Pid pid, VirtAddr address, ByteCount length) {
  const auto done = in_space(pid, [&](AddressSpace& s) { return pw::munmap(s, address, length); });
  checked();
  return done;
}

namespace {

// PAGE_ALIGN() of a length near 2^64 wraps to 0.
PageCount wrapped_pages(ByteCount length) {
  return PageCount(pages_for(length).value % (1ULL << (64 - kPageShift)));
}

}  // namespace

Result<void> Machine::mprotect(Pid pid, const ProtectRequest& request) {
  const auto done = in_space(pid, [&](AddressSpace& s) {
    const std::function<void(VpnRange)> fill = [&](VpnRange part) {
      populate_new(pid, part, false);
    };
    ProtectRequest with_pages = request;
    with_pages.fill = &fill;
    return pw::mprotect(s, with_pages);
  });
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
  const auto done = in_space(pid, [&](AddressSpace& s) {
    const Result<VirtAddr> at = pw::mremap(s, request);
    const PageCount before = wrapped_pages(request.old_length);
    const PageCount after = wrapped_pages(request.new_length);
    if (at && after > before) {
      populate_new(pid, {page_of(*at) + before, page_of(*at) + after}, false);
    }
    return at;
  });
  checked();
  return done;
}

Result<void> Machine::seal(Pid pid, VirtAddr address, ByteCount length) {
  const auto done = in_space(pid, [&](AddressSpace& s) { return pw::seal(s, address, length); });
  checked();
  return done;
}

Result<VirtAddr> Machine::brk(Pid pid, VirtAddr wanted, LabelId label) {
  const auto done = in_space(pid, [&](AddressSpace& s) {
    const VirtAddr before = s.brk();
    const VirtAddr after = pw::brk(s, wanted, label);
    if (after > before && s.lock_future().locked) {
      constexpr ByteCount kPartPage(kPageSize - 1);
      populate_new(pid, {page_of(before + kPartPage), page_of(after + kPartPage)}, false);
    }
    return Result<VirtAddr>(after);
  });
  checked();
  return done;
}

Result<void> Machine::name_memory(Pid pid, VirtAddr address, ByteCount length,
                                  const std::string& name) {
  const LabelId id = name.empty() ? 0 : label(name);
  const auto done = in_space(pid,
                             [&](AddressSpace& s) { return name_area(s, address, length, id); });
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
  const Result<VirtAddr> mapped = mmap(pid, request);
  // exec has written the arguments there.
  if (mapped) {
    (*found)->space->prepare_root(*(*found)->space->find(page_of(*mapped)));
    (*found)->space->kept_tables().add(page_of((*found)->places.stack_top) - PageCount(1));
  }
  return mapped;
}

}  // namespace pw
