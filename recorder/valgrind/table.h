/* The K pages of the filter and the table in which translated code finds them.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The pages live in K slots. Translated code finds a page in pw_table, directly mapped by page
 * number, stores the clock there as its stamp, and calls nobody. When two of the K pages need the
 * same place of the table, one is displaced: its slot keeps its entry as `spare`, and the next
 * reference to it comes to filter.c, which puts it back.
 *
 * While the table is `slow` it is empty, every page displaced: then every reference comes to
 * filter.c. Translated code may still store a stamp in an empty place; nobody reads it.
 */
#ifndef PAGEWRIGHT_RECORDER_VALGRIND_TABLE_H
#define PAGEWRIGHT_RECORDER_VALGRIND_TABLE_H

#include "recorder.h"

typedef struct {
  ULong page;     /* PW_NO_PAGE: free */
  PwEntry* entry; /* in pw_table, or &spare when displaced */
  PwEntry spare;
} PwSlot;

extern PwSlot pw_slots[]; /* K of them */
extern UInt pw_free_slots;
extern Bool pw_table_is_slow;

/* Forgets all pages. The first call makes the table. */
void pw_table_clear(void);
PwEntry* pw_place_of(ULong page);
/* NULL if the page is not in the filter. */
PwEntry* pw_look_up(ULong page);
/* The page at this place of the table, if any, loses it. */
void pw_displace(PwEntry* entry);
/* A displaced page gets its place back. */
PwEntry* pw_put_back(UInt slot);
/* A page comes into a free slot. */
UInt pw_free_slot(void);
void pw_occupy(UInt slot, ULong page, Bool write, ULong clock);
/* Takes a page out; returns its last stamp. Its slot is then for pw_occupy, or is given back. */
ULong pw_vacate(UInt slot);
void pw_give_back(UInt slot);
/* The slot of the page referenced least recently. Every slot is in use. */
UInt pw_oldest_slot(ULong clock);
void pw_table_become_slow(void);
void pw_table_become_fast(void);

#endif
