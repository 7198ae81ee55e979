#include "rmap/rmap.hpp"

#include <utility>
#include <vector>

#include "space/translations.hpp"

namespace pw {

void unmap_everywhere(Core& core, Pfn pfn, FlushReason reason) {
  if (core.pool.frame(pfn).mapcount == 0) return;
  // Removing an entry may free tables: not while walking them. Most pages have one translation.
  Vma* first = nullptr;
  Vpn place;
  std::vector<std::pair<Vma*, Vpn>> others;
  for_each_mapping(core, pfn, [&](Vma& area, Vpn vpn, x86::Pte& entry) {
    if (first == nullptr) {
      first = &area;
      place = vpn;
    } else {
      others.emplace_back(&area, vpn);
    }
    if (entry.dirty()) mark_dirty(core, core.pool.frame(pfn));
  });
  if (first != nullptr) unmap_range(core, *first, range_of(place, PageCount(1)), reason);
  for (const auto& [area, vpn] : others) {
    unmap_range(core, *area, range_of(vpn, PageCount(1)), reason);
  }
  PW_CHECK_MSG(core.pool.frame(pfn).mapcount == 0, "a counted translation cannot be found");
}

}  // namespace pw
