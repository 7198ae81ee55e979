// Evicting a whole program's pages, for load control and swapping by processes.
#include <vector>

#include "reclaim/reclaimer.hpp"
#include "space/translations.hpp"

namespace pw {

std::uint64_t Reclaimer::swap_out(AddressSpace& space) {
  std::vector<Pfn> frames;
  for (Vma& area : space.areas()) {
    if (area.traits.locked) continue;
    space.tables().for_each_leaf(area.range(), [&](Vpn, int, x86::Pte& entry) {
      const Pfn pfn = entry.pfn();
      const Frame& frame = pool_->frame(pfn);
      if (!is_user(frame.kind) || (entry.raw & kInUse) != 0) return;  // the zero page, for one
      if (frame.refs == 1 && frame.mapcount == 1) frames.push_back(pfn);
    });
  }
  std::uint64_t gone = 0;
  std::uint64_t ready_ns = 0;
  for (const Pfn pfn : frames) {
    if (evict_unasked(pfn, ready_ns)) ++gone;
  }
  core_->counters.reclaim.swapped_out_whole += gone;
  return gone;
}

}  // namespace pw
