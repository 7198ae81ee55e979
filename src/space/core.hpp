// What the operations on memory work with: references to the machine's parts, no behaviour. The
// Machine wires it once and hands it down; a room uses the parts it needs.
#pragma once

#include <vector>

#include "base/clock.hpp"
#include "base/counters.hpp"
#include "base/options.hpp"
#include "object/object_table.hpp"
#include "phys/frame_pool.hpp"
#include "phys/frame_source.hpp"
#include "port/memory_events.hpp"
#include "port/mmu_port.hpp"
#include "space/page_sample.hpp"
#include "swap/swap_space.hpp"

namespace pw {

struct Core {
  FramePool& pool;
  FrameSource& frames;
  x86::TableFrames& table_frames;
  SwapSpace& swap;
  ObjectTable& objects;
  MmuPort& mmu;
  SimClock& clock;
  MachineCounters& counters;
  std::vector<AreaCounters>& areas;  // by LabelId
  const MemoryOptions& options;
  Pfn zero_frame;
  x86::KernelHalf kernel_half = {};   // of each space's roots
  std::uint64_t committed_pages = 0;  // promised to programs (vm_committed_as)
  Pfn huge_zero_frame = kNoFrame;     // the first of 512 zero pages; taken when first read
  MemoryListener* listener = nullptr;
  PageSample sample{};

  // What a translation to this frame shows are zeros that nobody owns.
  bool is_zero(Pfn pfn) const { return pfn == zero_frame || pfn == huge_zero_frame; }
};

}  // namespace pw
