/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

enum {
  kHighestLimit = 65536, /* the kernel's table grows to the highest descriptor */
  kHighDescriptor = 4096,
  kHighDescriptorRoom = 64,
  kCloseWaits = 100,
  kLogLine = 1024
};

static struct {
  pthread_mutex_t lock; /* guards all below but the pids */
  int fd;               /* -1: to be opened again by `path` */
  bool closing;         /* a thread is inside a close_range() over all descriptors */
  bool failed;          /* nothing more is written */
  unsigned lost;        /* frames, for want of a descriptor */
  dev_t device;
  ino_t inode;
  char path[PATH_MAX + 64];
  int pid;
  int parent_pid;
} g_spool = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

uint64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int spool_pid(void) { return g_spool.pid; }

int spool_parent_pid(void) { return g_spool.parent_pid; }

void spool_log(const char* format, ...) {
  char path[PATH_MAX + 64];
  char line[kLogLine];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  if (length > kLogLine - 2) length = kLogLine - 2;
  line[length++] = '\n';
  snprintf(path, sizeof path, "%s/%d.log", g_options.spool, (int)getpid());
  const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  if (write(fd, line, (size_t)length) != length) {
    /* There is nowhere left to say it. */
  }
  close(fd);
}

/* A copy of `fd` with a number that programs do not meet. -1: none is free. */
static int copy_high(int fd) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
  if (limit.rlim_cur < limit.rlim_max && limit.rlim_cur <= kHighestLimit) {
    /* Descriptors above the limit stay good: it only counts when one is made. */
    const struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &raised);
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, (int)limit.rlim_cur);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (copy >= 0) return copy;
  }
  rlim_t top = limit.rlim_cur < kHighDescriptor ? limit.rlim_cur : kHighDescriptor;
  top = top > 2 * kHighDescriptorRoom ? top - kHighDescriptorRoom : top / 2;
  return fcntl(fd, F_DUPFD_CLOEXEC, (int)top);
}

/* Opens the file and moves its descriptor up. -1 with errno. */
static int open_high(const char* path, int flags) {
  const int low = open(path, flags, 0600);
  if (low < 0) return -1;
  const int high = copy_high(low);
  if (high < 0) return low;
  close(low);
  return high;
}

static void fail(const char* what) {
  g_spool.failed = true;
  spool_log("%s: %s; the recording of this process ends here", what, strerror(errno));
}

static bool still_ours(int fd) {
  struct stat now;
  return fstat(fd, &now) == 0 && now.st_dev == g_spool.device && now.st_ino == g_spool.inode;
}

/* Makes g_spool.fd usable. Called with the lock held, which it may release while it waits. */
static bool ensure_descriptor(void) {
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = 100000};
  for (int i = 0; g_spool.closing && i < kCloseWaits; ++i) {
    pthread_mutex_unlock(&g_spool.lock);
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&g_spool.lock);
  }
  if (g_spool.failed) return false;
  if (g_spool.fd >= 0 && still_ours(g_spool.fd)) return true;
  g_spool.fd = open_high(g_spool.path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (g_spool.fd < 0 && (errno == EMFILE || errno == ENFILE)) {
    ++g_spool.lost;
    return false;
  }
  if (g_spool.fd >= 0 && still_ours(g_spool.fd)) {
    if (g_spool.lost > 0) spool_log("%u frames lost: no descriptor was free", g_spool.lost);
    g_spool.lost = 0;
    return true;
  }
  fail("cannot open the spool file again");
  return false;
}

static void append(const void* data, size_t length) {
  ssize_t done = -1;
  do {
    done = write(g_spool.fd, data, length);
  } while (done < 0 && errno == EINTR);
  if (done == (ssize_t)length) return;
  if (done >= 0) errno = ENOSPC; /* a file takes less than asked for only when the disk is full */
  fail("cannot write the spool file");
}

bool spool_open(int parent_pid, unsigned flags) {
  const int previous = g_spool.fd;
  pthread_mutex_init(&g_spool.lock, NULL); /* after a fork another thread's hold would last for ever
                                            */
  g_spool.pid = (int)getpid();
  g_spool.parent_pid = parent_pid;
  g_spool.closing = false;
  if (previous >= 0 && still_ours(previous)) close(previous);
  const struct pw_spool_header header = {.magic = PW_SPOOL_MAGIC,
                                         .version = PW_SPOOL_VERSION,
                                         .recorder = PW_RECORDER_QEMU,
                                         .detail = g_options.detail,
                                         .k = g_options.k,
                                         .pid = g_spool.pid,
                                         .parent_pid = parent_pid,
                                         .start_ns = monotonic_ns(),
                                         .page_shift = 12,
                                         .flags = flags};
  snprintf(g_spool.path, sizeof g_spool.path, "%s/%d.%llu.spool", g_options.spool, g_spool.pid,
           header.start_ns);
  g_spool.fd = open_high(g_spool.path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC);
  struct stat status;
  g_spool.failed = g_spool.fd < 0 || fstat(g_spool.fd, &status) != 0;
  if (g_spool.failed) {
    fail("cannot create the spool file");
    return false;
  }
  g_spool.device = status.st_dev;
  g_spool.inode = status.st_ino;
  append(&header, sizeof header);
  return !g_spool.failed;
}

void spool_write(const struct pw_frame_header* frame) {
  pthread_mutex_lock(&g_spool.lock);
  if (!g_spool.failed && ensure_descriptor()) append(frame, sizeof *frame + frame->length);
  pthread_mutex_unlock(&g_spool.lock);
}

void spool_write_data(enum pw_frame type, const void* data, size_t length) {
  struct pw_frame_header* const frame = malloc(sizeof *frame + length);
  if (frame == NULL) {
    spool_log("out of memory: a frame of %zu bytes is left out", length);
    return;
  }
  *frame = (struct pw_frame_header){.magic = PW_FRAME_MAGIC,
                                    .type = type,
                                    .length = (unsigned)length,
                                    .ns = monotonic_ns(),
                                    .tid = (unsigned)g_spool.pid};
  memcpy(frame + 1, data, length);
  spool_write(frame);
  free(frame);
}

void spool_before_close(uint64_t first, uint64_t last) {
  pthread_mutex_lock(&g_spool.lock);
  const int fd = g_spool.fd;
  if (fd >= 0 && (uint64_t)fd >= first && (uint64_t)fd <= last) {
    if (first == last) {
      g_spool.fd = copy_high(fd);
    } else {
      close(fd); /* the call may yet fail, and would leave it open */
      g_spool.fd = -1;
      g_spool.closing = true;
    }
  }
  pthread_mutex_unlock(&g_spool.lock);
}

void spool_after_close(void) {
  pthread_mutex_lock(&g_spool.lock);
  g_spool.closing = false;
  pthread_mutex_unlock(&g_spool.lock);
}
