#include "proc/shm.hpp"

namespace pw {

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
    object.name = *plain;
    names_[*plain] = {object.id, user, how.mode & 0777};
    ++object.holders;  // the handle's, beside the name's
    return SharedHandle{object.id, how.write};
  }
  if (how.create && how.exclusive) return fail(Errno::Exists);
  const Named& named = it->second;
  const bool writes = how.write || how.truncate;
  const std::uint32_t wanted = kMayRead | (writes ? kMayWrite : 0);
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

Result<ShmId> SharedMemory::get(UserId user, ShmKey key, ByteCount size, const ShmOpen& how) {
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
  if (size.value == 0) return fail(Errno::Invalid);  // SHMMIN is 1
  if (segments_.size() >= kMostSegments) return fail(Errno::NoSpace);
  VmObject& object = objects_->create(ObjectKind::Shared);
  object.size = size;
  const ShmId id = next_id_++;
  segments_[id] = {object.id, object.serial, key, size, user, how.mode & 0777, false};
  if (key != kPrivateKey) keys_[key] = id;
  return id;
}

Result<VmObject*> SharedMemory::attach(UserId user, ShmId id, bool write) {
  const Segment* segment = find(id);
  if (segment == nullptr) return fail(Errno::Invalid);
  const std::uint32_t wanted = kMayRead | (write ? kMayWrite : 0);
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
  return ShmStatus{segment->size, object_of(*segment)->mappings.size(), segment->owner,
                   segment->mode, segment->removed};
}

bool SharedMemory::is_segment(const VmObject& object) {
  for (const auto& [id, segment] : segments_) {
    if (object_of(segment) == &object) return true;
  }
  return false;
}

}  // namespace pw
