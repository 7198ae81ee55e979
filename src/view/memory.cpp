#include "view/memory.hpp"

#include <algorithm>
#include <array>

#include "view/memory_facts.hpp"
#include "view/text.hpp"

namespace pw::view {

namespace {

constexpr unsigned kMaxOrder = 10;  // MAX_PAGE_ORDER
constexpr unsigned kPageblockOrder = 9;
constexpr const char* kMobility[] = {"Unmovable", "Movable", "Reclaimable", "HighAtomic",
                                     "Isolate"};
constexpr std::size_t kMovable = 1;
constexpr const char* kZone = "  Normal";  // in eight columns

using Blocks = std::array<std::uint64_t, kMaxOrder + 1>;

Blocks free_blocks(Machine& machine) {
  Blocks blocks{};
  machine.frames().allocator().for_each_free_block([&](Pfn, unsigned order) {
    const unsigned told = std::min(order, kMaxOrder);
    blocks[told] += std::uint64_t{1} << (order - told);
  });
  return blocks;
}

std::string right(std::string_view text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + std::string(text);
}

std::string pages(const char* name, std::uint64_t count) {
  return row(name, count * (kPageSize / 1024));
}

std::string zeros(std::initializer_list<const char*> names, std::string_view unit = " kB") {
  std::string text;
  for (const char* name : names) text += row(name, 0, unit);
  return text;
}

}  // namespace

std::string meminfo(Machine& machine) {
  const MemoryFacts facts = facts_of(machine);
  constexpr std::uint64_t kHugeKib = 2048;
  return pages("MemTotal:", facts.total) + pages("MemFree:", facts.free) +
         pages("MemAvailable:", facts.available) + row("Buffers:", 0) +
         pages("Cached:", facts.page_cache()) + pages("SwapCached:", facts.swap_cached) +
         row("Active:", 0) + pages("Inactive:", facts.inactive_anon + facts.inactive_file) +
         row("Active(anon):", 0) + pages("Inactive(anon):", facts.inactive_anon) +
         row("Active(file):", 0) + pages("Inactive(file):", facts.inactive_file) +
         pages("Unevictable:", facts.unevictable) + pages("Mlocked:", facts.locked) +
         pages("SwapTotal:", facts.swap_total) + pages("SwapFree:", facts.swap_free) +
         zeros({"Zswap:", "Zswapped:"}) + pages("Dirty:", facts.dirty) + row("Writeback:", 0) +
         pages("AnonPages:", facts.mapped_anonymous) + pages("Mapped:", facts.mapped_files) +
         pages("Shmem:", facts.shmem) +
         zeros({"KReclaimable:", "Slab:", "SReclaimable:", "SUnreclaim:", "KernelStack:"}) +
         pages("PageTables:", facts.tables) +
         zeros({"SecPageTables:", "NFS_Unstable:", "Bounce:", "WritebackTmp:"}) +
         pages("CommitLimit:", facts.commit_limit) + pages("Committed_AS:", facts.committed) +
         zeros({"VmallocTotal:", "VmallocUsed:", "VmallocChunk:", "Percpu:"}) +
         pages("AnonHugePages:", facts.anonymous_huge) +
         zeros({"ShmemHugePages:", "ShmemPmdMapped:", "FileHugePages:", "FilePmdMapped:",
                "Balloon:"}) +
         zeros({"HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:"}, "") +
         row("Hugepagesize:", kHugeKib) +
         zeros({"Hugetlb:", "DirectMap4k:", "DirectMap2M:", "DirectMap1G:"});
}

std::string swaps(Machine& machine) {
  constexpr std::size_t kNameColumns = 40;
  constexpr std::uint64_t kWide = 10'000'000;  // KiB that need no second tab
  std::string text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
  const SwapSpace& swap = machine.swap();
  for (std::size_t i = 0; i < swap.area_count(); ++i) {
    const SwapArea& area = swap.area_at(i);
    const std::uint64_t size = area.slots() * (kPageSize / 1024);
    const std::uint64_t used = area.used() * (kPageSize / 1024);
    std::string name = "/dev/swap" + decimal(i);
    name.append(kNameColumns - name.size(), ' ');
    text += name + "partition\t" + decimal(size) + (size < kWide ? "\t\t" : "\t") + decimal(used) +
            (used < kWide ? "\t\t" : "\t") + std::to_string(area.priority()) + '\n';
  }
  return text;
}

std::string buddyinfo(Machine& machine) {
  std::string text = std::string("Node 0, zone ") + kZone + ' ';
  for (const std::uint64_t count : free_blocks(machine)) text += decimal(count, 6) + ' ';
  return text + '\n';
}

std::string pagetypeinfo(Machine& machine) {
  std::string text = "Page block order: " + decimal(kPageblockOrder) +
                     "\nPages per block:  " + decimal(std::uint64_t{1} << kPageblockOrder) +
                     "\n\nFree pages count per migrate type at order  ";
  for (unsigned order = 0; order <= kMaxOrder; ++order) text += decimal(order, 6) + ' ';
  text += '\n';
  const Blocks blocks = free_blocks(machine);
  for (std::size_t type = 0; type < std::size(kMobility); ++type) {
    text += std::string("Node    0, zone ") + kZone + ", type " + right(kMobility[type], 12) + ' ';
    for (const std::uint64_t count : blocks) {
      text += decimal(type == kMovable ? count : 0, 6) + ' ';
    }
    text += '\n';
  }
  text += "\nNumber of blocks type ";
  for (const char* type : kMobility) text += right(type, 12) + ' ';
  text += std::string("\nNode 0, zone ") + kZone + ' ';
  const std::uint64_t all = (machine.frames().total().value + (1U << kPageblockOrder) - 1) >>
                            kPageblockOrder;
  for (std::size_t type = 0; type < std::size(kMobility); ++type) {
    text += decimal(type == kMovable ? all : 0, 12) + ' ';
  }
  return text + '\n';
}

}  // namespace pw::view
