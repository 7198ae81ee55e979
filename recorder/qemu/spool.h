/* The spool file of this process and the log beside it. recorder/common/encoding.h gives the bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A frame reaches the file in one appending write(), from any thread, so that frames never mix and
 * a kill can only cut the last one. Once a write fails (disk full, folder gone) nothing more is
 * written and the log says so.
 *
 * The descriptor belongs to the program's own table: it is kept above the program's limit where the
 * hard limit lets us, else near it, is checked to be still ours before each write, and moved out of
 * the way when the program closes or reuses its number. While a program holds all there are, frames
 * are lost, and the log says how many.
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_SPOOL_H
#define PAGEWRIGHT_RECORDER_QEMU_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/common/encoding.h"

/* Begins a new file for the calling process. `flags` as in pw_spool_header. */
bool spool_open(int parent_pid, unsigned flags);

int spool_pid(void); /* the process that owns the file: differs from getpid() just after a fork */
int spool_parent_pid(void); /* as in its header */

/* `frame` is followed by frame->length bytes. */
void spool_write(const struct pw_frame_header* frame);

/* A frame that is not of events. */
void spool_write_data(enum pw_frame type, const void* data, size_t length);

/* Around system calls that close or replace the descriptors first .. last. */
void spool_before_close(uint64_t first, uint64_t last);
void spool_after_close(void);

/* One line in SPOOL/PID.log, which exists only if there was something to say. */
__attribute__((format(printf, 1, 2))) void spool_log(const char* format, ...);

uint64_t monotonic_ns(void);

#endif
