// Level-1 page tables that Linux has and this machine has not, since there is nothing in them.
//
// Owned by the AddressSpace. Linux frees a table when no area is left in its 2 MiB
// (free_pgtables(), mm/memory.c), or when MADV_DONTNEED empties all of it; here tables go when they
// are empty. Whether there is one decides what an access behind the end of a file maps
// (src/fault/file.cpp), and whether a huge page may come (src/fault/huge.cpp). A number stands for
// the 512 pages that it is multiplied by; one whose table exists may be here as well.
#pragma once

#include <set>
#include <vector>

#include "arch/x86/page_tables.hpp"
#include "base/units.hpp"

namespace pw {

class KeptTables {
 public:
  static std::uint64_t number_of(Vpn vpn) { return vpn.value / x86::kEntriesPerTable; }
  static VpnRange pages_of(std::uint64_t number) {
    return range_of(Vpn(number * x86::kEntriesPerTable), PageCount(x86::kEntriesPerTable));
  }

  bool empty() const { return numbers_.empty(); }
  bool contains(Vpn vpn) const { return !empty() && numbers_.count(number_of(vpn)) != 0; }
  void add(Vpn vpn) { numbers_.insert(number_of(vpn)); }
  void remove(Vpn vpn) { numbers_.erase(number_of(vpn)); }

  // Those that `range` meets, from below.
  std::vector<Vpn> meeting(VpnRange range) const {
    std::vector<Vpn> found;
    if (empty() || range.empty()) return found;
    const std::uint64_t last = number_of(range.end - PageCount(1));
    for (auto it = numbers_.lower_bound(number_of(range.begin));
         it != numbers_.end() && *it <= last; ++it) {
      found.push_back(pages_of(*it).begin);
    }
    return found;
  }

 private:
  std::set<std::uint64_t> numbers_;
};

}  // namespace pw
