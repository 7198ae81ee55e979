/* SPDX-License-Identifier: Apache-2.0
 *
 * The guest's descriptors are the host's. Numbers of files hold for the whole process, so its
 * threads take turns here.
 */
#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image.h"
#include "spool.h"

static long pw_kernel(long number, long a, long b, long c, long d, long e, long f) {
  const int before = errno;
  const long result = syscall(number, a, b, c, d, e, f);
  const long failed = -(long)errno;
  errno = before;
  return result == -1 ? failed : result;
}

static long pw_host_address(unsigned long long address) {
  return (long)image_host_address(address);
}

static void* pw_grow(void* old, unsigned long bytes) { return realloc(old, bytes); }

static void pw_file_frame(const void* payload, unsigned length) {
  spool_write_data(PW_FRAME_FILE, payload, length);
}

#include "recorder/common/files.h"

static pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;

void files_start(void) {
  pthread_mutex_lock(&g_lock);
  pw_tell_path((long)image_program());
  pw_tell_inherited();
  pthread_mutex_unlock(&g_lock);
}

void files_forked(void) {
  pthread_mutex_init(&g_lock, NULL);
  pw_forget_files();
}

static void copy_arguments(const struct system_call* call, pw_u64 out[6]) {
  for (unsigned i = 0; i < 6; ++i) out[i] = call->arguments[i];
}

void files_before(struct stream* s) {
  struct pw_file_before before;
  pw_u64 arguments[6];
  copy_arguments(&s->call, arguments);
  pthread_mutex_lock(&g_lock);
  pw_before_call((long)s->call.number, arguments, &before);
  pthread_mutex_unlock(&g_lock);
  s->call.file = before.file;
  s->call.replaced = before.replaced;
}

struct file_effects files_after(struct stream* s, int64_t result) {
  const struct pw_file_before before = {s->call.file, s->call.replaced};
  struct pw_transfer transfers[2];
  pw_u64 arguments[6];
  const long number = (long)s->call.number;
  copy_arguments(&s->call, arguments);
  pthread_mutex_lock(&g_lock);
  const unsigned count = pw_transfers(number, arguments, (long)result, transfers);
  const unsigned file = pw_file_of_call(number, arguments, (long)result, &before);
  pthread_mutex_unlock(&g_lock);
  for (unsigned i = 0; i < count; ++i) {
    const struct pw_transfer* const t = &transfers[i];
    stream_transfer(s, t->file, t->written, t->descriptor, t->offset, t->bytes);
  }
  return (struct file_effects){pw_file_call_arguments(number), file, before.replaced};
}
