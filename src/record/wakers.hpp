// Who ended the waits of a recording: of what other processes did until a wait was over, the last
// thing that may have ended it (a write to a pipe, a message, an exit) did.
//
// Filled while spools are converted, in whatever order they come; owned by the converter.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "record/recording.hpp"

namespace pw::record {

class Wakers {
 public:
  // Waits and wakes together; a recording of more says nothing of any.
  static constexpr std::size_t kMost = std::size_t{1} << 22;

  // A process went on at `end_ns`, after it had waited for others.
  void add_wait(std::uint32_t pid, std::uint64_t end_ns) { add(waits_, pid, end_ns); }
  // A process began at `ns` to do what others may wait for.
  void add_wake(std::uint32_t pid, std::uint64_t ns) { add(wakes_, pid, ns); }

  bool too_many() const { return waits_.size() + wakes_.size() >= kMost; }
  // By time. A wait that nobody can have ended is not among them.
  std::vector<WaitEnd> ends();

 private:
  using Moment = std::pair<std::uint64_t, std::uint32_t>;  // ns, pid
  void add(std::vector<Moment>& to, std::uint32_t pid, std::uint64_t ns) const {
    if (!too_many()) to.emplace_back(ns, pid);
  }

  std::vector<Moment> waits_, wakes_;
};

}  // namespace pw::record
