/* Where the clock is. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Valgrind gives each thread shadow registers for its tool to use. Signal frames save and restore
 * them and new threads copy them, which would turn the clock back; therefore it is only there while
 * the thread runs translated code, and nothing of that kind happens meanwhile.
 */
#include "recorder.h"

#include "libvex_guest_amd64.h"
#include "pub_tool_machine.h"
#include "pub_tool_threadstate.h"

#define SHADOW 1
#define REGISTER offsetof(VexGuestAMD64State, guest_RAX) /* any that is 8 bytes */

ULong pw_clock;

static Int offset_in_state;

Int pw_clock_offset(const VexGuestLayout* layout) {
  offset_in_state = SHADOW * layout->total_sizeB + (Int)REGISTER;
  return offset_in_state;
}

ULong* pw_clock_in_code(void* guest_state) {
  return (ULong*)((UChar*)guest_state + offset_in_state);
}

void pw_clock_to_code(ThreadId tid) {
  VG_(set_shadow_regs_area)(tid, SHADOW, REGISTER, sizeof pw_clock, (const UChar*)&pw_clock);
}

void pw_clock_from_code(ThreadId tid) {
  VG_(get_shadow_regs_area)(tid, (UChar*)&pw_clock, SHADOW, REGISTER, sizeof pw_clock);
}

void pw_clock_skip_one(void) {
  const ThreadId tid = VG_(get_running_tid)();
  pw_clock_from_code(tid);
  ++pw_clock;
  pw_clock_to_code(tid);
}
