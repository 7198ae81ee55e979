#include "record/child_process.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pw::record {

SignalGuard::SignalGuard() {
  sigemptyset(&held_);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&held_, signal);
  // An ignored SIGCHLD (inherited, say) would leave nothing to wait for.
  struct sigaction normal = {};
  normal.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &normal, &child_before_);
  ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
}

SignalGuard::~SignalGuard() {
  // What came for the program while it was ending is not for the caller.
  struct timespec no_time = {};
  sigset_t mine = held_;
  sigdelset(&mine, SIGCHLD);
  while (::sigtimedwait(&mine, nullptr, &no_time) > 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  ::sigaction(SIGCHLD, &child_before_, nullptr);
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& environment,
                                         const SignalGuard& signals) {
  std::vector<char*> argv;
  for (const std::string& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (char** old = environ; *old != nullptr; ++old) {
    bool replaced = std::any_of(environment.begin(), environment.end(), [&](const auto& added) {
      return std::strncmp(*old, added.c_str(), added.find('=') + 1) == 0;
    });
    if (!replaced) envp.push_back(*old);
  }
  for (const std::string& added : environment) envp.push_back(const_cast<char*>(added.c_str()));
  envp.push_back(nullptr);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  ::posix_spawnattr_setsigmask(&attributes, &signals.before());
  pid_t pid = -1;
  int error = ::posix_spawnp(&pid, argv[0], nullptr, &attributes, argv.data(), envp.data());
  ::posix_spawnattr_destroy(&attributes);
  if (error == 0) return ChildProcess(pid);
  return fail(static_cast<Errno>(error),
              "cannot start " + arguments[0] + ": " + std::strerror(error));
}

std::optional<std::int32_t> ChildProcess::collect() {
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(pid_, &status, WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return std::nullopt;
  if (got < 0) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::optional<std::int32_t> ChildProcess::wait(std::chrono::milliseconds at_most,
                                               const SignalGuard& signals) {
  if (auto status = collect()) return status;
  struct timespec timeout = {};
  timeout.tv_sec = at_most.count() / 1000;
  timeout.tv_nsec = at_most.count() % 1000 * 1'000'000;
  siginfo_t info = {};
  int signal = ::sigtimedwait(&signals.held(), &info, &timeout);
  // A terminal sends its signals to the whole group; those have reached the program already.
  if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL) ::kill(pid_, signal);
  return collect();
}

}  // namespace pw::record
