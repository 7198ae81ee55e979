// TickClock: the clock interrupt of policies that do something at regular intervals of virtual
// time. Owned by a policy; not due at time 0.
#pragma once

#include <cstdint>

namespace pw::policy {

class TickClock {
 public:
  // `interval` in references; 0: `per_frame` for each of `frames`.
  TickClock(double interval, std::uint32_t per_frame, std::uint32_t frames)
      : interval_(interval < 1 ? std::uint64_t{per_frame} * (frames == 0 ? 1 : frames)
                               : static_cast<std::uint64_t>(interval)),
        next_(interval_) {}

  // Whether an interval has passed; one that was missed altogether is not made up for.
  bool due(std::uint64_t now) {
    if (now < next_) return false;
    next_ = now - now % interval_ + interval_;
    return true;
  }
  std::uint64_t next() const { return next_; }

 private:
  std::uint64_t interval_;
  std::uint64_t next_;
};

}  // namespace pw::policy
