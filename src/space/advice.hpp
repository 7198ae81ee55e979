// What programs say of their memory and ask of it: madvise(2), mlock(2), mincore(2), msync(2).
//
// Semantics and the order of checks are those of Linux: mm/madvise.c, mm/mlock.c, mm/mincore.c,
// mm/msync.c. Advice that brings pages in or sends them away is carried out in src/fault and
// src/reclaim; the walk over areas is here for all of them. Lengths are rounded up to pages.
#pragma once

#include <string>
#include <vector>

#include "space/operations.hpp"

namespace pw {

enum class Advice : std::uint8_t {  // numbered as the kernel's MADV_*
  Normal = 0,
  Random = 1,
  Sequential = 2,
  WillNeed = 3,
  DontNeed = 4,
  Free = 8,
  Remove = 9,
  DontFork = 10,
  DoFork = 11,
  Mergeable = 12,
  Unmergeable = 13,
  HugePage = 14,
  NoHugePage = 15,
  DontDump = 16,
  DoDump = 17,
  WipeOnFork = 18,
  KeepOnFork = 19,
  Cold = 20,
  PageOut = 21,
  PopulateRead = 22,
  PopulateWrite = 23,
  DontNeedLocked = 24,
  Collapse = 25,
};

// [address, address + length) in whole pages. Error: Invalid (unaligned; it wraps).
Result<VpnRange> advised_range(VirtAddr address, ByteCount length);

// Whether the advice may be given to the area at all. Errors: Perm (sealed areas are not emptied),
// Invalid (MADV_FREE of what is locked, or not private and anonymous).
Result<void> may_advise(const Vma& area, Advice advice);

// Calls fn(Vma&, VpnRange part) -> Result<void> for the parts of areas in `range`, in order. fn may
// split and merge areas within the part. Stops at the first error; NoMemory at the end if there
// were holes, all else done (madvise_walk_vmas(), mm/madvise.c).
template <class Fn>
Result<void> for_each_part(AddressSpace& space, VpnRange range, Fn&& fn) {
  bool hole = false;
  for (Vpn at = range.begin; at < range.end;) {
    Vma* area = space.areas().lower_bound(at);
    if (area == nullptr || area->range().begin >= range.end) return fail(Errno::NoMemory);
    hole = hole || area->range().begin > at;
    const VpnRange part = intersection(area->range(), {at, range.end});
    PW_TRY(fn(*area, part));
    at = part.end;
  }
  if (hole) return fail(Errno::NoMemory);
  return {};
}

// Advice that changes what an area is: its traits. Errors: Invalid (not for this kind of area),
// Again (more areas than a process may have).
Result<void> advise_area(AddressSpace& space, Vma& area, VpnRange part, Advice advice);

// MADV_DONTNEED: private pages go, shared ones only lose their translations. Error: Invalid
// (locked, unless `even_locked`).
Result<void> discard(Vma& area, VpnRange part, bool even_locked);

// MADV_FREE: pages that nobody else has may be dropped from now on unless they are written again;
// they are added to `freed`. Huge pages that somebody shares are left alone; of others, whoever
// calls has split those that are meant only in part (split_huge_pages()).
void free_lazily(Vma& area, VpnRange part, std::vector<Pfn>& freed);

// MADV_REMOVE: a hole in the file or shared object. Errors: Invalid (locked, no object), Access
// (not shared, or never writable), those of the store.
Result<void> remove_pages(Vma& area, VpnRange part);

// posix_fadvise(POSIX_FADV_DONTNEED) of pages [begin, end): dirty ones are written, clean ones that
// nobody maps go.
void drop_cached(Core& core, VmObject& file, PageOffset begin, PageOffset end);

// mlock2(2) without making pages resident. Errors: Perm, Invalid (wraps), NoMemory (limits, holes;
// what lies below the hole is locked).
Result<void> mlock(AddressSpace& space, VirtAddr address, ByteCount length, bool on_fault);
Result<void> munlock(AddressSpace& space, VirtAddr address, ByteCount length);

// The pages that mlock() of these arguments has to make resident.
VpnRange locked_range(VirtAddr address, ByteCount length);

// mlockall(2) without making pages resident; nothing named: munlockall(2). Errors: Perm, NoMemory
// (limit).
struct LockAll {
  bool current = false, future = false, on_fault = false;
};
Result<void> mlockall(AddressSpace& space, LockAll which);
void munlockall(AddressSpace& space);

// mincore(2): '1' for each page that would not have to be read, '0' for others. Files that may not
// be written are not looked at unless `all_files`: '1'. Errors: Invalid (unaligned), NoMemory
// (outside the user half, holes).
Result<std::string> mincore(AddressSpace& space, VirtAddr address, ByteCount length,
                            bool all_files);

// msync(2). Errors: Invalid (unaligned, asynchronous and synchronous), NoMemory (holes), Busy
// (invalidate what is locked), Io.
struct SyncHow {
  bool async = false, invalidate = false, sync = true;
};
Result<void> msync(AddressSpace& space, VirtAddr address, ByteCount length, SyncHow how = {});

}  // namespace pw
