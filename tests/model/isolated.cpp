#include "model/isolated.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/check.hpp"
#include "model/player.hpp"

namespace pw::model {

namespace {

// Runs `body` in a child; its exit status, or -1 if it crashed. `quiet`: what it says is thrown
// away.
int in_child(bool quiet, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (quiet) {
      const int nowhere = ::open("/dev/null", O_WRONLY);
      ::dup2(nowhere, 1);
      ::dup2(nowhere, 2);
    }
    ::_exit(body());
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// A file without a name that a child writes and the parent reads afterwards: a pipe would fill up.
class Channel {
 public:
  Channel() : file_(std::tmpfile()) { PW_CHECK_MSG(file_ != nullptr, "no temporary file"); }
  ~Channel() { std::fclose(file_); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int fd() const { return ::fileno(file_); }
  // Written at once, so that it survives a crash of the child.
  void write(const void* bytes, std::size_t size) const {
    if (::write(fd(), bytes, size) != static_cast<ssize_t>(size)) ::_exit(3);
  }
  std::string read() const {
    std::string text;
    char part[4096];
    ::lseek(fd(), 0, SEEK_SET);
    for (ssize_t n = 0; (n = ::read(fd(), part, sizeof part)) > 0;) {
      text.append(part, static_cast<std::size_t>(n));
    }
    return text;
  }

 private:
  std::FILE* file_;
};

int play_once(const Scenario& scenario) {
  ::alarm(60);  // an operation that never ends is a failure too
  try {
    Player(scenario, nullptr).play();
    return 0;
  } catch (const Mismatch&) {
    return 1;
  }
}

}  // namespace

bool play_seeds(std::uint64_t first, std::uint64_t count, std::size_t ops, bool each,
                std::uint64_t& failed) {
  const Channel progress;
  const int status = in_child(false, [&] {
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
      progress.write(&seed, sizeof seed);
      if (play_once(make_scenario(seed, ops, each)) != 0) return 1;
    }
    return 0;
  });
  const std::string seeds = progress.read();
  failed = first;
  if (seeds.size() >= sizeof failed) {
    std::copy_n(seeds.end() - sizeof failed, sizeof failed, reinterpret_cast<char*>(&failed));
  }
  return status == 0;
}

bool plays(const Scenario& scenario) {
  return in_child(true, [&] { return play_once(scenario); }) == 0;
}

Scenario shrink(Scenario scenario, std::size_t budget) {
  std::size_t part = std::max<std::size_t>(1, scenario.ops.size() / 2);
  while (budget > 0) {
    bool removed = false;
    for (std::size_t at = 0; at < scenario.ops.size() && budget > 0; --budget) {
      Scenario less = scenario;
      const std::size_t end = std::min(at + part, less.ops.size());
      less.ops.erase(less.ops.begin() + static_cast<std::ptrdiff_t>(at),
                     less.ops.begin() + static_cast<std::ptrdiff_t>(end));
      if (plays(less)) {
        at += part;
      } else {
        scenario = std::move(less);
        removed = true;
      }
    }
    if (part == 1 && !removed) break;
    part = std::max<std::size_t>(1, part / 2);
  }
  return scenario;
}

std::string narrate(const Scenario& scenario) {
  const Channel story;
  const auto tell = [&story](const std::string& line) {
    const std::string whole = line + "\n";
    story.write(whole.data(), whole.size());
  };
  const int status = in_child(true, [&] {
    ::dup2(story.fd(), 2);  // where a failed check speaks
    try {
      Player(scenario, tell).play();
    } catch (const Mismatch& mismatch) {
      tell(std::string("MISMATCH: ") + mismatch.what());
      return 1;
    }
    return 0;
  });
  const char* end = status == 0 ? "ends well" : status < 0 ? "crashes" : "fails";
  return describe(scenario) + "\n" + story.read() + end;
}

}  // namespace pw::model
