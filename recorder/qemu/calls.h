/* System calls as events: those that shape memory, make or end threads and processes; and what the
 * recorder itself has to do around them. SPDX-License-Identifier: Apache-2.0
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_CALLS_H
#define PAGEWRIGHT_RECORDER_QEMU_CALLS_H

#include "stream.h"

/* `s->call` is about to be made. */
void calls_before(struct stream* s);

/* `s->call` has returned `result`; in a forked child too. */
void calls_after(struct stream* s, int64_t result);

/* Whether it may return twice. */
bool calls_makes_processes(int64_t number);

/* A new thread's vCPU was made. */
void calls_note_thread(void);

/* Writes out all streams and the END frame. For the end of the process: no vCPU runs any more. */
void calls_finish(void);

#endif
