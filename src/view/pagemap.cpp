#include "view/pagemap.hpp"

#include <algorithm>

namespace pw::view {

namespace {

std::uint64_t bits_of(const Frame& frame, Pfn pfn, bool zero) {
  std::uint64_t bits = kPagemapPresent | pfn.value;
  if (zero) return bits;
  if (frame.kind != FrameKind::Anon) bits |= kPagemapFile;
  if (frame.mapcount == 1) bits |= kPagemapExclusive;
  return bits;
}

void add_present(Machine& machine, Vma& area, std::vector<PagemapEntry>& entries) {
  const FramePool& pool = machine.frames();
  area.space->tables().for_each_leaf(area.range(), [&](Vpn vpn, int level, x86::Pte& entry) {
    const Pfn first = x86::leaf_frame(entry, level);
    const bool zero = machine.core().is_zero(first);
    for (PageCount i{0}; i < x86::pages_at(level); i = i + PageCount(1)) {
      if (!area.range().contains(vpn + i)) continue;
      entries.push_back({vpn + i, bits_of(pool.frame(first + i), first + i, zero)});
    }
  });
}

void add_swapped(Vma& area, std::vector<PagemapEntry>& entries) {
  if (area.shared) return;
  const SlotTable& slots = area.space->private_object().slots;
  area.space->homes().for_each_run(area.range(), [&](VpnRange pages, PageOffset first) {
    slots.for_each(first, first + pages.pages(), [&](PageOffset at, PageSlot slot) {
      if (!slot.is_swapped()) return;
      const std::uint64_t number = slot.swap().value >> SwapSpace::kAreaShift;
      const std::uint64_t place = slot.swap().value & ((1U << SwapSpace::kAreaShift) - 1);
      entries.push_back(
          {pages.begin + (at - first), kPagemapSwapped | place << kPagemapSwapShift | number});
    });
  });
}

}  // namespace

std::vector<PagemapEntry> pagemap(Machine& machine, Process& process) {
  std::vector<PagemapEntry> entries;
  if (process.space == nullptr) return entries;
  VmaTree<Vma>& areas = process.space->areas();
  for (Vma* area = areas.lower_bound(Vpn(0)); area != nullptr; area = areas.next(*area)) {
    add_present(machine, *area, entries);
    add_swapped(*area, entries);
  }
  std::sort(entries.begin(), entries.end(),
            [](const PagemapEntry& a, const PagemapEntry& b) { return a.page < b.page; });
  return entries;
}

}  // namespace pw::view
