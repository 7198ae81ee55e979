#include "rmap/rmap.hpp"

#include <utility>
#include <vector>

#include "space/translations.hpp"

namespace pw {

void unmap_everywhere(Core& core, Pfn pfn, FlushReason reason) {
  if (core.pool.frame(pfn).mapcount == 0) return;
  std::vector<std::pair<Vma*, Vpn>> places;  // removing an entry may free tables: not while walking
                                             // them
  for_each_mapping(core, pfn, [&](Vma& area, Vpn vpn, x86::Pte& entry) {
    places.emplace_back(&area, vpn);
    if (entry.dirty()) mark_dirty(core, core.pool.frame(pfn));
  });
  for (const auto& [area, vpn] : places) {
    unmap_range(core, *area, range_of(vpn, PageCount(1)), reason);
  }
  PW_CHECK_MSG(core.pool.frame(pfn).mapcount == 0, "a counted translation cannot be found");
}

}  // namespace pw
