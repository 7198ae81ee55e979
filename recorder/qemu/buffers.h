/* Which memory of the program a system call made the kernel read or write. QEMU does not report it:
 * its system call emulation touches guest memory directly. SPDX-License-Identifier: Apache-2.0
 *
 * Known are the common calls of x86-64 (table in buffers.c); of others nothing is counted. Strings
 * and structures behind pointers in structures count with their first byte, or not at all.
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_BUFFERS_H
#define PAGEWRIGHT_RECORDER_QEMU_BUFFERS_H

#include <stdint.h>

#include "stream.h"

/* After the call `s->call` has returned `result`. */
void buffers_after_call(struct stream* s, int64_t result);

#endif
