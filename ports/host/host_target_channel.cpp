#include "ports/host/host_target_channel.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "embedded/host_puppet.hpp"

namespace pw::host {

namespace {

constexpr std::size_t kMostCpus = 8192;
constexpr std::chrono::milliseconds kLook{50};  // between looks whether the other side lives

tl::unexpected<Error> last_error(const std::string& what) {
  const int code = errno;
  return fail(static_cast<Errno>(code), what + ": " + std::strerror(code));
}

std::uint32_t read_word(std::uint32_t& word) {
  return std::atomic_ref(word).load(std::memory_order_seq_cst);
}

long futex(std::uint32_t& word, int operation, std::uint32_t value, const timespec* patience) {
  return ::syscall(SYS_futex, &word, operation, value, patience, nullptr, 0);
}

bool dead(int pidfd) {
  pollfd entry = {pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

// What the keeper's child-to-be needs, in memory that it shares with the runner until it executes.
struct Start {
  int memory;
  PwHeader* header;
};

// In the keeper-to-be, on a stack of its own but in the runner's memory: system calls only, and
// none whose wrapper tells other threads.
int run_keeper(void* argument) {
  const auto& start = *static_cast<Start*>(argument);
  if (::syscall(SYS_personality, ADDR_NO_RANDOMIZE) < 0) ::syscall(SYS_exit, 118);
  rlimit files = {};
  if (::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &files) == 0 && files.rlim_cur <= kPwFd) {
    files.rlim_cur = files.rlim_max;
    ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &files, nullptr);
  }
  if (::syscall(SYS_dup3, start.memory, kPwFd, 0) == kPwFd) {
    start.header->pids[HostChannel::kKeeper] = static_cast<std::uint32_t>(::syscall(SYS_getpid));
    const char* const arguments[] = {"pagewright", nullptr};
    ::syscall(SYS_execveat, kPwFd, "", arguments, arguments + 1, AT_EMPTY_PATH);
  }
  ::syscall(SYS_exit, 119);
  return 0;
}

std::string why_no_keeper(int status) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  switch (code) {
    case 118:
      return "addresses are random: personality(ADDR_NO_RANDOMIZE) is refused (by a container?)";
    case 119:
      return "a program in a memfd cannot be executed (vm.memfd_noexec?)";
    case 120:
      return "the privileges of root cannot be given up";
    case 121:
      return "the working folder cannot be entered";
    case 123:
      return "the kernel keeps its own areas in a process (sealed vdso?)";
    case 126:
      return "the channel cannot be mapped";
    default:
      return "the first process ended with status " + std::to_string(code);
  }
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::unique_ptr<HostChannel>> HostChannel::create(const KeeperOptions& options,
                                                         std::chrono::milliseconds timeout) {
  std::unique_ptr<HostChannel> channel(new HostChannel(timeout));
  PW_TRY(channel->make_memory());
  PW_TRY(channel->start_keeper(options));
  return channel;
}

Result<void> HostChannel::make_memory() {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, since Linux 6.3
  memory_ = OwnedFd(::memfd_create("pagewright", MFD_CLOEXEC | kExecutable));
  if (!memory_ && errno == EINVAL) memory_ = OwnedFd(::memfd_create("pagewright", MFD_CLOEXEC));
  if (!memory_) return last_error("memfd_create");
  if (::ftruncate(memory_.get(), kPwBytes) != 0) return last_error("cannot size the channel");
  base_ = ::mmap(nullptr, kPwBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (base_ == MAP_FAILED) {
    base_ = nullptr;
    return last_error("cannot map the channel");
  }
  auto* bytes = static_cast<unsigned char*>(base_);
  std::memcpy(bytes, embedded::host_puppet.data(), embedded::host_puppet.size());
  header_ = reinterpret_cast<PwHeader*>(bytes + kPwTextBytes);
  slots_ = reinterpret_cast<PwSlot*>(bytes + kPwSlotBytes);
  return {};
}

Result<void> HostChannel::start_keeper(const KeeperOptions& options) {
  if (options.folder.size() >= sizeof header_->folder) {
    return fail(Errno::NameTooLong, "the working folder's name is too long");
  }
  std::memcpy(header_->folder, options.folder.c_str(), options.folder.size() + 1);
  header_->runner = ::getpid();
  header_->user = options.user;
  header_->group = options.group;
  header_->drop = options.drop ? 1 : 0;
  header_->stack_limit = options.stack_limit;
  header_->lock_limit = options.lock_limit;
  header_->file_limit = options.file_limit;
  taken_[kKeeper] = true;
  expect(kKeeper);

  alignas(16) std::array<unsigned char, 64 << 10> stack;
  Start start = {memory_.get(), header_};
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours may run in the child
  keeper_ = ::clone(run_keeper, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD,
                    &start);
  const int code = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  if (keeper_ < 0) return last_error("cannot start a process");
  keeper_pidfd_ = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, keeper_, 0)));
  if (!keeper_pidfd_) return last_error("pidfd_open (Linux 5.3 or newer is needed)");
  const Answer answer = await(kKeeper, keeper_pidfd_.get());
  if (answer == Answer::Done) return {};
  if (answer == Answer::Late) return fail(Errno::Busy, "the first process does not answer");
  int status = 0;
  ::waitpid(std::exchange(keeper_, 0), &status, 0);
  return fail(Errno::NotSupported, why_no_keeper(status));
}

HostChannel::~HostChannel() {
  if (keeper_ > 0) {
    if (keeper_pidfd_ && !dead(keeper_pidfd_.get())) {
      slot(kKeeper).command = kPwQuit;
      post(kKeeper);
      if (!await_death(keeper_pidfd_.get())) ::kill(keeper_, SIGKILL);
    } else {
      ::kill(keeper_, SIGKILL);
    }
    while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (base_ != nullptr) ::munmap(base_, kPwBytes);
}

unsigned HostChannel::take_slot() {
  for (unsigned i = 1; i < kPwSlots; ++i) {
    if (taken_[i]) continue;
    taken_[i] = true;
    PwSlot& fresh = slot(i);
    const std::uint32_t answer = fresh.answer;
    std::memset(static_cast<void*>(&fresh), 0, offsetof(PwSlot, data));
    fresh.request = fresh.answer = answer;
    fresh.index = i;
    header_->pids[i] = 0;
    cpus_[i] = -1;
    return i;
  }
  return 0;
}

// Two processes that take turns are fastest on one processor, by far where an idle one has to be
// woken by an interrupt: the puppet follows its runner.
void HostChannel::follow(unsigned index) {
  const int cpu = ::sched_getcpu();
  if (cpu < 0 || cpu == cpus_[index] || static_cast<std::size_t>(cpu) >= kMostCpus) return;
  cpus_[index] = cpu;
  std::array<unsigned long, kMostCpus / 64> mask = {};
  mask[static_cast<std::size_t>(cpu) / 64] = 1UL << (static_cast<unsigned>(cpu) % 64);
  // Where it may not be moved, it stays.
  ::syscall(SYS_sched_setaffinity, header_->pids[index], sizeof mask, mask.data());
}

void HostChannel::post(unsigned index) {
  PwSlot& s = slot(index);
  follow(index);
  std::atomic_ref(s.request).store(s.answer + 1, std::memory_order_seq_cst);
  if (std::atomic_ref(s.puppet_sleeps).exchange(0, std::memory_order_seq_cst) != 0) {
    futex(s.request, FUTEX_WAKE, 1, nullptr);
  }
}

HostChannel::Answer HostChannel::await(unsigned index, int pidfd) {
  PwSlot& s = slot(index);
  const std::uint32_t wanted = s.request;
  const Clock::time_point end = Clock::now() + timeout_;
  for (;;) {
    std::atomic_ref(s.runner_sleeps).store(1, std::memory_order_seq_cst);
    const std::uint32_t answer = read_word(s.answer);
    if (answer == wanted) break;
    const timespec patience = {0, std::chrono::nanoseconds(kLook).count()};
    const bool waited = futex(s.answer, FUTEX_WAIT, answer, &patience) != 0 && errno == ETIMEDOUT;
    if (!waited) continue;
    if (dead(pidfd)) {
      if (read_word(s.answer) == wanted) break;
      return Answer::Died;
    }
    if (Clock::now() > end) return Answer::Late;
  }
  std::atomic_ref(s.runner_sleeps).store(0, std::memory_order_seq_cst);
  return Answer::Done;
}

bool HostChannel::await_death(int pidfd) const {
  const Clock::time_point end = Clock::now() + timeout_;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd entry = {pidfd, POLLIN, 0};
    const int found = ::poll(&entry, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (found > 0) return true;
    if (found == 0 && left.count() <= 0) return false;
    if (found < 0 && errno != EINTR) return false;
  }
}

Result<pid_t> HostChannel::spawn(unsigned index) {
  slot(index).command = kPwSpawn;
  expect(index);
  PwSlot& keeper = slot(kKeeper);
  keeper.command = kPwSpawn;
  keeper.args[0] = index;
  post(kKeeper);
  if (await(kKeeper, keeper_pidfd_.get()) != Answer::Done) {
    return fail(Errno::NoChild, "the first process, which starts the others, is gone");
  }
  if (keeper.value > 0) return static_cast<pid_t>(keeper.value);
  return fail(static_cast<Errno>(-keeper.value), "the kernel refuses another process");
}

}  // namespace pw::host
