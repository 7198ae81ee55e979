/* The stream of one vCPU: its reference clock, its exact LRU filter, and the events not yet
 * written. SPDX-License-Identifier: Apache-2.0
 *
 * Filter. The k pages referenced last, each with the clock of its last reference (its stamp). A
 * page outside that comes in takes the slot with the least stamp, so the set is that of an LRU list
 * of k pages, kept without moving anything on a hit: `front`, a direct-mapped table over page
 * numbers, leads from a page to its stamp, and a hit only stores there. Front entries name only
 * pages in the filter; a page that lost its entry to another is found along `chains`, which link
 * the slots of pages with the same front entry.
 *
 * Ownership. A stream belongs to the thread of its vCPU, except while that is in a system call
 * (kParked): then the ticker may claim it to write out what it holds, so that a sleeping thread
 * loses nothing to a kill. Streams are never freed, only handed on: a vCPU number is used again by
 * a later thread, whose events follow.
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_STREAM_H
#define PAGEWRIGHT_RECORDER_QEMU_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "recorder/common/encoding.h"

enum {
  kPageShift = 12,
  kPageSize = 1 << kPageShift,
  kFrontBits = 9,
  kFrontEntries = 1 << kFrontBits,
  kMaxStreams = 1 << 20,      /* more vCPUs than Linux gives threads to a process */
  kFrameBytes = 64 << 10,     /* a frame that reaches this is written */
  kFrameCapacity = 112 << 10, /* that, its header, the largest snapshot and the largest event */
};

#define kNowhere (~UINT64_C(0))    /* no page, no address */
#define kNever (UINT64_C(1) << 52) /* a stamp above all others */

struct front_entry {
  uint64_t key; /* page << 1 | written; kNowhere: empty */
  uint64_t* stamp;
};

struct system_call {
  int64_t number;
  uint64_t arguments[6];
  unsigned file, replaced; /* known before it: see struct pw_file_before */
};

enum stream_state { kRunning, kParked, kClaimed };

struct stream {
  uint64_t clock;             /* references so far */
  _Atomic uint64_t code_gate; /* code_page, or kNowhere: the next block looks around
                                 (stream_enter_code) */
  struct front_entry front[kFrontEntries];

  uint64_t pages[kMaxFilterPages];
  uint64_t stamps[kMaxFilterPages]; /* kNever in slots without a page */
  uint8_t written[kMaxFilterPages];
  unsigned used;                        /* slots that hold a page: 0 .. used - 1 */
  uint16_t chains[kFrontEntries];       /* first slot + 1 of a chain; 0: none */
  uint16_t chain_next[kMaxFilterPages]; /* the same, for the next one */

  unsigned index;          /* of the vCPU */
  unsigned tid;            /* of the thread; 0: it has not run yet */
  uint64_t code_page;      /* of the last instruction */
  struct system_call call; /* the one it is in */
  _Atomic int state;       /* enum stream_state */

  unsigned fill;         /* bytes of `frame`, its header included; 0: no frame begun */
  unsigned frame_tick;   /* g_tick when it was begun */
  uint64_t event_clock;  /* of the last event, or where the frame begins */
  uint64_t previous;     /* page or address that the next one is told relative to */
  uint64_t transfer_end; /* of the last transfer of the frame; 0: none */
  union {
    struct pw_frame_header header;
    unsigned char bytes[kFrameCapacity];
  } frame;
};

extern struct stream* g_streams[kMaxStreams];
extern _Atomic unsigned g_stream_count; /* highest index used + 1 */
extern _Atomic unsigned g_tick;         /* the ticker's count; frames do not outlive it */

/* For vCPU `index`: a new stream, or that of an earlier thread. NULL: no memory. */
struct stream* stream_adopt(unsigned index);

/* The filter's slow side. `kind` is one of the five FETCH kinds; the reference is number s->clock.
 */
void stream_touch(struct stream* s, uint64_t page, enum pw_kind kind);

/* Detail full: an event for the reference, of `size` bytes, that took the clock from `before` to
 * s->clock. */
void stream_reference(struct stream* s, uint64_t before, uint64_t address, unsigned access,
                      uint64_t size);

/* A block on another page than s->code_gate: counts the fetch, if it is one. */
void stream_enter_code(struct stream* s, uint64_t page);

/* Each page of a buffer that the kernel read or wrote. */
void stream_kernel_access(struct stream* s, uint64_t address, uint64_t length, bool write);

/* A control event; numbers first, then `length` bytes of `tail`. */
void stream_control(struct stream* s, enum pw_control code, const uint64_t* numbers, unsigned count,
                    const void* tail, unsigned length);

void stream_transfer(struct stream* s, unsigned file, unsigned written, unsigned descriptor,
                     uint64_t offset, uint64_t bytes);

/* Nanoseconds since the frame was begun that the next event will be in. */
uint64_t stream_frame_ns(struct stream* s);

void stream_flush(struct stream* s);

/* Into and out of a system call. */
void stream_park(struct stream* s);
void stream_unpark(struct stream* s);
/* Whether the caller, another thread, now holds it; back with stream_park. */
bool stream_claim(struct stream* s);

/* In a forked child, whose only thread is that of `s`: an empty filter, clock 0, and no other
 * streams. */
void stream_start_anew(struct stream* s);

/* The inlined side of the filter: reference number s->clock, to `page`. `load` is 1 for reads and
 * fetches, 0 for writes. False: it is for stream_touch. */
static inline bool stream_hit(struct stream* s, uint64_t page, uint64_t load) {
  const struct front_entry* const entry = &s->front[page & (kFrontEntries - 1)];
  /* 0: in the filter, unwritten; 1: in it and written; more: another page. A write needs 1. */
  const uint64_t difference = entry->key ^ (page << 1);
  if (__builtin_expect((difference | load) != 1, 0)) return false;
  *entry->stamp = s->clock;
  return true;
}

#endif
