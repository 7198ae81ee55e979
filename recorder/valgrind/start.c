/* What exec puts on the stack, and what Valgrind has added to it. SPDX-License-Identifier:
 * GPL-2.0-or-later
 *
 * Valgrind adds variables to the environment, among them one that makes the loader map a library of
 * its own (LD_PRELOAD). This tool needs nothing of that library; so the variables are taken away
 * before the program's first instruction, and it runs with the environment and the libraries that
 * it has without a recorder. What it passes on to other programs is its own; Valgrind, which starts
 * them, adds again what it needs.
 */
#include "recorder.h"

#include "pub_tool_clientstate.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_machine.h"
#include "pub_tool_xarray.h"

#define PRELOAD "LD_PRELOAD="

/* From Valgrind's core: where the program's auxiliary vector lies. */
extern UWord* VG_(client_auxv);

/* The bytes of a variable as the program would have it, with the NUL; 0: Valgrind has added it. A
   list that Valgrind has lengthened is made what it was. */
static ULong restore(HChar* variable) {
  if (VG_(strncmp)(variable, "VALGRIND_LIB=", 13) == 0 ||
      VG_(strncmp)(variable, "VALGRIND_LAUNCHER=", 18) == 0)
    return 0;
  if (VG_(strncmp)(variable, PRELOAD, sizeof PRELOAD - 1) == 0) {
    HChar* const list = variable + sizeof PRELOAD - 1;
    HChar* rest = list;
    HChar* mine;
    while ((mine = VG_(strstr)(rest, "/vgpreload_")) != NULL) { /* they come first */
      HChar* const next = VG_(strchr)(mine, ':');
      if (next == NULL) return 0;
      rest = next + 1;
    }
    if (rest != list) VG_(memmove)(list, rest, VG_(strlen)(rest) + 1);
  }
  return VG_(strlen)(variable) + 1;
}

/* The stack of a new image, upwards: argc, argv, NULL, envp, NULL, auxv, AT_NULL. Gives the bytes
   of the variables that stay; *count of them. */
static ULong restore_environment(ThreadId tid, ULong* count) {
  UWord* const stack = (UWord*)VG_(get_SP)(tid);
  HChar** from = (HChar**)(stack + 1 + stack[0] + 1);
  HChar** to = from;
  ULong bytes = 0;
  for (; *from != NULL; ++from) {
    const ULong length = restore(*from);
    if (length == 0) continue;
    bytes += length;
    ++*count;
    *to++ = *from;
  }
  if (to == from) return bytes;
  UWord* source = (UWord*)from;
  UWord* target = (UWord*)to;
  *target++ = *source++;
  VG_(client_auxv) = target;
  for (;;) {
    const UWord key = source[0];
    target[0] = source[0];
    target[1] = source[1];
    source += 2;
    target += 2;
    if (key == 0) return bytes;
  }
}

void pw_start_image(ThreadId tid) {
  UChar payload[64];
  UInt at = 0, i;
  Word word;
  const HChar* const name = VG_(args_the_exename);
  const ULong name_bytes = name != NULL ? VG_(strlen)(name) + 1 : 0;
  ULong numbers[5] = {name != NULL, name_bytes, 0, 0, name_bytes};
  for (word = 0; word < VG_(sizeXA)(VG_(args_for_client)); ++word) {
    ++numbers[0];
    numbers[1] += VG_(strlen)(*(HChar**)VG_(indexXA)(VG_(args_for_client), word)) + 1;
  }
  numbers[3] = restore_environment(tid, &numbers[2]);
  for (i = 0; i < 5; ++i) {
    for (; numbers[i] >= 128; numbers[i] >>= 7) payload[at++] = (UChar)(numbers[i] | 128);
    payload[at++] = (UChar)numbers[i];
  }
  pw_spool_note(PW_FRAME_START, payload, at);
}
