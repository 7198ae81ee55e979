#include "view/status.hpp"

#include <algorithm>

#include "fault/huge.hpp"
#include "view/area_sizes.hpp"
#include "view/text.hpp"

namespace pw::view {

namespace {

constexpr std::size_t kNameBytes = 15;  // TASK_COMM_LEN less one
constexpr unsigned kMaxNodes = 1024;    // CONFIG_NODES_SHIFT=10

std::string field(const char* name, std::uint64_t kib) {
  return std::string(name) + ":\t" + decimal(kib, 8) + " kB\n";
}

struct SpacePages {
  std::uint64_t stack = 0, program = 0, libraries = 0;
};

// is_stack_mapping(), is_exec_mapping() in mm/vma.h.
SpacePages pages_of(AddressSpace& space) {
  SpacePages pages;
  for (Vma* area = space.areas().lower_bound(Vpn(0)); area != nullptr;
       area = space.areas().next(*area)) {
    const std::uint64_t n = area->range().pages().value;
    if (area->grows_down) {
      pages.stack += n;
    } else if (area->rights.execute && !area->rights.write) {
      (area->range().end <= space.layout().heap_begin ? pages.program : pages.libraries) += n;
    }
  }
  return pages;
}

// mm_pgtables_bytes(): the PTE, PMD and PUD tables.
std::uint64_t tables_of(AddressSpace& space) {
  constexpr int kPudLevel = 3;
  std::uint64_t tables = 0;
  const int levels = space.tables().levels();
  space.tables().for_each_table(
      [&](Pfn, int level, Vpn) { tables += level <= kPudLevel && level < levels ? 1U : 0U; });
  return tables;
}

std::string memory(Machine& machine, AddressSpace& space) {
  constexpr std::uint64_t kPageKib = kPageSize / 1024;
  const SpaceCounters& counters = space.counters();
  const AreaSizes sizes = sizes_of(machine, space);
  const SpacePages pages = pages_of(space);
  const std::uint64_t resident = sizes.resident() / 1024;
  return field("VmPeak", counters.mapped_peak * kPageKib) +
         field("VmSize", counters.mapped_pages * kPageKib) +
         field("VmLck", counters.locked_pages * kPageKib) + field("VmPin", 0) +
         field("VmHWM", std::max(resident, counters.resident_peak * kPageKib)) +
         field("VmRSS", resident) + field("RssAnon", sizes.anonymous_pages / 1024) +
         field("RssFile", sizes.file_pages / 1024) + field("RssShmem", sizes.shmem_pages / 1024) +
         field("VmData", counters.data_pages * kPageKib) + field("VmStk", pages.stack * kPageKib) +
         field("VmExe", pages.program * kPageKib) + field("VmLib", pages.libraries * kPageKib) +
         field("VmPTE", tables_of(space) * kPageKib) + field("VmSwap", sizes.own_swap / 1024) +
         field("HugetlbPages", 0) +
         "CoreDumping:\t0\n"
         "THP_enabled:\t" +
         (may_have_huge(space) ? "1\n" : "0\n") + "untag_mask:\t0xffffffffffffffff\n";
}

std::string four(std::uint64_t value) {
  const std::string text = '\t' + decimal(value);
  return text + text + text + text + '\n';
}

// bitmap_print_to_pagebuf(): groups of 32 bits, the highest first; bits [0, set) of `size` are set.
std::string mask(unsigned set, unsigned size) {
  std::string text;
  for (unsigned group = (size + 31) / 32; group-- > 0;) {
    const unsigned bits = std::min(32U, size - group * 32);
    const unsigned here = set > group * 32 ? std::min(set - group * 32, 32U) : 0;
    const std::uint64_t value = (std::uint64_t{1} << here) - 1;
    text += (text.empty() ? "" : ",") + hexadecimal(value, (bits + 3) / 4);
  }
  return text;
}

std::string list(unsigned set) { return set == 1 ? "0" : "0-" + decimal(set - 1); }

std::string identity(const Process& process) {
  const bool ended = process.state != ProcessState::Running;
  const std::string pid = decimal(process.pid);
  return "Name:\t" + escape(std::string_view(process.name).substr(0, kNameBytes), "\n") +
         "\nUmask:\t0022\nState:\t" + (ended ? "Z (zombie)" : "R (running)") + "\nTgid:\t" + pid +
         "\nNgid:\t0\nPid:\t" + pid + "\nPPid:\t" + decimal(process.parent) +
         "\nTracerPid:\t0\nUid:" + four(process.user) + "Gid:" + four(process.user) + "FDSize:\t" +
         (ended ? "0" : "64") + "\nGroups:\t \nNStgid:\t" + pid + "\nNSpid:\t" + pid +
         "\nNSpgid:\t" + pid + "\nNSsid:\t" + pid + "\nKthread:\t0\n";
}

std::string signals(const Process& process) {
  constexpr std::uint64_t kEveryCapability = (1ULL << 41) - 1;
  const std::uint64_t capabilities = process.privileged() ? kEveryCapability : 0;
  std::string text = "Threads:\t1\nSigQ:\t0/0\n";
  for (const char* name : {"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh"}) {
    text += std::string(name) + ":\t" + hexadecimal(0, 16) + '\n';
  }
  for (const char* name : {"CapPrm", "CapEff"}) {
    text += std::string(name) + ":\t" + hexadecimal(capabilities, 16) + '\n';
  }
  return text + "CapBnd:\t" + hexadecimal(kEveryCapability, 16) + "\nCapAmb:\t" +
         hexadecimal(0, 16) + '\n';
}

}  // namespace

std::string status(Machine& machine, Process& process) {
  const unsigned cpus = machine.config().cpus;
  return identity(process) +
         (process.space == nullptr ? std::string() : memory(machine, *process.space)) +
         signals(process) +
         "NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n"
         "Speculation_Store_Bypass:\tnot vulnerable\n"
         "SpeculationIndirectBranch:\tnot affected\n"
         "Cpus_allowed:\t" +
         mask(cpus, cpus) + "\nCpus_allowed_list:\t" + list(cpus) + "\nMems_allowed:\t" +
         mask(1, kMaxNodes) +
         "\nMems_allowed_list:\t0\n"
         "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n";
}

std::string statm(Machine& machine, Process& process) {
  if (process.space == nullptr) return "0 0 0 0 0 0 0\n";
  const AreaSizes sizes = sizes_of(machine, *process.space);
  const SpacePages pages = pages_of(*process.space);
  const SpaceCounters& counters = process.space->counters();
  return decimal(counters.mapped_pages) + ' ' + decimal(sizes.resident() / kPageSize) + ' ' +
         decimal((sizes.file_pages + sizes.shmem_pages) / kPageSize) + ' ' +
         decimal(pages.program) + " 0 " + decimal(counters.data_pages + pages.stack) + " 0\n";
}

}  // namespace pw::view
