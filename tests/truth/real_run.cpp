#include "truth/real_run.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace pw::truth {

namespace {

// What the child has counted by the time of its execve.
struct BeforeExec {
  volatile long minor, major;
  volatile int failed;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const std::string& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

// Between the last look at the counters and the kernel's work for the new program nothing new is
// touched: the same calls have been made before.
[[noreturn]] void become(const RealRun& run, char** command, char** environment,
                         BeforeExec& before) {
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(run.output.empty() ? "/dev/null" : run.output.c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const bool ready = in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
                     (run.folder.empty() || chdir(run.folder.c_str()) == 0) &&
                     personality(ADDR_NO_RANDOMIZE) != -1 &&
                     prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0;
  before.failed = 1;
  if (!ready) _exit(127);
  execve("/nonexistent/program", command, environment);
  rusage usage{};
  for (int i = 0; i < 3; ++i) {
    getrusage(RUSAGE_SELF, &usage);
    before.minor = usage.ru_minflt;
    before.major = usage.ru_majflt;
    before.failed = 0;
  }
  execve(command[0], command, environment);
  before.failed = errno;
  _exit(127);
}

}  // namespace

const std::vector<std::string>& environment() {
  static const std::vector<std::string> lines{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
                                              "HOME=/", "PYTHONHASHSEED=0",
                                              "PYTHONDONTWRITEBYTECODE=1"};
  return lines;
}

std::optional<RealCounts> run_for_real(const RealRun& run) {
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return std::nullopt;
  auto* before = static_cast<BeforeExec*>(page);
  const std::vector<char*> command = pointers(run.command), lines = pointers(environment());
  const pid_t child = fork();
  if (child == 0) {
    become(run, const_cast<char**>(command.data()), const_cast<char**>(lines.data()), *before);
  }
  RealCounts counts;
  rusage usage{};
  pid_t ended = 0;
  do {
    ended = wait4(child, &counts.status, 0, &usage);
  } while (ended < 0 && errno == EINTR);
  counts.minor = usage.ru_minflt - before->minor;
  counts.major = usage.ru_majflt - before->major;
  counts.peak_kib = usage.ru_maxrss;
  const bool failed = child < 0 || ended != child || before->failed != 0;
  munmap(page, 4096);
  if (failed) return std::nullopt;
  return counts;
}

// Windows of large folios, the layout of the vdso and other things come and go with versions.
std::string why_not_here() {
  utsname name{};
  if (uname(&name) != 0) return "uname() fails";
  int major = 0, minor = 0;
  char* rest = nullptr;
  major = static_cast<int>(std::strtol(name.release, &rest, 10));
  if (rest != nullptr && *rest == '.') {
    minor = static_cast<int>(std::strtol(rest + 1, nullptr, 10));
  }
  if (major == 6 && minor >= 12) return {};
  return std::string("the kernel is ") + name.release + ", the model is of 6.12 to 6.18";
}

}  // namespace pw::truth
