// What a machine does with memory besides faults, told one by one to whoever listens: pages that
// leave, pages that are written to swap, CPUs that change address spaces, shootdowns.
//
// Sums over events are the machine's counters: a Switch is one of space_switches, a Shootdown one
// of shootdowns and `cpus` of shootdown_ipis, a SwapWrite one of pswpout; an Evicted is one of
// pgsteal_*, of local_evictions, or was asked for (MADV_PAGEOUT, a process swapped out whole).
//
// Owned by the listener; an event is told while it happens, and its members are those of that
// moment. A machine to which nobody listens pays a comparison for each.
#pragma once

#include <cstdint>

#include "base/swap_slot.hpp"
#include "phys/frame.hpp"
#include "port/mmu_port.hpp"

namespace pw {

inline constexpr SpaceId kNoSpace = ~SpaceId{0};

// The page that leaves or is written. `space`: one that holds it, if it is private memory.
struct EventPage {
  Pfn frame = kNoFrame;
  FrameKind kind = FrameKind::Anon;
  std::uint32_t owner = 0;  // as Frame has it: a family, or an object
  std::uint64_t index = 0;  // page offset there
  SpaceId space = kNoSpace;
};

struct MemoryEvent {
  enum class Kind : std::uint8_t { Evicted, SwapWrite, Switch, Shootdown };
  enum class To : std::uint8_t { Swap, File, Nowhere };  // Nowhere: MADV_FREE had named it

  Kind kind = Kind::Evicted;
  EventPage page;        // Evicted, SwapWrite
  SwapSlot slot{};       // Evicted to swap, SwapWrite
  To to = To::Swap;      // Evicted
  bool written = false;  // Evicted: it was dirty, and had to be written now so that it could go

  unsigned cpu = 0;          // Switch: which; Shootdown: who asked
  SpaceId from = kNoSpace;   // Switch: what ran before
  SpaceId space = kNoSpace;  // Switch: what runs now; Shootdown: whose translations
  VpnRange range{};          // Shootdown
  FlushReason reason = FlushReason::Unmap;
  std::uint32_t cpus = 0;  // Shootdown: how many were interrupted
};

class MemoryListener {
 public:
  virtual ~MemoryListener() = default;
  virtual void happened(const MemoryEvent& event) = 0;
};

}  // namespace pw
