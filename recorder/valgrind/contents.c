/* What pages hold: how dear they are to compress. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Now and then some pages of the program's private and shared memory are looked at, anywhere in
 * it, and only sums kept: how many pages have something in them, going by those, and the effort
 * that they are, there and back. So a process counts as much as it has memory. A prediction of swap
 * on zram takes its times from the quotient of all processes' sums. Pages of files are left out:
 * they are not swapped. Nothing of the contents themselves is written anywhere.
 */
#include "recorder.h"

#include "pub_tool_aspacemgr.h"
#include "pub_tool_libcbase.h"

#include "recorder/common/effort.h"

#define SEGMENTS 8192
#define PAGES_EACH 16            /* looked at each time, that are not all zeros */
#define TRIES (8 * PAGES_EACH)   /* most of the memory may never have been touched */
#define FIRST_AFTER (1ULL << 16) /* references */
#define PART_OF_CLOCK 64         /* then each time that the clock has grown by this part of it */

static ULong next_look = FIRST_AFTER;
static ULong pages, effort, copied;
static ULong random_state = 1;

static ULong random_below(ULong bound) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % bound;
}

static Bool is_data(const NSegment* segment) {
  return segment != NULL && segment->hasR && segment->hasW && !pw_is_valgrinds(segment->start);
}

/* The program's memory that may be swapped: where its parts start, and their pages. Returns how
   many parts there are. */
static UInt find_parts(Addr* starts, ULong* lengths, ULong* all) {
  UInt parts = 0;
  Int i;
  const Int found = VG_(am_get_segment_starts)(SkAnonC | SkShmC, starts, SEGMENTS);
  *all = 0;
  for (i = 0; i < found; ++i) { /* less than none: there are too many to tell */
    const NSegment* segment = VG_(am_find_nsegment)(starts[i]);
    if (!is_data(segment)) continue;
    starts[parts] = segment->start;
    lengths[parts] = (segment->end + 1 - segment->start) >> PW_PAGE_SHIFT;
    *all += lengths[parts++];
  }
  return parts;
}

static void look_at_pages(void) {
  static Addr starts[SEGMENTS];
  static ULong lengths[SEGMENTS];
  static struct pw_effort_table table;
  UInt found = 0, tries, i, near = 0;
  ULong all, sum = 0;
  const UInt parts = find_parts(starts, lengths, &all);
  for (tries = 0; tries < TRIES && found < PAGES_EACH && parts > 0; ++tries) {
    ULong page = random_below(all);
    for (i = 0; i + 1 < parts && page >= lengths[i]; ++i) page -= lengths[i];
    const Addr at = starts[i] + (page << PW_PAGE_SHIFT);
    const UInt one = pw_page_effort((const UChar*)at, &table, &near);
    if (one == 0) continue;
    sum += one;
    ++found;
  }
  if (found == 0) return;
  const ULong there = VG_MAX(all * found / tries, 1);
  pages += there;
  effort += there * sum / found;
  copied += there * near / found;
}

static UInt put(UChar* out, ULong value) {
  UInt at = 0;
  for (; value >= 128; value >>= 7) out[at++] = (UChar)(value | 128);
  out[at++] = (UChar)value;
  return at;
}

void pw_contents_tick(void) {
  if (pw_clock < next_look) return;
  next_look = pw_clock + VG_MAX(FIRST_AFTER, pw_clock / PART_OF_CLOCK);
  look_at_pages();
}

void pw_contents_forked(void) {
  pages = effort = copied = 0;
  next_look = FIRST_AFTER;
}

void pw_contents_end(void) {
  UChar payload[32];
  look_at_pages();
  UInt length = put(payload, pages);
  length += put(payload + length, effort);
  length += put(payload + length, copied);
  pw_spool_note(PW_FRAME_CONTENTS, payload, length);
}
