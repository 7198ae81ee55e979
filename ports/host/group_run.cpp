#include "ports/host/group_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "embedded/group_launcher.hpp"
#include "ports/host/launcher/channel.h"

namespace pw::host {
namespace {

constexpr int kHighFd = 20;  // above those that the launcher knows by number
constexpr std::uint64_t kQuietTickNs = 100'000'000;
constexpr const char* kHugePagesFile = "/sys/kernel/mm/transparent_hugepage/enabled";

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  return fail(static_cast<Errno>(error), fmt::format("{}: {}", what, std::strerror(error)));
}

// The same descriptor with a number that is out of the way.
OwnedFd high(int fd) {
  const OwnedFd low(fd);
  return OwnedFd(fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, kHighFd));
}

Result<std::string> program_path(const std::string& name) {
  if (name.find('/') != name.npos) {
    if (access(name.c_str(), X_OK) != 0) return failed("cannot run " + name);
    return name;
  }
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (!folders.empty()) {
    const std::size_t end = std::min(folders.find(':'), folders.size());
    const std::string path = std::string(folders.substr(0, end)) + '/' + name;
    folders.remove_prefix(std::min(end + 1, folders.size()));
    struct stat file {};
    const bool regular = stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode);
    if (regular && access(path.c_str(), X_OK) == 0) return path;
  }
  return fail(Errno::NoEntry, fmt::format("there is no program {} in PATH", name));
}

// What prctl is to be told so that the program has huge pages as asked; -1: nothing can do it.
int thp_disable(HugePages asked) {
  constexpr int kOff = 1, kExceptAdvised = 3;
  if (asked == HugePages::Never) return kOff;
  const HugePages system = system_huge_pages();
  if (asked == system) return 0;
  return asked == HugePages::Madvise && system == HugePages::Always ? kExceptAdvised : -1;
}

constexpr std::string_view name_of(HugePages huge_pages) {
  return huge_pages == HugePages::Always    ? "always"
         : huge_pages == HugePages::Madvise ? "madvise"
                                            : "never";
}

class Channel {
 public:
  static Result<Channel> make() {
    OwnedFd fd = high(memfd_create("pagewright-launch", MFD_CLOEXEC));
    if (!fd || ftruncate(fd.get(), sizeof(PwLaunchChannel)) != 0) return failed("memfd_create");
    void* page = mmap(nullptr, sizeof(PwLaunchChannel), PROT_READ | PROT_WRITE, MAP_SHARED,
                      fd.get(), 0);
    if (page == MAP_FAILED) return failed("mmap");
    return Channel(std::move(fd), static_cast<PwLaunchChannel*>(page));
  }
  Channel(Channel&& other) noexcept
      : fd_(std::move(other.fd_)), page_(std::exchange(other.page_, nullptr)) {}
  Channel& operator=(Channel&&) = delete;
  ~Channel() {
    if (page_ != nullptr) munmap(page_, sizeof(PwLaunchChannel));
  }

  int fd() const { return fd_.get(); }
  PwLaunchChannel* operator->() const { return page_; }

 private:
  Channel(OwnedFd fd, PwLaunchChannel* page) : fd_(std::move(fd)), page_(page) {}

  OwnedFd fd_;
  PwLaunchChannel* page_;
};

Result<Channel> prepare(const RunRequest& request) {
  if (request.command.empty()) return fail(Errno::Invalid, "no program given");
  const Result<std::string> path = program_path(request.command.front());
  if (!path) return tl::unexpected(path.error());
  if (path->size() >= kPwLaunchPathBytes) return fail(Errno::NameTooLong, *path + " is too long");
  const int thp = thp_disable(request.huge_pages);
  if (thp < 0) {
    return fail(
        Errno::NotSupported,
        fmt::format("huge pages '{}' cannot be had while the system's setting is '{}': echo "
                    "{} > {} (check --set-thp does so meanwhile)",
                    name_of(request.huge_pages), name_of(system_huge_pages()),
                    name_of(request.huge_pages), kHugePagesFile));
  }
  Result<Channel> channel = Channel::make();
  if (!channel) return channel;
  std::memcpy((*channel)->path, path->c_str(), path->size() + 1);
  (*channel)->enter_group = 1;
  (*channel)->fixed_layout = request.fixed_layout ? 1 : 0;
  (*channel)->thp_disable = thp;
  (*channel)->cpu = request.cpu;
  (*channel)->keep_errors = request.keep_errors ? 1 : 0;
  return channel;
}

Result<OwnedFd> launcher_program() {
  OwnedFd fd = high(memfd_create("pagewright-launcher", MFD_CLOEXEC));
  const std::string_view bytes = embedded::group_launcher;
  const bool written = fd && write(fd.get(), bytes.data(), bytes.size()) ==
                                 static_cast<ssize_t>(bytes.size());
  if (!written) return failed("cannot write the launcher");
  return fd;
}

Result<pid_t> launch(const RunRequest& request, const Channel& channel, const OwnedFd& processes) {
  const Result<OwnedFd> program = launcher_program();
  if (!program) return tl::unexpected(program.error());
  const std::string path = fmt::format("/proc/self/fd/{}", program->get());
  std::string name = "pagewright-launcher";
  std::vector<char*> argv{name.data()};
  for (const std::string& word : request.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, channel.fd(), kPwLaunchFd);
  posix_spawn_file_actions_adddup2(&actions, processes.get(), kPwLaunchGroupFd);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  errno = error;
  if (error != 0) return failed("cannot start the launcher (sysctl vm.memfd_noexec=0)");
  return pid;
}

void end_all(const MemoryGroup& group) {
  for (int pid : group.processes()) {
    if (pid > 0) kill(pid, SIGKILL);
  }
}

// Until the launcher has ended: the program, and what it left behind. True: it took too long.
bool wait_for(pid_t launcher, const Channel& channel, const MemoryGroup& group,
              const RunRequest& request) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const bool flush = request.stat_flush_ns > 0;
  const std::uint64_t tick = flush ? std::min(request.stat_flush_ns, kQuietTickNs) : kQuietTickNs;
  const OwnedFd process(static_cast<int>(syscall(SYS_pidfd_open, launcher, 0)));
  const timespec pause{0, static_cast<long>(tick)};
  std::uint64_t since_flush = 0;
  bool late = false;
  for (;;) {
    pollfd waiting{process.get(), POLLIN, 0};
    ppoll(&waiting, 1, &pause, nullptr);
    int status = 0;
    const pid_t got = waitpid(launcher, &status, WNOHANG);
    if (got == launcher || (got < 0 && errno != EINTR)) return late;
    since_flush += tick;
    if (flush && since_flush >= request.stat_flush_ns) {
      group.stat_text();
      since_flush = 0;
    }
    const std::chrono::duration<double> so_far = Clock::now() - began;
    late = late || (request.timeout_s > 0 && so_far.count() > request.timeout_s);
    if (late || channel->ended != 0) end_all(group);
  }
}

// The kernel's log from here on.
class KernelLog {
 public:
  KernelLog() : fd_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (fd_) lseek(fd_.get(), 0, SEEK_END);
  }
  std::string news() const {
    std::string text;
    std::array<char, 8192> record;
    for (;;) {
      const ssize_t got = fd_ ? read(fd_.get(), record.data(), record.size()) : 0;
      if (got < 0 && errno == EPIPE) continue;  // records were overwritten
      if (got <= 0) return text;
      text.append(record.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  OwnedFd fd_;
};

Result<void> why_not_started(const Channel& channel, const RunRequest& request) {
  if (channel->stage == kPwLaunchReady) return {};
  const std::string why = std::strerror(channel->error);
  const auto code = static_cast<Errno>(channel->error);
  switch (channel->step) {
    case kPwStepGroup:
      return fail(code, "the program could not enter its memory group: " + why);
    case kPwStepCpu:
      return fail(code, fmt::format("the program cannot run on CPU {}: {}", request.cpu, why));
    case kPwStepThp:
      return fail(Errno::NotSupported, fmt::format("this kernel cannot give one program huge pages "
                                                   "'{}' only: {}",
                                                   name_of(request.huge_pages), why));
    case kPwStepExec:
      return fail(code, fmt::format("cannot run {}: {}", channel->path, why));
    default:
      // Killed on the way: below the memory that a process needs to start.
      return channel->pid != 0 ? Result<void>{} : fail(Errno::Io, "the launcher did not start");
  }
}

std::uint64_t above(std::int64_t whole, std::int64_t before) {
  return whole > before ? static_cast<std::uint64_t>(whole - before) : 0;
}

RunResult counted(const Channel& channel) {
  RunResult result;
  const int status = channel->status;
  result.exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  const PwUsage& whole = channel->whole;
  const PwUsage& before = channel->before;
  result.minor_faults = above(whole.minor, before.minor);
  result.major_faults = above(whole.major, before.major);
  result.peak_resident_bytes = static_cast<std::uint64_t>(whole.peak_kib) << 10;
  result.cpu_seconds = static_cast<double>(above(whole.user_us, before.user_us) +
                                           above(whole.system_us, before.system_us)) /
                       1e6;
  result.seconds = static_cast<double>(channel->wall_ns) / 1e9;
  result.left_over = channel->left_over;
  return result;
}

}  // namespace

HugePages system_huge_pages() {
  const std::string text = text_of_file(kHugePagesFile);
  if (text.find("[always]") != text.npos) return HugePages::Always;
  return text.find("[madvise]") != text.npos ? HugePages::Madvise : HugePages::Never;
}

Result<RunResult> run_in_group(Guardian& guardian, const GroupParent& parent,
                               const RunRequest& request) {
  Result<Channel> channel = prepare(request);
  if (!channel) return tl::unexpected(channel.error());
  const Result<std::string> path = guardian.make_group(parent);
  if (!path) return tl::unexpected(path.error());
  const MemoryGroup group(parent.version, *path);
  std::vector<std::string> notes;
  PW_TRY(group.set(request.knobs, notes));
  const OwnedFd processes = high(open(group.processes_file().c_str(), O_WRONLY | O_CLOEXEC));
  if (!processes) return failed("cannot open " + group.processes_file());

  const KernelLog log;
  const Counters before = parse_counters(text_of_file("/proc/vmstat"));
  const Result<pid_t> launcher = launch(request, *channel, processes);
  if (!launcher) return tl::unexpected(launcher.error());
  const bool late = wait_for(*launcher, *channel, group, request);
  PW_TRY(why_not_started(*channel, request));
  const Counters after = parse_counters(text_of_file("/proc/vmstat"));

  RunResult result = counted(*channel);
  result.timed_out = late;
  result.notes = std::move(notes);
  result.counters = change(group.stat(), before, after);
  result.peak_group_bytes = group.peak_bytes();
  result.oom_kills = group.oom_kills();
  if (result.oom_kills > 0) {
    result.oom_victims = oom_victims(log.news(), path->substr(path->rfind('/') + 1));
  }
  PW_TRY(guardian.remove_group(*path));
  return result;
}

// A partition's folder lies in that of its disk, which has the queue.
std::uint32_t readahead_pages(const std::string& folder) {
  constexpr std::uint32_t kUsual = 32;
  constexpr unsigned long kMostKib = 1UL << 20;
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) return kUsual;
  const std::string device = fmt::format("/sys/dev/block/{}:{}/", major(info.st_dev),
                                         minor(info.st_dev));
  std::string text = text_of_file(device + "queue/read_ahead_kb");
  if (text.empty()) text = text_of_file(device + "../queue/read_ahead_kb");
  if (text.empty()) return kUsual;
  const unsigned long kib = std::min(std::strtoul(text.c_str(), nullptr, 10), kMostKib);
  return static_cast<std::uint32_t>(std::max(kib >> (kPageShift - 10), 1UL));
}

}  // namespace pw::host
