// Ageing: a walk over the page tables of the group's programs finds what was referenced since the
// last one (try_to_inc_max_seq(), iterate_mm_list(), walk_mm(), walk_pmd_range(), walk_pte_range(),
// should_skip_vma(), suitable_to_scan(), mm/vmscan.c).
//
// Two things spare most of the work. A directory entry whose accessed bit is clear leads to a table
// that no walk of the CPU has been through since the bit was cleared (the non-leaf accessed bit);
// and the table behind it is only read if the Bloom filter of this generation has it, that is, if
// one in eight of its entries, or more, was young when it was last read. Programs that are new
// since the last walk are read as a whole, and programs that have not run are left out.
//
// So what is referenced thinly is not found here but by eviction, page by page (look_around.cpp).
//
// A program "has run" in the kernel once a context switch led to it since the last walk
// (lru_gen_use_mm()); one that stays on its CPU is switched to and from by kernel threads and
// timers all the time, of which nothing is known here: it counts as having run again when it waited
// for a device, or 4 ms later.
//
// Owned by MglruReclaim.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "reclaim/linux/lru_unit.hpp"
#include "reclaim/mglru/bloom_filter.hpp"
#include "reclaim/mglru/generations.hpp"
#include "space/address_space.hpp"

namespace pw {

class PageTableWalk {
 public:
  struct Counts {  // as debugfs lru_gen_full has them (NR_MM_STATS), and the walks
    std::uint64_t walks = 0, spaces = 0;
    std::uint64_t leaves = 0, young = 0;  // entries of tables, and those found accessed
    std::uint64_t found = 0, added = 0;   // tables read, and kept for the next walk
    std::uint64_t promoted = 0;           // pages that moved to the youngest generation
  };

  using UnitOf = std::function<LruUnit(Pfn)>;
  PageTableWalk(Generations& generations, UnitOf unit_of)
      : generations_(&generations), unit_of_(std::move(unit_of)) {}

  void space_began(AddressSpace& space) { spaces_.push_back({&space}); }
  void space_ended(SpaceId space);
  // `space` is switched to.
  void ran(SpaceId space);
  // The one on the CPU has waited for a device.
  void waited() { waited_ = true; }

  // Visits all programs; the caller begins the new generation. Returns how many pages' worth of
  // time it took.
  std::uint64_t run(Core& core, int swappiness);
  // Eviction found this table's entries in use.
  void note_dense(AddressSpace& space, Vpn vpn);

  const Counts& counts() const { return counts_; }

  static bool dense(std::uint64_t entries, std::uint64_t young) { return young * 8 >= entries; }
  // Whether references in the area tell anything (vma_has_recency()).
  static bool has_recency(const Vma& area) {
    return !area.traits.random && !area.traits.sequential;
  }
  static bool young(const x86::Pte& entry);

 private:
  struct Member {
    AddressSpace* space;
    bool fresh = true;  // since the last walk
    bool ran = true;
  };
  struct Directory {  // an entry of level 2, and the pages below it
    x86::Pte* entry;
    std::uint64_t address;
    VpnRange pages;
  };
  bool skips(const Vma& area, int swappiness) const;
  void walk_space(Core& core, AddressSpace& space, int swappiness, bool all);
  void walk_directory(Core& core, AddressSpace& space, const Directory& directory, int swappiness,
                      bool all);
  bool walk_table(Core& core, AddressSpace& space, const Directory& directory, int swappiness);
  // The page that an entry maps is in use. False: it is none of the group's.
  bool note_entry(Core& core, Pfn page, x86::Pte& entry);
  void note_unit(const std::optional<LruUnit>& unit);

  Generations* generations_;
  UnitOf unit_of_;
  BloomFilters filters_;
  std::vector<Member> spaces_;
  SpaceId running_ = ~SpaceId{0};
  bool waited_ = false;
  std::uint64_t last_ns_ = 0;  // when the last walk was
  Counts counts_;
};

}  // namespace pw
