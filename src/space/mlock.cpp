// mlock(2) and its kin, as far as areas go: nothing is made resident here.
#include "space/advice.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

// Address space has ended by then: sums of addresses wrap as the kernel's do.
struct ByteRange {
  std::uint64_t begin, length;
};

ByteRange whole_pages(VirtAddr address, ByteCount length) {
  const std::uint64_t all = length.value + offset_in_page(address) + kPageSize - 1;
  return {address.value & ~(kPageSize - 1), all & ~(kPageSize - 1)};
}

// Areas that never are locked, whatever is asked (mlock_fixup(), mm/mlock.c).
bool lockable(const Vma& area) { return area.role != AreaRole::Vdso && !area.traits.droppable; }

Result<void> lock_part(AddressSpace& space, Vma& area, VpnRange part, bool locked, bool on_fault) {
  AreaTraits traits = area.traits;
  traits.locked = locked;
  traits.lock_on_fault = locked && on_fault;
  if (traits == area.traits || !lockable(area)) return {};
  const Result<Vma*> changed = space.modify(area, part, {area.rights, traits});
  if (!changed) return tl::unexpected(changed.error());
  if (!locked) rejoin_reclaim(space.core(), **changed, part);
  return {};
}

// apply_vma_lock_flags(), mm/mlock.c: ends at the first hole.
Result<void> apply(AddressSpace& space, ByteRange bytes, bool locked, bool on_fault) {
  if (bytes.begin + bytes.length < bytes.begin) return fail(Errno::Invalid);
  const Vpn end = page_of(VirtAddr(bytes.begin + bytes.length));
  for (Vpn at = page_of(VirtAddr(bytes.begin)); at < end;) {
    Vma* area = space.find(at);
    if (area == nullptr) return fail(Errno::NoMemory);
    const VpnRange part = intersection(area->range(), {at, end});
    PW_TRY(lock_part(space, *area, part, locked, on_fault));
    at = part.end;
  }
  return {};
}

// Pages of the range that are locked already: they count once (count_mm_mlocked_page_nr()).
std::uint64_t locked_within(AddressSpace& space, ByteRange bytes) {
  const bool wraps = bytes.begin + bytes.length < bytes.begin;
  const VpnRange range{
      page_of(VirtAddr(bytes.begin)),
      wraps ? page_of(VirtAddr(~std::uint64_t{0})) : page_of(VirtAddr(bytes.begin + bytes.length))};
  std::uint64_t pages = 0;
  for (const Vma* area = space.areas().lower_bound(range.begin);
       area != nullptr && area->range().begin < range.end; area = space.areas().next(*area)) {
    if (area->traits.locked) pages += intersection(area->range(), range).pages().value;
  }
  return pages;
}

void lock_all(AddressSpace& space, bool locked, bool on_fault) {
  for (Vpn at(0);;) {
    Vma* area = space.areas().lower_bound(at);
    if (area == nullptr) return;
    at = area->range().end;
    (void)lock_part(space, *area, area->range(), locked, on_fault);  // whole areas: no limit
  }
}

}  // namespace

namespace {

// can_do_mlock().
bool may_lock_any(const SpaceLimits& limits) { return limits.may_lock_all || limits.locked != 0; }

// Whether so many pages may be locked in all.
bool within(const SpaceLimits& limits, std::uint64_t pages) {
  return limits.may_lock_all || pages <= limits.locked >> kPageShift;
}

}  // namespace

VpnRange locked_range(VirtAddr address, ByteCount length) {
  const ByteRange bytes = whole_pages(address, length);
  return range_of(page_of(VirtAddr(bytes.begin)), PageCount(bytes.length >> kPageShift));
}

// do_mlock(), mm/mlock.c.
Result<void> mlock(AddressSpace& space, VirtAddr address, ByteCount length, bool on_fault) {
  const SpaceLimits& limits = space.limits();
  if (!may_lock_any(limits)) return fail(Errno::Perm);
  const ByteRange bytes = whole_pages(address, length);
  const std::uint64_t wanted = (bytes.length >> kPageShift) + counted_as_locked(space);
  if (!within(limits, wanted) && !within(limits, wanted - locked_within(space, bytes))) {
    return fail(Errno::NoMemory);
  }
  return apply(space, bytes, true, on_fault);
}

Result<void> munlock(AddressSpace& space, VirtAddr address, ByteCount length) {
  return apply(space, whole_pages(address, length), false, false);
}

// apply_mlockall_flags(), mm/mlock.c: areas are left alone if only the future is meant.
Result<void> mlockall(AddressSpace& space, LockAll which) {
  const SpaceLimits& limits = space.limits();
  if (!may_lock_any(limits)) return fail(Errno::Perm);
  if (which.current && !within(limits, space.counters().mapped_pages)) {
    return fail(Errno::NoMemory);
  }
  space.lock_future() = {which.future, which.future && which.on_fault};
  if (which.current) lock_all(space, true, which.on_fault);
  return {};
}

void munlockall(AddressSpace& space) {
  space.lock_future() = {};
  lock_all(space, false, false);
}

}  // namespace pw
