/* Where the C library's code would be fetched from without Valgrind.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The C library has its string functions several times over and takes at its start those that suit
 * the CPU (indirect functions). Valgrind's CPU can do less than the host's: what runs here is
 * another variant, at another place of the library, than what runs on the host. The launcher says
 * which the host has taken; which have been taken here is in the same slots of the library in the
 * program's memory. Instructions of the latter are told as if they lay in the former.
 *
 * Where functions begin and end is in the table that unwinders search (.eh_frame_hdr, LSB Core,
 * "Exception Frames").
 */
#include "recorder.h"

#include "pub_tool_aspacemgr.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_vki.h"

#define MAX_VARIANTS 256

/* An entry of the table: both are relative to the header. */
typedef struct {
  Int begin, description;
} TableEntry;

/* All but `device` and `inode` are addresses relative to where the library is loaded. */
static struct {
  ULong device, inode;
  ULong text;          /* minus its offset in the file */
  ULong header, table; /* of .eh_frame_hdr; its sorted table */
  ULong entries;
} library;
typedef struct {
  ULong slot, native;
} Variant;
static Variant variants[MAX_VARIANTS];
static UInt variant_count;

/* What was found last: [begin, end) is told as if it began at `native`, if that is not 0. */
static struct {
  Addr begin, end;
  Addr native, native_end;
} known;

static Bool next_number(const HChar** text, ULong* value) {
  HChar* end;
  *value = VG_(strtoull16)(*text, &end);
  if (end == *text || (*end != ',' && *end != ':' && *end != '\0')) return False;
  *text = *end == '\0' ? end : end + 1;
  return True;
}

Bool pw_variants_option(const HChar* value) {
  variant_count = 0;
  if (!next_number(&value, &library.device) || !next_number(&value, &library.inode) ||
      !next_number(&value, &library.text) || !next_number(&value, &library.header) ||
      !next_number(&value, &library.table) || !next_number(&value, &library.entries)) {
    return False;
  }
  while (*value != '\0' && variant_count < MAX_VARIANTS) {
    Variant* each = &variants[variant_count++];
    if (!next_number(&value, &each->slot) || !next_number(&value, &each->native)) return False;
  }
  return True;
}

void pw_variants_forget(void) { known.begin = known.end = 0; }

static Bool is_readable(Addr start, SizeT length) {
  return VG_(am_is_valid_for_client)(start, length, VKI_PROT_READ);
}

/* The function around an address: its begin, and that of the next one. */
static Bool function_at(Addr base, Addr address, Addr* begin, Addr* end) {
  const TableEntry* table = (const TableEntry*)(base + library.table);
  const Long wanted = (Long)(address - base - library.header);
  ULong low = 0, high = library.entries;
  while (low < high) {
    const ULong middle = (low + high) / 2;
    if (table[middle].begin <= wanted)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0 || low == library.entries) return False;
  *begin = base + library.header + table[low - 1].begin;
  *end = base + library.header + table[low].begin;
  return True;
}

static void find(Addr address) {
  const NSegment* segment = VG_(am_find_nsegment)(address);
  known.begin = address;
  known.end = address + 1;
  known.native = 0;
  if (segment == NULL) return;
  known.begin = segment->start;
  known.end = segment->end + 1;
  if (segment->kind != SkFileC || !segment->hasX || segment->dev != library.device ||
      segment->ino != library.inode) {
    return;
  }
  const Addr base = segment->start - (Addr)segment->offset - library.text;
  if (!is_readable(base + library.table, library.entries * sizeof(TableEntry)) ||
      !function_at(base, address, &known.begin, &known.end)) {
    return;
  }
  UInt i;
  for (i = 0; i < variant_count; ++i) {
    const Addr slot = base + variants[i].slot;
    if (!is_readable(slot, sizeof(Addr)) || *(const Addr*)slot != known.begin) continue;
    Addr begin;
    const Addr native = base + variants[i].native;
    if (function_at(base, native, &begin, &known.native_end) && begin == native)
      known.native = native;
    return;
  }
}

Addr pw_native_place(Addr address) {
  if (variant_count == 0) return address;
  if (address < known.begin || address >= known.end) find(address);
  if (known.native == 0) return address;
  return VG_MIN(known.native + (address - known.begin), known.native_end - 1);
}
