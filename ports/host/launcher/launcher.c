// Starts one program as a child and tells what it used. Without a C library and a few pages large,
// because a process keeps the largest resident set of the images before it: started straight from a
// larger program, a small one would seem to have used that much.
//
// The faults between fork and execve are counted just before execve, to be subtracted. Descendants
// that lose their parent become the launcher's, so that nothing that has run goes uncounted.
#include "ports/host/launcher/channel.h"

#include <asm/unistd_64.h>
#include <stddef.h>

#include "ports/host/puppet/raw.h"

enum {
  kMapShared = 1,
  kProtReadWrite = 3,
  kSigKill = 9,
  kSigChild = 17,
  kSetPdeathsig = 1,
  kSetSubreaper = 36,
  kSetThpDisable = 41,
  kNoRandomize = 0x0040000,
  kWriteOnly = 1,
  kSystemClock = 1,
  kEintr = 4,
  kMaskBytes = 128,
};

struct Timeval {
  int64_t seconds, us;
};
struct Rusage {  // struct rusage of the kernel
  struct Timeval user, system;
  int64_t peak_kib, skipped[3];
  int64_t minor, major, more[8];
};

static struct PwUsage usage_of(const struct Rusage* r) {
  struct PwUsage usage;
  usage.minor = r->minor;
  usage.major = r->major;
  usage.peak_kib = r->peak_kib;
  usage.user_us = r->user.seconds * 1000000 + r->user.us;
  usage.system_us = r->system.seconds * 1000000 + r->system.us;
  return usage;
}

static void add(struct PwUsage* to, const struct Rusage* r) {
  const struct PwUsage more = usage_of(r);
  to->minor += more.minor;
  to->major += more.major;
  if (more.peak_kib > to->peak_kib) to->peak_kib = more.peak_kib;
  to->user_us += more.user_us;
  to->system_us += more.system_us;
}

static int64_t now_ns(void) {
  struct Timeval now;
  raw2(__NR_clock_gettime, kSystemClock, (long)&now);
  return now.seconds * 1000000000 + now.us;  // the second member holds nanoseconds here
}

__attribute__((noreturn)) static void failed(struct PwLaunchChannel* channel, int step,
                                             long error) {
  channel->step = step;
  channel->error = (int32_t)-error;
  channel->stage = kPwLaunchFailed;
  leave(127);
}

// Signals as a shell would leave them: none ignored or blocked by us.
static void plain_signals(void) {
  uint64_t action[4] = {0, 0, 0, 0};
  for (long signal = 1; signal <= 64; ++signal) {
    raw4(__NR_rt_sigaction, signal, (long)action, 0, 8);
  }
  uint64_t none = 0;
  raw4(__NR_rt_sigprocmask, 2, (long)&none, 0, 8);
}

__attribute__((noreturn)) static void become(struct PwLaunchChannel* channel, char** argv,
                                             char** envp) {
  raw2(__NR_setpgid, 0, 0);
  plain_signals();
  if (!channel->keep_errors) raw3(__NR_dup3, 1, 2, 0);
  if (channel->cpu >= 0) {
    uint8_t mask[kMaskBytes];
    for (int i = 0; i < kMaskBytes; ++i) mask[i] = 0;
    mask[(channel->cpu >> 3) & (kMaskBytes - 1)] = (uint8_t)(1U << (channel->cpu & 7));
    const long error = raw3(__NR_sched_setaffinity, 0, kMaskBytes, (long)mask);
    if (error < 0) failed(channel, kPwStepCpu, error);
  }
  if (channel->fixed_layout) raw1(__NR_personality, kNoRandomize);
  if (channel->thp_disable) {
    const long flags = channel->thp_disable == 3 ? 2 : 0;
    const long error = raw6(__NR_prctl, kSetThpDisable, 1, flags, 0, 0, 0);
    if (error < 0) failed(channel, kPwStepThp, error);
  }
  if (channel->enter_group) {
    const long error = raw3(__NR_write, kPwLaunchGroupFd, (long)"0", 1);
    if (error < 0) failed(channel, kPwStepGroup, error);
  }
  raw1(__NR_close, kPwLaunchGroupFd);
  // Everything that is used from here to execve is touched before it is counted.
  struct Rusage before;
  channel->stage = kPwLaunchNone;
  raw3(__NR_execve, (long)"/proc/self/no such program", (long)argv, (long)envp);
  for (int twice = 0; twice < 2; ++twice) raw2(__NR_getrusage, 0, (long)&before);
  channel->before = usage_of(&before);
  channel->stage = kPwLaunchReady;
  raw1(__NR_close, kPwLaunchFd);
  const long error = raw3(__NR_execve, (long)channel->path, (long)argv, (long)envp);
  failed(channel, kPwStepExec, error);
}

// Waits for the program, ends what it left in its process group, waits for the rest.
static void follow(struct PwLaunchChannel* channel, long program, int64_t began) {
  for (;;) {
    struct Rusage used;
    int32_t status = 0;
    const long pid = raw4(__NR_wait4, -1, (long)&status, 0, (long)&used);
    if (pid == -kEintr) continue;
    if (pid < 0) return;
    add(&channel->whole, &used);
    if (pid == program) {
      channel->wall_ns = now_ns() - began;
      channel->status = status;
      raw2(__NR_kill, -program, kSigKill);
      channel->ended = 1;
    } else if (channel->ended) {
      ++channel->left_over;
    }
  }
}

__attribute__((noreturn, used)) void pw_launch(long* stack) {
  struct PwLaunchChannel* channel = (struct PwLaunchChannel*)raw6(
      __NR_mmap, 0, (sizeof *channel + 4095) & ~4095UL, kProtReadWrite, kMapShared, kPwLaunchFd, 0);
  if ((unsigned long)channel > -4096UL) leave(125);
  char** const argv = (char**)(stack + 1);
  char** const envp = argv + stack[0] + 1;
  raw2(__NR_prctl, kSetPdeathsig, kSigKill);
  raw2(__NR_prctl, kSetSubreaper, 1);
  raw2(__NR_setpgid, 0, 0);
  const int64_t began = now_ns();
  const long program = raw6(__NR_clone, kSigChild, 0, 0, 0, 0, 0);
  if (program < 0) leave(125);
  if (program == 0) become(channel, argv + 1, envp);
  channel->pid = (int32_t)program;
  follow(channel, program, began);
  leave(0);
}

__asm__(
    ".global _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call pw_launch\n"
    "  ud2\n");
