// The process as execve(2) sets it up, where the recorder had set up its own: load_elf_binary() and
// create_elf_tables(), fs/binfmt_elf.c; setup_arg_pages(), fs/exec.c; map_vdso(),
// arch/x86/entry/vdso/vma.c.
//
//   stack    below the end of user addresses. The pages of the argument and environment strings are
//            written before there is a program; the tables below them, once it is mapped.
//   program  where it was linked to, or at two thirds of user addresses (position-independent), or
//            with the libraries (position-independent without an interpreter).
//   interpreter, then vvar and vdso: top down from the end of the mmap area, 128 MiB below the top.
//   heap     behind the program.
//
// A segment with more memory than file has the rest of its last page cleared: the kernel's write
// copies the page. The C library looks for functions in the vdso when it starts.
#include <algorithm>

#include "replay/recorded_process.hpp"

namespace pw::replay {

namespace {

constexpr PageCount kVvarPages{6}, kVdsoPages{2};

// Valgrind maps position-independent programs at 0x108000, and others where they want to be.
bool linked_there(Vpn begin) {
  const std::uint64_t at = address_of(begin).value;
  return at >= 0x200000 && at < 0x4000000;
}

bool is_file(const record::MappedArea& area) {
  return !area.name.empty() && area.name.front() != '[';
}

}  // namespace

// One program or library as it was loaded: its segments and what lies behind them.
struct RecordedProcess::Group {
  std::vector<const record::MappedArea*> areas;
  VpnRange range() const { return {page_of(areas.front()->begin), page_of(areas.back()->end)}; }
};

// Where the kernel puts what may lie anywhere: found by mapping all of it once.
Vpn RecordedProcess::place_for(const Group& group) {
  MmapRequest request;
  request.length = bytes_of(group.range().pages());
  request.rights = kReadOnly;
  if (is_file(*group.areas.front())) {
    request.backing = &names_->file(group.areas.front()->name, 0);
    request.backing_page = PageOffset(group.areas.front()->file_offset >> kPageShift);
  }
  const Result<VirtAddr> at = machine_->mmap(pid(), request);
  if (!at) return group.range().begin;
  (void)machine_->munmap(pid(), *at, request.length);
  return page_of(*at);
}

void RecordedProcess::map_group(const Group& group, Vpn at, Vpn recorded_begin) {
  for (const record::MappedArea* area : group.areas) {
    MmapRequest request = request_for(*area);
    request.address = address_of(at + (page_of(area->begin) - recorded_begin));
    if (!machine_->mmap(pid(), request)) continue;  // an impossible line of a damaged file
    places_.place({page_of(area->begin), page_of(area->end)}, page_of(request.address));
  }
}

// The last page of the writable segment.
void RecordedProcess::clear_tail(const Group& group) {
  for (const record::MappedArea* area : group.areas) {
    if (!is_file(*area) || !area->writable || area->shared) continue;
    const VirtAddr last = area->end - ByteCount(kPageSize);
    (void)machine_->touch(pid(), places_.address(last), Access::Write);
  }
}

void RecordedProcess::map_vdso() {
  MmapRequest request;
  request.length = bytes_of(kVvarPages + kVdsoPages);
  request.rights = kReadOnly;
  request.shared = true;
  request.segment = true;  // its pages are mapped singly
  request.label = machine_->label("[vdso]");
  request.backing = &names_->file("[vdso]", request.length.value);
  request.backing->size = request.length;
  const Result<VirtAddr> at = machine_->mmap(pid(), request);
  vdso_ = at ? *at + bytes_of(kVvarPages) : VirtAddr(0);
  vdso_read_ = time_read_ = !at;
}

void RecordedProcess::read_vdso() {
  if (vdso_read_) return;
  vdso_read_ = true;
  (void)machine_->touch(pid(), vdso_, Access::Read);
}

// The clock's page, which the vdso's functions read (vvar_fault()). Valgrind hides the vdso, so
// that programs ask the kernel itself.
void RecordedProcess::read_time() {
  if (time_read_) return;
  time_read_ = true;
  (void)machine_->touch(pid(), vdso_ - bytes_of(kVvarPages), Access::Read);
}

void RecordedProcess::start_native(const record::Image& image) {
  std::vector<Group> groups;
  const record::MappedArea *heap = nullptr, *stack = nullptr;
  for (const record::MappedArea& area : image.maps) {
    if (area.name == "[heap]") heap = &area;
    if (area.name == "[stack]") stack = &area;
    if (area.name == "[heap]" || area.name == "[stack]") continue;
    const bool goes_on = !groups.empty() &&
                         (groups.back().areas.front()->name == area.name ||
                          (!is_file(area) && groups.back().areas.back()->end == area.begin));
    if (!goes_on) groups.emplace_back();
    groups.back().areas.push_back(&area);
  }
  places_.clear();
  begin_native_stack(stack);
  Vpn heap_begin = process_->space->layout().heap_begin;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Vpn begin = groups[i].range().begin;
    Vpn at = begin;
    if (i > 0 || (!linked_there(begin) && groups.size() == 1)) {
      at = place_for(groups[i]);
    } else if (!linked_there(begin)) {
      at = page_of(process_->places.program_base);
    }
    map_group(groups[i], at, begin);
    clear_tail(groups[i]);
    if (i == 0) heap_begin = at + groups[i].range().pages();
    if (i == 0 && groups.size() == 1 && !linked_there(begin)) {  // the heap has that place alone
      heap_begin = page_of(process_->places.program_base) + PageCount(1);
    }
  }
  process_->space->layout().heap_begin = heap_begin;
  process_->space->set_brk(address_of(heap_begin));
  if (heap != nullptr) {  // areas of a process in its midst
    recorded_heap_ = heap->begin;
    grow_native_heap(heap->end);
    brk_known_ = true;
  }
  map_vdso();
  if (groups.size() > 1) read_vdso();
}

void RecordedProcess::begin_native_stack(const record::MappedArea* stack) {
  const LabelId label = machine_->label("[stack]");
  if (!machine_->map_stack(pid(), machine_->initial_stack(), label)) return;
  const VirtAddr top = process_->places.stack_top;
  (void)machine_->touch(pid(), top - ByteCount(kPageSize), Access::Write);
  stack_begun_ = stack == nullptr;
  if (stack == nullptr) return;
  recorded_stack_end_ = page_of(stack->end);
  const PageCount most = pages_for(machine_->config().stack_limit);
  const PageCount pages(std::min(most.value, recorded_stack_end_.value));
  places_.place({recorded_stack_end_ - pages, recorded_stack_end_}, page_of(top) - pages);
}

// The first reference to the stack is the program's to the tables that the kernel has written
// there; all above is written too.
void RecordedProcess::begin_stack(VirtAddr recorded) {
  const std::optional<Vpn> at = places_.find(page_of(recorded));
  const Vpn top = page_of(process_->places.stack_top);
  if (!at || *at >= top || page_of(recorded) >= recorded_stack_end_) return;
  const PageCount below = recorded_stack_end_ - page_of(recorded);
  if (*at + below != top) return;
  stack_begun_ = true;
  constexpr std::uint64_t kMostTables = 64;  // pages; more is no beginning
  if (below.value > kMostTables) return;
  for (Vpn vpn = *at; vpn < top; vpn = vpn + PageCount(1)) {
    (void)machine_->touch(pid(), address_of(vpn), Access::Write);
  }
}

}  // namespace pw::replay
