// The seam to the translation hardware. The core keeps the page tables, which are real; what lies
// beyond (a simulated TLB, a userfaultfd mapping, a guest's CPU) holds copies and must drop them
// when told.
//
// Contract: when invalidate() or drop_space() returns, no CPU can use a translation read from the
// tables before the call. A port may drop more than asked. Newly present entries need no call (x86
// never caches the absence of a translation).
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace pw {

enum class FlushReason : std::uint8_t {
  Unmap,
  Protect,
  CopyOnWrite,
  Reclaim,
  Migrate,
  WriteProtect,
  Fork
};
inline constexpr int kFlushReasons = 7;

using SpaceId = std::uint32_t;  // dense, reused after the space is gone

class MmuPort {
 public:
  virtual ~MmuPort() = default;
  // Pages of `range` in `space` changed or went, or lost rights. `tables_freed`: a table was freed
  // too, so that paging-structure caches of the range are stale.
  virtual void invalidate(SpaceId space, VpnRange range, FlushReason reason, bool tables_freed) = 0;
  // The space is going away, or all of it changed.
  virtual void drop_space(SpaceId space, FlushReason reason) = 0;
};

}  // namespace pw
