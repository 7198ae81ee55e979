// Who ended the waits of a recording: of what other processes did until a wait was over, the last
// thing that may have ended it (a write to that pipe, a message, an exit) did.
//
// A wait for several things at once (poll, epoll) was for what the process took next, before it
// waited again. Where nothing fits, the last thing that anybody did counts.
//
// Filled while spools are converted, in whatever order they come; owned by the converter.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "record/recording.hpp"

namespace pw::record {

class Wakers {
 public:
  // Waits and wakes together; a recording of more says nothing of any.
  static constexpr std::size_t kMost = std::size_t{1} << 22;

  // A process went on at `end_ns`, after it had waited for others; by way of which channel
  // (PW_WAKE, recorder/common/encoding.h; 0: it is not known).
  void add_wait(std::uint32_t pid, std::uint64_t end_ns, std::uint64_t channel = 0) {
    add(waits_, {end_ns, pid, channel});
  }
  // A process began at `ns` to do what others may wait for.
  void add_wake(std::uint32_t pid, std::uint64_t ns, std::uint64_t channel = 0) {
    add(wakes_, {ns, pid, channel});
  }

  bool too_many() const { return waits_.size() + wakes_.size() >= kMost; }
  // By time. A wait that nobody can have ended is not among them.
  std::vector<WaitEnd> ends();

 private:
  struct Moment {
    std::uint64_t ns;
    std::uint32_t pid;
    std::uint64_t channel;
    friend auto operator<=>(const Moment&, const Moment&) = default;
  };
  void add(std::vector<Moment>& to, const Moment& moment) const {
    if (!too_many()) to.push_back(moment);
  }
  void find_channels();
  const Moment* waker_of(const Moment& wait) const;

  std::vector<Moment> waits_, wakes_;
};

}  // namespace pw::record
