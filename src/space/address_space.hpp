// One process's address space: its areas, its private pages, its page tables.
//
// Owned by the processes that run in it (threads and vfork children share one). Areas and slots are
// the truth; the tables below may lose a translation at any time and get it back by a fault. All
// changes of areas go through insert(), remove(), resize() and split(), which keep the objects'
// mapping lists right.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/x86/page_tables.hpp"
#include "base/result.hpp"
#include "space/core.hpp"
#include "space/kept_tables.hpp"
#include "space/private_homes.hpp"
#include "space/protection_keys.hpp"
#include "space/told_resident.hpp"
#include "space/vma.hpp"
#include "space/vma_tree.hpp"

namespace pw {

struct SpaceLayout {
  Vpn lowest{16};       // vm.mmap_min_addr = 65536: below nobody may map
  Vpn hint_lowest{16};  // what lower wishes are moved up to (the greater of two settings)
  Vpn mmap_top;         // areas are placed below, top down
  Vpn heap_begin;
  Vpn user_end;
  Vpn growth_floor{0};  // no area above grows to below: something else lies there
};

struct SpaceCounters {
  std::uint64_t resident_pages = 0, resident_peak = 0;  // translations to frames, the zero page
                                                        // left out
  ToldResident told_resident;                           // those, as the kernel tells them
  std::uint64_t mapped_pages = 0, mapped_peak = 0;      // of all areas (total_vm)
  std::uint64_t data_pages = 0, locked_pages = 0;       // of those, as the limits count them
  std::uint64_t locked_forgotten = 0;  // locked no more, and counted all the same (see mremap.cpp)
  FaultCounters faults;
};

// What a process may use (setrlimit); bytes, as the kernel keeps them.
struct SpaceLimits {
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::uint64_t address_space = kNone;  // RLIMIT_AS
  std::uint64_t data = kNone;           // RLIMIT_DATA
  std::uint64_t stack = 8ULL << 20;     // RLIMIT_STACK
  std::uint64_t locked = 8ULL << 20;    // RLIMIT_MEMLOCK
  bool may_lock_all = false;            // CAP_IPC_LOCK: `locked` says nothing
  bool may_administer = false;          // CAP_SYS_ADMIN: what overcommit keeps back is his
};

// Whether areas to come are locked (mlockall(MCL_FUTURE)).
struct LockFuture {
  bool locked = false, on_fault = false;
};

// What programs say of a whole space (mm_struct's flags and context).
struct SpaceSettings {
  ProtectionKeys keys;
  std::uint8_t thp_disabled = 0;  // as PR_GET_THP_DISABLE tells it: 0, 1 or 3
};

struct AreaChange {
  Rights rights;
  AreaTraits traits;
};

class AddressSpace {
 public:
  // Null when there is no memory for the root table. `relative`: the space this one is forked from.
  static std::unique_ptr<AddressSpace> create(Core& core, SpaceId id, const SpaceLayout& layout,
                                              int levels, AddressSpace* relative);
  ~AddressSpace();
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  SpaceId id() const { return id_; }
  Core& core() { return *core_; }
  const Core& core() const { return *core_; }
  x86::PageTables& tables() { return tables_; }
  VmObject& private_object() { return *private_object_; }
  const SpaceLayout& layout() const { return layout_; }
  SpaceLayout& layout() { return layout_; }
  VmaTree<Vma>& areas() { return areas_; }
  SpaceCounters& counters() { return counters_; }
  const SpaceCounters& counters() const { return counters_; }
  // Of the process that runs here: whoever enters the kernel for one says so.
  SpaceLimits& limits() { return limits_; }
  SpaceSettings& settings() { return settings_; }
  const SpaceLimits& limits() const { return limits_; }
  LockFuture& lock_future() { return lock_future_; }
  const PrivateHomes& homes() const { return homes_; }
  PrivateHomes& homes() { return homes_; }
  KeptTables& kept_tables() { return kept_tables_; }
  // Whether Linux would have a level-1 table for the page.
  bool would_have_table(Vpn vpn) {
    return tables_.find(vpn) != nullptr || kept_tables_.contains(vpn);
  }

  Vma* find(Vpn vpn) { return areas_.find(vpn); }
  // The area and page where a private page lies, if it is mapped.
  Vma* locate_private(PageOffset at, Vpn& vpn);
  PageOffset private_at(Vpn vpn) const { return homes_.at(vpn); }
  // Forgets the private pages of `range`: translations must be gone.
  void erase_private(VpnRange range);
  // A free run of pages, top down below mmap_top, else bottom up above it; nullopt: the space is
  // full.
  std::optional<Vpn> find_gap(PageCount pages) const;
  // The lowest one of a window.
  std::optional<Vpn> find_low_gap(PageCount pages, VpnRange window) const;

  // Takes an area in (its range must be free, and claimed if private), merging it with its
  // neighbours as the kernel does; `only_below`: with the one below alone, as brk does. Returns the
  // area it became.
  Vma& insert(const Vma& area, bool only_below = false);
  // Takes an area in as it is, without merging: fork.
  Vma& adopt(const Vma& area);
  void remove(Vma& area);
  // Takes away the areas of `range`, whose pages have moved elsewhere.
  void remove_moved(VpnRange range);
  // Moves the upper end up into free pages, merging with what comes next (vma_merge_extend()).
  void extend(Vma& area, Vpn end);
  void set_traits(Vma& area, const AreaTraits& traits);  // of all of it, without merging
  void resize(Vma& area, VpnRange range);
  // Cuts `area` in two at `at`, strictly inside; returns the upper part.
  Vma& split(Vma& area, Vpn at);
  // Splits areas so that `range` covers whole areas only.
  void isolate(VpnRange range);
  // Gives the pages `part` of `area` other rights or traits: splits it, or moves the border to a
  // neighbour, or merges them (vma_modify(), mm/vma.c). Returns the area that has the pages now.
  // Error: NoMemory (more areas than a process may have).
  Result<Vma*> modify(Vma& area, VpnRange part, const AreaChange& change);
  // Before the first private page of an area: its anon root, new or a neighbour's
  // (__anon_vma_prepare(), mm/rmap.c).
  void prepare_root(Vma& area);
  std::uint32_t new_root() { return ++*next_root_; }

  // Whether the process may have `pages` more of an area like this (may_expand_vm(), mm/vma.c).
  bool may_expand(const Vma& like, PageCount pages) const;
  bool may_have_areas(std::size_t more) const;

  VirtAddr brk() const { return brk_; }
  void set_brk(VirtAddr brk) { brk_ = brk; }

 private:
  AddressSpace(Core& core, SpaceId id, const SpaceLayout& layout, int levels);
  void enlist(Vma& area);
  void delist(Vma& area);
  void count(const Vma& area, PageCount pages, int sign);
  void absorb(Vma& kept, Vma& above);
  void erase_merged(Vma& area);

  Core* core_;
  SpaceId id_;
  SpaceLayout layout_;
  x86::PageTables tables_;
  VmObject* private_object_ = nullptr;
  VmaTree<Vma> areas_;
  PrivateHomes homes_;
  KeptTables kept_tables_;
  std::shared_ptr<std::uint32_t> next_root_;  // of all spaces that forks made of one
  SpaceLimits limits_;
  SpaceSettings settings_;
  LockFuture lock_future_;
  VirtAddr brk_;
  SpaceCounters counters_;
};

}  // namespace pw
