/* The stack as the program finds it, made anew as the kernel would have. Valgrind has put more on
 * it: a library in LD_PRELOAD, for tools that replace functions or have the C library free its
 * memory, which this one does not; and where its own files are. Loading the one would be recorded
 * as the program's work, and both move everything below to other places in their pages.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * create_elf_tables(), fs/binfmt_elf.c, from the top of the stack down: a word, name of the file,
 * strings of the environment and of the arguments (the first lowest); from the next 16 bytes on the
 * platform's name, 16 random bytes; then, on 16 bytes: argc, argv, NULL, envp, NULL, auxv.
 */
#include "recorder.h"

#include "pub_tool_libcbase.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_machine.h"
#include "pub_tool_mallocfree.h"

#include <elf.h>

/* From Valgrind's core. */
extern void VG_(set_SP)(ThreadId tid, Addr sp);
extern UWord* VG_(client_auxv);

#define RANDOM_BYTES 16

static const HChar kPreload[] = "LD_PRELOAD=", kOwnFiles[] = "VALGRIND_LIB=";

static Bool begins_with(const HChar* text, const HChar* start) {
  return VG_(strncmp)(text, start, VG_(strlen)(start)) == 0;
}

/* Takes Valgrind's names off the front of a list; true if nothing is left. */
static Bool only_valgrinds(HChar* list) {
  for (;;) {
    HChar* end = list;
    while (*end != '\0' && *end != ':' && *end != ' ') ++end;
    const HChar more = *end;
    *end = '\0';
    const Bool valgrinds = VG_(strstr)(list, "/vgpreload_") != NULL;
    *end = more;
    if (!valgrinds) return False;
    if (more == '\0') return True;
    SizeT i = 0;
    do {
      list[i] = end[1 + i];
    } while (list[i++] != '\0');
  }
}

static Bool is_valgrinds(HChar* line) {
  if (begins_with(line, kOwnFiles)) return True;
  return begins_with(line, kPreload) && only_valgrinds(line + sizeof kPreload - 1);
}

/* The new stack while it is made: bytes [begin, top) of the program's memory. */
typedef struct {
  HChar* bytes;
  Addr begin, at, top; /* what is there begins at `at` */
} Stack;

/* Puts something below what is there and gives its address; 0: no room. */
static Addr put(Stack* stack, const void* bytes, SizeT length) {
  if (stack->at - stack->begin < length) return 0;
  stack->at -= length;
  VG_(memcpy)(stack->bytes + (stack->at - stack->begin), bytes, length);
  return stack->at;
}

static Addr put_text(Stack* stack, const HChar* text) {
  return put(stack, text, VG_(strlen)(text) + 1);
}

/* Puts the strings that `words` point to, and has them point to the copies; the first is lowest. */
static void put_texts(Stack* stack, UWord* words, UWord count) {
  while (count-- > 0) words[count] = put_text(stack, (const HChar*)words[count]);
}

static UWord* auxiliary(UWord* auxv, UWord type) {
  for (; auxv[0] != AT_NULL; auxv += 2)
    if (auxv[0] == type) return &auxv[1];
  return NULL;
}

/* The entry's text or bytes (`length` of them), if there is one. */
static void put_auxiliary(Stack* stack, UWord* auxv, UWord type, SizeT length) {
  UWord* entry = auxiliary(auxv, type);
  if (entry == NULL || *entry == 0) return;
  *entry = length > 0 ? put(stack, (const void*)*entry, length)
                      : put_text(stack, (const HChar*)*entry);
}

static UWord entries(const UWord* words) {
  UWord count = 0;
  while (words[count] != 0) ++count;
  return count;
}

/* Takes Valgrind's lines, and their NULL, out of the words behind argv; how many are left. */
static UWord keep_own(UWord* envp, UWord* count_of_all) {
  UWord kept = 0, at;
  const UWord lines = entries(envp);
  for (at = 0; at < lines; ++at)
    if (!is_valgrinds((HChar*)envp[at])) envp[kept++] = envp[at];
  for (at = lines; at < *count_of_all; ++at) envp[kept + at - lines] = envp[at];
  *count_of_all -= lines - kept;
  return kept;
}

/* Valgrind goes on reading the environment that it was started with, VALGRIND_LIB among it,
 * whenever it looks for a library's debug information or for a place for temporary files. It reads
 * it where it put it, on the stack; what is there now is the program's. */
static void keep_environment(UWord* envp) {
  const UWord lines = entries(envp);
  HChar** kept = VG_(calloc)("pagewright.environment", lines + 1, sizeof *kept);
  UWord at;
  for (at = 0; at < lines; ++at) kept[at] = VG_(strdup)("pagewright.line", (HChar*)envp[at]);
  VG_(client_envp) = kept;
}

void pw_native_stack(ThreadId tid) {
  const UWord* const old = (const UWord*)VG_(get_SP)(tid);
  const UWord argc = old[0];
  UWord auxv = argc + 2 + entries(old + argc + 2) + 1; /* where it begins, in words */
  UWord all = auxv;
  Stack stack = {NULL, (Addr)old, 0, VG_(thread_get_stack_max)(tid) + 1};
  while (old[all] != AT_NULL) all += 2;
  all += 2;
  if (stack.top % PW_PAGE_SIZE != 0) return;
  stack.bytes = VG_(calloc)("pagewright.stack", 1, stack.top - stack.begin);
  UWord* words = VG_(malloc)("pagewright.words", all * sizeof(UWord));
  VG_(memcpy)(words, old, all * sizeof(UWord));
  keep_environment(words + argc + 2);
  UWord behind_argv = all - (argc + 2);
  const UWord lines = keep_own(words + argc + 2, &behind_argv);
  all = argc + 2 + behind_argv;
  auxv = argc + 2 + lines + 1;

  stack.at = stack.top - sizeof(UWord);
  put_auxiliary(&stack, words + auxv, AT_EXECFN, 0);
  put_texts(&stack, words + argc + 2, lines);
  put_texts(&stack, words + 1, argc);
  stack.at &= ~15UL;
  put_auxiliary(&stack, words + auxv, AT_PLATFORM, 0);
  put_auxiliary(&stack, words + auxv, AT_RANDOM, RANDOM_BYTES);
  const Addr pointer = (stack.at - all * sizeof(UWord)) & ~15UL;
  if (pointer >= stack.begin) {
    VG_(memcpy)(stack.bytes + (pointer - stack.begin), words, all * sizeof(UWord));
    VG_(memcpy)((void*)stack.begin, stack.bytes, stack.top - stack.begin);
    VG_(client_auxv) = (UWord*)pointer + auxv;
    VG_(set_SP)(tid, pointer);
  }
  VG_(free)(words);
  VG_(free)(stack.bytes);
}
