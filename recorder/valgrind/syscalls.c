/* The kernel's references to the program's memory, and the system calls that change it.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "recorder.h"

#include "pub_tool_aspacemgr.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_vki.h"
#include "pub_tool_vkiscnums.h"

#include <asm/unistd.h>
#include <linux/mman.h>

/* From Valgrind's core. What it calls itself at the end of a system call that unmaps code. */
extern void VG_(discard_translations)(Addr start, ULong range, const HChar* who);

#define MAX_SYSCALL 512

/* Not in every distribution's headers. */
#define NR_PROCESS_MRELEASE 448
#define NR_MSEAL 462

/* Calls that make, change, share or lock memory, or make and end processes and threads. */
static const UShort kRecorded[] = {
    __NR_mmap,
    __NR_mprotect,
    __NR_munmap,
    __NR_brk,
    __NR_mremap,
    __NR_msync,
    __NR_mincore,
    __NR_madvise,
    __NR_shmget,
    __NR_shmat,
    __NR_shmctl,
    __NR_shmdt,
    __NR_clone,
    __NR_fork,
    __NR_vfork,
    __NR_execve,
    __NR_exit,
    __NR_ftruncate,
    __NR_mlock,
    __NR_munlock,
    __NR_mlockall,
    __NR_munlockall,
    __NR_prctl,
    __NR_remap_file_pages,
    __NR_fadvise64,
    __NR_exit_group,
    __NR_fallocate,
    __NR_process_vm_readv,
    __NR_process_vm_writev,
    __NR_memfd_create,
    __NR_userfaultfd,
    __NR_execveat,
    __NR_mlock2,
    __NR_pkey_mprotect,
    __NR_pkey_alloc,
    __NR_pkey_free,
    __NR_clone3,
    __NR_close_range,
    __NR_process_madvise,
    __NR_mbind,
    __NR_set_mempolicy,
    __NR_migrate_pages,
    __NR_move_pages,
    __NR_setrlimit,
    __NR_prlimit64,
    NR_PROCESS_MRELEASE,
    NR_MSEAL,
    __NR_rseq, /* which Valgrind refuses: where the kernel would write */
    __NR_gettimeofday,
    __NR_time,
    __NR_clock_gettime,
};
static Bool recorded[MAX_SYSCALL];
/* Of these the first says it all: without Valgrind they read the vdso's memory, which it hides. */
static Bool time_was_read;

static Addr last_brk; /* what brk returned last; 0: not asked yet */
UInt pw_exit_status = PW_ENDED_BY_SIGNAL;
static Bool fork_succeeded; /* between the fork and the end of its system call, in the parent */
static Addr detach_start;   /* the segment that a shmdt under way detaches */
static SizeT detach_length;

/* --- references by the kernel --- */

/* Marks references to as much of a range as the program may access; a bad pointer ends there. */
static void kernel_range(ThreadId tid, Addr start, SizeT length, Bool write) {
  const UInt rights = write ? VKI_PROT_WRITE : VKI_PROT_READ;
  if (length == 0) return;
  pw_thread_running(tid);
  if (!VG_(am_is_valid_for_client)(start, length, rights)) {
    const Addr wanted_end = start + length;
    Addr end = start;
    while (end < wanted_end && VG_(am_is_valid_for_client)(end, 1, rights))
      end = (end | (PW_PAGE_SIZE - 1)) + 1;
    length = VG_MIN(end, wanted_end) - start;
  }
  pw_kernel_reference(start, length, write);
}

static Bool by_kernel(CorePart part) { return part == Vg_CoreSysCall || part == Vg_CoreSignal; }

static void kernel_reads(CorePart part, ThreadId tid, const HChar* what, Addr start, SizeT length) {
  if (by_kernel(part)) kernel_range(tid, start, length, False);
}

static void kernel_reads_text(CorePart part, ThreadId tid, const HChar* what, Addr start) {
  Addr end = start;
  if (!by_kernel(part)) return;
  while (VG_(am_is_valid_for_client)(end, 1, VKI_PROT_READ)) {
    const Addr page_end = (end | (PW_PAGE_SIZE - 1)) + 1;
    while (end < page_end && *(const HChar*)end != '\0') ++end;
    if (end < page_end) {
      ++end; /* the NUL is read too */
      break;
    }
  }
  kernel_range(tid, start, end - start, False);
}

static void kernel_writes(CorePart part, ThreadId tid, Addr start, SizeT length) {
  if (by_kernel(part)) kernel_range(tid, start, length, True);
}

/* --- system calls --- */

static void gone(Addr start, SizeT length) {
  pw_filter_drop(start, length);
  pw_seen_forget(start, length);
}

static Addr page_up(Addr address) { return (address + PW_PAGE_SIZE - 1) & ~(PW_PAGE_SIZE - 1); }

/* Pages that a successful call took away leave the filter. */
static void drop_pages(UInt number, const UWord* args, UWord result) {
  switch (number) {
    case __NR_munmap:
      gone(args[0], args[1]);
      break;
    case __NR_mmap:
      gone(result, args[1]);
      break;
    case __NR_mremap:
      if (result != args[0]) {
        gone(args[0], args[1]);
        gone(result, args[2]);
      } else if (args[2] < args[1]) {
        gone(page_up(args[0] + args[2]), page_up(args[1]) - page_up(args[2]));
      }
      break;
    case __NR_brk:
      if (result < last_brk) gone(page_up(result), page_up(last_brk) - page_up(result));
      break;
    case __NR_madvise:
      if (args[2] == MADV_DONTNEED || args[2] == MADV_FREE || args[2] == MADV_REMOVE ||
          args[2] == MADV_PAGEOUT)
        gone(args[0], args[1]);
      break;
    case __NR_msync:
    case __NR_remap_file_pages:
      pw_filter_drop(args[0], args[1]);
      break;
    case __NR_shmdt:
      gone(detach_start, detach_length);
      break;
    default:
      break;
  }
}

static Bool grows_memory(UInt number, const UWord* args, UWord result) {
  switch (number) {
    case __NR_mmap:
      return (args[3] & MAP_ANONYMOUS) != 0;
    case __NR_mremap:
      return args[2] > args[1];
    case __NR_brk:
      return last_brk != 0 && result > last_brk;
    default:
      return False;
  }
}

/* file: PW_NO_FILE, or what the call is about. */
static void syscall_event(ThreadId tid, UInt number, const UWord* args, Long result, UInt file,
                          const HChar* path) {
  UInt i;
  const UInt kernel_tid = pw_thread_running(tid);
  const ULong ns = pw_spool_ns();
  pw_payload_begin();
  if (file != PW_NO_FILE) pw_payload_varint(file);
  pw_payload_varint(number);
  for (i = 0; i < 6; ++i) pw_payload_varint(args[i]);
  pw_payload_zigzag(result);
  pw_payload_varint(kernel_tid);
  pw_payload_varint(ns);
  if (path != NULL) pw_payload_text(path);
  pw_payload_send(file != PW_NO_FILE ? PW_FILE_CALL : PW_SYSCALL);
}

static const HChar* mapped_path(UInt number, const UWord* args, Long result) {
  if (number != __NR_mmap || result < 0 || (args[3] & MAP_ANONYMOUS) != 0) return NULL;
  const NSegment* segment = VG_(am_find_nsegment)((Addr)result);
  return segment != NULL ? VG_(am_get_filename)(segment) : NULL;
}

static void before_syscall(ThreadId tid, UInt number, UWord* args, UInt arg_count) {
  pw_waits_before(tid, number, args);
  pw_files_before(tid, number, args);
  switch (number) {
    case __NR_exit:
    case __NR_exit_group:
      if (number == __NR_exit_group || pw_live_threads == 1) pw_exit_status = (UInt)args[0] & 0xff;
      syscall_event(tid, number, args, 0, PW_NO_FILE, NULL);
      pw_spool_event_done();
      break;
    case __NR_execve:
    case __NR_execveat:
      pw_files_before_exec(number, args);
      pw_thread_running(tid);
      pw_spool_flush();
      pw_modules_frame_if_changed();
      pw_spool_end(1, 0);
      pw_log_close();
      break;
    case __NR_munmap: /* perhaps of a module that no MODULES frame has told of yet */
      pw_modules_frame_if_changed();
      break;
    case __NR_shmdt: {
      const NSegment* segment = VG_(am_find_nsegment)(args[0]);
      detach_start = args[0];
      detach_length = segment != NULL ? segment->end + 1 - args[0] : 0;
      break;
    }
    default:
      break;
  }
}

static void tell_fork(Long child_pid) {
  fork_succeeded = False;
  pw_filter_reset();
  pw_seen_forked();
  const ULong ns = pw_spool_ns();
  pw_payload_begin();
  pw_payload_varint((ULong)child_pid);
  pw_payload_varint(ns);
  pw_payload_send(PW_FORK);
  pw_spool_flush();
}

static Bool reads_time(UInt number) {
  return number == __NR_gettimeofday || number == __NR_time || number == __NR_clock_gettime;
}

/* A call that a recording has for its file alone. */
static void file_call(ThreadId tid, UInt number, const UWord* args, Long result) {
  UWord own[6] = {0};
  UInt i, replaced;
  const UInt file = pw_files_of_call(tid, number, args, result, &replaced);
  for (i = 0; i < pw_files_only(number); ++i) own[i] = args[i];
  if (file != PW_NO_FILE) {
    syscall_event(tid, number, own, result, file, NULL);
    pw_spool_event_done();
  }
  if (replaced == PW_NO_FILE) return;
  VG_(memset)(own, 0, sizeof own);
  syscall_event(tid, __NR_unlink, own, 0, replaced, NULL);
  pw_spool_event_done();
}

/* A handler of a signal that an instruction may raise, and that must find the program counter
   right: from now on all code keeps it so. */
static void note_handler(Int signal, Addr action) {
  if (pw_faults_are_handled || action == 0) return;
  if (signal != VKI_SIGSEGV && signal != VKI_SIGBUS && signal != VKI_SIGFPE &&
      signal != VKI_SIGILL && signal != VKI_SIGTRAP)
    return;
  if (!VG_(am_is_valid_for_client)(action, sizeof(UWord), VKI_PROT_READ)) return;
  const UWord handler = *(const UWord*)action; /* the first member */
  if (handler == (UWord)VKI_SIG_DFL || handler == (UWord)VKI_SIG_IGN) return;
  pw_faults_are_handled = True;
  VG_(discard_translations)(0, ~0ULL, "pagewright");
}

static void after_syscall(ThreadId tid, UInt number, UWord* args, UInt arg_count, SysRes outcome) {
  const Bool failed = sr_isError(outcome);
  const Long result = failed ? -(Long)sr_Err(outcome) : (Long)sr_Res(outcome);
  UInt file = PW_NO_FILE, replaced;
  const Bool moved = !failed && pw_files_moved(number, args, result);
  pw_waits_after(tid, number, args, result, moved || pw_files_closed(tid, number));
  if (!failed && number == __NR_rt_sigaction) note_handler((Int)args[0], args[1]);
  if (moved) pw_files_tell_moved(tid);
  if (!failed && pw_files_only(number) > 0) file_call(tid, number, args, result);
  if (number >= MAX_SYSCALL || !recorded[number]) return;
  if (reads_time(number)) {
    if (time_was_read) return;
    time_was_read = True;
  }
  if (!failed) file = pw_files_of_call(tid, number, args, result, &replaced);
  if (!failed) drop_pages(number, args, (UWord)result);
  if (number == __NR_execve || number == __NR_execveat) pw_log_open(); /* it has failed */
  syscall_event(tid, number, args, result, file, mapped_path(number, args, result));
  if (!failed && grows_memory(number, args, (UWord)result)) pw_stack_event(tid, PW_CAUSE_SYSCALL);
  pw_spool_event_done();
  if (failed) return;
  if (number == __NR_brk) last_brk = (Addr)result;
  if ((number == __NR_mmap && (args[2] & PROT_EXEC) != 0 && (args[3] & MAP_ANONYMOUS) == 0) ||
      (number == __NR_mprotect && (args[2] & PROT_EXEC) != 0))
    pw_modules_changed();
  if (fork_succeeded && result > 0) tell_fork(result);
}

static void forked_parent(ThreadId tid) { fork_succeeded = True; }

void pw_syscalls_init(void) {
  UInt i;
  pw_waits_init();
  for (i = 0; i < sizeof kRecorded / sizeof kRecorded[0]; ++i) recorded[kRecorded[i]] = True;
  VG_(needs_syscall_wrapper)(before_syscall, after_syscall);
  VG_(track_pre_mem_read)(kernel_reads);
  VG_(track_pre_mem_read_asciiz)(kernel_reads_text);
  VG_(track_post_mem_write)(kernel_writes);
  VG_(atfork)(NULL, forked_parent, NULL);
}
