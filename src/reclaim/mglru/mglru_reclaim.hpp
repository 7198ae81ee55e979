// Reclaim as Linux does it with the multi-generational LRU (CONFIG_LRU_GEN, mm/vmscan.c,
// workingset.c; Linux 6.18): the second way to tell which of a group's pages are old. What is
// charged, when reclaim begins, how urgent it gets and what happens to a page that must go is the
// same as with active and inactive lists (linux/linux_reclaim.hpp).
//
//   where a page stands                         generations.hpp
//   at the limit: is it time to age?            age.cpp: get_nr_to_scan(), should_run_aging()
//   ageing: who was referenced                  page_table_walk.hpp
//   which pages of the oldest generation go     evict.cpp: scan_folios(), sort_folio()
//   a page in use among them, and its kin       look_around.cpp: lru_gen_look_around()
//   who is spared for its refaults              tier_control.hpp
//   what a page leaves behind                   refault.cpp: lru_gen_eviction(), lru_gen_refault()
//
// Unlike the lists it goes by no statistics that are gathered now and then: sizes and refaults are
// its own and exact.
//
// Left out: min_ttl_ms (0 is the default), generations of groups (one group is at its limit), nodes
// and zones (all memory is of one), locks that are not got at once.
//
// Owned by the Machine.
#pragma once

#include <vector>

#include "reclaim/linux/linux_reclaim.hpp"
#include "reclaim/mglru/generations.hpp"
#include "reclaim/mglru/page_table_walk.hpp"

namespace pw {

class MglruReclaim final : public LinuxReclaim {
 public:
  static constexpr std::uint64_t kMinBatch = 64;    // MIN_LRU_BATCH
  static constexpr std::uint64_t kMaxBatch = 4096;  // MAX_LRU_BATCH

  MglruReclaim(FramePool& pool, const LinuxOptions& options, unsigned cpus);

  void fault_begins(bool recency) override { in_fault_ = recency; }
  void fault_ends() override { in_fault_ = false; }
  void admitted(Pfn pfn) override;
  void departed(Pfn pfn) override;
  void returned(std::span<const Pfn> folio, std::uint64_t mark) override;
  void mark_accessed(Pfn pfn) override;
  using LinuxReclaim::deactivate;
  void deactivate(Pfn pfn) override;
  void space_began(AddressSpace& space) override { walk_.space_began(space); }
  void space_ended(SpaceId space) override { walk_.space_ended(space); }
  // Marks tell generations here, no distances.
  std::uint64_t refault_distance(PageSlot /*slot*/) const override { return kNoDistance; }
  // The generation that a page which is away was evicted from, and whether it would be known again;
  // kNoDistance: it left no mark.
  std::uint64_t left_from(PageSlot slot) const;
  bool remembers(std::uint64_t seq) const {
    return generations_.max_seq() - seq < Generations::kMax;
  }
  // The pages that are in no generation yet, oldest first.
  const std::vector<Pfn>& batch() const { return new_; }
  const char* check() const override;

  struct Counts {
    std::uint64_t sorted = 0;            // pages that eviction met and moved on (pgrefill)
    std::uint64_t spared = 0;            // of them for their tier
    std::uint64_t looked = 0;            // tables looked at around a page in use
    std::uint64_t neighbours = 0;        // pages found in use there
    std::uint64_t restored[2] = {0, 0};  // workingset_restore_*: anonymous, files
  };
  const Generations& generations() const { return generations_; }
  const PageTableWalk::Counts& walked() const { return walk_.counts(); }
  const Counts& counts() const { return counts_; }

 private:
  struct Round {  // scan_control::nr
    std::uint64_t unqueued_dirty = 0, file_taken = 0;
  };
  struct Batch {
    std::vector<LruUnit> units;  // in the order in which they were met
    std::uint64_t scanned = 0;
    bool file = false;
  };

  // In age.cpp.
  void prepare(Scan& /*scan*/) override {}  // prepare_scan_control() leaves at once
  void shrink_lists(Scan& scan) override;
  int swappiness() const;
  bool should_age(int swappiness, std::uint64_t& size) const;
  std::int64_t pages_to_scan(int priority, int swappiness);
  void age(int swappiness);

  // In evict.cpp.
  std::uint64_t evict(std::uint64_t wanted, int swappiness, Scan& scan, Round& round);
  Batch isolate(std::uint64_t wanted, int swappiness, Round& round);
  std::uint64_t scan_oldest(std::uint64_t wanted, bool file, Batch& batch, Round& round);
  bool sort(const LruUnit& unit, unsigned last_tier, Round& round);
  void pass_on(const LruUnit& unit);
  std::uint64_t try_to_free_all(std::vector<LruUnit>& units, Round& round);
  void put_back_kept(const Batch& batch, bool retry, std::vector<LruUnit>& clean);
  bool unwritten(const LruUnit& unit) const;

  // In look_around.cpp.
  Verdict check_references(const LruUnit& unit) override;
  Look look_around(const LruUnit& unit);
  bool set_refs(const LruUnit& unit);
  void look_at_neighbours(Vma& area, Vpn vpn, x86::Pte* entry);
  void activate_listed(const LruUnit& unit);

  // In refault.cpp.
  std::uint64_t leave_mark(const LruUnit& unit) override;

  void switched_to(SpaceId space) override { walk_.ran(space); }
  bool enlisted(Pfn pfn) const override { return generations_.listed(pfn); }
  void drain() override;
  void enlist_front(Pfn pfn) override;
  void delist(Pfn pfn) override;
  void enlist_back(Pfn pfn) override;
  void put_front(const LruUnit& unit) override;
  Generations::Standing standing(const LruUnit& unit, bool reclaiming) const;

  Generations generations_;
  PageTableWalk walk_;
  std::vector<Pfn> new_;                  // in no list yet (lru_add)
  std::vector<LruUnit>* kept_ = nullptr;  // while a batch is judged: those that stay
  bool in_fault_ = false, reclaiming_ = false;
  std::uint64_t waited_ns_ = 0;  // io_wait_ns when it was last looked at
  Counts counts_;
};

}  // namespace pw
