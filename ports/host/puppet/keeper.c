// The keeper: the process of slot 0, which the runner starts, and which starts all others.
//
// It takes on what its children are to inherit: no privileges, limits, a folder to work in. It is
// the parent of every process whose own parent has gone, so that a run leaves no zombies behind.
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>

#include "ports/host/puppet/puppet.h"

enum { kReadWrite = 2, kNoHang = 1, kNewIpc = 0x08000000, kFiles = 1024 };

static void limit(int resource, uint64_t soft, int raise) {
  uint64_t limits[2];
  if (raw4(__NR_prlimit64, 0, resource, 0, (long)limits) != 0) return;
  if (raise) {
    limits[1] = RLIM64_INFINITY;
    limits[0] = soft;
    if (raw4(__NR_prlimit64, 0, resource, (long)limits, 0) == 0) return;
    raw4(__NR_prlimit64, 0, resource, 0, (long)limits);
  }
  limits[0] = soft < limits[1] ? soft : limits[1];
  raw4(__NR_prlimit64, 0, resource, (long)limits, 0);
}

// A file that would grow beyond the limit is an error (EFBIG), no end.
static void forget_signals(void) {
  const uint64_t none = 0;
  for (int number = 1; number <= 64; ++number) {
    const uint64_t handler = (uint64_t)(number == SIGXFSZ ? SIG_IGN : SIG_DFL);
    const uint64_t action[4] = {handler, 0, 0, 0};
    raw4(__NR_rt_sigaction, number, (long)action, 0, sizeof none);
  }
  raw4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none);
}

// If memory runs out, the kernel ends a script's processes before any other.
static void be_first_to_go(void) {
  const long file = raw3(__NR_open, (long)"/proc/self/oom_score_adj", kReadWrite, 0);
  if (file < 0) return;
  raw3(__NR_write, file, (long)"1000", 4);
  raw1(__NR_close, file);
}

void pw_become_keeper(void) {
  struct PwHeader* header = pw_header();
  forget_signals();
  raw1(__NR_setsid, 0);
  raw3(__NR_close_range, 0, kPwFd - 1, 0);
  be_first_to_go();
  for (int i = 0; i < 3; ++i) raw3(__NR_open, (long)"/dev/null", kReadWrite, 0);
  raw1(__NR_umask, 0);
  if (raw1(__NR_chdir, (long)header->folder) != 0) leave(121);
  raw2(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1);
  raw6(__NR_prctl, PR_SET_THP_DISABLE, 1, 0, 0, 0, 0);
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_NOFILE, kFiles, 0);
  limit(RLIMIT_FSIZE, header->file_limit, 0);
  limit(RLIMIT_STACK, header->stack_limit, (int)header->drop);
  limit(RLIMIT_MEMLOCK, header->lock_limit, (int)header->drop);
  limit(RLIMIT_AS, RLIM64_INFINITY, (int)header->drop);
  limit(RLIMIT_DATA, RLIM64_INFINITY, (int)header->drop);
  header->private_ipc = raw1(__NR_unshare, kNewIpc) == 0;
  if (header->drop) {
    raw2(__NR_setgroups, 0, 0);
    raw3(__NR_setresgid, header->group, header->group, header->group);
    if (raw3(__NR_setresuid, header->user, header->user, header->user) != 0) leave(120);
  }
  raw6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
}

static void reap(int options) {
  while (raw4(__NR_wait4, -1, 0, options, 0) > 0) {
  }
}

long pw_spawn(uint64_t index) {
  reap(kNoHang);
  return pw_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, pw_slot(index)->signal_stack);
}

void pw_quit(struct PwSlot* slot) {
  reap(0);
  pw_answer(slot);
  leave(0);
}
