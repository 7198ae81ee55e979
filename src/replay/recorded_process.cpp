#include "replay/recorded_process.hpp"

#include <algorithm>

namespace pw::replay {

VmObject& SharedNames::file(const std::string& path, std::uint64_t bytes) {
  auto it = files_.find(path);
  if (it == files_.end()) {
    it = files_.emplace(path, machine_->open_file(path, ByteCount(bytes))).first;
  }
  VmObject& file = machine_->object(it->second);
  file.size = std::max(file.size, ByteCount(bytes));
  return file;
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

RecordedProcess::RecordedProcess(Machine& machine, SharedNames& names, CallSiteNames& call_sites,
                                 Transcript* transcript, Pid pid)
    : machine_(&machine),
      names_(&names),
      call_sites_(&call_sites),
      transcript_(transcript),
      process_(machine.find(pid)) {}

// A call that fails may have done a part of its work, so the transcript has it too.
bool RecordedProcess::map(const MmapRequest& request) {
  if (transcript_ != nullptr) transcript_->mapped(pid(), request);
  return machine_->mmap(pid(), request).has_value();
}

bool RecordedProcess::unmap(VirtAddr address, ByteCount length) {
  if (transcript_ != nullptr) transcript_->unmapped(pid(), address, length);
  return machine_->munmap(pid(), address, length).has_value();
}

bool RecordedProcess::protect(VirtAddr address, ByteCount length, Rights rights) {
  if (transcript_ != nullptr) transcript_->protected_(pid(), address, length, rights);
  return machine_->mprotect(pid(), address, length, rights).has_value();
}

Result<void> RecordedProcess::start_image(const record::Image& image) {
  const std::string name = image.command.empty() ? std::string() : image.command.front();
  PW_TRY(machine_->replace_space(process_->pid, name));
  if (transcript_ != nullptr) transcript_->executed(pid(), name);
  brk_known_ = false;
  touched_.clear();
  attached_.clear();
  map_areas(image.maps);
  return {};
}

void RecordedProcess::map_areas(const std::vector<record::MappedArea>& areas) {
  for (const record::MappedArea& area : areas) {
    MmapRequest request;
    request.address = area.begin;
    request.length = area.end - area.begin;
    request.fixed = true;
    request.rights = {area.readable, area.writable, area.executable};
    request.shared = area.shared;
    request.label = machine_->label(area.name.empty() ? "anon" : area.name);
    if (area.name == "[heap]") {
      request.role = AreaRole::Heap;
      process_->space->layout().heap_begin = page_of(area.begin);
      process_->space->set_brk(area.end);
      brk_known_ = true;
    } else if (area.name == "[stack]") {
      request.role = AreaRole::Stack;
      request.grows_down = true;
    } else if (!area.name.empty() && area.name.front() != '[') {
      const std::uint64_t end = area.file_offset + request.length.value;
      request.backing = &names_->file(area.name, end);
      request.backing_page = PageOffset(area.file_offset >> kPageShift);
    }
    (void)map(request);  // an impossible line of a damaged file is left out
  }
}

void RecordedProcess::reference(VirtAddr address, Access access, std::uint64_t count) {
  AccessResult result = touch(address, access, count);
  for (int tries = 0; !result.ok() && running() && tries < 3; ++tries) {
    if (!infer(result, access)) return;
    result = touch(address, access, count);
  }
  if (!running() || !touched_.first_touch(page_of(address))) return;
  const Vma* area = process_->space->find(page_of(address));
  if (area != nullptr) ++touched_by_label_[area->label];
}

// The recorder missed how this page came to be there: assume anonymous memory, or the right that
// was used.
bool RecordedProcess::infer(const AccessResult& failed, Access access) {
  if (failed.kind != AccessResult::Kind::Segv) return false;
  const VirtAddr page = address_of(page_of(failed.address));
  ++inferred_;
  const Vma* area = process_->space->find(page_of(page));
  if (area != nullptr) {
    Rights rights = area->rights;
    rights.read = true;
    rights.write = rights.write || access == Access::Write;
    rights.execute = rights.execute || access == Access::Execute;
    return protect(page, ByteCount(kPageSize), rights);
  }
  MmapRequest request;
  request.address = page;
  request.length = ByteCount(kPageSize);
  request.fixed_noreplace = true;
  request.rights = {true, true, access == Access::Execute};
  request.label = machine_->label("[unknown]");
  return map(request);
}

}  // namespace pw::replay
