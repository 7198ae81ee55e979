// Memory that something outside the fault path takes from the machine's RAM: the compressed swap
// tier, for one. Counted in frames; never reclaims, since reclaim itself may be what asks.
#pragma once

#include <cstdint>

namespace pw {

class MemoryCharge {
 public:
  virtual ~MemoryCharge() = default;
  // One more frame is taken. False: none is free.
  virtual bool take_frame() = 0;
  // One of the frames taken is free again.
  virtual void return_frame() = 0;
  virtual std::uint64_t frames() const = 0;
};

}  // namespace pw
