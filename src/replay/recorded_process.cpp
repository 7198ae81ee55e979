#include "replay/recorded_process.hpp"

namespace pw::replay {

RecordedProcess::RecordedProcess(Machine& machine, SharedNames& names, CallSiteNames& call_sites,
                                 Transcript* transcript, Pid pid)
    : machine_(&machine),
      names_(&names),
      call_sites_(&call_sites),
      transcript_(transcript),
      process_(machine.find(pid)),
      places_(machine.config().model == MemoryModel::Policy),
      followed_(machine.core().sample) {}

void RecordedProcess::inherit(const RecordedProcess& parent, std::uint32_t tid,
                              std::uint32_t own_tid) {
  places_ = parent.places_;
  followed_.areas_changed();
  const auto rseq = parent.rseq_.find(tid);
  if (rseq != parent.rseq_.end()) rseq_[own_tid] = rseq->second;
  recorded_heap_ = parent.recorded_heap_;
  recorded_stack_end_ = parent.recorded_stack_end_;
  stack_begun_ = parent.stack_begun_;
  vdso_ = parent.vdso_;
  vdso_read_ = parent.vdso_read_;
  time_read_ = parent.time_read_;
  if (native()) brk_known_ = parent.brk_known_;
}

void RecordedProcess::note_mark(VirtAddr address) {
  const std::optional<std::uint64_t> number = mark_number(address);
  if (!number) return;
  const std::uint64_t resident = process_->space->counters().resident_pages;
  marks_.push_back({*number, process_->minor_faults, process_->major_faults, resident});
}

void RecordedProcess::report(ProcessReport& report) const {
  const Process& process = *process_;
  const SpaceCounters* now = process.space == nullptr ? nullptr : &process.space->counters();
  report.faults = now == nullptr ? process.faults : now->faults;
  report.resident_peak = now == nullptr ? process.resident_peak : now->resident_peak;
  report.told_peak = now == nullptr ? process.told_peak : now->told_resident.peak();
  report.killed_by_oom = process.cause == ExitCause::OutOfMemory;
  report.minor_faults = process.minor_faults;
  report.major_faults = process.major_faults;
  report.marks = marks_;
  if (!native()) return;  // a space may have been lent
  report.faults.minor = process.minor_faults;
  report.faults.major = process.major_faults;
}

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
  followed_.areas_changed();
  touched_.clear();
  attached_.clear();
  rseq_.clear();
  if (native()) {
    start_native(image);
  } else {
    map_areas(image.maps);
  }
  return {};
}

MmapRequest RecordedProcess::request_for(const record::MappedArea& area) {
  MmapRequest request;
  request.length = area.end - area.begin;
  request.fixed = true;
  request.rights = {area.readable, area.writable, area.executable};
  request.shared = area.shared;
  request.label = machine_->label(area.name.empty() ? "anon" : area.name);
  if (!area.name.empty() && area.name.front() != '[') {
    const std::uint64_t end = area.file_offset + request.length.value;
    request.backing = &names_->file(area.name, end);
    request.backing_page = PageOffset(area.file_offset >> kPageShift);
  }
  return request;
}

void RecordedProcess::map_areas(const std::vector<record::MappedArea>& areas) {
  for (const record::MappedArea& area : areas) {
    MmapRequest request = request_for(area);
    request.address = area.begin;
    if (area.name == "[heap]") {
      request.role = AreaRole::Heap;
      process_->space->layout().heap_begin = page_of(area.begin);
      process_->space->set_brk(area.end);
      brk_known_ = true;
    } else if (area.name == "[stack]") {
      request.role = AreaRole::Stack;
      request.grows_down = true;
    }
    (void)map(request);  // an impossible line of a damaged file is left out
  }
}

void RecordedProcess::reference_unplaced(VirtAddr address, Access access) {
  followed_.areas_changed();
  if (native()) {
    if (!stack_begun_) begin_stack(address);
    if (!places_.find(page_of(address))) {
      if (places_.left_out(page_of(address))) return;
      infer_native(page_of(address), access);
    }
  }
  referenced(address, access, touch(address, access, 1));
}

void RecordedProcess::referenced(VirtAddr address, Access access, AccessResult result) {
  for (int tries = 0; !result.ok() && running() && tries < 3; ++tries) {
    if (!infer(address, result, access)) return;
    result = touch(address, access, 1);
  }
  if (!running()) return;
  if (access == Access::Write) machine_->note_written(*process_, page_of(address));
  if (touched_.first_touch(page_of(address))) note_first_touch(address);
}

void RecordedProcess::note_first_touch(VirtAddr address) {
  const Vma* area = process_->space->find(page_of(places_.address(address)));
  if (area == nullptr) return;
  ++touched_by_label_[area->label];
  ++touched_pages_;
}

// The recorder missed how this page came to be there: assume anonymous memory, the right that was
// used, or a file that somebody else has made longer.
bool RecordedProcess::infer(VirtAddr recorded, const AccessResult& failed, Access access) {
  const VirtAddr page = address_of(page_of(failed.address));
  const Vma* area = process_->space->find(page_of(page));
  if (failed.kind == AccessResult::Kind::Bus && area != nullptr && area->backing != nullptr) {
    ++inferred_;
    const PageOffset at = area->backing_at(page_of(page));
    return machine_->extend_file(area->backing->id, ByteCount((at.value + 1) << kPageShift))
        .has_value();
  }
  if (failed.kind != AccessResult::Kind::Segv) return false;
  ++inferred_;
  if (area != nullptr) {
    Rights rights = area->rights;
    rights.read = true;
    rights.write = rights.write || access == Access::Write;
    rights.execute = rights.execute || access == Access::Execute;
    return protect(page, ByteCount(kPageSize), rights);
  }
  if (native()) {
    infer_native(page_of(recorded), access);
    return true;
  }
  MmapRequest request;
  request.address = page;
  request.length = ByteCount(kPageSize);
  request.fixed_noreplace = true;
  request.rights = {true, true, access == Access::Execute};
  request.label = machine_->label("[unknown]");
  return map(request);
}

FollowedPages::Run RecordedProcess::run_around(Vpn recorded) const {
  Vpn place;
  if (!running() || !places_.find(recorded, place)) return {};
  const Vma* area = process_->space->find(place);
  if (area == nullptr) return {};
  const VpnRange moved = places_.run_around(recorded);
  const std::uint64_t shift = place.value - recorded.value;  // wraps, as sums of it do
  const VpnRange here{Vpn(area->range().begin.value - shift), Vpn(area->range().end.value - shift)};
  const Vpn begin = std::max(moved.begin, here.begin), end = std::min(moved.end, here.end);
  return {{begin, end},
          area->backing_at(place).value - recorded.value,
          machine_->core().sample.thins(*area)};
}

bool RecordedProcess::shares_memory() const {
  const auto& areas = process_->space->areas();
  return running() && std::any_of(areas.begin(), areas.end(),
                                  [](const Vma& area) { return area.shared && area.rights.write; });
}

}  // namespace pw::replay
