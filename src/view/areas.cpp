#include "view/areas.hpp"

#include "fault/huge.hpp"
#include "view/text.hpp"

namespace pw::view {

namespace {

constexpr unsigned kDiskMajor = 8, kDiskMinor = 1;  // sda1
constexpr unsigned kMemoryMinor = 1;                // the kernel's own mount of shared memory
constexpr std::size_t kNameColumn = 72;             // seq_setwidth() in show_map_vma()

std::string rights_of(const Vma& area) {
  std::string text = "---p";
  if (area.rights.read) text[0] = 'r';
  if (area.rights.write) text[1] = 'w';
  if (area.rights.execute) text[2] = 'x';
  if (area.shared) text[3] = 's';
  return text;
}

// Heap and stack are known by where they lie (vma_is_initial_heap(), vma_is_initial_stack(),
// linux/mm.h), not by what made them.
bool is_heap(const AddressSpace& space, const Vma& area) {
  return address_of(area.range().begin) < space.brk() &&
         address_of(area.range().end) > address_of(space.layout().heap_begin);
}
bool is_stack(const Process& process, const Vma& area) {
  const VirtAddr start = process.places.stack_top - ByteCount(16);
  return address_of(area.range().begin) <= start && address_of(area.range().end) >= start;
}

std::string path_of(const VmObject& object) {
  const bool unnamed = object.name.empty() && object.kind == ObjectKind::Shared;
  return unnamed ? "/dev/zero (deleted)" : object.name;
}

// get_vma_name(): what prctl(PR_SET_VMA_ANON_NAME) gave comes first in shared memory, last in
// private.
std::string name_of(Machine& machine, const Process& process, const Vma& area) {
  const std::uint32_t given = area.traits.name;
  if (area.backing != nullptr) {
    if (given == 0) return path_of(*area.backing);
    return "[anon_shmem:" + machine.label_names()[given] + ']';
  }
  if (is_heap(*process.space, area)) return "[heap]";
  if (is_stack(process, area)) return "[stack]";
  if (area.role == AreaRole::Vdso) return "[vdso]";
  if (given != 0) return "[anon:" + machine.label_names()[given] + ']';
  return area.label != 0 ? machine.label_names()[area.label] : "";
}

template <class Fn>
void for_each_area(Process& process, Fn&& fn) {
  if (process.space == nullptr) return;
  VmaTree<Vma>& areas = process.space->areas();
  for (Vma* area = areas.lower_bound(Vpn(0)); area != nullptr; area = areas.next(*area)) fn(*area);
}

std::string numa_line(Machine& machine, const Process& process, Vma& area) {
  const std::uint64_t begin = address_of(area.range().begin).value;
  std::string text = hexadecimal(begin, 8) + " default";
  if (area.backing != nullptr) {
    text += " file=" + escape(path_of(*area.backing), "\n\t= ");
  } else if (is_heap(*process.space, area)) {
    text += " heap";
  } else if (is_stack(process, area)) {
    text += " stack";
  }
  const AreaSizes sizes = sizes_of(machine, area);
  const std::uint64_t pages = sizes.resident() / kPageSize;
  const std::uint64_t anonymous = sizes.anonymous_pages / kPageSize;
  if (pages == 0) return text + '\n';
  const auto add = [&text](const char* name, std::uint64_t value) {
    text += std::string(" ") + name + '=' + decimal(value);
  };
  if (anonymous > 0) add("anon", anonymous);
  if (sizes.dirty_pages > 0) add("dirty", sizes.dirty_pages);
  if (pages != anonymous && pages != sizes.dirty_pages) add("mapped", pages);
  if (sizes.most_mapped > 1) add("mapmax", sizes.most_mapped);
  if (sizes.swap_cached > 0) add("swapcache", sizes.swap_cached);
  if (sizes.unevictable < pages) add("active", sizes.unevictable);
  add("N0", pages);
  add("kernelpagesize_kB", kPageSize / 1024);
  return text + '\n';
}

}  // namespace

AreaLine line_of(Machine& machine, const Process& process, const Vma& area) {
  AreaLine line;
  line.begin = address_of(area.range().begin).value;
  line.end = address_of(area.range().end).value;
  line.rights = rights_of(area);
  line.name = name_of(machine, process, area);
  if (area.backing == nullptr) return line;
  line.offset = area.backing_page.value << kPageShift;
  const bool on_disk = area.backing->kind == ObjectKind::File;
  line.major = on_disk ? kDiskMajor : 0;
  line.minor = on_disk ? kDiskMinor : kMemoryMinor;
  line.inode = area.backing->serial;
  return line;
}

// In the order of the bits of vm_flags.
std::string flags_of(const Vma& area) {
  const AreaTraits& traits = area.traits;
  // A shared mapping of a file opened for reading has lost VM_SHARED (do_mmap()), and keeps
  // VM_MAYSHARE.
  const struct {
    bool set;
    const char* name;
  } flags[] = {
      {area.rights.read, "rd"},    {area.rights.write, "wr"},
      {area.rights.execute, "ex"}, {area.shared && !area.read_only_file, "sh"},
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

std::string maps_line(const AreaLine& line) {
  std::string text = hexadecimal(line.begin, 8) + '-' + hexadecimal(line.end, 8) + ' ' +
                     line.rights + ' ' + hexadecimal(line.offset, 8) + ' ' +
                     hexadecimal(line.major, 2) + ':' + hexadecimal(line.minor, 2) + ' ' +
                     decimal(line.inode) + ' ';
  if (!line.name.empty()) {
    if (text.size() < kNameColumn) text.append(kNameColumn - text.size(), ' ');
    text += ' ' + escape(line.name, "\n");
  }
  return text + '\n';
}

std::string smaps_sizes(const AreaSizes& sizes, bool rollup) {
  constexpr unsigned kToKib = 10, kShareToKib = kToKib + AreaSizes::kPssShift;
  std::string text = row("Rss:", sizes.resident() >> kToKib) +
                     row("Pss:", sizes.pss >> kShareToKib) +
                     row("Pss_Dirty:", sizes.pss_dirty >> kShareToKib);
  if (rollup) {
    text += row("Pss_Anon:", sizes.pss_anon >> kShareToKib) +
            row("Pss_File:", sizes.pss_file >> kShareToKib) +
            row("Pss_Shmem:", sizes.pss_shmem >> kShareToKib);
  }
  text += row("Shared_Clean:", sizes.shared_clean >> kToKib) +
          row("Shared_Dirty:", sizes.shared_dirty >> kToKib) +
          row("Private_Clean:", sizes.private_clean >> kToKib) +
          row("Private_Dirty:", sizes.private_dirty >> kToKib) +
          row("Referenced:", sizes.referenced >> kToKib) +
          row("Anonymous:", sizes.anonymous_pages >> kToKib) + row("KSM:", 0) +
          row("LazyFree:", sizes.lazy_free >> kToKib);
  text += row("AnonHugePages:", sizes.anonymous_huge >> kToKib);
  for (const char* name :
       {"ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:"}) {
    text += row(name, 0);
  }
  return text + row("Swap:", sizes.swap >> kToKib) +
         row("SwapPss:", sizes.swap_pss >> kShareToKib) +
         row("Locked:", sizes.pss_locked >> kShareToKib);
}

std::string maps(Machine& machine, Process& process) {
  std::string text;
  for_each_area(process, [&](Vma& area) { text += maps_line(line_of(machine, process, area)); });
  return text;
}

std::string smaps(Machine& machine, Process& process) {
  constexpr std::uint64_t kPageKib = kPageSize / 1024;
  const bool keys = machine.config().protection_keys;
  std::string text;
  for_each_area(process, [&](Vma& area) {
    text += maps_line(line_of(machine, process, area)) +
            row("Size:", area.range().pages().value * kPageKib) + row("KernelPageSize:", kPageKib) +
            row("MMUPageSize:", kPageKib) + smaps_sizes(sizes_of(machine, area), false) +
            row("THPeligible:", huge_somewhere(machine.core(), area) ? 1 : 0, "") +
            (keys ? row("ProtectionKey:", area.traits.key, "") : std::string()) +
            "VmFlags: " + flags_of(area) + " \n";
  });
  return text;
}

std::string smaps_rollup(Machine& machine, Process& process) {
  if (process.space == nullptr) return {};
  AreaLine line;
  line.name = "[rollup]";
  bool first = true;
  for_each_area(process, [&](Vma& area) {
    if (first) line.begin = address_of(area.range().begin).value;
    line.end = address_of(area.range().end).value;
    first = false;
  });
  return maps_line(line) + smaps_sizes(sizes_of(machine, *process.space), true);
}

std::string numa_maps(Machine& machine, Process& process) {
  std::string text;
  for_each_area(process, [&](Vma& area) { text += numa_line(machine, process, area); });
  return text;
}

}  // namespace pw::view
