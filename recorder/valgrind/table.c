/* The K pages of the filter. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * To evict is to find the least stamp. Stamps change without notice, but only grow; so of the few
 * least stamps of a scan, those that are still the same later are still the least, in this order.
 * One scan thus serves several evictions.
 */
#include "table.h"

#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"

#define MAX_TABLE (64 * PW_MAX_K)
#define MAX_CANDIDATES 32
#define SLOT_BITS 10 /* of the number of a slot */

PwEntry pw_table[MAX_TABLE] __attribute__((aligned(64)));
PwSlot pw_slots[PW_MAX_K];
UInt pw_free_slots;
Bool pw_table_is_slow;

static ULong mask;
static UInt free_slots[PW_MAX_K];        /* a stack, least on top at first */
static ULong candidates[MAX_CANDIDATES]; /* keys at the last scan: to evict, the first one next */
static UInt next_candidate, candidate_count;
static UInt displaced[PW_MAX_K]; /* slots whose entry is their spare */
static UInt displaced_count;

UInt pw_filter_mask(void) { return (UInt)mask; }

static void make_table(void) {
  /* 64 places a page: two of the 64 default pages meet in one place about half the time. With K = 1
     there are two, so that a reference that straddles from the page before into the last page does
     not find the last page under the index of its first byte. */
  ULong places = 2;
  if (pw_options.k > 1) {
    for (places = 4096; places < 64 * (ULong)pw_options.k; places *= 2) {
    }
  }
  tl_assert(places <= MAX_TABLE && pw_options.k <= 1 << SLOT_BITS);
  mask = places - 1;
}

static void clear_entry(PwEntry* entry) {
  entry->read_tag = entry->write_tag = PW_NO_PAGE;
  entry->stamp = 0;
}

void pw_table_clear(void) {
  UInt i;
  make_table();
  for (i = 0; i <= mask; ++i) clear_entry(&pw_table[i]);
  for (i = 0; i < pw_options.k; ++i) {
    pw_slots[i].page = PW_NO_PAGE;
    free_slots[i] = (UInt)pw_options.k - 1 - i;
  }
  pw_free_slots = (UInt)pw_options.k;
  displaced_count = next_candidate = candidate_count = 0;
  pw_table_is_slow = False;
}

UInt pw_free_slot(void) { return free_slots[--pw_free_slots]; }

void pw_give_back(UInt slot) {
  free_slots[pw_free_slots++] = slot;
  candidate_count = 0; /* they hold only while every slot is in use */
}

/* --- which page to evict --- */

/* A key has the stamp above the slot; so keys are unique and their order is that of the stamps. */
static ULong key_of(UInt slot) { return pw_slots[slot].entry->stamp << SLOT_BITS | slot; }
static UInt slot_of(ULong key) { return (UInt)(key & ((1U << SLOT_BITS) - 1)); }

/* The median of the first, middle and last key. */
static ULong pivot_of(const ULong* keys, UInt count) {
  const ULong a = keys[0], b = keys[count / 2], c = keys[count - 1];
  const ULong low = VG_MIN(a, b), high = VG_MAX(a, b);
  return VG_MAX(low, VG_MIN(high, c));
}

/* Moves the keys up to the pivot to the front; returns how many they are. No branch: it would be
   mispredicted half the time. */
static UInt keep_up_to(ULong pivot, ULong* keys, UInt count) {
  UInt kept = 0, i;
  for (i = 0; i < count; ++i) {
    const ULong key = keys[i];
    keys[kept] = key;
    kept += key <= pivot;
  }
  return kept;
}

/* Collects the least keys of all, sorted; none above the clock, because new pages could get lower
   stamps than those. Every slot is in use. */
static void scan_stamps(ULong clock) {
  static ULong keys[PW_MAX_K];
  const ULong limit = (clock + 1) << SLOT_BITS;
  UInt count = 0, i, j;
  for (i = 0; i < pw_options.k; ++i) {
    keys[count] = key_of(i);
    count += keys[count] < limit;
  }
  while (count > MAX_CANDIDATES) count = keep_up_to(pivot_of(keys, count), keys, count);
  for (i = 0; i < count; ++i) {
    UInt rank = 0;
    for (j = 0; j < count; ++j) rank += keys[j] < keys[i];
    candidates[rank] = keys[i];
  }
  candidate_count = count;
  next_candidate = 0;
}

/* The slot of the page referenced least recently. Every slot is in use. */
UInt pw_oldest_slot(ULong clock) {
  for (;;) {
    while (next_candidate < candidate_count) {
      const ULong key = candidates[next_candidate++];
      if (key_of(slot_of(key)) == key) return slot_of(key);
    }
    scan_stamps(clock);
  }
}

/* --- places of the table --- */

static void forget_displaced(UInt slot) {
  UInt i;
  for (i = 0; displaced[i] != slot; ++i) {
  }
  displaced[i] = displaced[--displaced_count];
}

PwEntry* pw_place_of(ULong page) { return &pw_table[page & mask]; }

/* The page of this entry of the table, if any, loses its place. */
void pw_displace(PwEntry* entry) {
  if (entry->read_tag == PW_NO_PAGE) return;
  PwSlot* owner = &pw_slots[entry->slot];
  displaced[displaced_count++] = (UInt)entry->slot;
  owner->spare = *entry;
  owner->entry = &owner->spare;
  clear_entry(entry);
}

/* NULL if the page is not in the filter. */
PwEntry* pw_look_up(ULong page) {
  PwEntry* entry = pw_place_of(page);
  UInt i;
  if (entry->read_tag == page) return entry;
  for (i = 0; i < displaced_count; ++i) {
    if (pw_slots[displaced[i]].page == page) return &pw_slots[displaced[i]].spare;
  }
  return NULL;
}

/* A displaced page gets its place back. */
PwEntry* pw_put_back(UInt slot) {
  PwEntry* entry = pw_place_of(pw_slots[slot].page);
  forget_displaced(slot);
  pw_displace(entry);
  *entry = pw_slots[slot].spare;
  pw_slots[slot].entry = entry;
  return entry;
}

/* Takes a page out. Returns its last stamp. */
ULong pw_vacate(UInt slot) {
  PwSlot* leaving = &pw_slots[slot];
  const ULong stamp = leaving->entry->stamp;
  if (leaving->entry == &leaving->spare) forget_displaced(slot);
  clear_entry(leaving->entry);
  leaving->page = PW_NO_PAGE;
  return stamp;
}

void pw_occupy(UInt slot, ULong page, Bool write, ULong clock) {
  PwEntry* entry = pw_place_of(page);
  if (pw_table_is_slow) {
    entry = &pw_slots[slot].spare;
    displaced[displaced_count++] = slot;
  } else {
    pw_displace(entry);
  }
  *entry = (PwEntry){page, write ? page : PW_NO_PAGE, clock, slot};
  pw_slots[slot].page = page;
  pw_slots[slot].entry = entry;
}

/* --- the empty table --- */

void pw_table_become_slow(void) {
  UInt slot;
  pw_table_is_slow = True;
  for (slot = 0; slot < pw_options.k; ++slot) {
    if (pw_slots[slot].page != PW_NO_PAGE && pw_slots[slot].entry != &pw_slots[slot].spare)
      pw_displace(pw_slots[slot].entry);
  }
}

void pw_table_become_fast(void) {
  UInt i = 0;
  pw_table_is_slow = False;
  while (i < displaced_count) {
    const UInt slot = displaced[i];
    if (pw_place_of(pw_slots[slot].page)->read_tag == PW_NO_PAGE)
      pw_put_back(slot); /* another one is displaced[i] now */
    else
      ++i;
  }
}
