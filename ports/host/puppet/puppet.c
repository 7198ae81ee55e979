// The puppet: carries out one step after the other, as the runner asks.
//
// Everything that it does for itself happens outside of the two readings of its fault counters
// around a step, on pages that it touched when it began: a step that does nothing counts nothing.
#include "ports/host/puppet/puppet.h"

#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/time_types.h>
// After signal.h, which it needs.
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

enum { kPopulateRead = 22, kPopulateWrite = 23, kUnknownCall = -38 };
enum { kUsualFlags = 0x202 };  // interrupts on, all else off
enum { kPatience = 2 };        // seconds between looks whether the runner lives

void* memset(void* to, int value, uint64_t count);
void* memset(void* to, int value, uint64_t count) {
  void* begin = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
  return begin;
}

// Whether an instruction was fetched, and came to an end or was none that a program may carry out.
static int fetched(const struct PwSlot* slot, int number, int code, uint64_t at) {
  if (slot->command != kPwFetch) return 0;
  if (number == SIGTRAP || number == SIGILL || number == SIGFPE) return 1;
  return number == SIGSEGV && code == SI_KERNEL && at == slot->args[0];
}

static void on_signal(int number, siginfo_t* info, struct ucontext* context) {
  struct PwSlot* slot = (struct PwSlot*)((uint64_t)context & ~(uint64_t)(kPwSlotBytes - 1));
  if (slot->resume == 0) leave(125);
  if (!fetched(slot, number, info->si_code, context->uc_mcontext.rip)) {
    slot->signal = number;
    slot->code = info->si_code;
    slot->address = (uint64_t)info->si_addr;
  }
  context->uc_mcontext.eflags = kUsualFlags;
  context->uc_mcontext.rip = slot->resume;
  context->uc_mcontext.rsp = slot->resume_stack;
}

// In a process that has just begun: its signals, its pid, its pages.
static void settle(struct PwSlot* slot) {
  raw3(__NR_madvise, kPwBase, kPwTextBytes, kPopulateRead);
  raw3(__NR_madvise, kPwBase + kPwTextBytes, 0x1000, kPopulateWrite);
  raw3(__NR_madvise, (long)slot, kPwSlotBytes, kPopulateWrite);
  stack_t stack;
  stack.ss_sp = slot->signal_stack;
  stack.ss_flags = 0;
  stack.ss_size = sizeof slot->signal_stack;
  raw2(__NR_sigaltstack, (long)&stack, 0);
  pw_header()->pids[slot->index] = (uint32_t)raw1(__NR_getpid, 0);
}

static void handle_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = (__sighandler_t)(uint64_t)on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER;
  action.sa_restorer = pw_restore;
  // Those that an instruction can bring about, one bit each.
  const uint64_t numbers = 1 << SIGSEGV | 1 << SIGBUS | 1 << SIGTRAP | 1 << SIGILL | 1 << SIGFPE;
  for (int number = 1; number < 32; ++number) {
    if ((numbers >> number & 1) == 0) continue;
    raw4(__NR_rt_sigaction, number, (long)&action, 0, sizeof action.sa_mask);
  }
}

void pw_answer(struct PwSlot* slot) {
  __atomic_store_n(&slot->answer, slot->request, __ATOMIC_SEQ_CST);
  if (__atomic_exchange_n(&slot->runner_sleeps, 0, __ATOMIC_SEQ_CST) != 0) {
    raw3(__NR_futex, (long)&slot->answer, FUTEX_WAKE, 1);
  }
}

static void await_request(struct PwSlot* slot) {
  while (__atomic_load_n(&slot->request, __ATOMIC_SEQ_CST) == slot->answer) {
    const struct __kernel_timespec patience = {kPatience, 0};
    __atomic_store_n(&slot->puppet_sleeps, 1, __ATOMIC_SEQ_CST);
    raw4(__NR_futex, (long)&slot->request, FUTEX_WAIT, (long)slot->answer, (long)&patience);
    const long runner = pw_header()->runner;
    if (raw2(__NR_kill, runner, 0) == -3) leave(124);
  }
  __atomic_store_n(&slot->puppet_sleeps, 0, __ATOMIC_SEQ_CST);
}

long pw_exec(void) {
  const char* arguments[2];
  arguments[0] = "pagewright";
  arguments[1] = 0;
  return raw6(__NR_execveat, kPwFd, (long)"", (long)arguments, (long)&arguments[1],
              0x1000 /* AT_EMPTY_PATH */, 0);
}

static long clone_process(struct PwSlot* slot) {
  struct PwSlot* child = pw_slot(slot->args[1]);
  const long result = pw_clone((long)slot->args[0] | SIGCHLD, child->signal_stack);
  if (result < 0) pw_answer(child);  // the runner waits there
  return result;
}

static long set_pkru(uint64_t value) {
  uint32_t a = 7, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  (void)b;
  (void)d;
  if ((c & 1U << 4) == 0) return kUnknownCall;  // OSPKE
  __asm__ volatile("wrpkru" : : "a"((uint32_t)value), "c"(0), "d"(0) : "memory");
  return 0;
}

static void carry_out(struct PwSlot* slot) {
  const uint64_t* args = slot->args;
  slot->value = 0;
  slot->signal = 0;
  slot->done = 0;
  switch (slot->command) {
    case kPwCall:
      slot->value = raw6((long)slot->number, (long)args[0], (long)args[1], (long)args[2],
                         (long)args[3], (long)args[4], (long)args[5]);
      break;
    case kPwLoad:
      slot->done = pw_copy(slot->data, (const void*)args[0], args[1], slot);
      break;
    case kPwStore:
      slot->done = pw_copy((void*)args[0], slot->data, args[1], slot);
      break;
    case kPwFetch:
      pw_fetch(args[0], slot);
      break;
    case kPwSetPkru:
      slot->value = set_pkru(args[0]);
      break;
    case kPwClone:
      slot->value = clone_process(slot);
      break;
    case kPwExec:
      slot->value = pw_exec();
      break;
    case kPwTouchAll:
      slot->value = raw3(__NR_madvise, kPwBase + kPwTextBytes, kPwBytes - kPwTextBytes,
                         kPopulateWrite);
      break;
    case kPwSpawn:
      slot->value = pw_spawn(args[0]);
      break;
    case kPwQuit:
      pw_quit(slot);
    default:
      slot->value = kUnknownCall;
  }
}

__attribute__((noreturn)) static void obey(struct PwSlot* slot) {
  for (;;) {
    struct rusage before, after;
    await_request(slot);
    raw2(__NR_getrusage, RUSAGE_THREAD, (long)&before);
    carry_out(slot);
    raw2(__NR_getrusage, RUSAGE_THREAD, (long)&after);
    if (slot->command <= kPwClone) {
      slot->minor += (uint64_t)(after.ru_minflt - before.ru_minflt);
      slot->major += (uint64_t)(after.ru_majflt - before.ru_majflt);
    }
    pw_answer(slot);
  }
}

// The n-th number of /proc/PID/stat, counted as proc(5) does; `after` is what follows the name.
static uint64_t stat_number(const char* after, int n) {
  uint64_t value = 0;
  for (int field = 2; field < n && *after != 0; ++after) field += *after == ' ';
  for (; *after >= '0' && *after <= '9'; ++after) value = value * 10 + (uint64_t)(*after - '0');
  return value;
}

// Whoever lists processes (ps, pgrep -f) reads their arguments through their own memory, and would
// bring in the top of the stack: the kernel is told that there are none. Where it does not let
// itself be told (CONFIG_CHECKPOINT_RESTORE), they stay.
static void forget_arguments(void) {
  char text[1024];
  const long file = raw3(__NR_open, (long)"/proc/self/stat", 0 /* O_RDONLY */, 0);
  if (file < 0) return;
  long end = raw3(__NR_read, file, (long)text, sizeof text - 1);
  raw1(__NR_close, file);
  if (end <= 0) return;
  text[end] = 0;
  while (end > 0 && text[end] != ')') --end;
  const char* after = text + end + 1;
  struct prctl_mm_map map;
  map.start_code = stat_number(after, 26);
  map.end_code = stat_number(after, 27);
  map.start_stack = stat_number(after, 28);
  map.start_data = stat_number(after, 45);
  map.end_data = stat_number(after, 46);
  map.start_brk = map.brk = stat_number(after, 47);
  map.arg_start = map.arg_end = map.env_start = map.env_end = stat_number(after, 48);
  map.auxv = 0;
  map.auxv_size = 0;
  map.exe_fd = ~0U;
  raw6(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&map, sizeof map, 0, 0);
}

// On the stack of the kernel: maps the channel and finds the slot that the process has in it.
struct PwSlot* pw_begin(void);
struct PwSlot* pw_begin(void) {
  const long mapped = raw6(__NR_mmap, kPwBase + kPwTextBytes, kPwBytes - kPwTextBytes,
                           PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, kPwFd, kPwTextBytes);
  if (mapped < 0) leave(126);
  const uint32_t pid = (uint32_t)raw1(__NR_getpid, 0);
  for (uint64_t i = 0; i < kPwSlots; ++i) {
    if (pw_header()->pids[i] == pid) return pw_slot(i);
  }
  leave(127);
}

// On the slot's stack. What the kernel put on the process's stack is thrown away.
__attribute__((noreturn)) void pw_main(struct PwSlot* slot, uint64_t stack);
void pw_main(struct PwSlot* slot, uint64_t stack) {
  const uint64_t page = stack & ~(uint64_t)0xfff;
  if (raw2(__NR_munmap, 0, kPwBase) != 0) leave(123);
  forget_arguments();
  raw3(__NR_madvise, (long)page, (long)(kPwStackTop - page), MADV_DONTNEED);
  if (slot->index == 0) pw_become_keeper();
  raw3(__NR_prctl, PR_SET_PTRACER, (long)PR_SET_PTRACER_ANY, 0);
  raw3(__NR_prctl, PR_SET_DUMPABLE, 1, 0);
  handle_signals();
  settle(slot);
  pw_answer(slot);
  obey(slot);
}

// A process born by pw_clone, on its slot's stack.
__attribute__((noreturn)) void pw_child(struct PwSlot* slot);
void pw_child(struct PwSlot* slot) {
  if (slot->command == kPwSpawn) {
    pw_header()->pids[slot->index] = (uint32_t)raw1(__NR_getpid, 0);
    pw_exec();
    leave(122);
  }
  settle(slot);
  pw_answer(slot);
  obey(slot);
}
