// Shared memory that has a name: POSIX objects (shm_open) and System V segments (shmget).
//
// Owned by the Machine. A name holds its object; so do handles and areas, and the last of them to
// go takes the bytes along. A System V segment marked for removal (IPC_RMID) lives while areas map
// it and can be attached until then, by its id, as on Linux. Who may do what is decided as the
// kernel does (ipcperms(), ipc/util.c; inode permissions of /dev/shm), without groups: the owner
// has the owner's bits, user 0 may do all, everybody else has the bits of others.
//
// Errors are those of shm_open(3), shmget(2), shmat(2), shmctl(2), of Linux where they differ.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.hpp"
#include "object/object_table.hpp"

namespace pw {

using UserId = std::uint32_t;
using ShmKey = std::int32_t;
using ShmId = std::uint32_t;

inline constexpr ShmKey kPrivateKey = 0;      // IPC_PRIVATE
inline constexpr std::uint32_t kMayRead = 4;  // permission bits of one class of users
inline constexpr std::uint32_t kMayWrite = 2;
inline constexpr std::uint32_t kMayExecute = 1;

// Whether `user` has all of `wanted` on something of `owner` with permissions `mode` (rwxrwxrwx).
constexpr bool permitted(UserId user, UserId owner, std::uint32_t mode, std::uint32_t wanted) {
  const std::uint32_t granted = user == owner ? mode >> 6 : mode;
  return user == 0 || (wanted & ~granted & 7) == 0;
}

struct ShmOpen {
  bool write = false;  // O_RDWR; else O_RDONLY
  bool read = true;    // not with O_WRONLY
  bool create = false, exclusive = false, truncate = false;
  bool no_reserve = false;    // SHM_NORESERVE: does not count as committed
  std::uint32_t mode = 0600;  // of a new object
};

// An open object: what shm_open and memfd_create return. The holder is counted in the object.
struct SharedHandle {
  ObjectId object = 0;
  bool writable = false;
};

struct ShmAttach {
  VirtAddr address;        // 0: anywhere
  bool read_only = false;  // SHM_RDONLY
  bool round = false;      // SHM_RND: the address is rounded down to a page
  bool remap = false;      // SHM_REMAP: what is there is replaced
  bool execute = false;    // SHM_EXEC
};

struct ShmStatus {  // of a System V segment
  ByteCount size;
  std::uint64_t attached = 0;  // areas, those that mprotect split counted one by one, as shm_nattch
                               // is
  UserId owner = 0;
  std::uint32_t mode = 0;
  bool removed = false;
  bool locked = false;  // SHM_LOCK
};

class SharedMemory {
 public:
  static constexpr std::size_t kMostName = 255;       // NAME_MAX
  static constexpr std::size_t kMostSegments = 4096;  // SHMMNI

  explicit SharedMemory(ObjectTable& objects) : objects_(&objects) {}
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // The handle's holder is the caller's to release. `truncate` is left to the caller too: it may
  // need to unmap.
  Result<SharedHandle> open(UserId user, const std::string& name, const ShmOpen& how);
  Result<void> unlink(UserId user, const std::string& name);

  // `affordable`: the machine may promise that much memory, should the segment be new.
  Result<ShmId> get(UserId user, ShmKey key, ByteCount size, const ShmOpen& how,
                    bool affordable = true);
  // The segment's object, if `user` has the rights `wanted` to it. Errors: Invalid (no such
  // segment), Access.
  Result<VmObject*> attach(UserId user, ShmId id, std::uint32_t wanted);
  Result<void> remove(UserId user, ShmId id);
  Result<ShmStatus> status(ShmId id);
  // The segment's object, for SHM_LOCK and SHM_UNLOCK. Errors: Invalid, Perm (not the owner's).
  Result<VmObject*> owned(UserId user, ShmId id);
  // True if the object is a System V segment.
  bool is_segment(const VmObject& object);

 private:
  struct Named {
    ObjectId object = 0;
    UserId owner = 0;
    std::uint32_t mode = 0;
  };
  struct Segment {
    ObjectId object = 0;
    std::uint64_t serial = 0;
    ShmKey key = kPrivateKey;
    ByteCount size;
    UserId owner = 0;
    std::uint32_t mode = 0;
    bool removed = false;  // the table holds its object no more
  };

  static Result<std::string> checked_name(const std::string& name);
  VmObject* object_of(const Segment& segment) {
    return objects_->find(segment.object, segment.serial);
  }
  Segment* find(ShmId id);
  // Forgets removed segments whose last area is gone.
  void sweep();

  ObjectTable* objects_;
  std::map<std::string, Named> names_;
  std::map<ShmId, Segment> segments_;
  std::map<ShmKey, ShmId> keys_;
  ShmId next_id_ = 0;
};

}  // namespace pw
