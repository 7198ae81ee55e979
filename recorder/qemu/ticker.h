/* A thread that sees to it that no frame stays in memory for longer than 100 ms.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_TICKER_H
#define PAGEWRIGHT_RECORDER_QEMU_TICKER_H

/* For the calling process: at its start and in each forked child, which has no threads of its
 * parent's. */
void ticker_start(void);

#endif
