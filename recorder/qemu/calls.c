/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "calls.h"

#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "buffers.h"
#include "files.h"
#include "follow.h"
#include "image.h"
#include "spool.h"
#include "ticker.h"

/* QEMU's own results for a call that it will make again, and for a return from a signal handler. */
enum { kQemuRestart = -512, kQemuSignalReturn = -513 };

enum { kSysMseal = 462 }; /* not in every header */

enum { kStatusUnknown = -1, kSettleNs = 2000000 };

static _Atomic unsigned g_threads;                 /* that have a vCPU */
static _Atomic int g_exit_status = kStatusUnknown; /* of the process */

static bool shapes_memory(int64_t number) {
  switch (number) {
    case SYS_mmap:
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_mremap:
    case SYS_brk:
    case SYS_madvise:
    case SYS_process_madvise:
    case SYS_msync:
    case SYS_mincore:
    case SYS_mlock:
    case SYS_mlock2:
    case SYS_munlock:
    case SYS_mlockall:
    case SYS_munlockall:
    case SYS_mbind:
    case SYS_set_mempolicy:
    case SYS_migrate_pages:
    case SYS_move_pages:
    case SYS_remap_file_pages:
    case SYS_shmget:
    case SYS_shmat:
    case SYS_shmctl:
    case SYS_shmdt:
    case SYS_memfd_create:
    case SYS_close_range:
    case SYS_setrlimit:
    case SYS_prlimit64:
    case SYS_process_mrelease:
    case kSysMseal:
    case SYS_ftruncate:
    case SYS_fallocate:
    case SYS_fadvise64:
    case SYS_pkey_mprotect:
    case SYS_pkey_alloc:
    case SYS_pkey_free:
    case SYS_prctl:
    case SYS_process_vm_readv:
    case SYS_process_vm_writev:
    case SYS_userfaultfd:
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
    case SYS_clone3:
    case SYS_execve:
    case SYS_execveat:
      return true;
    default:
      return false;
  }
}

bool calls_makes_processes(int64_t number) {
  return number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_clone3;
}

static unsigned mapped_file(const struct system_call* call, char* path, size_t size) {
  const int fd = (int)call->arguments[4];
  if (call->number != SYS_mmap || (call->arguments[3] & MAP_ANONYMOUS) != 0 || fd < 0) return 0;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* the guest's descriptors are the host's */
  const ssize_t length = readlink(link, path, size);
  return length > 0 ? (unsigned)length : 0;
}

/* `file`: what it is about, or PW_NO_FILE. */
static void write_call_of(struct stream* s, const struct system_call* call, int64_t result,
                          unsigned file) {
  char path[PATH_MAX];
  const unsigned length = mapped_file(call, path, sizeof path);
  uint64_t numbers[11] = {file, (uint64_t)call->number};
  memcpy(numbers + 2, call->arguments, sizeof call->arguments);
  numbers[8] = ((uint64_t)result << 1) ^ (uint64_t)(result >> 63);
  numbers[9] = s->tid;
  numbers[10] = stream_frame_ns(s);
  if (file == PW_NO_FILE) {
    stream_control(s, PW_SYSCALL, numbers + 1, 10, path, length);
  } else {
    stream_control(s, PW_FILE_CALL, numbers, 11, path, length);
  }
}

static void write_call(struct stream* s, int64_t result) {
  write_call_of(s, &s->call, result, PW_NO_FILE);
}

/* After a call that succeeded: what it did with files. */
static void write_files(struct stream* s, int64_t result) {
  struct system_call call = s->call;
  const struct file_effects effects = files_after(s, result);
  if (effects.arguments > 0) {
    for (unsigned i = effects.arguments; i < 6; ++i) call.arguments[i] = 0;
    if (effects.file != PW_NO_FILE) write_call_of(s, &call, result, effects.file);
  } else if (shapes_memory(call.number)) {
    write_call_of(s, &call, result, effects.file);
  }
  if (effects.replaced != PW_NO_FILE) {
    const struct system_call unlink = {.number = SYS_unlink};
    write_call_of(s, &unlink, 0, effects.replaced);
  }
}

/* ---- the end of threads and processes ---- */

static void write_exit(struct stream* s) {
  const uint64_t status = s->call.arguments[0] & 0xFF;
  atomic_store(&g_exit_status, (int)status);
  stream_control(s, PW_EXIT, &status, 1, NULL, 0);
}

static void end_thread(struct stream* s) {
  const uint64_t tid = s->tid;
  stream_control(s, PW_THREAD_EXIT, &tid, 1, NULL, 0);
  if (atomic_fetch_sub(&g_threads, 1) == 1) write_exit(s);
  stream_flush(s);
}

void calls_note_thread(void) { atomic_fetch_add(&g_threads, 1); }

/* Writes what the others hold. A thread in a system call is claimed. One that runs is, at the end
 * of the process, stopped between blocks for good, or in a callback of ours for a moment more: it
 * gets that moment. */
static void flush_others(const struct stream* mine, bool process_ends) {
  const struct timespec moment = {.tv_sec = 0, .tv_nsec = kSettleNs};
  const unsigned count = atomic_load(&g_stream_count);
  bool waited = false;
  for (unsigned i = 0; i < count; ++i) {
    struct stream* const s = g_streams[i];
    if (s == NULL || s == mine) continue;
    bool claimed = stream_claim(s);
    if (!claimed && !waited) {
      nanosleep(&moment, NULL);
      waited = true;
      claimed = stream_claim(s);
    }
    if (claimed || process_ends) stream_flush(s);
    if (claimed && !process_ends) stream_park(s);
  }
}

static void write_end(unsigned reason, unsigned status) {
  const unsigned payload[2] = {reason, status};
  spool_write_data(PW_FRAME_END, payload, sizeof payload);
}

void calls_finish(void) {
  const int status = atomic_load(&g_exit_status);
  flush_others(NULL, true);
  if (status != kStatusUnknown) write_end(0, (unsigned)status); /* unknown: a signal ended it */
}

/* Either becomes the new image, returns because it will run outside of the recorder, or because it
 * is going to fail; in the last case frames go on after END. */
static void before_exec(struct stream* s) {
  struct next_image next;
  if (!follow_prepare(&s->call, &next)) return;
  write_call(s, 0);
  stream_flush(s);
  flush_others(s, false);
  write_end(1, 0);
  follow_exec(&next);
}

/* ---- before and after ---- */

void calls_before(struct stream* s) {
  files_before(s);
  const uint64_t* const arguments = s->call.arguments;
  switch (s->call.number) {
    case SYS_execve:
    case SYS_execveat:
      before_exec(s);
      break;
    case SYS_exit:
      end_thread(s);
      break;
    case SYS_exit_group:
      write_exit(s);
      break;
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
      stream_flush(s); /* abort(), say: QEMU does not call us when a signal ends the process */
      break;
    case SYS_close:
      spool_before_close((uint32_t)arguments[0], (uint32_t)arguments[0]);
      break;
    case SYS_dup2:
    case SYS_dup3:
      spool_before_close((uint32_t)arguments[1], (uint32_t)arguments[1]);
      break;
    case SYS_close_range:
      if ((arguments[2] & CLOSE_RANGE_CLOEXEC) == 0) {
        spool_before_close((uint32_t)arguments[0], (uint32_t)arguments[1]);
      }
      break;
    default:
      break;
  }
}

static void in_child(struct stream* s) {
  const int parent = spool_pid();
  stream_start_anew(s);
  files_forked();
  atomic_store(&g_threads, 1);
  atomic_store(&g_exit_status, kStatusUnknown);
  spool_open(parent, 1);
  image_write();
  ticker_start();
}

static void in_parent(struct stream* s, int64_t child) {
  const uint64_t numbers[2] = {(uint64_t)child, stream_frame_ns(s)};
  stream_control(s, PW_FORK, numbers, 2, NULL, 0);
  stream_flush(s);
}

static bool made_a_thread(const struct system_call* call) {
  return call->number == SYS_clone && (call->arguments[0] & CLONE_THREAD) != 0;
}

void calls_after(struct stream* s, int64_t result) {
  const int64_t number = s->call.number;
  if (result == kQemuRestart || result == kQemuSignalReturn) return;
  if (calls_makes_processes(number) && getpid() != spool_pid()) {
    in_child(s);
    return;
  }
  buffers_after_call(s, result);
  if (number == SYS_brk) image_note_brk((uint64_t)result);
  if (number == SYS_close_range) spool_after_close();
  if (result >= 0) {
    write_files(s, result);
  } else if (shapes_memory(number)) {
    write_call(s, result);
  }
  if (calls_makes_processes(number) && result > 0 && !made_a_thread(&s->call)) in_parent(s, result);
}
