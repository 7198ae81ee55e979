// Where a user frame comes from when reclaim may be needed: the one way to get memory on the fault
// path. Implemented in src/reclaim; the caller knows only the outcome.
#pragma once

#include <cstdint>

#include "base/units.hpp"
#include "phys/frame.hpp"

namespace pw {

struct FrameGrant {
  Pfn pfn;
  std::uint64_t ready_ns = 0;  // when writing out the victim ends; 0: at once
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // False: no memory, even after reclaim.
  virtual bool allocate(FrameKind kind, FrameGrant& out) = 0;
};

}  // namespace pw
