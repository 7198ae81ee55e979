// A program run as a child with the caller's standard streams, whose end is awaited while signals
// for the caller are passed on to it. Part of record().
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace pw::record {

// While it exists, SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGCHLD wait to be collected by
// ChildProcess::wait, in the thread that made it and in those that this starts.
class SignalGuard {
 public:
  SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard();

  const sigset_t& held() const { return held_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_;
  sigset_t before_;
  struct sigaction child_before_;
};

class ChildProcess {
 public:
  // `environment`: NAME=value, added to the caller's. Errors: NoEntry and whatever else posix_spawn
  // gives.
  static Result<ChildProcess> start(const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& environment,
                                    const SignalGuard& signals);

  // Waits so long for the end. Its status then: as exit() had it, or 128 + signal.
  std::optional<std::int32_t> wait(std::chrono::milliseconds at_most, const SignalGuard& signals);

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  std::optional<std::int32_t> collect();

  pid_t pid_;
};

}  // namespace pw::record
