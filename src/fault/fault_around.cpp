// Fault-around: a read fault maps what the page cache has of the window around the page.
//
// The window is aligned by virtual address and lies inside the area and one page table
// (do_fault_around(), mm/memory.c). A folio that it touches is mapped as a whole, beyond the window
// too, if it lies inside the area, the table and the file; the file's last page must not be one of
// its own, so that a folio at the very end is mapped by windows (filemap_map_folio_range(),
// mm/filemap.c). If the first folio of the window is that one, and the page table has yet to be
// made, nothing is mapped at all (nobody makes it: filemap_map_pmd() is not called). Folios that
// are being read, or that carry the readahead mark, are passed over: the mark is for a fault of its
// own to find. All translations get the accessed bit, which the protection of an area includes on
// x86. Each page that was there and has not been evicted lately takes back one miss
// (ReadaheadState::map_misses).
#include <algorithm>

#include "fault/file_fault.hpp"
#include "fault/page_cache.hpp"
#include "fault/readahead.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

struct Window {
  VpnRange pages;
  PageFault& fault;
  std::uint64_t hits = 0;
};

VpnRange window_of(const PageFault& fault) {
  const std::uint64_t length = fault.core.options.prefetch.fault_around_pages;
  // A window that the area's begin cuts off is as long all the same.
  const Vpn aligned(fault.vpn.value - fault.vpn.value % length);
  const Vpn first = std::max(aligned, fault.area.range().begin);
  const Vpn table_end((fault.vpn.value | (x86::kEntriesPerTable - 1)) + 1);
  return {first, std::min({first + PageCount(length), table_end, fault.area.range().end})};
}

// One page that is there. False: no memory for tables.
bool map_neighbour(PageFault& fault, Vpn vpn) {
  const PageView view = view_page(fault.core, fault.area, vpn);
  if (view.translation.present() || !view.own.is_empty() || !view.common.is_resident()) return true;
  const FramePin pin(fault.core.pool, view.common.pfn());
  return map_page(fault.core, fault.area, vpn, view.common.pfn(), false, true);
}

// The part of the folio to map: all of it, or what the window has of it from `vpn` on.
VpnRange mappable(const PageFault& fault, FolioSpan folio, Vpn vpn, Vpn end) {
  const Vma& area = fault.area;
  const VpnRange inside{vpn, std::min(end, area.page_of_backing(folio.end()))};
  if (folio.order == 0 || folio.end().value >= area.backing->pages().value) return inside;
  const VpnRange whole = folio_pages(area, folio);
  return whole.empty() ? inside : whole;
}

// False: no memory.
bool map_folio(Window& window, FolioSpan folio, Vpn vpn) {
  PageFault& fault = window.fault;
  VmObject& file = *fault.area.backing;
  if (!load_cached_folio(fault.core, file, folio.first)) return false;
  const bool evicted_lately = fault.core.frames.evicted_lately(
      file.slots.get(fault.area.backing_at(vpn)).pfn());
  const VpnRange part = mappable(fault, folio, vpn, window.pages.end);
  for (Vpn at = part.begin; at < part.end; at = at + PageCount(1)) {
    if (!evicted_lately) ++window.hits;
    if (!map_neighbour(fault, at)) return false;
  }
  return true;
}

}  // namespace

VpnRange folio_pages(const Vma& area, FolioSpan folio) {
  const VpnRange all = area.mapping(folio.first, folio.end());
  const Vpn last(all.begin.value + folio.pages().value - 1);
  const bool one_table = (all.begin.value ^ last.value) < x86::kEntriesPerTable &&
                         all.begin.value / x86::kEntriesPerTable ==
                             last.value / x86::kEntriesPerTable;
  if (all.pages() != folio.pages() || !one_table) return {all.begin, all.begin};
  return all;
}

bool map_around(PageFault& fault) {
  Core& core = fault.core;
  if (core.options.prefetch.fault_around_pages <= 1) return false;
  VmObject& file = *fault.area.backing;
  Window window{window_of(fault), fault};
  const ToldResident::Batch batch(fault.area.space->counters().told_resident);
  const Vpn begin = window.pages.begin;
  const PageOffset first = fault.area.backing_at(begin);
  const PageOffset file_end(file.pages().value);
  bool table = fault.area.space->would_have_table(fault.vpn);
  for (PageOffset at = first; at < file_end;) {
    const Vpn vpn = begin + (at - first);
    if (vpn >= window.pages.end) break;
    if (!file.cached(at)) {
      at = at + PageCount(1);
      continue;
    }
    const FolioSpan folio = file.folios.find(at);
    if (!file.folios.marked(at) && folio_pending(core, file, folio) == 0) {
      if (!table && folio.end() >= file_end) return false;
      table = true;
      if (!map_folio(window, folio, vpn)) break;
    }
    at = folio.end();
  }
  std::uint32_t& misses = file.readers[fault.area.file].map_misses;
  misses -= static_cast<std::uint32_t>(std::min<std::uint64_t>(misses, window.hits));
  const x86::Pte* entry = fault.area.space->tables().find(fault.vpn);
  return entry != nullptr && entry->present();
}

}  // namespace pw
