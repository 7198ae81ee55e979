// Simulated time, in nanoseconds since the machine was made. Only the machine moves it. With
// several CPUs it is the time of the one that runs.
#pragma once

#include <cstdint>

namespace pw {

class SimClock {
 public:
  std::uint64_t now_ns() const { return now_ns_; }
  void advance(std::uint64_t ns) { now_ns_ += ns; }
  void set(std::uint64_t ns) { now_ns_ = ns; }
  void advance_to(std::uint64_t ns) {
    if (ns > now_ns_) now_ns_ = ns;
  }

 private:
  std::uint64_t now_ns_ = 0;
};

}  // namespace pw
