// Who ended the waits of a recording: of what other processes did until a wait was over, the last
// thing that may have ended it (a write to that pipe, a message, an exit) did.
//
// A wait for several things at once (poll, epoll) was for what the process took next, before it
// waited again. Where nothing fits, the last thing that anybody did counts.
//
// Who takes what was there already has not waited, but would have, had it come before the other.
// So that is a wait, too: in a pipe for the write that brought the last byte taken, elsewhere for
// the last message that had been sent.
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
  // A process began at `ns` to do what others may wait for, which took `took_ns` and moved so many
  // bytes (of pipes only).
  void add_wake(std::uint32_t pid, std::uint64_t ns, std::uint64_t channel = 0,
                std::uint64_t took_ns = 0, std::uint64_t bytes = 0) {
    add(wakes_, {ns, pid, channel, ns + took_ns, bytes});
  }

  bool too_many() const { return waits_.size() + wakes_.size() >= kMost; }
  // By time. A wait that nobody can have ended is not among them, nor is one for what the process
  // has waited for before.
  std::vector<WaitEnd> ends();

 private:
  struct Moment {
    std::uint64_t ns;
    std::uint32_t pid;
    std::uint64_t channel;
    std::uint64_t end_ns = 0;  // of a wake
    std::uint64_t bytes = 0;
    friend auto operator<=>(const Moment&, const Moment&) = default;
  };
  class Pipes;
  void add(std::vector<Moment>& to, const Moment& moment) const {
    if (!too_many()) to.push_back(moment);
  }
  void find_channels();
  const Moment* last_before(const Moment& wait, bool whatever) const;
  bool was_wait(const Moment& take) const;
  void add_takes(std::vector<WaitEnd>& ends) const;
  const Moment* giver_of(const Moment& take, Pipes& pipes) const;

  std::vector<Moment> waits_, wakes_;
};

}  // namespace pw::record
