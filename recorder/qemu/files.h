/* What the program does with files: which ones a system call reads, writes and names.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_FILES_H
#define PAGEWRIGHT_RECORDER_QEMU_FILES_H

#include "stream.h"

struct file_effects {
  unsigned arguments; /* of a call that is recorded for its file alone; else 0 */
  unsigned file;      /* what the call is about, or PW_NO_FILE */
  unsigned replaced;  /* what has lost its last name by it, or PW_NO_FILE */
};

/* An image starts: the files that it has already. */
void files_start(void);

/* In a forked child: its spool has no files yet. */
void files_forked(void);

/* `s->call` is about to be made. */
void files_before(struct stream* s);

/* `s->call` has succeeded; writes its transfers. */
struct file_effects files_after(struct stream* s, int64_t result);

#endif
