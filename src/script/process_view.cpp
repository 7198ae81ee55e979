#include "script/process_view.hpp"

namespace pw::script {

namespace {

constexpr std::uint64_t kKib = kPageSize / 1024;

std::string rights_text(const Vma& area) {
  std::string text = "---p";
  if (area.rights.read) text[0] = 'r';
  if (area.rights.write) text[1] = 'w';
  if (area.rights.execute) text[2] = 'x';
  if (area.shared) text[3] = 's';
  return text;
}

std::string name_of(const Machine& machine, const Vma& area) {
  if (area.traits.name != 0) {  // PR_SET_VMA_ANON_NAME
    return (area.shared ? "[anon_shmem:" : "[anon:") + machine.label_names()[area.traits.name] +
           "]";
  }
  if (area.backing != nullptr) {
    if (!area.backing->name.empty()) return area.backing->name;
    if (area.backing->kind == ObjectKind::Shared) return "/dev/zero (deleted)";
  }
  if (area.role == AreaRole::Heap) return "[heap]";
  if (area.role == AreaRole::Stack) return "[stack]";
  if (area.role == AreaRole::Vdso) return "[vdso]";
  return area.label != 0 ? machine.label_names()[area.label] : "";
}

// In the order of the bits of vm_flags.
std::string flags_text(const Vma& area) {
  const AreaTraits& traits = area.traits;
  // A shared mapping of a file opened for reading has lost VM_SHARED (do_mmap()), and keeps
  // VM_MAYSHARE.
  const struct {
    bool set;
    const char* name;
  } flags[] = {
      {area.rights.read, "rd"},    {area.rights.write, "wr"},
      {area.rights.execute, "ex"}, {area.shared && area.may.write, "sh"},
      {area.may.read, "mr"},       {area.may.write, "mw"},
      {area.may.execute, "me"},    {area.shared, "ms"},
      {area.grows_down, "gd"},     {traits.locked, "lo"},
      {traits.sequential, "sr"},   {traits.random, "rr"},
      {traits.dont_fork, "dc"},    {traits.locked && traits.lock_on_fault, "lf"},
      {traits.accounted, "ac"},    {traits.no_reserve, "nr"},
      {traits.wipe_on_fork, "wf"}, {traits.dont_dump, "dd"},
      {traits.huge, "hg"},         {traits.no_huge, "nh"},
      {traits.mergeable, "mg"},    {traits.droppable, "dp"},
      {traits.sealed, "sl"},
  };
  std::string text;
  for (const auto& flag : flags) {
    if (flag.set) text += (text.empty() ? "" : " ") + std::string(flag.name);
  }
  return text;
}

// smaps_account() for one translation.
void account(const Frame& frame, x86::Pte entry, std::uint64_t pages, AreaView& view) {
  const std::uint64_t kib = pages * kKib;
  view.rss += kib;
  if (frame.kind == FrameKind::Anon) view.anonymous += kib;
  const bool dirty = entry.dirty() || (frame.flags & kFrameDirty) != 0;
  const bool shared = frame.mapcount >= 2;
  if (shared) {
    (dirty ? view.shared_dirty : view.shared_clean) += kib;
  } else {
    (dirty ? view.private_dirty : view.private_clean) += kib;
  }
}

void add_swapped(const SlotTable& slots, PageOffset first, PageCount pages, AreaView& view) {
  slots.for_each(first, first + pages, [&](PageOffset, PageSlot slot) {
    if (slot.is_swapped()) view.swap += kKib;
  });
}

void add_sizes(Machine& machine, Vma& area, AreaView& view) {
  // Locked is a part of Pss: a page is divided among those that map it.
  constexpr unsigned kPssShift = 12;
  std::uint64_t pss = 0;
  FramePool& pool = machine.frames();
  area.space->tables().for_each_leaf(area.range(), [&](Vpn, int level, x86::Pte& entry) {
    const Pfn pfn = x86::leaf_frame(entry, level);
    if (pfn == machine.core().zero_frame) return;
    const Frame& frame = pool.frame(pfn);
    const std::uint64_t pages = x86::pages_at(level).value;
    account(frame, entry, pages, view);
    pss += (pages * kPageSize << kPssShift) / (frame.mapcount == 0 ? 1 : frame.mapcount);
  });
  if (area.traits.locked) view.locked = pss >> (10 + kPssShift);
  if (area.shared) {
    add_swapped(area.backing->slots, area.backing_page, area.range().pages(), view);
    return;
  }
  area.space->homes().for_each_run(area.range(), [&](VpnRange pages, PageOffset at) {
    add_swapped(area.space->private_object().slots, at, pages.pages(), view);
  });
}

}  // namespace

ProcessView view_of(Machine& machine, Process& process, Detail detail) {
  ProcessView view;
  AddressSpace& space = *process.space;
  view.minor_faults = space.counters().faults.minor;
  view.major_faults = space.counters().faults.major;
  for (Vma* area = space.areas().lower_bound(Vpn(0)); area != nullptr;
       area = space.areas().next(*area)) {
    AreaView made;
    made.begin = address_of(area->range().begin).value;
    made.end = address_of(area->range().end).value;
    made.rights = rights_text(*area);
    made.offset = area->backing != nullptr ? area->backing_page.value << kPageShift : 0;
    made.name = name_of(machine, *area);
    if (detail == Detail::Smaps) {
      made.flags = flags_text(*area);
      add_sizes(machine, *area, made);
    }
    view.areas.push_back(std::move(made));
  }
  return view;
}

}  // namespace pw::script
