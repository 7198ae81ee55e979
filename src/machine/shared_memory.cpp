// The shared memory system calls of a process: names and permissions in src/proc/shm, areas in
// src/space.
#include "machine/machine.hpp"

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
  return shared_memory_->get((*found)->user, key, size, how);
}

Result<VirtAddr> Machine::shmat(Pid pid, ShmId id, VirtAddr address, bool read_only) {
  const auto found = running(pid);
  if (!found) return tl::unexpected(found.error());
  const Result<VmObject*> object = shared_memory_->attach((*found)->user, id, !read_only);
  if (!object) return tl::unexpected(object.error());
  if (!page_aligned(address)) return fail(Errno::Invalid);  // no SHM_RND
  MmapRequest request;
  request.address = address;
  request.fixed_noreplace = address.value != 0;
  request.length = (*object)->size;
  request.rights = read_only ? kReadOnly : kReadWrite;
  request.may.write = !read_only;
  request.shared = true;
  request.backing = *object;
  const Result<VirtAddr> mapped = mmap(pid, request);
  // shmat(2) says EINVAL where mmap says that something is there already.
  if (!mapped && mapped.error().code == Errno::Exists) return fail(Errno::Invalid);
  return mapped;
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
      PW_TRY(munmap(pid, address_of(area->range().begin), bytes_of(area->range().pages())));
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

Result<ShmStatus> Machine::shm_status(ShmId id) { return shared_memory_->status(id); }

}  // namespace pw
