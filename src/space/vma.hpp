// A virtual memory area: a run of pages of one address space with the same rights and the same
// backing.
//
// Owned by its AddressSpace's tree. A private area takes its pages from the space's private object
// (where in it: PrivateHomes), and what is not there from `backing`, if any, or zeros. A shared
// area takes them from `backing` alone.
#pragma once

#include <cstdint>

#include "base/access.hpp"
#include "base/units.hpp"
#include "object/vm_object.hpp"

namespace pw {

using LabelId = std::uint32_t;  // what people call the area; 0: unnamed

struct Rights {
  bool read = false, write = false, execute = false;
  friend bool operator==(const Rights&, const Rights&) = default;
};
inline constexpr Rights kReadWrite{true, true, false};
inline constexpr Rights kReadOnly{true, false, false};
inline constexpr Rights kReadExecute{true, false, true};

enum class AreaRole : std::uint8_t { Normal, Heap, Stack, Vdso };

// What a program asked for about an area beside its rights: the other bits of Linux's vm_flags.
// Areas that differ here do not merge.
struct AreaTraits {
  bool locked = false, lock_on_fault = false;  // mlock; MLOCK_ONFAULT
  bool no_reserve = false;                     // MAP_NORESERVE
  bool accounted = false;                      // its pages count as committed (overcommit)
  bool dont_fork = false, wipe_on_fork = false, dont_dump = false;
  bool random = false, sequential = false;  // MADV_RANDOM, MADV_SEQUENTIAL
  bool huge = false, no_huge = false;       // MADV_HUGEPAGE, MADV_NOHUGEPAGE
  bool mergeable = false;                   // MADV_MERGEABLE
  bool sealed = false;                      // mseal
  bool droppable = false;                   // MAP_DROPPABLE
  std::uint8_t key = 0;                     // protection key
  std::uint32_t name = 0;  // of anonymous memory (PR_SET_VMA_ANON_NAME), as a label
  friend bool operator==(const AreaTraits&, const AreaTraits&) = default;
};

// Where swapped pages were last asked for in an area, and how well reading ahead did
// (vma->swap_readahead_info, linux/mm_types.h).
struct SwapWindow {
  Vpn last{0};
  std::uint32_t pages = 0;
  std::uint32_t hits = 4;  // of pages that were read ahead; an area begins with trust
};

struct Vma {
  VpnRange range_;
  Rights rights;
  Rights may;  // what mprotect may grant: a read-only file mapped shared never becomes writable
  bool shared = false;
  bool read_only_file = false;  // shared, of a file that is open for reading: VM_SHARED is off
  bool grows_down = false;
  AreaRole role = AreaRole::Normal;
  AreaTraits traits;
  LabelId label = 0;
  VmObject* backing = nullptr;
  // Of the first page: in the backing; of anonymous private memory the page number at which it was
  // mapped (vm_pgoff), which merging looks at.
  PageOffset backing_page{0};
  // The open file that was mapped, by the number of its description: areas of different ones do not
  // merge. 0: none, or nobody cares.
  std::uint64_t file = 0;
  // Which areas' pages reclaim finds together (struct anon_vma): 0 until the first private page.
  // `inherited`: since a fork, and then it merges only with its own kind.
  std::uint32_t anon = 0;
  bool inherited = false;
  bool segment = false;  // of System V shared memory
  AddressSpace* space = nullptr;
  std::uint32_t mapping_index = 0;  // place in backing->mappings
  PageCount guard{0};               // below a stack
  SwapWindow swap_window;

  VpnRange range() const { return range_; }
  // The tree keeps nothing free below an area: AddressSpace::find_gap() does, as the kernel.
  PageCount guard_below() const { return PageCount(0); }
  // Where a search for free pages must end below this area (vm_start_gap(), linux/mm.h).
  Vpn start_gap() const {
    return Vpn(range_.begin.value > guard.value ? range_.begin.value - guard.value : 0);
  }
  // Moves the ends; offsets of the first page follow.
  void set_range(VpnRange range) {
    const std::uint64_t moved = range.begin.value - range_.begin.value;  // wraps when growing
                                                                         // downwards
    backing_page.value += moved;
    range_ = range;
  }
  PageOffset backing_at(Vpn vpn) const { return backing_page + (vpn - range_.begin); }
  Vpn page_of_backing(PageOffset at) const { return range_.begin + (at - backing_page); }
  // The part that maps pages [begin, end) of the backing; empty, if there is none.
  VpnRange mapping(PageOffset begin, PageOffset end) const {
    const std::uint64_t first = backing_page.value;
    const std::uint64_t last = first + range_.pages().value;
    const std::uint64_t lo = first > begin.value ? first : begin.value;
    const std::uint64_t hi = last < end.value ? last : end.value;
    if (lo >= hi) return {range_.begin, range_.begin};
    return {page_of_backing(PageOffset(lo)), page_of_backing(PageOffset(hi))};
  }
  bool anonymous() const { return backing == nullptr; }
  // A page that nobody may reach keeps no distance from a stack (vma_is_accessible(), linux/mm.h).
  bool accessible() const { return rights.read || rights.write || rights.execute; }
  // Counted against RLIMIT_DATA (is_data_mapping(), mm/vma.h).
  bool is_data() const { return rights.write && !shared && !grows_down; }
  bool allows(Access access) const {  // access_error(), arch/x86/mm/fault.c
    switch (access) {
      case Access::Write:
        return rights.write;
      case Access::Execute:
        return rights.execute;
      case Access::Read:
        return rights.read || rights.write || rights.execute;
    }
    return false;
  }
};

}  // namespace pw
