/* How much work a page is for a compressor of the LZ77 family (LZO, LZ4), as zram and zswap use
 * them. Plain C, for recorders and for `pagewright calibrate`, which must count alike.
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
 *
 * Such a compressor looks each position up in a hash table of what it has seen. Where nothing is
 * found for long it takes longer and longer steps, so that noise is cheap; a long match is one
 * step, so that pages of one value are cheap too. Text and numbers are dear: many short matches, a
 * branch each that the CPU cannot foresee. The time is nearly linear in the look-ups and the
 * matches, a match counting for four look-ups (docs/CHECK.md has figures); what is left after
 * compression says little. The steps are those of lib/lzo/lzo1x_compress.c.
 *
 * The way back is dear where a match begins less than eight bytes before itself, as in a short word
 * that is repeated: such bytes are copied one by one (lib/lzo/lzo1x_decompress_safe.c), others
 * eight at a time.
 */
#ifndef PAGEWRIGHT_RECORDER_EFFORT_H
#define PAGEWRIGHT_RECORDER_EFFORT_H

#define PW_EFFORT_PAGE_BYTES 4096U
#define PW_EFFORT_TABLE_BITS 13
#define PW_EFFORT_MATCH 4U /* look-ups that a match takes as long as */
#define PW_EFFORT_NEAR 8U  /* matches from nearer than that are copied byte by byte */

struct pw_effort_table {
  unsigned short last[1U << PW_EFFORT_TABLE_BITS]; /* by hash of four bytes: where they were last */
};

static inline unsigned pw_effort_word(const unsigned char* at) {
  return (unsigned)at[0] | (unsigned)at[1] << 8 | (unsigned)at[2] << 16 | (unsigned)at[3] << 24;
}

/* 0: a page of zeros, which is not compressed at all (mm/page_io.c, is_folio_zero_filled). `copied`
   grows by the bytes that the way back copies one by one. */
static inline unsigned pw_page_effort(const unsigned char* page, struct pw_effort_table* table,
                                      unsigned* copied) {
  const unsigned end = PW_EFFORT_PAGE_BYTES - 20; /* the compressor copies the rest */
  unsigned effort = 0, at, matched_to = 0, i;
  for (at = 0; at < PW_EFFORT_PAGE_BYTES && page[at] == 0; ++at) {
  }
  if (at == PW_EFFORT_PAGE_BYTES) return 0;
  for (i = 0; i < 1U << PW_EFFORT_TABLE_BITS; ++i) table->last[i] = 0;
  for (at = 4; at < end;) {
    const unsigned word = pw_effort_word(page + at);
    unsigned length = 4;
    if (word == 0) { /* a run of zeros */
      while (at + length < end && page[at + length] == 0) ++length;
    } else {
      const unsigned slot = word * 0x1824429dU >> (32 - PW_EFFORT_TABLE_BITS);
      const unsigned before = table->last[slot];
      table->last[slot] = (unsigned short)at;
      ++effort;
      if (pw_effort_word(page + before) != word || before >= at) {
        at += 1 + ((at - matched_to) >> 5);
        continue;
      }
      while (at + length < end && page[before + length] == page[at + length]) ++length;
      if (at - before < PW_EFFORT_NEAR) *copied += length;
    }
    effort += PW_EFFORT_MATCH;
    at += length;
    matched_to = at;
  }
  return effort > 0 ? effort : 1;
}

#endif
