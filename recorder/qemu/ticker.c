/* SPDX-License-Identifier: Apache-2.0 */
#include "ticker.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "spool.h"
#include "stream.h"

enum { kTickNs = 90000000, kStackBytes = 64 << 10 };

/* Running vCPUs are asked to look at g_tick when their next block begins; those in a system call,
 * who may sleep for long, are written out from here. */
static void* tick(void* unused) {
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = kTickNs};
  (void)unused;
  for (;;) {
    nanosleep(&pause, NULL);
    atomic_fetch_add(&g_tick, 1);
    const unsigned count = atomic_load(&g_stream_count);
    for (unsigned i = 0; i < count; ++i) {
      struct stream* const s = g_streams[i];
      if (s == NULL) continue;
      atomic_store_explicit(&s->code_gate, kNowhere, memory_order_relaxed);
      if (!stream_claim(s)) continue;
      stream_flush(s);
      stream_park(s);
    }
  }
  return NULL;
}

void ticker_start(void) {
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  /* QEMU's handlers expect the thread of a vCPU: signals must not come here. */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, &attributes, tick, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (error != 0) spool_log("no thread for flushing (%s): a kill may lose more", strerror(error));
}
