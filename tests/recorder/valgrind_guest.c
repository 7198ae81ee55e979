/* The programs that the tests of the Valgrind recorder record: small, deterministic, with known
 * references at known addresses. Usage: valgrind_guest MODE
 */
#define _GNU_SOURCE
#include "valgrind_guest.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t sink;

static volatile unsigned char* map_at(uintptr_t address, size_t bytes) {
  void* got = mmap((void*)address, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (got != (void*)address) _exit(99);
  return got;
}

static uint64_t load_word(const volatile unsigned char* at) {
  return *(const volatile uint64_t*)at;
}

static void store_word(volatile unsigned char* at, uint64_t value) {
  *(volatile uint64_t*)at = value;
}

/* Loads and stores of several sizes over 300 pages, more often the low ones; some straddle. */
static void walk(void) {
  enum { kPages = 300 };
  volatile unsigned char* area = map_at(GUEST_WALK_AREA, (kPages + 1) * GUEST_PAGE);
  uint64_t state = 88172645463325252UL;
  for (int i = 0; i < 60000; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    size_t page = (state >> 20) % kPages;
    if ((state & 3) != 0) page = page * page % 90;
    volatile unsigned char* start = area + page * GUEST_PAGE;
    volatile unsigned char* at = start + (state >> 32) % (GUEST_PAGE - 128);
    switch (state >> 60) {
      case 0:
        *at = 1;
        break;
      case 1:
        sink = load_word(at);
        break;
      case 2:
        store_word(at, state);
        break;
      case 3: /* these three lie in two pages */
        sink = load_word(start + GUEST_PAGE - 3);
        break;
      case 4:
        store_word(start + GUEST_PAGE - 5, state);
        break;
      case 5:
        *(volatile uint64_t*)(start + GUEST_PAGE - 1) += 1;
        break;
      case 6:
        memmove((void*)at, (void*)(at + 17), 100);
        break;
      case 7:
        __atomic_fetch_add((volatile uint32_t*)(start + 128), 1, __ATOMIC_SEQ_CST);
        break;
      default:
        sink = at[i % 64];
        break;
    }
  }
}

/* Reads and writes off two registers, in one block of translated code. */
static void touch_fields(volatile unsigned char* one, volatile unsigned char* other) {
  uint64_t a, b;
  __asm__ volatile(
      "movq (%2), %0\n\t"
      "movl 40(%2), %k1\n\t"
      "addq %0, 8(%3)\n\t"
      "movq 24(%3), %1\n\t"
      "movq %0, 64(%2)\n\t"
      "pushq %0\n\t"
      "incb 96(%2)\n\t"
      "movups 48(%3), %%xmm0\n\t"
      "popq %0\n\t"
      "movups %%xmm0, 72(%2)\n\t"
      "movw %w0, 30(%3)\n\t"
      "movb 3(%2), %b1\n\t"
      : "=&r"(a), "=&r"(b)
      : "r"(one), "r"(other)
      : "memory", "cc", "xmm0");
}

static void touch_fields_later(volatile unsigned char* one, volatile unsigned char* other) {
  __asm__ volatile(
      "movq 8(%1), %%rax\n\t"
      "movq %%rax, 16(%0)\n\t"
      "movq 24(%1), %%rax\n\t"
      "movq 32(%0), %%rax\n\t"
      "movq 100(%1), %%rax\n\t"
      :
      : "r"(one), "r"(other)
      : "memory", "rax");
}

/* Such blocks at random places, many across the end of a page; also both registers in one page. */
static void fields(void) {
  enum { kPages = 200 };
  volatile unsigned char* area = map_at(GUEST_FIELDS_AREA, (kPages + 1) * GUEST_PAGE);
  uint64_t state = 88172645463325252UL;
  for (int i = 0; i < 20000; ++i) {
    volatile unsigned char* at[2];
    for (int j = 0; j < 2; ++j) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      size_t page = (state >> 20) % kPages;
      if ((state & 7) != 0) page = page * page % 70;
      const size_t near_end = GUEST_PAGE - 160 + (state >> 32) % 160;
      at[j] = area + page * GUEST_PAGE + ((state & 8) != 0 ? near_end : (state >> 32) % 3900);
    }
    if ((state & 0x300) == 0) at[1] = at[0] + 8 * ((state >> 12) % 8);
    if ((state & 0x400) != 0) touch_fields(at[0], at[1]);
    touch_fields_later(at[1], at[0]);
  }
}

static void first_writes(void) {
  volatile unsigned char* area = map_at(GUEST_FIRST_WRITE_AREA, 3 * GUEST_PAGE);
  sink = area[0]; /* read, then written twice: one first write */
  area[8] = 1;
  area[16] = 2;
  area[GUEST_PAGE] = 3; /* fetched by a write: no first write */
  area[GUEST_PAGE + 8] = 4;
  sink = area[2 * GUEST_PAGE]; /* read only */
}

static void kernel_buffers(void) {
  volatile unsigned char* in = map_at(GUEST_KERNEL_WRITE_AREA, 2 * GUEST_PAGE);
  volatile unsigned char* out = map_at(GUEST_KERNEL_READ_AREA, 2 * GUEST_PAGE);
  const int zero = open("/dev/zero", O_RDONLY);
  const int null = open("/dev/null", O_WRONLY);
  if (read(zero, (void*)(in + 100), GUEST_PAGE) != (ssize_t)GUEST_PAGE) _exit(98);
  if (write(null, (void*)(out + 100), GUEST_PAGE) != (ssize_t)GUEST_PAGE) _exit(97);
}

static void remap(void) {
  for (int i = 0; i < 2; ++i) {
    volatile unsigned char* area = map_at(GUEST_REMAP_AREA, GUEST_PAGE);
    area[1] = 1;
    munmap((void*)area, GUEST_PAGE);
  }
}

static int fork_and_exec(char** argv) {
  volatile unsigned char* area = map_at(GUEST_FORK_AREA, GUEST_PAGE);
  area[0] = 1;
  const pid_t child = fork();
  if (child == 0) {
    area[1] = 2;
    _exit(7);
  }
  area[2] = 3;
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) return 96;
  char* missing[] = {"/nonexistent/program", NULL};
  execv(missing[0], missing);
  char* next[] = {argv[0], "first_writes", NULL};
  execv(next[0], next);
  return 95;
}

/* A child waits for its parent, which sleeps, and is waited for. */
static int wait_for_others(void) {
  int pipe_ends[2];
  char byte;
  if (pipe(pipe_ends) != 0) return 93;
  const pid_t child = fork();
  if (child == 0) _exit(read(pipe_ends[0], &byte, 1) == 1 ? 0 : 94);
  usleep(20000);
  if (write(pipe_ends[1], "", 1) != 1) return 92;
  return waitpid(child, NULL, 0) == child ? 0 : 91;
}

/* The stack grows: by a fault in the middle of a block of translated code. */
static unsigned deep(unsigned depth) {
  volatile unsigned char frame[700];
  for (unsigned i = 0; i < sizeof frame; i += 100) frame[i] = (unsigned char)depth;
  return depth == 0 ? frame[0] : deep(depth - 1) + frame[100];
}

static void* thread_body(void* area) {
  ((volatile unsigned char*)area)[GUEST_PAGE] = 1;
  return NULL;
}

static int threads(void) {
  volatile unsigned char* area = map_at(GUEST_THREAD_AREA, 2 * GUEST_PAGE);
  pthread_t thread;
  if (pthread_create(&thread, NULL, thread_body, (void*)area) != 0) return 94;
  pthread_join(thread, NULL);
  return 0;
}

static void handler(int number) {
  (void)number;
  *(volatile unsigned char*)GUEST_SIGNAL_AREA = 1;
}

static int close_all(void) {
  for (int fd = 0; fd < 1024; ++fd) close(fd);
  walk();
  return 5;
}

static int handle_signal(void) {
  map_at(GUEST_SIGNAL_AREA, GUEST_PAGE);
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  walk();
  return 3;
}

static void allow(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  mprotect((void*)((uintptr_t)info->si_addr & ~(GUEST_PAGE - 1)), GUEST_PAGE,
           PROT_READ | PROT_WRITE);
}

/* Faults between references off one register, which a handler mends. */
static void fault_in_fields(void) {
  enum { kPages = 100 };
  volatile unsigned char* area = map_at(GUEST_FIELDS_AREA, (kPages + 1) * GUEST_PAGE);
  struct sigaction action = {.sa_flags = SA_SIGINFO};
  action.sa_sigaction = allow;
  sigaction(SIGSEGV, &action, NULL);
  for (int i = 1; i < 3 * kPages; ++i) {
    volatile unsigned char* page = area + (size_t)(i % kPages + 1) * GUEST_PAGE;
    mprotect((void*)page, GUEST_PAGE, PROT_NONE);
    touch_fields_later(page - 20, page - 50);
  }
}

extern const char second_load[] __attribute__((visibility("hidden")));

__attribute__((noinline, noclone)) static void two_loads(const char* first, const char* second) {
  __asm__ volatile(
      "movb (%0), %%al\n\t"
      "movb %%al, %%cl\n"
      "second_load:\n\t"
      "movb (%1), %%al"
      :
      : "r"(first), "r"(second)
      : "rax", "rcx", "memory");
}

static void end_well_if_at_second_load(int number, siginfo_t* info, void* context) {
  const ucontext_t* const state = context;
  (void)number, (void)info;
  _exit((const char*)state->uc_mcontext.gregs[REG_RIP] == second_load ? 0 : 1);
}

/* A handler that looks where the fault was, in code that ran before there was a handler. */
static void fault_is_located(void) {
  const char good = 1;
  void (*volatile loads)(const char*, const char*) = two_loads; /* a block of its own */
  const char* const page = (const char*)map_at(GUEST_FIELDS_AREA, GUEST_PAGE);
  struct sigaction action = {.sa_flags = SA_SIGINFO};
  action.sa_sigaction = end_well_if_at_second_load;
  for (int i = 0; i < 10; ++i) loads(&good, page);
  sigaction(SIGSEGV, &action, NULL);
  mprotect((void*)GUEST_FIELDS_AREA, GUEST_PAGE, PROT_NONE); /* a page that was just used */
  loads(&good, page);
  _exit(2);
}

/* Works until a child of its kills it, which it asks for once it has walked. */
static void be_killed(void) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) _exit(93);
  if (fork() == 0) {
    char byte;
    if (read(pipe_ends[0], &byte, 1) == 1) kill(getppid(), SIGKILL);
    _exit(0);
  }
  walk();
  if (write(pipe_ends[1], "", 1) != 1) _exit(92);
  for (;;) sink = sink + 1;
}

/* Has the stack below hold what is no address, then a library loaded while it is there. */
static __attribute__((noinline)) int load_library(void) {
  volatile unsigned char below[64 * 1024];
  for (size_t i = 0; i < sizeof below; ++i) below[i] = 0x5a;
  sink = below[sink % sizeof below];
  return dlopen(GUEST_LIBRARY, RTLD_NOW) == NULL ? 93 : 0;
}

int main(int argc, char** argv) {
  const char* mode = argc == 2 ? argv[1] : "";
  if (strcmp(mode, "walk") == 0) {
    walk();
  } else if (strcmp(mode, "fields") == 0) {
    fields();
  } else if (strcmp(mode, "fault_in_fields") == 0) {
    fault_in_fields();
  } else if (strcmp(mode, "fault_is_located") == 0) {
    fault_is_located();
  } else if (strcmp(mode, "first_writes") == 0) {
    first_writes();
  } else if (strcmp(mode, "kernel") == 0) {
    kernel_buffers();
  } else if (strcmp(mode, "deep") == 0) {
    sink = deep(1000);
  } else if (strcmp(mode, "remap") == 0) {
    remap();
  } else if (strcmp(mode, "fork") == 0) {
    return fork_and_exec(argv);
  } else if (strcmp(mode, "waits") == 0) {
    return wait_for_others();
  } else if (strcmp(mode, "threads") == 0) {
    return threads();
  } else if (strcmp(mode, "signal") == 0) {
    return handle_signal();
  } else if (strcmp(mode, "close_all") == 0) {
    return close_all();
  } else if (strcmp(mode, "load_library") == 0) {
    return load_library();
  } else if (strcmp(mode, "killed") == 0) {
    be_killed();
  } else if (strcmp(mode, "crash") == 0) {
    walk();
    *(volatile unsigned char*)GUEST_UNMAPPED = 1;
  } else {
    return 2;
  }
  return 0;
}
