// The channel between a runner and its puppets, and lock step over it (see puppet/channel.h).
//
// Owned by a HostTarget. Starts the keeper and ends it together with everything that it has become
// the parent of. A slot has one command in flight: post() hands it over, await() waits until it is
// carried out. Signal masks, handlers and children of the calling program stay as they are, but for
// one child, the keeper.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "ports/host/puppet/channel.h"

namespace pw::host {

// A descriptor that is closed with its owner.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// What the keeper takes on before it starts processes.
struct KeeperOptions {
  std::string folder;
  std::uint64_t stack_limit = 0, lock_limit = 0, file_limit = 0;  // bytes
  std::uint32_t user = 0, group = 0;                              // to become, if `drop`
  bool drop = false;
};

class HostChannel {
 public:
  enum class Answer : std::uint8_t { Done, Died, Late };
  using Clock = std::chrono::steady_clock;

  static constexpr unsigned kKeeper = 0;  // its slot

  // Error: what the host lacks.
  static Result<std::unique_ptr<HostChannel>> create(const KeeperOptions& options,
                                                     std::chrono::milliseconds timeout);
  ~HostChannel();
  HostChannel(const HostChannel&) = delete;
  HostChannel& operator=(const HostChannel&) = delete;

  PwSlot& slot(unsigned index) { return slots_[index]; }
  PwHeader& header() { return *header_; }
  // A slot that nobody has; 0: there is none.
  unsigned take_slot();
  void give_back(unsigned index) { taken_[index] = false; }

  // The slot's command is filled in.
  void post(unsigned index);
  // For a child that is to announce itself in the slot.
  void expect(unsigned index) { slot(index).request = slot(index).answer + 1; }
  // Until the slot's answer is there, the process of `pidfd` is dead, or time is up.
  Answer await(unsigned index, int pidfd);
  Answer await_keeper() { return await(kKeeper, keeper_pidfd_.get()); }
  // Until the process is dead. False: time is up.
  bool await_death(int pidfd) const;
  // A new process in the slot, which will announce itself there.
  Result<pid_t> spawn(unsigned index);

 private:
  explicit HostChannel(std::chrono::milliseconds timeout) : timeout_(timeout) {}
  Result<void> make_memory();
  void follow(unsigned index);
  Result<void> start_keeper(const KeeperOptions& options);

  std::chrono::milliseconds timeout_;
  OwnedFd memory_, keeper_pidfd_;
  pid_t keeper_ = 0;
  void* base_ = nullptr;
  PwHeader* header_ = nullptr;
  PwSlot* slots_ = nullptr;
  std::array<int, kPwSlots> cpus_ = {};  // where each slot's process is bound to
  std::vector<bool> taken_ = std::vector<bool>(kPwSlots, false);
};

}  // namespace pw::host
