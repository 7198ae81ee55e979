/* COMMAND, MAPS and MODULES frames. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Valgrind's address space manager knows which mappings are the program's and which its own; the
 * kernel knows which are shared. The program's brk heap and main stack are Valgrind's emulations
 * (the heap lies in a reserved area behind the executable, the stack high up at 0x1ffe...; both
 * grow as the program expects): they are named as the kernel would name them.
 */
#include "recorder.h"

#include "pub_tool_aspacemgr.h"
#include "pub_tool_clientstate.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_libcprint.h"
#include "pub_tool_machine.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_vki.h"
#include "pub_tool_xarray.h"

#include <elf.h>

/* From Valgrind's core: the program's heap is [brk_base, brk_limit). */
extern Addr VG_(brk_base);
extern Addr VG_(brk_limit);

/* The linker's: this tool lies from here to there. */
extern const HChar __executable_start, _end;

#define LINE_BYTES (VKI_PATH_MAX + 128)
#define NOTE_BYTES 4096
#define BUILD_ID_BYTES 64

static Addr stack_top; /* an address in the main thread's stack */
static Bool modules_changed = True;

typedef struct {
  HChar* text;
  UInt used, size;
} Text;

static void append(Text* text, const HChar* line, UInt length) {
  if (text->used + length > text->size) {
    text->size = 2 * text->size + length + LINE_BYTES;
    text->text = VG_(realloc)("pagewright.text", text->text, text->size);
  }
  VG_(memcpy)(text->text + text->used, line, length);
  text->used += length;
}

static void send_frame(UInt type, Text* text) {
  if (text->used > 0) pw_spool_frame(type, text->text, text->used);
  VG_(free)(text->text);
}

Bool pw_is_valgrinds(Addr address) {
  return address >= (Addr)&__executable_start && address < (Addr)&_end;
}

void pw_maps_init(void) { stack_top = VG_(thread_get_stack_max)(1) & ~(PW_PAGE_SIZE - 1); }

void pw_command_frame(void) {
  Text text = {NULL, 0, 0};
  Word i;
  const HChar* name = VG_(args_the_exename);
  if (name != NULL) append(&text, name, (UInt)VG_(strlen)(name) + 1);
  for (i = 0; i < VG_(sizeXA)(VG_(args_for_client)); ++i) {
    const HChar* argument = *(HChar**)VG_(indexXA)(VG_(args_for_client), i);
    append(&text, argument, (UInt)VG_(strlen)(argument) + 1);
  }
  send_frame(PW_FRAME_COMMAND, &text);
}

/* /proc/self/maps, NUL-terminated. */
static HChar* read_kernel_maps(void) {
  HChar block[4096];
  Text text = {NULL, 0, 0};
  const Int fd = VG_(fd_open)("/proc/self/maps", VKI_O_RDONLY, 0);
  if (fd >= 0) {
    Int got;
    while ((got = VG_(read)(fd, block, sizeof block)) > 0) append(&text, block, (UInt)got);
    VG_(close)(fd);
  }
  append(&text, "", 1);
  return text.text;
}

/* Whether the kernel's line for `start` says shared. *line advances through the sorted text. */
static Bool is_shared(const HChar** line, Addr start) {
  while (**line != '\0') {
    HChar* rest;
    const Addr from = VG_(strtoull16)(*line, &rest);
    const Addr to = VG_(strtoull16)(rest + 1, &rest);
    if (from > start) return False;
    if (start < to) return rest[0] != '\0' && rest[4] == 's';
    const HChar* next = VG_(strchr)(*line, '\n');
    if (next == NULL) return False;
    *line = next + 1;
  }
  return False;
}

/* The starts of the program's segments; *count of them. */
static Addr* client_segments(Int* count) {
  Int room = 256;
  for (;;) {
    Addr* starts = VG_(malloc)("pagewright.segments", (SizeT)room * sizeof(Addr));
    *count = VG_(am_get_segment_starts)(SkFileC | SkAnonC | SkShmC, starts, room);
    if (*count >= 0) return starts;
    VG_(free)(starts);
    room = -*count + 64;
  }
}

/* NULL for the page of trampolines that Valgrind lends the program. */
static const NSegment* program_segment(Addr start) {
  return pw_is_valgrinds(start) ? NULL : VG_(am_find_nsegment)(start);
}

static const HChar* name_of(const NSegment* segment) {
  const HChar* file = VG_(am_get_filename)(segment);
  if (segment->kind == SkFileC) return file != NULL ? file : "";
  if (segment->start == VG_(brk_base)) return "[heap]";
  if (segment->start <= stack_top && stack_top <= segment->end) return "[stack]";
  return "";
}

/* The heap's segment is a page long even while the heap is empty. */
static Addr end_of(const NSegment* segment) {
  const Addr heap_end = (VG_(brk_limit) + PW_PAGE_SIZE - 1) & ~(PW_PAGE_SIZE - 1);
  if (segment->start == VG_(brk_base) && segment->kind == SkAnonC)
    return VG_MIN(segment->end + 1, heap_end);
  return segment->end + 1;
}

void pw_maps_frame(void) {
  HChar line[LINE_BYTES];
  Text text = {NULL, 0, 0};
  HChar* const kernel_maps = read_kernel_maps();
  const HChar* kernel_line = kernel_maps;
  Int count, i;
  Addr* starts = client_segments(&count);
  for (i = 0; i < count; ++i) {
    const NSegment* segment = program_segment(starts[i]);
    if (segment == NULL || end_of(segment) <= segment->start) continue;
    const UInt length = VG_(snprintf)(
        line, sizeof line, "%lx-%lx %c%c%c%c %08llx %02llx:%02llx %llu %s\n", segment->start,
        end_of(segment), segment->hasR ? 'r' : '-', segment->hasW ? 'w' : '-',
        segment->hasX ? 'x' : '-', is_shared(&kernel_line, segment->start) ? 's' : 'p',
        (ULong)segment->offset, segment->dev >> 8 & 0xfff,
        (segment->dev & 0xff) | (segment->dev >> 12 & 0xfff00), segment->ino, name_of(segment));
    append(&text, line, VG_MIN(length, (UInt)sizeof line - 1));
  }
  VG_(free)(starts);
  VG_(free)(kernel_maps);
  send_frame(PW_FRAME_MAPS, &text);
}

static Bool read_at(Int fd, ULong offset, void* to, SizeT length) {
  return VG_(lseek)(fd, (Off64T)offset, VKI_SEEK_SET) == (Off64T)offset &&
         VG_(read)(fd, to, (Int)length) == (Int)length;
}

/* Looks for the GNU build id among notes; writes it in hex. */
static Bool find_build_id(const UChar* notes, ULong length, HChar* hex) {
  ULong at = 0;
  while (at + sizeof(Elf64_Nhdr) <= length) {
    const Elf64_Nhdr* note = (const Elf64_Nhdr*)(notes + at);
    const ULong name = at + sizeof *note;
    const ULong desc = name + ((ULong)note->n_namesz + 3) / 4 * 4;
    at = desc + ((ULong)note->n_descsz + 3) / 4 * 4;
    if (at > length || at < desc) return False;
    if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
        VG_(memcmp)(notes + name, "GNU", 4) == 0 && note->n_descsz <= BUILD_ID_BYTES) {
      UInt i;
      for (i = 0; i < note->n_descsz; ++i) VG_(sprintf)(hex + 2 * i, "%02x", notes[desc + i]);
      return True;
    }
  }
  return False;
}

/* The build id of an ELF file in hex, or "-". */
static void read_build_id(const HChar* path, HChar* hex) {
  Elf64_Ehdr header;
  Elf64_Phdr program;
  UChar notes[NOTE_BYTES] __attribute__((aligned(8)));
  UInt i;
  VG_(strcpy)(hex, "-");
  const Int fd = VG_(fd_open)(path, VKI_O_RDONLY | VKI_O_NONBLOCK, 0);
  if (fd < 0) return;
  if (read_at(fd, 0, &header, sizeof header) && VG_(memcmp)(header.e_ident, ELFMAG, SELFMAG) == 0 &&
      header.e_ident[EI_CLASS] == ELFCLASS64) {
    for (i = 0; i < header.e_phnum; ++i) {
      if (!read_at(fd, header.e_phoff + i * sizeof program, &program, sizeof program)) break;
      if (program.p_type != PT_NOTE || program.p_filesz > NOTE_BYTES) continue;
      if (read_at(fd, program.p_offset, notes, program.p_filesz) &&
          find_build_id(notes, program.p_filesz, hex))
        break;
    }
  }
  VG_(close)(fd);
}

void pw_modules_changed(void) { modules_changed = True; }

void pw_modules_frame_if_changed(void) {
  HChar line[LINE_BYTES + 2 * BUILD_ID_BYTES];
  HChar build_id[2 * BUILD_ID_BYTES + 1];
  Text text = {NULL, 0, 0};
  Int count, i;
  if (!modules_changed) return;
  modules_changed = False;
  Addr* starts = client_segments(&count);
  for (i = 0; i < count; ++i) {
    const NSegment* segment = program_segment(starts[i]);
    if (segment == NULL || segment->kind != SkFileC || !segment->hasX) continue;
    const HChar* path = VG_(am_get_filename)(segment);
    if (path == NULL) continue;
    read_build_id(path, build_id);
    const UInt length = VG_(snprintf)(line, sizeof line, "%lx-%lx %llx %s %s\n", segment->start,
                                      segment->end + 1, (ULong)segment->offset, build_id, path);
    append(&text, line, VG_MIN(length, (UInt)sizeof line - 1));
  }
  VG_(free)(starts);
  send_frame(PW_FRAME_MODULES, &text);
}
