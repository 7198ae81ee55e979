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
#include "space/vma.hpp"
#include "space/vma_tree.hpp"

namespace pw {

struct SpaceLayout {
  Vpn lowest{16};  // vm.mmap_min_addr = 65536
  Vpn mmap_top;    // areas are placed below, top down
  Vpn heap_begin;
  Vpn user_end;
};

struct SpaceCounters {
  std::uint64_t resident_pages = 0, resident_peak = 0;  // translations to frames, the zero page
                                                        // left out
  std::uint64_t mapped_pages = 0;
  FaultCounters faults;
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
  x86::PageTables& tables() { return tables_; }
  VmObject& private_object() { return *private_object_; }
  const SpaceLayout& layout() const { return layout_; }
  SpaceLayout& layout() { return layout_; }
  VmaTree<Vma>& areas() { return areas_; }
  SpaceCounters& counters() { return counters_; }

  Vma* find(Vpn vpn) { return areas_.find(vpn); }
  // The area and page where a private page lies, if it is mapped.
  Vma* locate_private(PageOffset at, Vpn& vpn);
  // A free run of pages, top down below mmap_top; nullopt: the space is full.
  std::optional<Vpn> find_gap(PageCount pages) const;

  // Takes an area in (its range must be free), merging it with equal neighbours. Returns the area
  // it became.
  Vma& insert(const Vma& area);
  void remove(Vma& area);
  void resize(Vma& area, VpnRange range);
  // Cuts `area` in two at `at`, strictly inside; returns the upper part.
  Vma& split(Vma& area, Vpn at);
  // Splits areas so that `range` covers whole areas only.
  void isolate(VpnRange range);
  // Merges `area` with its neighbours where nothing tells them apart.
  Vma& merge_around(Vma& area);
  // Private offsets for a new private area at `range`: its page numbers, unless a moved area holds
  // them.
  PageOffset private_home(VpnRange range);
  // True if nothing else has the `pages` private offsets below those of `area`: it may grow.
  bool private_free_below(const Vma& area, PageCount pages) const;

  VirtAddr brk() const { return brk_; }
  void set_brk(VirtAddr brk) { brk_ = brk; }

 private:
  AddressSpace(Core& core, SpaceId id, const SpaceLayout& layout, int levels);
  void enlist(Vma& area);
  void delist(Vma& area);
  static bool mergeable(const Vma& below, const Vma& above);

  Core* core_;
  SpaceId id_;
  SpaceLayout layout_;
  x86::PageTables tables_;
  VmObject* private_object_ = nullptr;
  VmaTree<Vma> areas_;
  std::vector<Vma*> moved_;                       // private areas not at home
  std::uint64_t next_foreign_page_ = 1ULL << 50;  // private offsets beyond any page number
  VirtAddr brk_;
  SpaceCounters counters_;
};

}  // namespace pw
