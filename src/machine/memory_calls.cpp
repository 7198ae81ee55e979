// The memory system calls of a process, handed to src/space.
#include <vector>

#include "machine/machine.hpp"

namespace pw {

Result<VirtAddr> Machine::mmap(Pid pid, const MmapRequest& request) {
  const auto done = in_space(pid, [&](AddressSpace& s) {
    const Result<VirtAddr> at = pw::mmap(s, request);
    if (at && (request.populate || request.traits.locked || s.lock_future().locked)) {
      populate_new(pid, range_of(page_of(*at), pages_for(request.length)), request.populate);
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

// Private locked memory that may not be written: if it may from now on, its pages are copied at
// once (mprotect_fixup(), mm/mprotect.c).
std::vector<VpnRange> locked_unwritable(AddressSpace& space, const ProtectRequest& request) {
  std::vector<VpnRange> found;
  if (space.counters().locked_pages == 0) return found;
  const Result<VpnRange> range = advised_range(request.address, request.length);
  if (!range) return found;
  for (const Vma* area = space.areas().lower_bound(range->begin);
       area != nullptr && area->range().begin < range->end; area = space.areas().next(*area)) {
    if (!area->traits.locked || area->shared || area->rights.write) continue;
    found.push_back(intersection(area->range(), *range));
  }
  return found;
}

}  // namespace

Result<void> Machine::mprotect(Pid pid, const ProtectRequest& request) {
  const auto done = in_space(pid, [&](AddressSpace& s) {
    const std::vector<VpnRange> waiting = request.rights.write ? locked_unwritable(s, request)
                                                               : std::vector<VpnRange>();
    const Result<void> changed = pw::mprotect(s, request);
    for (const VpnRange& range : waiting) {
      if (s.find(range.begin)->rights.write) populate_new(pid, range, false);
    }
    return changed;
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
    if (at && request.new_length > request.old_length) {
      const Vpn begin = page_of(*at);
      populate_new(pid,
                   {begin + pages_for(request.old_length), begin + pages_for(request.new_length)},
                   false);
    }
    return at;
  });
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
  return mmap(pid, request);
}

}  // namespace pw
