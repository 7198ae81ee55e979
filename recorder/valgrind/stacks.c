/* Which pages were seen before; call stacks. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pages seen are bits in chunks of 1 GiB of address space, allocated when a page of theirs is seen.
 * Stacks repeat a lot: a hash table numbers those written to this spool, later ones are references.
 */
#include "recorder.h"

#include "pub_tool_libcbase.h"
#include "pub_tool_machine.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_stacktrace.h"
#include "pub_tool_threadstate.h"

#define CHUNK_BITS 18 /* pages of a chunk */
#define CHUNK_PAGES (1UL << CHUNK_BITS)
#define CHUNKS (1UL << (47 - PW_PAGE_SHIFT - CHUNK_BITS)) /* the user half of the address space */
#define BEYOND_BUDGET 64                                  /* one first touch in so many */
#define NUMBERED_STACKS 16384

/* From Valgrind's core. */
extern void VG_(set_IP)(ThreadId tid, Addr ip);

typedef UChar* PageSet[CHUNKS];
static PageSet seen, written; /* at all; since the last fork, if there was one */
static Bool forked;
static ULong noted[2]; /* first touches; first writes after a fork of pages touched before it */

typedef struct {
  ULong hash; /* 0: free */
  ULong number;
} NumberedStack;
static NumberedStack numbered[NUMBERED_STACKS];
static UInt numbered_count;
static ULong stacks_written;

/* False: it was in the set. */
static Bool enters(PageSet set, ULong page) {
  UChar** chunk = &set[page >> CHUNK_BITS];
  const UInt bit = (UInt)(page & (CHUNK_PAGES - 1));
  if (*chunk == NULL) *chunk = VG_(calloc)("pagewright.seen", CHUNK_PAGES / 8, 1);
  if ((*chunk)[bit / 8] >> (bit % 8) & 1) return False;
  (*chunk)[bit / 8] |= (UChar)(1U << (bit % 8));
  return True;
}

void pw_seen_page(ULong page, Bool write) {
  if (page >> CHUNK_BITS >= CHUNKS) return; /* a wild pointer */
  const Bool first_touch = enters(seen, page);
  const Bool first_write = forked && write && enters(written, page);
  if (!pw_options.stacks || (!first_touch && !first_write)) return;
  const ULong number = ++noted[first_touch ? 0 : 1];
  if ((Long)number > pw_options.stack_budget && number % BEYOND_BUDGET != 0) return;
  const ThreadId tid = VG_(get_running_tid)();
  if (tid == VG_INVALID_THREADID) return;
  const Addr of_state = VG_(get_IP)(tid);
  if (pw_instruction != 0) VG_(set_IP)(tid, pw_instruction);
  pw_stack_event(tid, first_touch ? PW_CAUSE_FIRST_TOUCH : PW_CAUSE_WRITE_AFTER_FORK);
  VG_(set_IP)(tid, of_state);
}

void pw_seen_forked(void) {
  UInt i;
  forked = True;
  for (i = 0; i < CHUNKS; ++i)
    if (written[i] != NULL) VG_(memset)(written[i], 0, CHUNK_PAGES / 8);
}

void pw_seen_forget(Addr start, SizeT length) {
  ULong page = start >> PW_PAGE_SHIFT;
  const ULong end = (start + length + PW_PAGE_SIZE - 1) >> PW_PAGE_SHIFT;
  while (page < end && page >> CHUNK_BITS < CHUNKS) {
    UChar* chunk = seen[page >> CHUNK_BITS];
    const ULong chunk_end = VG_MIN(end, ((page >> CHUNK_BITS) + 1) << CHUNK_BITS);
    for (; chunk != NULL && page < chunk_end; ++page) {
      const UInt bit = (UInt)(page & (CHUNK_PAGES - 1));
      chunk[bit / 8] &= (UChar) ~(1U << (bit % 8));
    }
    page = chunk_end;
  }
}

/* FNV-1a over whole words, never 0. */
static ULong hash_stack(const Addr* addresses, UInt count) {
  ULong hash = 0xcbf29ce484222325ULL;
  UInt i;
  for (i = 0; i < count; ++i) hash = (hash ^ addresses[i]) * 0x100000001b3ULL;
  hash ^= hash >> 32;
  return hash | 1;
}

void pw_stack_event(ThreadId tid, UInt cause) {
  Addr addresses[PW_MAX_STACK_DEPTH];
  UInt i;
  if (!pw_options.stacks || tid == VG_INVALID_THREADID) return;
  const UInt count = VG_(get_StackTrace)(tid, addresses, (UInt)pw_options.stack_depth, NULL, NULL,
                                         0);
  const ULong hash = hash_stack(addresses, count);
  NumberedStack* known = &numbered[hash / 2 % NUMBERED_STACKS];
  while (known->hash != 0 && known->hash != hash) {
    if (++known == numbered + NUMBERED_STACKS) known = numbered;
  }
  pw_payload_begin();
  pw_payload_varint(cause);
  if (known->hash == hash) {
    pw_payload_varint(known->number);
    pw_payload_send(PW_STACK_REF);
    return;
  }
  pw_payload_varint(count);
  /* Valgrind gives the last byte of each call; the next one is the return address. */
  for (i = 0; i < count; ++i) pw_payload_varint(addresses[i] + (i > 0 ? 1 : 0));
  pw_payload_send(PW_STACK);
  if (numbered_count < NUMBERED_STACKS / 4 * 3) {
    *known = (NumberedStack){hash, stacks_written};
    ++numbered_count;
  }
  ++stacks_written;
}

void pw_stacks_forked(void) {
  VG_(memset)(numbered, 0, sizeof numbered);
  numbered_count = 0;
  stacks_written = 0;
}
