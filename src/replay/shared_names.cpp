#include "replay/shared_names.hpp"

#include <algorithm>

namespace pw::replay {

SharedNames::SharedNames(Machine& machine, const record::Recording& recording)
    : machine_(&machine), recording_(&recording) {
  for (std::uint32_t number = 0; number < recording.file_count(); ++number) {
    const record::FileInfo* info = recording.file(number);
    if (info != nullptr) numbers_.try_emplace(info->path, number);
  }
}

VmObject& SharedNames::file(const std::string& path, std::uint64_t bytes) {
  if (const auto numbered = numbers_.find(path); numbered != numbers_.end()) {
    const FileId id = file(numbered->second);
    if (id != kNoFileId) return machine_->object(id);
  }
  auto it = files_.find(path);
  if (it == files_.end()) {
    it = files_.emplace(path, machine_->open_file(path, ByteCount(bytes))).first;
  }
  VmObject& file = machine_->object(it->second);
  file.size = std::max(file.size, ByteCount(bytes));
  return file;
}

FileId SharedNames::file(std::uint32_t number) {
  Known& known = numbered_[number];
  if (known.made) return known.id;
  known.made = true;
  const record::FileInfo* info = recording_->file(number);
  if (info == nullptr) return kNoFileId;
  if (info->memory) {
    known.id = machine_->create_shared(ByteCount(info->bytes));
    machine_->object(known.id).name = info->path;
    return known.id;
  }
  known.id = machine_->open_file(info->path, ByteCount(info->bytes));
  if (info->cached_pages != record::FileInfo::kNotKnown) {
    VmObject& file = machine_->object(known.id);
    const bool most = info->cached_pages * 2 >= file.pages().value;
    file.cached_before = file.cached_before && most;
  }
  return known.id;
}

VmObject& SharedNames::mapped(std::uint32_t number, const std::string& path, std::uint64_t bytes) {
  const FileId id = file(number);
  VmObject& object = id == kNoFileId ? file(path, bytes) : machine_->object(id);
  if (machine_->config().linux_options.mapped_in_memory) object.cached_before = true;
  return object;
}

void SharedNames::opened(std::uint32_t number) { ++numbered_[number].descriptors; }

void SharedNames::closed(std::uint32_t number) {
  Known& known = numbered_[number];
  if (known.descriptors > 0) --known.descriptors;
  leave_if_unused(known);
}

void SharedNames::unlinked(std::uint32_t number) {
  Known& known = numbered_[number];
  known.unlinked = true;
  leave_if_unused(known);
  const record::FileInfo* info = recording_->file(number);
  if (info == nullptr) return;
  const auto current = numbers_.find(info->path);
  if (current == numbers_.end() || current->second != number) return;
  for (std::uint32_t next = number + 1; next < recording_->file_count(); ++next) {
    const record::FileInfo* other = recording_->file(next);
    if (other == nullptr || other->path != info->path) continue;
    current->second = next;
    return;
  }
  numbers_.erase(current);
}

// Nobody can read it any more: what is dirty is not written.
void SharedNames::leave_if_unused(Known& known) {
  if (!known.unlinked || known.descriptors > 0 || known.id == kNoFileId) return;
  if (machine_->object(known.id).mappings.empty()) {
    (void)machine_->truncate_file(known.id, ByteCount(0));
  }
  (void)machine_->close_file(known.id);
  known.id = kNoFileId;
}

VmObject* SharedNames::segment(std::uint64_t id) {
  const auto known = segments_.find(id);
  if (known != segments_.end()) return &machine_->object(known->second);
  const auto bytes = segment_bytes_.find(id);
  if (bytes == segment_bytes_.end()) return nullptr;
  const FileId made = machine_->create_shared(ByteCount(bytes->second));
  segments_.emplace(id, made);
  return &machine_->object(made);
}

}  // namespace pw::replay
