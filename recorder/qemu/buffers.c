/* SPDX-License-Identifier: Apache-2.0 */
#include "buffers.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "image.h"

enum shape {
  kResultBytes, /* as many bytes as the result says; `unit` bytes each */
  kFixedBytes,  /* `unit` bytes */
  kCountBytes,  /* argument `count` times `unit` bytes */
  kText,        /* a string: its first byte */
  kVector,      /* argument `count` iovecs, filled up to the result */
  kMessage,     /* a msghdr, whose iovecs are filled up to the result */
  kPageVector,  /* a byte for each page of argument `count` bytes (mincore) */
};

enum direction { kKernelReads, kKernelWrites };

enum { kMaxVectors = 1024 /* UIO_MAXIOV */ };

struct rule {
  uint16_t call;
  uint8_t argument; /* which one points to the memory */
  uint8_t shape;
  uint8_t direction;
  uint8_t count; /* which argument counts */
  uint16_t unit;
};

/* Sizes are those of the kernel's structures on x86-64 (arch/x86/include/uapi, include/uapi/linux).
 * In the order of the numbers: rules_of() relies on it. */
static const struct rule kRules[] = {
    {SYS_read, 1, kResultBytes, kKernelWrites, 0, 1},
    {SYS_write, 1, kResultBytes, kKernelReads, 0, 1},
    {SYS_open, 0, kText, kKernelReads, 0, 0},
    {SYS_stat, 0, kText, kKernelReads, 0, 0},
    {SYS_stat, 1, kFixedBytes, kKernelWrites, 0, 144},
    {SYS_fstat, 1, kFixedBytes, kKernelWrites, 0, 144},
    {SYS_lstat, 0, kText, kKernelReads, 0, 0},
    {SYS_lstat, 1, kFixedBytes, kKernelWrites, 0, 144},
    {SYS_poll, 0, kCountBytes, kKernelReads, 1, 8},
    {SYS_poll, 0, kCountBytes, kKernelWrites, 1, 8},
    {SYS_rt_sigaction, 1, kFixedBytes, kKernelReads, 0, 32},
    {SYS_rt_sigaction, 2, kFixedBytes, kKernelWrites, 0, 32},
    {SYS_rt_sigprocmask, 1, kFixedBytes, kKernelReads, 0, 8},
    {SYS_rt_sigprocmask, 2, kFixedBytes, kKernelWrites, 0, 8},
    {SYS_pread64, 1, kResultBytes, kKernelWrites, 0, 1},
    {SYS_pwrite64, 1, kResultBytes, kKernelReads, 0, 1},
    {SYS_readv, 1, kVector, kKernelWrites, 2, 0},
    {SYS_writev, 1, kVector, kKernelReads, 2, 0},
    {SYS_access, 0, kText, kKernelReads, 0, 0},
    {SYS_pipe, 0, kFixedBytes, kKernelWrites, 0, 8},
    {SYS_mincore, 2, kPageVector, kKernelWrites, 1, 0},
    {SYS_nanosleep, 0, kFixedBytes, kKernelReads, 0, 16},
    {SYS_connect, 1, kCountBytes, kKernelReads, 2, 1},
    {SYS_sendto, 1, kResultBytes, kKernelReads, 0, 1},
    {SYS_recvfrom, 1, kResultBytes, kKernelWrites, 0, 1},
    {SYS_sendmsg, 1, kMessage, kKernelReads, 0, 0},
    {SYS_recvmsg, 1, kMessage, kKernelWrites, 0, 0},
    {SYS_bind, 1, kCountBytes, kKernelReads, 2, 1},
    {SYS_setsockopt, 3, kCountBytes, kKernelReads, 4, 1},
    {SYS_wait4, 1, kFixedBytes, kKernelWrites, 0, 4},
    {SYS_wait4, 3, kFixedBytes, kKernelWrites, 0, 144},
    {SYS_uname, 0, kFixedBytes, kKernelWrites, 0, 390},
    {SYS_getdents, 1, kResultBytes, kKernelWrites, 0, 1},
    {SYS_getcwd, 0, kResultBytes, kKernelWrites, 0, 1},
    {SYS_chdir, 0, kText, kKernelReads, 0, 0},
    {SYS_rename, 0, kText, kKernelReads, 0, 0},
    {SYS_rename, 1, kText, kKernelReads, 0, 0},
    {SYS_mkdir, 0, kText, kKernelReads, 0, 0},
    {SYS_rmdir, 0, kText, kKernelReads, 0, 0},
    {SYS_link, 0, kText, kKernelReads, 0, 0},
    {SYS_link, 1, kText, kKernelReads, 0, 0},
    {SYS_unlink, 0, kText, kKernelReads, 0, 0},
    {SYS_readlink, 0, kText, kKernelReads, 0, 0},
    {SYS_readlink, 1, kResultBytes, kKernelWrites, 0, 1},
    {SYS_chmod, 0, kText, kKernelReads, 0, 0},
    {SYS_gettimeofday, 0, kFixedBytes, kKernelWrites, 0, 16},
    {SYS_getrlimit, 1, kFixedBytes, kKernelWrites, 0, 16},
    {SYS_getrusage, 1, kFixedBytes, kKernelWrites, 0, 144},
    {SYS_sysinfo, 0, kFixedBytes, kKernelWrites, 0, 112},
    {SYS_times, 0, kFixedBytes, kKernelWrites, 0, 32},
    {SYS_statfs, 0, kText, kKernelReads, 0, 0},
    {SYS_statfs, 1, kFixedBytes, kKernelWrites, 0, 120},
    {SYS_fstatfs, 1, kFixedBytes, kKernelWrites, 0, 120},
    {SYS_getxattr, 2, kResultBytes, kKernelWrites, 0, 1},
    {SYS_lgetxattr, 2, kResultBytes, kKernelWrites, 0, 1},
    {SYS_fgetxattr, 2, kResultBytes, kKernelWrites, 0, 1},
    {SYS_futex, 0, kFixedBytes, kKernelReads, 0, 4},
    {SYS_sched_setaffinity, 2, kCountBytes, kKernelReads, 1, 1},
    {SYS_sched_getaffinity, 2, kResultBytes, kKernelWrites, 0, 1},
    {SYS_getdents64, 1, kResultBytes, kKernelWrites, 0, 1},
    {SYS_clock_gettime, 1, kFixedBytes, kKernelWrites, 0, 16},
    {SYS_clock_nanosleep, 2, kFixedBytes, kKernelReads, 0, 16},
    {SYS_epoll_wait, 1, kResultBytes, kKernelWrites, 0, 12},
    {SYS_epoll_ctl, 3, kFixedBytes, kKernelReads, 0, 12},
    {SYS_waitid, 2, kFixedBytes, kKernelWrites, 0, 128},
    {SYS_openat, 1, kText, kKernelReads, 0, 0},
    {SYS_mkdirat, 1, kText, kKernelReads, 0, 0},
    {SYS_newfstatat, 1, kText, kKernelReads, 0, 0},
    {SYS_newfstatat, 2, kFixedBytes, kKernelWrites, 0, 144},
    {SYS_unlinkat, 1, kText, kKernelReads, 0, 0},
    {SYS_renameat, 1, kText, kKernelReads, 0, 0},
    {SYS_renameat, 3, kText, kKernelReads, 0, 0},
    {SYS_readlinkat, 1, kText, kKernelReads, 0, 0},
    {SYS_readlinkat, 2, kResultBytes, kKernelWrites, 0, 1},
    {SYS_faccessat, 1, kText, kKernelReads, 0, 0},
    {SYS_ppoll, 0, kCountBytes, kKernelReads, 1, 8},
    {SYS_ppoll, 0, kCountBytes, kKernelWrites, 1, 8},
    {SYS_epoll_pwait, 1, kResultBytes, kKernelWrites, 0, 12},
    {SYS_accept4, 1, kFixedBytes, kKernelWrites, 0, 16},
    {SYS_pipe2, 0, kFixedBytes, kKernelWrites, 0, 8},
    {SYS_preadv, 1, kVector, kKernelWrites, 2, 0},
    {SYS_pwritev, 1, kVector, kKernelReads, 2, 0},
    {SYS_prlimit64, 2, kFixedBytes, kKernelReads, 0, 16},
    {SYS_prlimit64, 3, kFixedBytes, kKernelWrites, 0, 16},
    {SYS_renameat2, 1, kText, kKernelReads, 0, 0},
    {SYS_renameat2, 3, kText, kKernelReads, 0, 0},
    {SYS_getrandom, 0, kResultBytes, kKernelWrites, 0, 1},
    {SYS_preadv2, 1, kVector, kKernelWrites, 2, 0},
    {SYS_pwritev2, 1, kVector, kKernelReads, 2, 0},
    {SYS_statx, 1, kText, kKernelReads, 0, 0},
    {SYS_statx, 4, kFixedBytes, kKernelWrites, 0, 256},
};

enum { kRuleCount = sizeof kRules / sizeof *kRules };

/* The first rule of `call`, or the end. */
static const struct rule* rules_of(int64_t call) {
  size_t low = 0, high = kRuleCount;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (kRules[middle].call < call) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return kRules + low;
}

static void access_vectors(struct stream* s, uint64_t vectors, uint64_t count, uint64_t bytes,
                           bool write) {
  if (count > kMaxVectors) return;
  stream_kernel_access(s, vectors, count * sizeof(struct iovec), false);
  for (uint64_t i = 0; i < count && bytes > 0; ++i) {
    uint64_t vector[2]; /* address and length, as in struct iovec */
    if (!guest_read(vectors + i * sizeof vector, vector, sizeof vector)) return;
    const uint64_t part = vector[1] < bytes ? vector[1] : bytes;
    stream_kernel_access(s, vector[0], part, write);
    bytes -= part;
  }
}

static void access_message(struct stream* s, uint64_t address, uint64_t bytes, bool write) {
  struct msghdr message;
  if (!guest_read(address, &message, sizeof message)) return;
  stream_kernel_access(s, address, sizeof message, false);
  access_vectors(s, (uint64_t)(uintptr_t)message.msg_iov, message.msg_iovlen, bytes, write);
}

static void apply(struct stream* s, const struct rule* rule, int64_t result) {
  const uint64_t address = s->call.arguments[rule->argument];
  const uint64_t count = s->call.arguments[rule->count];
  const uint64_t bytes = result > 0 ? (uint64_t)result : 0;
  const bool write = rule->direction == kKernelWrites;
  if (address == 0 || (result < 0 && (write || rule->shape == kCountBytes))) return;
  switch ((enum shape)rule->shape) {
    case kResultBytes:
      stream_kernel_access(s, address, bytes * rule->unit, write);
      break;
    case kFixedBytes:
      stream_kernel_access(s, address, rule->unit, write);
      break;
    case kCountBytes:
      stream_kernel_access(s, address, (uint32_t)count * (uint64_t)rule->unit, write);
      break;
    case kText:
      stream_kernel_access(s, address, 1, write);
      break;
    case kVector:
      access_vectors(s, address, count, bytes, write);
      break;
    case kMessage:
      access_message(s, address, bytes, write);
      break;
    case kPageVector:
      stream_kernel_access(s, address, (count + kPageSize - 1) / kPageSize, write);
      break;
  }
}

void buffers_after_call(struct stream* s, int64_t result) {
  const int64_t call = s->call.number;
  const struct rule* const end = kRules + kRuleCount;
  for (const struct rule* rule = rules_of(call); rule < end && rule->call == call; ++rule) {
    apply(s, rule, result);
  }
}
