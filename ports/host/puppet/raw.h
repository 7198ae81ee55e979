// The puppet's way into the kernel: system calls without a C library.
//
// Each gives what the kernel answers: a value, or -errno. Numbers are Linux's for x86-64.
#ifndef PW_HOST_PUPPET_RAW_H
#define PW_HOST_PUPPET_RAW_H

#include <asm/unistd_64.h>
#include <stdint.h>

static inline long raw6(long number, long a, long b, long c, long d, long e, long f) {
  long result = number;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static inline long raw4(long number, long a, long b, long c, long d) {
  return raw6(number, a, b, c, d, 0, 0);
}
static inline long raw3(long number, long a, long b, long c) { return raw4(number, a, b, c, 0); }
static inline long raw2(long number, long a, long b) { return raw4(number, a, b, 0, 0); }
static inline long raw1(long number, long a) { return raw4(number, a, 0, 0, 0); }

__attribute__((noreturn)) static inline void leave(int status) {
  for (;;) raw1(__NR_exit_group, status);
}

#endif  // PW_HOST_PUPPET_RAW_H
