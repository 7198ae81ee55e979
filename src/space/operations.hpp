// The operations on an address space: what the memory system calls do, one source file each.
//
// Lengths and addresses are checked as the kernel checks them and fail with its errno; a failed
// call has changed nothing, unless it says otherwise.
#pragma once

#include <functional>
#include <optional>

#include "space/address_space.hpp"

namespace pw {

struct MmapRequest {
  VirtAddr address;  // a wish, or the place if `fixed`; 0: anywhere
  ByteCount length;
  Rights rights = kReadWrite;
  Rights may{true, true, true};
  bool shared = false;
  bool read_only_file = false;  // open for reading only
  bool fixed = false;
  bool fixed_noreplace = false;
  bool grows_down = false;
  bool low = false;       // MAP_32BIT
  bool raw_wish = false;  // a wish below the lowest address is not moved up: mremap
  AreaRole role = AreaRole::Normal;
  AreaTraits traits;      // `accounted` is decided here
  bool populate = false;  // MAP_POPULATE: for who can make pages resident after the operation
  LabelId label = 0;
  VmObject* backing = nullptr;  // file or shared memory; null: anonymous (shared: a new Shared
                                // object)
  PageOffset backing_page{0};
  std::uint64_t file = 0;  // see Vma
  bool segment = false;
  std::optional<Errno> objection;  // what the file says, once a place is found
};

// mmap(2). Errors: Invalid (length 0, unaligned fixed address, a shared stack), NoMemory (no room,
// beyond the user half, too many areas, limits, overcommit), Overflow (offsets), Perm (below the
// lowest address, sealed), Exists (fixed_noreplace over an area), Again (locked beyond the limit),
// Access (shared and writable without the right to write). Pages are not made resident here.
Result<VirtAddr> mmap(AddressSpace& space, const MmapRequest& request);

// Where such an area would be placed. Errors: as mmap.
Result<VpnRange> find_place(AddressSpace& space, const MmapRequest& request, PageCount pages);

// mm->locked_vm, which limits look at.
inline std::uint64_t counted_as_locked(const AddressSpace& space) {
  return space.counters().locked_pages + space.counters().locked_forgotten;
}

// Whether the limits let the process lock `more` pages (mlock_future_ok(), mm/mmap.c).
bool may_lock(const AddressSpace& space, PageCount more);

// The first half of munmap: areas are cut at both ends, and may go. Gives the first of them, or
// null. Errors: NoMemory (too many areas), Perm (sealed).
Result<Vma*> prepare_unmap(AddressSpace& space, VpnRange range);

// munmap(2): holes are fine. Errors: Invalid, and those above.
Result<void> munmap(AddressSpace& space, VirtAddr address, ByteCount length);

// mprotect(2), pkey_mprotect(2). Errors: Invalid, NoMemory (a hole in the range; what lies below it
// is changed; limits), Access, Perm (sealed).
struct ProtectRequest {
  VirtAddr address;
  ByteCount length;
  Rights rights;
  bool grows_down = false, grows_up = false;
  std::optional<std::uint8_t> key;
  std::optional<Errno> objection;  // to the key or the rights, after address and length
  // Private locked pages that may be written from now on are made resident, before what follows is
  // looked at (mprotect_fixup(), mm/mprotect.c): called for each part, if there.
  const std::function<void(VpnRange)>* fill = nullptr;
};
Result<void> mprotect(AddressSpace& space, const ProtectRequest& request);

// mremap(2). Errors: Invalid, Fault (not one area), Perm (below the lowest address, sealed),
// NoMemory (no room, limits), Again (locked beyond the limit).
struct MremapRequest {
  VirtAddr address;
  ByteCount old_length, new_length;
  bool may_move = false;
  bool fixed = false;
  bool dont_unmap = false;  // the source stays, empty
  bool unknown_flags = false;
  VirtAddr new_address;
};
Result<VirtAddr> mremap(AddressSpace& space, const MremapRequest& request);

// mseal(2): areas that stay as they are. Errors: Invalid, NoMemory (a hole; nothing is sealed).
Result<void> seal(AddressSpace& space, VirtAddr address, ByteCount length);

// brk(2): the new break, or the old one when it cannot be moved there (as the kernel answers).
VirtAddr brk(AddressSpace& space, VirtAddr wanted, LabelId label);

// A touch below a stack area: moves its lower end down to `vpn` if limit and guard gap allow.
// Returns the area, or null when the address may not be reached.
Vma* grow_stack(AddressSpace& space, Vpn vpn);

// fork(2)'s memory: areas, slots (shared, copied on write) and translations, as dup_mmap() copies
// them. Null: no memory. Costs the tables, not the data.
std::unique_ptr<AddressSpace> fork_space(AddressSpace& parent, SpaceId id);

// Unmaps everything: exit or exec.
void unmap_all(AddressSpace& space);

// Writes the dirty pages [begin, end) of a file to its store. Error: Io (they stay dirty).
Result<void> write_back(Core& core, VmObject& file, PageOffset begin, PageOffset end);
// The same, and returns when the device is done with the file (filemap_fdatawait_range()).
Result<void> write_back_and_wait(Core& core, VmObject& file, PageOffset begin, PageOffset end);
// Returns when no page of [begin, end) is being written any more.
void wait_for_writes(Core& core, VmObject& file, PageOffset begin, PageOffset end);

// The first half of write_file_page(): the bytes go to the store and the page is clean, no device
// has been asked. Error: Io (it stays dirty).
Result<void> store_file_page(Core& core, VmObject& file, PageOffset at, Pfn pfn);

// Writes one resident page of a file and makes it clean; no translation may write to it. Gives the
// time when the device is done. Error: Io (it stays dirty).
Result<std::uint64_t> write_file_page(Core& core, VmObject& file, PageOffset at, Pfn pfn);

// prctl(PR_SET_VMA_ANON_NAME): what /proc/PID/maps shows of anonymous memory; 0: nothing. Errors:
// Invalid, NoMemory (holes; what is not one is named), BadFile (a file), Again (too many areas).
Result<void> name_area(AddressSpace& space, VirtAddr address, ByteCount length, LabelId name);

// ftruncate(2) of a file or shared object: pages past the end go from every mapping, private copies
// too; the rest of the last page is zeroed. Errors: those of the store.
Result<void> truncate(Core& core, VmObject& object, ByteCount size);

// Makes it longer, as a write at `from`, past the old end, begins (`from` = `size` otherwise). What
// mappings wrote past the old end of a file is gone up to `from`; shared memory keeps it, as on
// Linux. Errors: those of the store.
Result<void> extend(Core& core, VmObject& object, ByteCount from, ByteCount size);

// fallocate(FALLOC_FL_PUNCH_HOLE): bytes [begin, end) read as zeros. Whole pages go from every
// mapping, but private copies stay. Errors: those of the store.
Result<void> punch_hole(Core& core, VmObject& object, ByteCount begin, ByteCount end);

}  // namespace pw
