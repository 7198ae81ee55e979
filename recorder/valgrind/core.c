/* What Valgrind's core would do and a recording has no use for. SPDX-License-Identifier:
 * GPL-2.0-or-later
 *
 * The linker (--wrap, see CMakeLists.txt) puts these in the place of functions of the core. Where
 * another version of Valgrind has no function of that name, nothing is replaced.
 */
#include "recorder.h"

void __wrap_vgModuleLocal_read_debuginfo_dwarf3(void);
void __wrap_sanityCheckIRSB(void);

/* Reads line numbers, of a C library's debug package for example, whenever a process starts: half
   of the time that starting takes. Names of functions and lines are looked up when a recording is
   saved. What unwinds stacks is read elsewhere (.eh_frame). */
void __wrap_vgModuleLocal_read_debuginfo_dwarf3(void) {}

/* Checks, three times for each block, that it is well formed: a help while instrument.c is being
   changed (leave out the --wrap then), and a tenth of the time that translating takes. */
void __wrap_sanityCheckIRSB(void) {}
