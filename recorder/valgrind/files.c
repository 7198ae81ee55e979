/* What the program does with files. SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The program's descriptors are the process's. Questions to the kernel go past Valgrind, which need
 * not know of them.
 */
#include "recorder.h"

#include "pub_tool_aspacemgr.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_threadstate.h"
#include "pub_tool_vki.h"

static long pw_kernel(long number, long a, long b, long c, long d, long e, long f) {
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  register long sixth __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
}

static long pw_host_address(ULong address) { return (long)address; }

static void* pw_grow(void* old, unsigned long bytes) {
  return VG_(realloc)("pagewright.files", old, bytes);
}

static void pw_file_frame(const void* payload, unsigned length) {
  pw_spool_note(PW_FRAME_FILE, payload, length);
}

#include "recorder/common/files.h"

static struct pw_file_before* before; /* by ThreadId */

void pw_files_init(void) {
  before = VG_(calloc)("pagewright.before", VG_N_THREADS, sizeof *before);
}

void pw_files_start(void) {
  Addr starts[64];
  Int i;
  const Int count = VG_(am_get_segment_starts)(SkFileC, starts, 64);
  for (i = 0; i < count; ++i) { /* the program and its interpreter */
    const HChar* path = VG_(am_get_filename)(VG_(am_find_nsegment)(starts[i]));
    if (path != NULL && !pw_is_valgrinds(starts[i])) pw_tell_path((long)path);
  }
  pw_tell_inherited();
}

void pw_files_forked(void) { pw_forget_files(); }

void pw_files_before_exec(UInt number, const UWord* args) {
  if (number == __NR_execve) pw_tell_path((long)args[0]);
}

static void six(const UWord* args, ULong out[6]) {
  UInt i;
  for (i = 0; i < 6; ++i) out[i] = args[i];
}

void pw_files_before(ThreadId tid, UInt number, const UWord* args) {
  ULong numbers[6];
  six(args, numbers);
  pw_before_call(number, numbers, &before[tid]);
}

UInt pw_files_only(UInt number) { return pw_file_call_arguments(number); }

UInt pw_files_of_call(ThreadId tid, UInt number, const UWord* args, Long result, UInt* replaced) {
  ULong numbers[6];
  six(args, numbers);
  *replaced = before[tid].replaced;
  return pw_file_of_call(number, numbers, result, &before[tid]);
}

Bool pw_files_closed(ThreadId tid, UInt number) {
  return number == __NR_close && before[tid].file != PW_NO_FILE;
}

static struct pw_transfer transfers[2]; /* of the call that has been made */
static UInt transfer_count;

Bool pw_files_moved(UInt number, const UWord* args, Long result) {
  ULong numbers[6];
  six(args, numbers);
  transfer_count = pw_transfers(number, numbers, result, transfers);
  return transfer_count > 0;
}

void pw_files_tell_moved(ThreadId tid) {
  UInt i;
  if (transfer_count == 0) return;
  pw_thread_running(tid);
  for (i = 0; i < transfer_count; ++i) {
    const struct pw_transfer* const t = &transfers[i];
    pw_spool_transfer(t->file, t->written, t->descriptor, t->offset, t->bytes);
  }
}
