// Where a user frame comes from when reclaim may be needed: the one way to get memory on the fault
// path. Implemented in src/reclaim; the caller knows only the outcome.
#pragma once

#include <cstdint>
#include <span>

#include "base/swap_slot.hpp"
#include "base/units.hpp"
#include "phys/frame.hpp"

namespace pw {

// What a frame is wanted for. Where the page was until now lets a replacement policy recognize it.
struct FrameWant {
  FrameKind kind;
  SwapSlot swapped = {};     // its bytes are in swap
  std::uint64_t shadow = 0;  // reclaim dropped it and left this in its slot (PageSlot::note())
  bool foreign = false;      // in memory already, since others have used it: nobody here pays
  std::uint8_t order = 0;    // 2^order frames in a row: 0, or 9 for a huge page
  bool light = false;        // rather none than reclaim for it
  bool paid = false;         // by pay()
  std::uint32_t pages = 1;   // that it stands for (space/page_sample.hpp)
};

struct FrameGrant {
  Pfn pfn;                     // of several, the first
  std::uint64_t ready_ns = 0;  // when writing out the victim ends; 0: at once
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // False: no memory, even after reclaim.
  virtual bool allocate(const FrameWant& want, FrameGrant& out) = 0;
  // A fault is being handled from now on, or no longer; `recency`: references in its area tell
  // something (lru_gen_enter_fault(), mm/memory.c). Pages that come in meanwhile are in use.
  virtual void fault_begins(bool /*recency*/) {}
  virtual void fault_ends() {}
  // Charges a folio's frames before they are allocated, all of them or none: a group takes back
  // from itself as much as that needs at once. `once`: gives up rather than try again.
  virtual bool pay(std::uint64_t /*pages*/, bool /*once*/) { return true; }
  // A new folio whose pages were dropped earlier; `shadow`: what that left in the last of them.
  virtual void returned(std::span<const Pfn> /*folio*/, std::uint64_t /*shadow*/) {}
  // The page of a file, which must be pinned, is about to be written to.
  virtual void will_write(Pfn) {}
  // A device writes the page of a file until then.
  virtual void write_began(Pfn, std::uint64_t /*until_ns*/) {}
  // When that ends; 0: nothing is being written.
  virtual std::uint64_t writing_until(Pfn) const { return 0; }
  // A folio of the page cache was used, of which this is a page: read by a system call, or looked
  // at through a mapping that now goes (folio_mark_accessed(), mm/swap.c).
  virtual void mark_accessed(Pfn) {}
  // Whether the page is one of those that reclaim has seen come back too soon (PG_workingset).
  virtual bool evicted_lately(Pfn) const { return false; }
};

}  // namespace pw
