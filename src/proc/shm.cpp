#include "proc/shm.hpp"

namespace pw {

namespace {

// F_SEAL_SEAL: what memfd_create(2) did not make takes no seals (shmem_get_inode(), mm/shmem.c).
constexpr std::uint32_t kSealedAgainstSeals = 1;

// As shmem_kernel_file_setup() is told to name it, in newseg(), ipc/shm.c.
std::string segment_name(ShmKey key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name = "/SYSV";
  for (int shift = 28; shift >= 0; shift -= 4) {
    name += kDigits[static_cast<std::uint32_t>(key) >> shift & 15];
  }
  return name + " (deleted)";
}

}  // namespace

SharedMemory::~SharedMemory() {
  for (const auto& [name, named] : names_) objects_->release(objects_->object(named.object));
  for (const auto& [id, segment] : segments_) {
    if (!segment.removed) objects_->release(objects_->object(segment.object));
  }
}

// Slashes in front are ignored; what follows is one component of a path (__shm_get_name(), glibc).
Result<std::string> SharedMemory::checked_name(const std::string& name) {
  const std::size_t begin = name.find_first_not_of('/');
  if (begin == std::string::npos) return fail(Errno::Invalid);
  std::string plain = name.substr(begin);
  if (plain.find('/') != std::string::npos || plain == "." || plain == "..") {
    return fail(Errno::Invalid);
  }
  if (plain.size() > kMostName) return fail(Errno::NameTooLong);
  return plain;
}

Result<SharedHandle> SharedMemory::open(UserId user, const std::string& name, const ShmOpen& how) {
  const Result<std::string> plain = checked_name(name);
  if (!plain) return tl::unexpected(plain.error());
  const auto it = names_.find(*plain);
  if (it == names_.end()) {
    if (!how.create) return fail(Errno::NoEntry);
    VmObject& object = objects_->create(ObjectKind::Shared);
    object.name = "/dev/shm/" + *plain;
    object.seals = kSealedAgainstSeals;
    names_[*plain] = {object.id, user, how.mode & 0777};
    ++object.holders;  // the handle's, beside the name's
    return SharedHandle{object.id, how.write};
  }
  if (how.create && how.exclusive) return fail(Errno::Exists);
  const Named& named = it->second;
  const bool writes = how.write || how.truncate;
  const std::uint32_t wanted = (how.read ? kMayRead : 0) | (writes ? kMayWrite : 0);
  if (!permitted(user, named.owner, named.mode, wanted)) return fail(Errno::Access);
  ++objects_->object(named.object).holders;
  return SharedHandle{named.object, how.write};
}

// /dev/shm is sticky: names go by the hand of their owner. glibc turns its EPERM into EACCES.
Result<void> SharedMemory::unlink(UserId user, const std::string& name) {
  const Result<std::string> plain = checked_name(name);
  if (!plain) return tl::unexpected(plain.error());
  const auto it = names_.find(*plain);
  if (it == names_.end()) return fail(Errno::NoEntry);
  if (user != 0 && user != it->second.owner) return fail(Errno::Access);
  VmObject& object = objects_->object(it->second.object);
  object.name += " (deleted)";
  names_.erase(it);
  objects_->release(object);
  return {};
}

void SharedMemory::sweep() {
  for (auto it = segments_.begin(); it != segments_.end();) {
    it = object_of(it->second) == nullptr ? segments_.erase(it) : std::next(it);
  }
}

SharedMemory::Segment* SharedMemory::find(ShmId id) {
  sweep();
  const auto it = segments_.find(id);
  return it == segments_.end() ? nullptr : &it->second;
}

Result<ShmId> SharedMemory::get(UserId user, ShmKey key, ByteCount size, const ShmOpen& how,
                                bool affordable) {
  sweep();
  const auto known = key == kPrivateKey ? keys_.end() : keys_.find(key);
  if (known != keys_.end()) {
    if (how.create && how.exclusive) return fail(Errno::Exists);
    const Segment& segment = segments_.at(known->second);
    if (size > segment.size) return fail(Errno::Invalid);
    const std::uint32_t wanted = (how.mode >> 6 | how.mode >> 3 | how.mode) & 7;
    if (!permitted(user, segment.owner, segment.mode, wanted)) return fail(Errno::Access);
    return known->second;
  }
  if (key != kPrivateKey && !how.create) return fail(Errno::NoEntry);
  // SHMMIN is 1, SHMMAX as high as can be (newseg(), ipc/shm.c; __shmem_file_setup()).
  constexpr std::uint64_t kMostBytes = ~0ULL >> 1;
  if (size.value == 0 || size.value > kMostBytes) return fail(Errno::Invalid);
  if (!affordable) return fail(Errno::NoMemory);
  if (segments_.size() >= kMostSegments) return fail(Errno::NoSpace);
  VmObject& object = objects_->create(ObjectKind::Shared);
  object.size = size;
  if (!how.no_reserve) objects_->promise(object);
  object.name = segment_name(key);
  const ShmId id = next_id_++;
  segments_[id] = {object.id, object.serial, key, size, user, how.mode & 0777, false};
  if (key != kPrivateKey) keys_[key] = id;
  return id;
}

Result<VmObject*> SharedMemory::attach(UserId user, ShmId id, std::uint32_t wanted) {
  const Segment* segment = find(id);
  if (segment == nullptr) return fail(Errno::Invalid);
  if (!permitted(user, segment->owner, segment->mode, wanted)) return fail(Errno::Access);
  return object_of(*segment);
}

Result<void> SharedMemory::remove(UserId user, ShmId id) {
  Segment* segment = find(id);
  if (segment == nullptr) return fail(Errno::Invalid);
  if (user != 0 && user != segment->owner) return fail(Errno::Perm);
  if (segment->removed) return {};
  segment->removed = true;
  if (segment->key != kPrivateKey) keys_.erase(segment->key);
  segment->key = kPrivateKey;
  objects_->release(*object_of(*segment));
  return {};
}

Result<ShmStatus> SharedMemory::status(ShmId id) {
  const Segment* segment = find(id);
  if (segment == nullptr) return fail(Errno::Invalid);
  const VmObject& object = *object_of(*segment);
  return ShmStatus{segment->size, object.mappings.size(), segment->owner,
                   segment->mode, segment->removed,       object.locked};
}

Result<VmObject*> SharedMemory::owned(UserId user, ShmId id) {
  const Segment* segment = find(id);
  if (segment == nullptr) return fail(Errno::Invalid);
  if (user != 0 && user != segment->owner) return fail(Errno::Perm);
  return object_of(*segment);
}

bool SharedMemory::is_segment(const VmObject& object) {
  for (const auto& [id, segment] : segments_) {
    if (object_of(segment) == &object) return true;
  }
  return false;
}

}  // namespace pw
