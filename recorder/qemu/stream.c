/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "stream.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "spool.h"

struct stream* g_streams[kMaxStreams];
_Atomic unsigned g_stream_count;
_Atomic unsigned g_tick;

enum { kReferenceByKernel = 1 << 2 };

/* ---- the bytes of a frame ---- */

static void put_byte(struct stream* s, unsigned value) {
  s->frame.bytes[s->fill++] = (unsigned char)value;
}

static void put_varint(struct stream* s, uint64_t value) {
  for (; value >= 0x80; value >>= 7) put_byte(s, (unsigned)(value & 0x7F) | 0x80);
  put_byte(s, (unsigned)value);
}

static uint64_t zigzag(uint64_t difference) {
  return (difference << 1) ^ (uint64_t)((int64_t)difference >> 63);
}

static void put_snapshot(struct stream* s) {
  uint64_t previous = 0;
  put_varint(s, s->used);
  for (unsigned slot = 0; slot < s->used; ++slot) {
    put_varint(s, slot);
    put_varint(s, zigzag(s->pages[slot] - previous));
    put_varint(s, (s->event_clock - s->stamps[slot]) << 1 | s->written[slot]);
    previous = s->pages[slot];
  }
}

/* Makes room for an event whose references begin after `clock`. The snapshot is of that moment: no
 * stamp may be younger yet. */
static void open_frame(struct stream* s, uint64_t clock) {
  if (s->fill >= kFrameBytes) stream_flush(s);
  if (s->fill != 0) return;
  s->frame.header = (struct pw_frame_header){.magic = PW_FRAME_MAGIC,
                                             .type = PW_FRAME_EVENTS,
                                             .stream = s->index,
                                             .clock = clock,
                                             .ns = monotonic_ns(),
                                             .tid = s->tid};
  s->fill = sizeof s->frame.header;
  s->frame_tick = atomic_load_explicit(&g_tick, memory_order_relaxed);
  s->event_clock = clock;
  s->previous = 0;
  s->transfer_end = 0;
  put_snapshot(s);
}

static void put_event(struct stream* s, unsigned kind, uint64_t body) {
  put_varint(s, body << 3 | kind);
  put_varint(s, s->clock - s->event_clock);
  s->event_clock = s->clock;
  ++s->frame.header.count;
}

static void put_place(struct stream* s, unsigned kind, uint64_t place) {
  const uint64_t difference = place - s->previous;
  s->previous = place;
  put_event(s, kind, zigzag(difference));
}

void stream_flush(struct stream* s) {
  if (s->fill == 0) return;
  s->frame.header.length = s->fill - (unsigned)sizeof s->frame.header;
  spool_write(&s->frame.header);
  s->fill = 0;
}

/* ---- the filter ---- */

static unsigned front_index(uint64_t page) { return (unsigned)page & (kFrontEntries - 1); }

/* s->used if it is not there. */
static unsigned find_slot(const struct stream* s, uint64_t page) {
  unsigned link = s->chains[front_index(page)];
  while (link != 0 && s->pages[link - 1] != page) link = s->chain_next[link - 1];
  return link != 0 ? link - 1 : s->used;
}

static void link_slot(struct stream* s, unsigned slot) {
  uint16_t* const first = &s->chains[front_index(s->pages[slot])];
  s->chain_next[slot] = *first;
  *first = (uint16_t)(slot + 1);
}

static void unlink_slot(struct stream* s, unsigned slot) {
  uint16_t* link = &s->chains[front_index(s->pages[slot])];
  while (*link != slot + 1) link = &s->chain_next[*link - 1];
  *link = s->chain_next[slot];
}

typedef int64_t lanes __attribute__((vector_size(32)));

enum { kLanes = 4, kSlotBits = 10 /* of kMaxFilterPages */ };

/* The slot with the least stamp, of a full filter. Four slots at a time, each as stamp and number
 * in one, so that the least of all says which it is. */
__attribute__((target_clones("avx2", "default"))) static unsigned oldest_slot(
    const struct stream* s) {
  lanes numbers = {0, 1, 2, 3};
  lanes least = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
  for (unsigned slot = 0; slot < s->used; slot += kLanes) {
    lanes keys;
    memcpy(&keys, s->stamps + slot, sizeof keys);
    keys = keys << kSlotBits | numbers;
    const lanes less = keys < least;
    least = (keys & less) | (least & ~less);
    numbers += kLanes;
  }
  int64_t result = least[0];
  for (unsigned lane = 1; lane < kLanes; ++lane)
    result = least[lane] < result ? least[lane] : result;
  return (unsigned)result & (kMaxFilterPages - 1);
}

static bool is_write(enum pw_kind kind) {
  return kind == PW_FETCH_WRITE || kind == PW_FETCH_KERNEL_WRITE;
}

static void fetch(struct stream* s, unsigned slot, uint64_t page, enum pw_kind kind) {
  const bool occupied = slot < s->used;
  put_place(s, kind, page);
  if (g_options.k > 1) {
    put_varint(s, slot);
    if (occupied) put_varint(s, s->clock - s->stamps[slot]);
  }
  if (occupied) {
    struct front_entry* const left = &s->front[front_index(s->pages[slot])];
    if (left->key >> 1 == s->pages[slot]) left->key = kNowhere;
    unlink_slot(s, slot);
  } else {
    ++s->used;
  }
  s->pages[slot] = page;
  s->written[slot] = is_write(kind);
  link_slot(s, slot);
}

void stream_touch(struct stream* s, uint64_t page, enum pw_kind kind) {
  unsigned slot = find_slot(s, page);
  if (slot == s->used) {
    open_frame(s, s->clock - 1);
    if (s->used == g_options.k) slot = oldest_slot(s);
    fetch(s, slot, page, kind);
  } else if (is_write(kind) && s->written[slot] == 0) {
    open_frame(s, s->clock - 1);
    put_event(s, PW_FIRST_WRITE, slot);
    s->written[slot] = 1;
  }
  s->stamps[slot] = s->clock;
  s->front[front_index(page)] = (struct front_entry){.key = page << 1 | s->written[slot],
                                                     .stamp = &s->stamps[slot]};
}

/* ---- references that are rarer than loads and stores ---- */

void stream_reference(struct stream* s, uint64_t before, uint64_t address, unsigned access,
                      uint64_t size) {
  open_frame(s, before);
  put_place(s, PW_REFERENCE, address);
  put_byte(s, access);
  put_varint(s, size);
}

/* The first block of a thread. What it belongs to is known only now: vCPUs are made by their
 * parent's thread. */
static void begin_thread(struct stream* s) {
  s->tid = (unsigned)syscall(SYS_gettid);
  const uint64_t tid = s->tid;
  stream_control(s, PW_THREAD_START, &tid, 1, NULL, 0);
}

void stream_enter_code(struct stream* s, uint64_t page) {
  atomic_store_explicit(&s->code_gate, page, memory_order_relaxed);
  if (s->tid == 0) begin_thread(s);
  if (s->fill != 0 && s->frame_tick != atomic_load_explicit(&g_tick, memory_order_relaxed)) {
    stream_flush(s);
  }
  if (s->code_page == page) return;
  s->code_page = page;
  ++s->clock;
  if (g_options.detail == PW_DETAIL_FULL) {
    stream_reference(s, s->clock - 1, page << kPageShift, PW_FETCH_EXECUTE, 1);
  } else if (!stream_hit(s, page, 1)) {
    stream_touch(s, page, PW_FETCH_EXECUTE);
  }
}

void stream_kernel_access(struct stream* s, uint64_t address, uint64_t length, bool write) {
  const enum pw_kind kind = write ? PW_FETCH_KERNEL_WRITE : PW_FETCH_KERNEL_READ;
  const unsigned access = (write ? PW_FETCH_WRITE : PW_FETCH_READ) | kReferenceByKernel;
  while (length > 0) {
    const uint64_t page = address >> kPageShift;
    const uint64_t room = kPageSize - (address & (kPageSize - 1));
    const uint64_t part = length < room ? length : room;
    ++s->clock;
    if (g_options.detail == PW_DETAIL_FULL) {
      stream_reference(s, s->clock - 1, address, access, part);
    } else if (!stream_hit(s, page, !write)) {
      stream_touch(s, page, kind);
    }
    address += part;
    length -= part;
  }
}

/* ---- control ---- */

static unsigned varint_bytes(uint64_t value) {
  unsigned bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

void stream_control(struct stream* s, enum pw_control code, const uint64_t* numbers, unsigned count,
                    const void* tail, unsigned length) {
  unsigned total = length;
  for (unsigned i = 0; i < count; ++i) total += varint_bytes(numbers[i]);
  open_frame(s, s->clock);
  put_event(s, PW_CONTROL, code);
  put_varint(s, total);
  for (unsigned i = 0; i < count; ++i) put_varint(s, numbers[i]);
  if (length > 0) memcpy(s->frame.bytes + s->fill, tail, length);
  s->fill += length;
}

void stream_transfer(struct stream* s, unsigned file, unsigned written, unsigned descriptor,
                     uint64_t offset, uint64_t bytes) {
  open_frame(s, s->clock);
  const uint64_t delta = offset - s->transfer_end;
  const uint64_t numbers[4] = {(uint64_t)file << 1 | written, descriptor,
                               delta << 1 ^ (uint64_t)((int64_t)delta >> 63), bytes};
  stream_control(s, PW_TRANSFER, numbers, 4, NULL, 0);
  s->transfer_end = offset + bytes;
}

uint64_t stream_frame_ns(struct stream* s) {
  open_frame(s, s->clock);
  return monotonic_ns() - s->frame.header.ns;
}

/* ---- life ---- */

static void reset(struct stream* s) {
  s->clock = 0;
  s->used = 0;
  s->fill = 0;
  s->code_page = kNowhere;
  atomic_store(&s->code_gate, kNowhere);
  memset(s->chains, 0, sizeof s->chains);
  for (unsigned i = 0; i < kMaxFilterPages; ++i) s->stamps[i] = kNever;
  for (unsigned i = 0; i < kFrontEntries; ++i) s->front[i].key = kNowhere;
}

struct stream* stream_adopt(unsigned index) {
  struct stream* s = g_streams[index];
  if (s == NULL) {
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) return NULL;
    s->index = index;
    reset(s);
    g_streams[index] = s;
    if (index >= atomic_load(&g_stream_count)) atomic_store(&g_stream_count, index + 1);
  }
  s->tid = 0;
  s->code_page = kNowhere;
  atomic_store(&s->code_gate, kNowhere);
  atomic_store(&s->state, kRunning);
  return s;
}

void stream_start_anew(struct stream* s) {
  const unsigned count = atomic_load(&g_stream_count);
  for (unsigned i = 0; i < count; ++i) {
    if (g_streams[i] == NULL || g_streams[i] == s) continue;
    munmap(g_streams[i], sizeof *s);
    g_streams[i] = NULL;
  }
  reset(s);
  s->tid = (unsigned)syscall(SYS_gettid);
}

void stream_park(struct stream* s) {
  atomic_store_explicit(&s->state, kParked, memory_order_release);
}

bool stream_claim(struct stream* s) {
  int expected = kParked;
  return atomic_compare_exchange_strong(&s->state, &expected, kClaimed);
}

void stream_unpark(struct stream* s) {
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = 20000};
  int expected = kParked;
  while (!atomic_compare_exchange_strong(&s->state, &expected, kRunning)) {
    expected = kParked;
    nanosleep(&pause, NULL);
  }
}
