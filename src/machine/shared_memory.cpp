// The shared memory system calls of a process: names and permissions in src/proc/shm, areas in
// src/space.
#include "machine/machine.hpp"
#include "space/commit.hpp"

namespace pw {

Result<SharedHandle> Machine::shm_open(Pid pid, const std::string& name, const ShmOpen& how) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Result<SharedHandle> handle = shared_memory_->open((*found)->user, name, how);
  if (!handle) return handle;
  open_files_.push_back(handle->object);
  if (how.truncate) PW_TRY(truncate_file(handle->object, ByteCount(0)));
  checked();
  return handle;
}

Result<void> Machine::shm_unlink(Pid pid, const std::string& name) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Result<void> done = shared_memory_->unlink((*found)->user, name);
  checked();
  return done;
}

SharedHandle Machine::memfd_create() { return {create_shared(ByteCount(0)), true}; }

Result<void> Machine::ftruncate(SharedHandle handle, ByteCount size) {
  if (!handle.writable) return fail(Errno::Invalid);
  return truncate_file(handle.object, size);
}

Result<VirtAddr> Machine::mmap(Pid pid, SharedHandle handle, const MmapRequest& request) {
  MmapRequest of_object = request;
  of_object.backing = &objects_->object(handle.object);
  // A private area may be written whatever the handle allows: its writes go to copies.
  of_object.may.write = handle.writable || !request.shared;
  return mmap(pid, of_object);
}

Result<ShmId> Machine::shmget(Pid pid, ShmKey key, ByteCount size, const ShmOpen& how) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const bool affordable = how.no_reserve || may_commit(*(*found)->space, pages_for(size));
  return shared_memory_->get((*found)->user, key, size, how, affordable);
}

Result<VirtAddr> Machine::shmat(Pid pid, ShmId id, VirtAddr address, bool read_only) {
  ShmAttach how;
  how.address = address;
  how.read_only = read_only;
  return shmat(pid, id, how);
}

// do_shmat(), ipc/shm.c: the order of the checks is its.
Result<VirtAddr> Machine::shmat(Pid pid, ShmId id, const ShmAttach& how) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const bool somewhere = how.address.value == 0;
  if (somewhere && how.remap) return fail(Errno::Invalid);
  VirtAddr address = how.address;
  if (!page_aligned(address)) {
    if (!how.round) return fail(Errno::Invalid);
    address = address_of(page_of(address));
    if (address.value == 0 && how.remap) return fail(Errno::Invalid);
  }
  const std::uint32_t wanted = kMayRead | (how.read_only ? 0 : kMayWrite) |
                               (how.execute ? kMayExecute : 0);
  const Result<VmObject*> object = shared_memory_->attach((*found)->user, id, wanted);
  if (!object) return tl::unexpected(object.error());
  const PageCount pages = (*object)->pages();
  if (address.value != 0 && !how.remap) {
    const std::uint64_t room = ~0ULL - address.value;
    if ((*object)->size.value > room) return fail(Errno::Invalid);
    const VpnRange range = range_of(page_of(address), pages);
    if ((*found)->space->areas().overlaps(range)) return fail(Errno::Invalid);
  }
  MmapRequest request;
  request.address = address;
  request.fixed = !somewhere;
  request.length = (*object)->size;
  request.rights = {true, !how.read_only, how.execute};
  request.may.write = !how.read_only;
  request.read_only_file = !request.may.write;
  request.shared = true;
  request.backing = *object;
  request.segment = true;
  return mmap(pid, request);
}

// ksys_shmdt(), ipc/shm.c: every piece of the segment that lies where attaching at `address` put
// it.
Result<void> Machine::shmdt(Pid pid, VirtAddr address) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  if (!page_aligned(address)) return fail(Errno::Invalid);
  AddressSpace& space = *(*found)->space;
  const Vpn base = page_of(address);
  VmObject* segment = nullptr;
  Vpn end = space.layout().user_end;
  for (Vma* area = space.areas().lower_bound(base); area != nullptr && area->range().begin < end;) {
    Vma* next = space.areas().next(*area);
    const bool in_place = area->backing != nullptr && area->range().begin >= base &&
                          (area->range().begin - base).value == area->backing_page.value;
    if (in_place && segment == nullptr && shared_memory_->is_segment(*area->backing)) {
      segment = area->backing;
      end = base + segment->pages();
    }
    if (in_place && area->backing == segment) {
      // What is sealed stays, and nobody is told.
      (void)munmap(pid, address_of(area->range().begin), bytes_of(area->range().pages()));
    }
    area = next;
  }
  return segment != nullptr ? Result<void>() : fail(Errno::Invalid);
}

Result<void> Machine::shm_remove(Pid pid, ShmId id) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Result<void> done = shared_memory_->remove((*found)->user, id);
  checked();
  return done;
}

// shmctl_do_lock(), ipc/shm.c. What is locked counts against the limit of whoever locks, beside the
// areas of his own process.
Result<void> Machine::shm_lock(Pid pid, ShmId id, bool lock) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Process& process = **found;
  const Result<VmObject*> object = shared_memory_->owned(process.user, id);
  if (!object) return tl::unexpected(object.error());
  const bool free_of_limits = process.user == 0 || process.limits.may_lock_all;
  if (lock && !free_of_limits) {
    const std::uint64_t limit = process.limits.locked;
    if (limit == 0) return fail(Errno::Perm);
    if ((*object)->pages().value > limit >> kPageShift) return fail(Errno::NoMemory);
  }
  (*object)->locked = lock;
  return {};
}

Result<ShmStatus> Machine::shm_status(ShmId id) { return shared_memory_->status(id); }

}  // namespace pw
