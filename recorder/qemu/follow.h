/* Following a process through exec: QEMU would let the host run the new image, unrecorded; so it is
 * replaced by QEMU running that image, with this plugin and the same options.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Followed are x86-64 ELF files and scripts whose interpreter is one. Other images, and those that
 * gain rights from their file's owner, are left to run by themselves; the log names them.
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_FOLLOW_H
#define PAGEWRIGHT_RECORDER_QEMU_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct words { /* owned strings; the last of `items` is followed by a NULL */
  char** items;
  size_t count, capacity;
};

struct next_image {
  bool recorded; /* false: it runs without us */
  struct words arguments;
  struct words environment;
};

/* Looks at what an execve or execveat is about to run. False: nothing that could run; QEMU will say
 * why. */
bool follow_prepare(const struct system_call* call, struct next_image* next);

/* Runs it. Returns if it is not to be recorded, or could not be started; frees `next`. */
void follow_exec(struct next_image* next);

#endif
