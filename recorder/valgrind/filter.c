/* The exact LRU-K filter. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Idea. A fully associative LRU memory of m >= K pages always holds the K pages referenced last, so
 * a reference to one of these K is a hit there and needs no record. What it does need is the order:
 * a page that leaves the K must say when it was referenced last. Writing down each page that
 * enters, the page that it replaces and the age of that page makes every size >= K exact (the
 * argument is that of stack algorithms: Mattson, Gecsei, Slutz, Traiger, IBM Systems Journal 9(2),
 * 1970).
 *
 * The K pages live in K slots. Translated code finds a page in pw_table, directly mapped by page
 * number, stores the clock there as its stamp, and calls nobody. When two of the K pages need the
 * same place of the table, one is displaced: its slot keeps its entry as `spare`, and the next
 * reference to it comes here and swaps.
 *
 * To evict is to find the least stamp. Stamps change without notice, but only grow; so of the few
 * least stamps of a scan, those that are still the same later are still the least, in this order.
 * One scan thus serves several evictions.
 *
 * With K = 1 (detail switches) the same table has two places, of which one at most is in use: the
 * last page. (Two, so that a reference that straddles from the page before into the last page does
 * not find the last page under the index of its first byte.)
 */
#include "recorder.h"

#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_machine.h"
#include "pub_tool_threadstate.h"

#define MAX_TABLE (64 * PW_MAX_K)
#define MAX_CANDIDATES 64

typedef struct {
  ULong page;     /* PW_NO_PAGE: free */
  PwEntry* entry; /* in pw_table, or &spare when displaced */
  PwEntry spare;
} Slot;

typedef struct {
  ULong stamp; /* at the last scan */
  UInt slot;
} Candidate;

PwEntry pw_table[MAX_TABLE] __attribute__((aligned(64)));
ULong pw_last_code_page = PW_NO_PAGE;

static ULong mask;
static Slot slots[PW_MAX_K];
static UInt free_slots[PW_MAX_K]; /* a stack, least on top at first */
static UInt free_count;
static Candidate candidates[MAX_CANDIDATES]; /* to evict, the first one next */
static UInt next_candidate, candidate_count;
static UInt displaced[PW_MAX_K]; /* slots whose entry is their spare */
static UInt displaced_count;
static ULong last_full_clock; /* detail full: clock of the last event */

UInt pw_filter_mask(void) { return (UInt)mask; }

static void clear_entry(PwEntry* entry) {
  entry->read_tag = entry->write_tag = PW_NO_PAGE;
  entry->stamp = 0;
}

void pw_filter_forget(void) {
  UInt i;
  for (i = 0; i <= mask; ++i) clear_entry(&pw_table[i]);
  for (i = 0; i < pw_options.k; ++i) {
    slots[i].page = PW_NO_PAGE;
    free_slots[i] = (UInt)pw_options.k - 1 - i;
  }
  free_count = (UInt)pw_options.k;
  displaced_count = next_candidate = candidate_count = 0;
  pw_last_code_page = PW_NO_PAGE;
  last_full_clock = 0;
}

void pw_filter_init(void) {
  /* 64 places a page: two of the 64 default pages meet in one place about half the time. */
  ULong places = 2;
  if (pw_options.k > 1) {
    for (places = 4096; places < 64 * (ULong)pw_options.k; places *= 2) {
    }
  }
  tl_assert(places <= MAX_TABLE);
  mask = places - 1;
  pw_filter_forget();
}

/* --- which page to evict --- */

/* Collects the least stamps of all, sorted. Every slot is in use. */
static void scan_stamps(void) {
  const UInt wanted = VG_MIN(MAX_CANDIDATES, (UInt)(pw_options.k + 3) / 4);
  UInt slot;
  candidate_count = next_candidate = 0;
  for (slot = 0; slot < pw_options.k; ++slot) {
    const ULong stamp = slots[slot].entry->stamp;
    UInt at = candidate_count;
    if (at == wanted) {
      if (stamp >= candidates[at - 1].stamp) continue;
      --at;
    } else {
      ++candidate_count;
    }
    for (; at > 0 && candidates[at - 1].stamp > stamp; --at) candidates[at] = candidates[at - 1];
    candidates[at] = (Candidate){stamp, slot};
  }
}

/* The slot of the page referenced least recently. Every slot is in use. */
static UInt oldest_slot(void) {
  for (;;) {
    while (next_candidate < candidate_count) {
      const Candidate* candidate = &candidates[next_candidate++];
      if (slots[candidate->slot].entry->stamp == candidate->stamp) return candidate->slot;
    }
    scan_stamps();
  }
}

/* --- places of the table --- */

static void forget_displaced(UInt slot) {
  UInt i;
  for (i = 0; displaced[i] != slot; ++i) {
  }
  displaced[i] = displaced[--displaced_count];
}

static void make_room(PwEntry* entry) {
  if (entry->read_tag == PW_NO_PAGE) return;
  Slot* owner = &slots[entry->slot];
  displaced[displaced_count++] = (UInt)entry->slot;
  owner->spare = *entry;
  owner->entry = &owner->spare;
}

/* True if the page is in the filter; it then has its place in the table. */
static Bool find(ULong page, PwEntry* entry) {
  UInt i;
  if (entry->read_tag == page) return True;
  for (i = 0; i < displaced_count; ++i) {
    const UInt slot = displaced[i];
    if (slots[slot].page != page) continue;
    displaced[i] = displaced[--displaced_count];
    make_room(entry);
    *entry = slots[slot].spare;
    slots[slot].entry = entry;
    return True;
  }
  return False;
}

/* Takes a page out. Returns its last stamp. */
static ULong vacate(UInt slot) {
  Slot* leaving = &slots[slot];
  const ULong stamp = leaving->entry->stamp;
  if (leaving->entry == &leaving->spare) forget_displaced(slot);
  clear_entry(leaving->entry);
  leaving->page = PW_NO_PAGE;
  return stamp;
}

static void occupy(UInt slot, ULong page, Bool write, ULong clock, PwEntry* entry) {
  make_room(entry);
  *entry = (PwEntry){page, write ? page : PW_NO_PAGE, clock, slot};
  slots[slot].page = page;
  slots[slot].entry = entry;
}

/* --- references --- */

static void fetch(UInt kind, ULong page, Bool write, ULong clock, PwEntry* entry) {
  UInt slot;
  pw_spool_event(kind, page, clock);
  if (free_count > 0) {
    slot = free_slots[--free_count];
    if (pw_options.k > 1) pw_spool_varint(slot);
  } else if (pw_options.k > 1) {
    slot = oldest_slot();
    pw_spool_varint(slot);
    pw_spool_varint(clock - vacate(slot));
  } else {
    slot = 0;
    vacate(slot);
  }
  occupy(slot, page, write, clock, entry);
  pw_seen_page(page);
  pw_spool_event_done();
}

/* One reference, with the number `clock`, that translated code could not settle by itself. */
static void touch(ULong page, UInt kind, ULong clock) {
  const Bool write = kind == PW_FETCH_WRITE || kind == PW_FETCH_KERNEL_WRITE;
  PwEntry* entry = &pw_table[page & mask];
  if (!find(page, entry)) {
    fetch(kind, page, write, clock, entry);
    return;
  }
  entry->stamp = clock;
  if (write && entry->write_tag != page) {
    entry->write_tag = page;
    pw_spool_event(PW_FIRST_WRITE, entry->slot, clock);
    pw_spool_event_done();
  }
}

static inline void miss(Addr address, ULong clock, UInt size, PwAccess access) {
  const ULong first = address >> PW_PAGE_SHIFT;
  const ULong last = (address + size - 1) >> PW_PAGE_SHIFT;
  touch(first, access, clock);
  if (last == first) return;
  touch(last, access, clock + 1);
  pw_clock_skip_one();
}

VG_REGPARM(3) void pw_filter_miss(Addr address, ULong clock, UWord info) {
  miss(address, clock, (UInt)info >> 2, info & 3);
}

/* With size and access in the function's name, translated code has less to pass. */
#define MISS_FUNCTION(name, size, access) \
  static VG_REGPARM(2) void name(Addr address, ULong clock) { miss(address, clock, size, access); }
MISS_FUNCTION(read_1, 1, PwRead)
MISS_FUNCTION(read_4, 4, PwRead)
MISS_FUNCTION(read_8, 8, PwRead)
MISS_FUNCTION(read_16, 16, PwRead)
MISS_FUNCTION(write_1, 1, PwWrite)
MISS_FUNCTION(write_4, 4, PwWrite)
MISS_FUNCTION(write_8, 8, PwWrite)
MISS_FUNCTION(write_16, 16, PwWrite)
MISS_FUNCTION(execute_1, 1, PwExecute)

PwMissFunction pw_miss_function(UInt size, PwAccess access) {
  if (access == PwExecute) return size == 1 ? execute_1 : NULL;
  switch (size) {
    case 1:
      return access == PwWrite ? write_1 : read_1;
    case 4:
      return access == PwWrite ? write_4 : read_4;
    case 8:
      return access == PwWrite ? write_8 : read_8;
    case 16:
      return access == PwWrite ? write_16 : read_16;
    default:
      return NULL;
  }
}

void pw_block_miss(void) {
  const ThreadId tid = VG_(get_running_tid)();
  pw_clock_from_code(tid); /* nothing of the block has run yet */
  touch(VG_(get_IP)(tid) >> PW_PAGE_SHIFT, PW_FETCH_EXECUTE, pw_clock + 1);
}

VG_REGPARM(2) void pw_code_switch(Addr address, void* guest_state) {
  ULong* clock = pw_clock_in_code(guest_state);
  pw_last_code_page = address >> PW_PAGE_SHIFT;
  touch(pw_last_code_page, PW_FETCH_EXECUTE, ++*clock);
}

static void full_event(Addr address, UInt access, SizeT size, ULong clock) {
  pw_spool_event(PW_REFERENCE, address, clock);
  pw_spool_varint(access); /* below 128: one byte */
  pw_spool_varint(size);
  last_full_clock = clock;
  pw_seen_page(address >> PW_PAGE_SHIFT);
  pw_spool_event_done();
}

VG_REGPARM(3) void pw_full_reference(Addr address, ULong clock, UWord info) {
  const SizeT size = info >> 2;
  full_event(address, info & 3, size, clock);
  if ((address + size - 1) >> PW_PAGE_SHIFT != address >> PW_PAGE_SHIFT) pw_clock_skip_one();
}

void pw_kernel_reference(Addr start, SizeT length, Bool write) {
  const Addr end = start + length;
  while (start < end) {
    const Addr next = VG_MIN(end, (start | (PW_PAGE_SIZE - 1)) + 1);
    ++pw_clock;
    if (pw_options.detail == PW_DETAIL_FULL) {
      full_event(start, (write ? PwWrite : PwRead) | 4, next - start, pw_clock);
    } else {
      touch(start >> PW_PAGE_SHIFT, write ? PW_FETCH_KERNEL_WRITE : PW_FETCH_KERNEL_READ, pw_clock);
    }
    start = next;
  }
}

/* --- pages that go away --- */

void pw_filter_drop(Addr start, SizeT length) {
  UInt slot;
  if (length == 0 || pw_options.detail == PW_DETAIL_FULL) return;
  const ULong first = start >> PW_PAGE_SHIFT;
  const ULong last = (start + length - 1) >> PW_PAGE_SHIFT;
  for (slot = 0; slot < pw_options.k; ++slot) {
    const ULong page = slots[slot].page;
    if (page == PW_NO_PAGE || page < first || page > last) continue;
    const ULong stamp = pw_options.k > 1 ? slots[slot].entry->stamp : pw_clock;
    pw_payload_begin();
    pw_payload_varint(slot);
    pw_payload_varint(pw_clock - stamp);
    pw_payload_send(PW_FILTER_DROP);
    vacate(slot);
    free_slots[free_count++] = slot;
    candidate_count = 0; /* they hold only while every slot is in use */
    pw_spool_event_done();
  }
}

void pw_filter_reset(void) {
  UInt slot;
  if (pw_options.detail == PW_DETAIL_FULL) return;
  pw_payload_begin();
  for (slot = 0; slot < pw_options.k; ++slot) {
    if (slots[slot].page == PW_NO_PAGE) continue;
    pw_payload_varint(pw_options.k > 1 ? pw_clock - slots[slot].entry->stamp : 0);
  }
  pw_payload_send(PW_FILTER_RESET);
  pw_filter_forget();
  pw_spool_event_done();
}

void pw_filter_snapshot(ULong clock) {
  UInt slot;
  ULong previous = 0;
  if (pw_options.detail == PW_DETAIL_FULL) {
    pw_spool_varint(0);
    return;
  }
  pw_spool_varint((ULong)pw_options.k - free_count);
  for (slot = 0; slot < pw_options.k; ++slot) {
    const ULong page = slots[slot].page;
    if (page == PW_NO_PAGE) continue;
    const PwEntry* entry = slots[slot].entry;
    const ULong age = pw_options.k > 1 ? clock - entry->stamp : 0;
    pw_spool_varint(slot);
    pw_spool_zigzag((Long)(page - previous));
    pw_spool_varint(age << 1 | (entry->write_tag == page));
    previous = page;
  }
}

void pw_filter_resync(void) {
  UInt slot;
  if (last_full_clock > pw_clock) pw_clock = last_full_clock;
  for (slot = 0; slot < pw_options.k; ++slot) {
    if (slots[slot].page == PW_NO_PAGE) continue;
    if (slots[slot].entry->stamp > pw_clock) pw_clock = slots[slot].entry->stamp;
  }
}
