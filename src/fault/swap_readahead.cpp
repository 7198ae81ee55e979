// How far swap is read ahead: swap_vma_ra_win(), __swapin_nr_pages(), swap_update_readahead()
// (mm/swap_state.c).
//
// A window of up to 2^page-cluster pages around the page that faulted, by virtual address, within
// the area and its page table. It is as long as the pages read ahead lately were used: two more
// than there were hits, rounded up to 4, 8, ...; without hits one page, or two where the faults go
// step by step; but never less than half of the last one. It lies after the page when the last
// fault was just before it, before it when the last was just after it, else around it.
#include <algorithm>

#include "fault/leaves.hpp"

namespace pw {

namespace {

constexpr std::uint32_t kMostHits = 63;  // SWAP_RA_HITS_MAX

std::uint32_t window_pages(const SwapWindow& state, bool next_door, std::uint32_t most) {
  std::uint32_t pages = state.hits + 2;
  if (pages == 2) {
    if (!next_door) pages = 1;
  } else {
    std::uint32_t rounded = 4;
    while (rounded < pages) rounded <<= 1;
    pages = rounded;
  }
  return std::max(std::min(pages, most), state.pages / 2);
}

}  // namespace

VpnRange swap_window(Core& core, Vma& area, Vpn vpn) {
  constexpr std::uint32_t kMostOrder = 5;  // SWAP_RA_ORDER_CEILING
  const std::uint32_t most = 1U << std::min(core.options.linux_options.page_cluster, kMostOrder);
  const VpnRange alone = range_of(vpn, PageCount(1));
  if (most == 1) return alone;
  SwapWindow& state = area.swap_window;
  const bool forwards = core.sample.next(area, state.last, vpn);
  const bool backwards = core.sample.next(area, vpn, state.last);
  const std::uint32_t pages = window_pages(state, forwards || backwards, most);
  state = {vpn, pages, 0};
  if (pages == 1) return alone;
  std::uint64_t begin = 0;
  if (forwards) {
    begin = vpn.value;
  } else if (backwards) {
    begin = vpn.value + 1 - std::min<std::uint64_t>(pages, vpn.value + 1);
  } else {
    begin = vpn.value - std::min<std::uint64_t>((pages - 1) / 2, vpn.value);
  }
  const Vpn table(vpn.value - vpn.value % x86::kEntriesPerTable);
  const VpnRange window{Vpn(begin), Vpn(begin + pages)};
  return intersection(intersection(window, range_of(table, PageCount(x86::kEntriesPerTable))),
                      area.range());
}

void note_swap_hit(Vma& area, Vpn vpn, bool read_ahead) {
  SwapWindow& state = area.swap_window;
  if (read_ahead) state.hits = std::min(state.hits + 1, kMostHits);
  state.last = vpn;
}

}  // namespace pw
