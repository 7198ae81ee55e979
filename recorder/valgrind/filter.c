/* The exact LRU-K filter. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Idea. A fully associative LRU memory of m >= K pages always holds the K pages referenced last, so
 * a reference to one of these K is a hit there and needs no record. What it does need is the order:
 * a page that leaves the K must say when it was referenced last. Writing down each page that
 * enters, the page that it replaces and the age of that page makes every size >= K exact (the
 * argument is that of stack algorithms: Mattson, Gecsei, Slutz, Traiger, IBM Systems Journal 9(2),
 * 1970).
 *
 * The K pages and the table in which translated code finds them are in table.c. What translated
 * code does not find there, comes here.
 *
 * Translated code checks references of a block in groups (plan.c) and stores the stamp of the last
 * one. If the bytes of a group lie in two pages, its leader's call stamps both; and where more than
 * stamps is needed, its references become pending: the table is slow until the end of the block, so
 * that all its references come here and each pending one is made when its turn has come.
 */
#include "table.h"

#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_machine.h"
#include "pub_tool_threadstate.h"

#define MAX_PENDING 256

/* A reference of a group, to be made when the clock comes to it. */
typedef struct {
  ULong clock;
  Addr address;
  UInt size;
  PwAccess access;
} Pending;

ULong pw_last_code_page = PW_NO_PAGE;
Addr pw_instruction;

static Bool flush_is_due;            /* the spool waits for the start of a block */
static Pending pending[MAX_PENDING]; /* by clock; only while slow */
static UInt pending_count;
static ULong last_full_clock; /* detail full: clock of the last event */

void pw_filter_forget(void) {
  pw_table_clear();
  pending_count = 0;
  flush_is_due = False;
  pw_last_code_page = PW_NO_PAGE;
  last_full_clock = 0;
}

/* --- references --- */

static void fetch(UInt kind, ULong page, Bool write, ULong clock) {
  UInt slot;
  pw_spool_event(kind, page, clock);
  if (pw_free_slots > 0) {
    slot = pw_free_slot();
    if (pw_options.k > 1) pw_spool_varint(slot);
  } else if (pw_options.k > 1) {
    slot = pw_oldest_slot(clock);
    pw_spool_varint(slot);
    pw_spool_varint(clock - pw_vacate(slot));
  } else {
    slot = 0;
    pw_vacate(slot);
  }
  pw_occupy(slot, page, write, clock);
  pw_seen_page(page, write);
  pw_spool_event_done();
}

/* One reference, with the number `clock`, that translated code could not settle by itself. */
static void touch(ULong page, UInt kind, ULong clock) {
  const Bool write = kind == PW_FETCH_WRITE || kind == PW_FETCH_KERNEL_WRITE;
  PwEntry* entry = pw_look_up(page);
  if (entry == NULL) {
    fetch(kind, page, write, clock);
    return;
  }
  if (!pw_table_is_slow && entry != pw_place_of(page)) entry = pw_put_back((UInt)entry->slot);
  if (entry->stamp < clock) entry->stamp = clock;
  if (write && entry->write_tag != page) {
    entry->write_tag = page;
    pw_spool_event(PW_FIRST_WRITE, entry->slot, clock);
    pw_seen_page(page, True);
    pw_spool_event_done();
  }
}

/* The reference with the number `clock` is two: all later numbers move by one. */
static void count_twice(ULong clock) {
  UInt i;
  pw_clock_skip_one();
  for (i = 0; i < pw_options.k; ++i) {
    if (pw_slots[i].page != PW_NO_PAGE && pw_slots[i].entry->stamp > clock)
      ++pw_slots[i].entry->stamp;
  }
  for (i = 0; i < pending_count; ++i) {
    if (pending[i].clock > clock) ++pending[i].clock;
  }
}

/* Returns by how many the numbers of later references have moved. */
static UInt touch_bytes(Addr address, ULong clock, UInt size, PwAccess access) {
  const ULong first = address >> PW_PAGE_SHIFT;
  const ULong last = (address + size - 1) >> PW_PAGE_SHIFT;
  touch(first, access, clock);
  if (last == first) return 0;
  count_twice(clock);
  touch(last, access, clock + 1);
  return 1;
}

/* Makes the pending references up to a number. Returns by how many later numbers have moved. */
static UInt make_pending(ULong clock) {
  UInt moved = 0;
  while (pending_count > 0 && pending[0].clock <= clock + moved) {
    const Pending next = pending[0];
    --pending_count;
    VG_(memmove)(pending, pending + 1, pending_count * sizeof *pending);
    moved += touch_bytes(next.address, next.clock, next.size, next.access);
  }
  return moved;
}

/* Before any other reference that translated code reports. Returns by how many its number has
   moved. */
static inline UInt catch_up(ULong clock) {
  if (!pw_table_is_slow) return 0;
  if (pending_count > 0 || flush_is_due) return make_pending(clock - 1);
  pw_table_become_fast();
  return 0;
}

/* For stack traces. */
static inline void arrive_at(Addr ip) { pw_instruction = ip; }

static inline void miss(Addr address, ULong clock, UInt size, PwAccess access) {
  touch_bytes(address, clock + catch_up(clock), size, access);
}

/* --- groups --- */

/* Whether a page surely stays in the filter for some references: each takes at most two of those
   that are older. */
static Bool stays_for(ULong stamp, UInt ticks) {
  UInt slot, older = 0;
  for (slot = 0; slot < pw_options.k && older < 2 * ticks; ++slot)
    older += pw_slots[slot].page != PW_NO_PAGE && pw_slots[slot].entry->stamp < stamp;
  return older >= 2 * ticks;
}

/* The group lies in two pages, each of its references in one of them. If nothing needs to be
   recorded, all that is left are the stamps. */
static Bool stamp_both(Addr low, ULong clock, const PwShape* shape) {
  const ULong first = low >> PW_PAGE_SHIFT;
  PwEntry* entries[2];
  ULong stamps[2] = {0, 0};
  UInt i;
  for (i = 0; i < 2; ++i) {
    if ((entries[i] = pw_look_up(first + i)) == NULL) return False;
  }
  for (i = 0; i < shape->count; ++i) {
    const PwShapeRef* ref = &shape->refs[i];
    const ULong page = (low + ref->offset) >> PW_PAGE_SHIFT;
    const PwEntry* entry = entries[page - first];
    if (page != (low + ref->offset + ref->size - 1) >> PW_PAGE_SHIFT) return False;
    if (ref->access == PwWrite && entry->write_tag != page) return False;
    if (stamps[page - first] == 0 && !stays_for(entry->stamp, ref->tick)) return False;
    stamps[page - first] = clock + ref->tick;
  }
  for (i = 0; i < 2; ++i) entries[i]->stamp = VG_MAX(entries[i]->stamp, stamps[i]);
  pw_displace(pw_place_of(first)); /* translated code is about to store the last stamp there */
  return True;
}

static void add_pending(Addr low, ULong clock, const PwShape* shape) {
  UInt i;
  tl_assert(pending_count + shape->count <= MAX_PENDING);
  for (i = 0; i < shape->count; ++i) {
    const PwShapeRef* ref = &shape->refs[i];
    UInt at = pending_count++;
    for (; at > 0 && pending[at - 1].clock > clock + ref->tick; --at) pending[at] = pending[at - 1];
    pending[at] = (Pending){clock + ref->tick, low + ref->offset, ref->size, ref->access};
  }
}

static void stamp_page(ULong page, ULong clock) {
  PwEntry* entry = pw_look_up(page);
  entry->stamp = VG_MAX(entry->stamp, clock);
}

void pw_group_miss(Addr low, ULong last_clock, const PwShape* shape, Addr ip) {
  arrive_at(ip);
  ULong clock = last_clock - shape->ticks;
  clock += catch_up(clock);
  const ULong page = low >> PW_PAGE_SHIFT;
  if (page == (low + shape->span - 1) >> PW_PAGE_SHIFT) {
    touch(page, shape->refs[0].access, clock);
    if (pw_table_is_slow) stamp_page(page, clock + shape->ticks);
  } else if (!stamp_both(low, clock, shape)) {
    if (!pw_table_is_slow) pw_table_become_slow();
    add_pending(low, clock, shape);
    make_pending(clock);
  }
}

VG_REGPARM(3) void pw_group_write(Addr low, ULong clock, const PwShape* shape) {
  const ULong page = low >> PW_PAGE_SHIFT;
  clock += catch_up(clock);
  /* In two pages, it was made by the leader's call or is pending. */
  if (page == (low + shape->span - 1) >> PW_PAGE_SHIFT) touch(page, PwWrite, clock);
}

void pw_filter_block_end(ThreadId tid) {
  pw_instruction = 0; /* the stack is that of where the program is now */
  if (pending_count > 0) make_pending(PW_NO_PAGE - MAX_PENDING);
  pw_clock_from_code(tid);
  if (flush_is_due) {
    flush_is_due = False;
    pw_filter_resync(); /* a fault may have ended the block */
    pw_spool_flush();
  }
  if (pw_table_is_slow) pw_table_become_fast();
}

/* --- what translated code calls --- */

void pw_filter_miss(Addr address, ULong clock, UWord info, Addr ip) {
  arrive_at(ip);
  miss(address, clock, (UInt)info >> 2, info & 3);
}

/* With size and access in the function's name, translated code has less to pass. */
#define MISS_FUNCTION(name, size, access)                \
  static void name(Addr address, ULong clock, Addr ip) { \
    arrive_at(ip);                                       \
    miss(address, clock, size, access);                  \
  }
MISS_FUNCTION(read_1, 1, PwRead)
MISS_FUNCTION(read_2, 2, PwRead)
MISS_FUNCTION(read_4, 4, PwRead)
MISS_FUNCTION(read_8, 8, PwRead)
MISS_FUNCTION(read_16, 16, PwRead)
MISS_FUNCTION(write_1, 1, PwWrite)
MISS_FUNCTION(write_2, 2, PwWrite)
MISS_FUNCTION(write_4, 4, PwWrite)
MISS_FUNCTION(write_8, 8, PwWrite)
MISS_FUNCTION(write_16, 16, PwWrite)
MISS_FUNCTION(execute_1, 1, PwExecute)

PwMissFunction pw_miss_function(UInt size, PwAccess access) {
  if (access == PwExecute) return size == 1 ? execute_1 : NULL;
  switch (size) {
    case 1:
      return access == PwWrite ? write_1 : read_1;
    case 2:
      return access == PwWrite ? write_2 : read_2;
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
  pw_filter_block_end(tid); /* the last one's */
  touch(VG_(get_IP)(tid) >> PW_PAGE_SHIFT, PW_FETCH_EXECUTE, pw_clock + 1);
}

VG_REGPARM(2) void pw_code_switch(Addr address, void* guest_state) {
  ULong* clock = pw_clock_in_code(guest_state);
  arrive_at(address);
  pw_last_code_page = address >> PW_PAGE_SHIFT;
  touch(pw_last_code_page, PW_FETCH_EXECUTE, ++*clock);
}

static void full_event(Addr address, UInt access, SizeT size, ULong clock) {
  pw_spool_event(PW_REFERENCE, address, clock);
  pw_spool_varint(access); /* below 128: one byte */
  pw_spool_varint(size);
  last_full_clock = clock;
  pw_seen_page(address >> PW_PAGE_SHIFT, (access & 3) == PwWrite);
  pw_spool_event_done();
}

void pw_full_reference(Addr address, ULong clock, UWord info, Addr ip) {
  arrive_at(ip);
  const SizeT size = info >> 2;
  full_event(address, info & 3, size, clock);
  if ((address + size - 1) >> PW_PAGE_SHIFT != address >> PW_PAGE_SHIFT) pw_clock_skip_one();
}

void pw_kernel_reference(Addr start, SizeT length, Bool write) {
  const Addr end = start + length;
  pw_instruction = 0;
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

/* --- frames --- */

Bool pw_filter_snapshot_is_exact(ULong clock) {
  UInt slot;
  for (slot = 0; slot < pw_options.k; ++slot) {
    if (pw_slots[slot].page != PW_NO_PAGE && pw_slots[slot].entry->stamp > clock) return False;
  }
  return pending_count == 0;
}

void pw_filter_flush_at_next_block(void) {
  flush_is_due = True;
  if (!pw_table_is_slow) pw_table_become_slow();
}

/* --- pages that go away --- */

void pw_filter_drop(Addr start, SizeT length) {
  UInt slot;
  if (length == 0 || pw_options.detail == PW_DETAIL_FULL) return;
  const ULong first = start >> PW_PAGE_SHIFT;
  const ULong last = (start + length - 1) >> PW_PAGE_SHIFT;
  for (slot = 0; slot < pw_options.k; ++slot) {
    const ULong page = pw_slots[slot].page;
    if (page == PW_NO_PAGE || page < first || page > last) continue;
    const ULong stamp = pw_options.k > 1 ? pw_slots[slot].entry->stamp : pw_clock;
    pw_payload_begin();
    pw_payload_varint(slot);
    pw_payload_varint(pw_clock - stamp);
    pw_payload_send(PW_FILTER_DROP);
    pw_vacate(slot);
    pw_give_back(slot);
    pw_spool_event_done();
  }
}

void pw_filter_reset(void) {
  UInt slot;
  if (pw_options.detail == PW_DETAIL_FULL) return;
  pw_payload_begin();
  for (slot = 0; slot < pw_options.k; ++slot) {
    if (pw_slots[slot].page == PW_NO_PAGE) continue;
    pw_payload_varint(pw_options.k > 1 ? pw_clock - pw_slots[slot].entry->stamp : 0);
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
  pw_spool_varint((ULong)pw_options.k - pw_free_slots);
  for (slot = 0; slot < pw_options.k; ++slot) {
    const ULong page = pw_slots[slot].page;
    if (page == PW_NO_PAGE) continue;
    const PwEntry* entry = pw_slots[slot].entry;
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
    if (pw_slots[slot].page == PW_NO_PAGE) continue;
    if (pw_slots[slot].entry->stamp > pw_clock) pw_clock = pw_slots[slot].entry->stamp;
  }
}
