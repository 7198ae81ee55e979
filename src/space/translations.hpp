// Making, weakening and removing translations of single pages, with all the counting that goes
// along: mapcount of the frame, resident pages of space and area label, dirty bits carried over to
// the frame.
//
// Rule: whoever removes or weakens a translation calls these, then invalidates the range at the
// MmuPort before the frame is used for anything else.
#pragma once

#include "space/address_space.hpp"

namespace pw {

// A bit of the entry that hardware ignores: whoever replays a filtered recording marks pages that
// are being referenced all the time without being heard of. Reclaim leaves them alone; fork does
// not copy it.
inline constexpr std::uint64_t kInUse = 1ULL << 9;

// Another such bit: fork has made the page common property, and no fault has since found that it is
// anyone's own again (PG_anon_exclusive is off). Until then the first write faults.
inline constexpr std::uint64_t kSharedByFork = 1ULL << 10;

// The pages of a huge page.
inline constexpr std::uint64_t kHugePages = HugeBlocks::kFrames;
constexpr Vpn huge_begin(Vpn vpn) { return Vpn(vpn.value & ~(kHugePages - 1)); }
constexpr VpnRange huge_range(Vpn vpn) { return range_of(huge_begin(vpn), PageCount(kHugePages)); }
// The frame that a leaf of `level` means for `vpn`.
inline Pfn frame_under(x86::Pte leaf, int level, Vpn vpn) {
  return leaf.pfn() + PageCount(vpn.value & (x86::pages_at(level).value - 1));
}

// Whether more than one space holds or maps some page of the huge page of `head`
// (folio_maybe_mapped_shared(), linux/mm.h).
bool huge_page_shared(Core& core, Pfn head);

// And one for machines that keep no bytes: the program has written to this page since it came with
// a huge page, so it is not zeros any more. Whoever replays references says so.
inline constexpr std::uint64_t kWritten = 1ULL << 11;
// Of a page under a large leaf, these are kept in the leaf's reserve.
inline constexpr std::uint64_t kPageMarks = kInUse | kWritten;

// Leaf flags for a page of `area`. `writable`: the page may be written without a further fault.
std::uint64_t leaf_flags(const Vma& area, bool writable);

// Maps `vpn` to `pfn`, replacing what was there (then flushed as copy on write). False: no memory
// for tables. `accessed`: set the accessed bit, as the kernel does for the page that faulted, not
// for those around it.
bool map_page(Core& core, Vma& area, Vpn vpn, Pfn pfn, bool writable, bool accessed);

// Maps 2 MiB from `first` on to the huge page of `head`, or to the huge zero page, where nothing is
// mapped. False: no memory for tables; nothing has changed.
bool map_huge(Core& core, Vma& area, Vpn first, Pfn head, std::uint64_t flags);
// Small translations in place of the large one of `vpn`, if there is one; the huge page remains one
// (__split_huge_pmd(), mm/huge_memory.c). Needs no memory.
void split_translation(Core& core, AddressSpace& space, Vpn vpn);
// The same if a large translation lies across this border.
inline void split_translation_at(Core& core, AddressSpace& space, Vpn border) {
  if (border.value % kHugePages != 0) split_translation(core, space, border);
}

// Says that a page under the large leaf of `vpn` is in use, or no longer. True: some page of it is.
bool mark_in_use(x86::PageTables& tables, Vpn vpn, bool in_use);

// Accounts for a translation that is about to go: call with the entry's last value.
void note_unmapped(Core& core, Vma& area, x86::Pte entry, int level = 1);
// Carries a leaf's dirty bit over to its frames.
void note_dirty(Core& core, x86::Pte leaf, int level);
// Accounts for translations to `frames` of a kind that were made by copying entries (fork);
// mapcounts are the caller's.
void note_mapped_many(Core& core, Vma& area, FrameKind kind, std::uint64_t frames);

// Removes the translations of `range` in `area` and flushes. Pages stay where they are.
void unmap_range(Core& core, Vma& area, VpnRange range, FlushReason reason);
// Takes write permission from the translations of `range`, so that the next write faults; dirty
// bits go to the frames. Flushes if anything changed.
void write_protect(Core& core, Vma& area, VpnRange range, FlushReason reason);

// Frames that reclaim has set aside since an area that maps them is locked: `part` of it no longer
// is. Another area may still lock them; then reclaim finds out again.
void rejoin_reclaim(Core& core, Vma& area, VpnRange part);

// A frame that was brought in before anyone asked is used now: the prefetch paid off.
void note_used(Core& core, Frame& frame);

// An anonymous frame is about to be written: its copy in swap is out of date. That it is changed
// each translation says for itself, so that MADV_FREE can take it back for one space.
void forget_copy(Core& core, Frame& frame);

// Marks a user frame as changed since its copy in the store or in swap was made. A frame that is
// marked has no copy in swap any more. Inlined: fork does this for every page.
void mark_first_change(Core& core, Frame& frame);
inline void mark_dirty(Core& core, Frame& frame) {
  if ((frame.flags & kFrameDirty) == 0) mark_first_change(core, frame);
}

}  // namespace pw
