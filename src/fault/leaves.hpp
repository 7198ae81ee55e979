// One function for each kind of fault that does something: computes, while the handler decides.
//
// A leaf either maps the page (Mapped), or brings things one step further so that the handler looks
// again (Again), or has started a transfer that must end first (Wait), or fails. A failed leaf has
// changed nothing.
#pragma once

#include "fault/classify.hpp"

namespace pw {

struct LeafResult {
  enum class Kind : std::uint8_t { Mapped, Again, Wait, Bus, NoMemory };
  Kind kind = Kind::Mapped;
  std::uint64_t until_ns = 0;  // Wait: until then; Mapped: the access may go on from then (0: at
                               // once)
  bool minor = false;          // Wait: that alone makes no major fault of it
};

// What every leaf is given.
struct PageFault {
  Core& core;
  FaultRequest& request;
  Vma& area;
  Vpn vpn;
  PageView view;
};

LeafResult map_zero_page(PageFault& fault);
LeafResult map_fresh_page(PageFault& fault);    // anonymous; with prepaging
LeafResult add_fresh_shared(PageFault& fault);  // then Again
LeafResult map_private(PageFault& fault);
LeafResult copy_on_write(PageFault& fault);
LeafResult copy_from_object(PageFault& fault);
LeafResult copy_file_page(PageFault& fault);  // of the view's common slot
LeafResult swap_in(PageFault& fault);         // then Again or Wait
LeafResult map_object(PageFault& fault);      // with fault-around
LeafResult beyond_end(PageFault& fault);      // SIGBUS, but a read maps what lies around first
LeafResult read_file(PageFault& fault);       // then Again or Wait

// A user frame of `kind` for page `index` of `owner`, whose slot says `was`, reclaiming if need be;
// refs is 1. False: no memory.
bool new_user_frame(Core& core, FrameKind kind, std::uint32_t owner, PageOffset index, PageSlot was,
                    FrameGrant& out, bool foreign = false, std::uint32_t pages = 1);

// Brings one page of a file into the cache without mapping it: a frame in its slot, its bytes read.
// The transfer is not charged to the device here. Errors: NoMemory, Io.
Result<Pfn> load_file_page(Core& core, VmObject& file, PageOffset at);

// Starts reading the pages of [begin, end) that are not in memory, up to what one request may ask
// for; how many came. Ends where memory does. `description`: of the open file, 0 if nobody cares.
std::uint64_t read_ahead(Core& core, VmObject& file, std::uint64_t description, PageOffset begin,
                         PageOffset end);

// Starts bringing the page of `vpn` back if it is in swap; it is not mapped. False: no memory, or
// it can't be read.
bool swap_in_ahead(Core& core, Vma& area, Vpn vpn);

// Reading ahead from swap as Linux does it, in swap_readahead.cpp: which pages of the area come
// with one that is asked for, itself included; and that a page was found in memory, unmapped.
VpnRange swap_window(Core& core, Vma& area, Vpn vpn);
void note_swap_hit(Vma& area, Vpn vpn, bool read_ahead);

// Makes page `at` of a file or shared object resident, whatever it takes, advancing the clock over
// waits: for read(2), write(2) and the like. Errors: NoMemory, Io.
Result<Pfn> require_object_page(Core& core, VmObject& object, PageOffset at);

}  // namespace pw
