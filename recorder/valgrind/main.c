/* Pagewright's Valgrind tool: options, threads, fork, life and death of the process.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "recorder.h"

#include "pub_tool_clientstate.h"
#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcprint.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_options.h"
#include "pub_tool_threadstate.h"

#define DEFAULT_K 64
#define DEFAULT_STACK_BUDGET 16384
#define DEFAULT_STACK_DEPTH 16

PwOptions pw_options = {PW_DETAIL_PAGES,      DEFAULT_K,          NULL, True,
                        DEFAULT_STACK_BUDGET, DEFAULT_STACK_DEPTH};

UInt pw_live_threads;

static UInt* kernel_tids; /* by ThreadId; 0: not known yet */
static UInt running_tid;  /* the kernel's number of the thread that the spool says is running */
static Bool started;

/* --- threads --- */

UInt pw_current_kernel_tid(void) { return running_tid; }

/* Always called by the thread itself. */
UInt pw_thread_running(ThreadId tid) {
  if (kernel_tids[tid] == 0) kernel_tids[tid] = (UInt)VG_(gettid)();
  if (kernel_tids[tid] != running_tid) {
    running_tid = kernel_tids[tid];
    pw_payload_begin();
    pw_payload_varint(running_tid);
    pw_payload_send(PW_THREAD);
    pw_spool_event_done();
  }
  return running_tid;
}

static void thread_event(UInt code, ThreadId tid) {
  const UInt kernel_tid = pw_thread_running(tid);
  pw_payload_begin();
  pw_payload_varint(kernel_tid);
  pw_payload_send(code);
  pw_spool_event_done();
}

static void tell_process(Bool new_image) {
  pw_command_frame();
  if (new_image) pw_start_image(1);
  pw_maps_frame();
  pw_modules_changed();
  pw_modules_frame_if_changed();
}

static void thread_first_instruction(ThreadId tid) {
  if (!started) {
    started = True;
    pw_native_stack(tid);
    pw_maps_init();
    tell_process(True);
    pw_files_start();
  }
  ++pw_live_threads;
  thread_event(PW_THREAD_START, tid);
}

static void thread_exit(ThreadId tid) {
  --pw_live_threads;
  thread_event(PW_THREAD_EXIT, tid);
  kernel_tids[tid] = 0;
}

/* Each time that a thread gets to run: about a thousand times a second. */
static void start_client_code(ThreadId tid, ULong blocks_dispatched) {
  pw_filter_resync();
  pw_waits_thread_runs();
  pw_thread_running(tid);
  pw_spool_tick();
  pw_contents_tick();
  pw_clock_to_code(tid);
}

static void stop_client_code(ThreadId tid, ULong blocks_dispatched) { pw_filter_block_end(tid); }

/* --- fork --- */

static void before_fork(ThreadId tid) { pw_spool_note_fork(); }

static void forked_child(ThreadId tid) {
  const ULong parent_clock = pw_clock;
  pw_log_open();
  pw_live_threads = 1;
  pw_exit_status = PW_ENDED_BY_SIGNAL;
  VG_(memset)(kernel_tids, 0, VG_N_THREADS * sizeof *kernel_tids);
  kernel_tids[tid] = running_tid = (UInt)VG_(gettid)();
  pw_clock = 0;
  pw_filter_forget();
  pw_stacks_forked();
  pw_seen_forked();
  pw_files_forked();
  pw_contents_forked();
  pw_spool_open(True, parent_clock);
  tell_process(False);
}

/* --- options, start and end --- */

static Bool parse_stacks(const HChar* argument, const HChar* value) {
  HChar* end;
  pw_options.stacks = VG_(strcmp)(value, "none") != 0;
  if (!pw_options.stacks) return True;
  if (VG_(strcmp)(value, "all") == 0) {
    pw_options.stack_budget = 0x7fffffffffffffffLL;
    return True;
  }
  pw_options.stack_budget = VG_(strtoll10)(value, &end);
  if (*value == '\0' || *end != '\0' || pw_options.stack_budget < 0)
    VG_(fmsg_bad_option)(argument, "--stacks takes 'all', 'none' or a number\n");
  return True;
}

static Bool process_option(const HChar* argument) {
  const HChar* value;
  if (VG_XACT_CLO(argument, "--detail=pages", pw_options.detail, PW_DETAIL_PAGES)) {
  } else if (VG_XACT_CLO(argument, "--detail=switches", pw_options.detail, PW_DETAIL_SWITCHES)) {
  } else if (VG_XACT_CLO(argument, "--detail=full", pw_options.detail, PW_DETAIL_FULL)) {
  } else if (VG_BINT_CLO(argument, "--k", pw_options.k, 2, PW_MAX_K)) {
  } else if (VG_BINT_CLO(argument, "--stack-depth", pw_options.stack_depth, 1,
                         PW_MAX_STACK_DEPTH)) {
  } else if (VG_STR_CLO(argument, "--spool-dir", pw_options.spool_dir)) {
  } else if (VG_STR_CLO(argument, "--stacks", value)) {
    return parse_stacks(argument, value);
  } else if (VG_STR_CLO(argument, "--variants", value)) {
    if (!pw_variants_option(value)) VG_(fmsg_bad_option)(argument, "not as record gives it\n");
  } else {
    return False;
  }
  return True;
}

static void print_usage(void) {
  VG_(printf)
  ("    --spool-dir=DIR                where the spool files go: absolute, must exist\n"
   "    --detail=pages|switches|full   every LRU size >= K exact; every change of page;\n"
   "                                   every reference [pages]\n"
   "    --k=<number>                   pages in the filter of --detail=pages, 2..%d [%d]\n"
   "    --stacks=all|none|<number>     call stacks of so many first touches [%d]\n"
   "    --stack-depth=<number>         frames of a call stack, 1..%d [%d]\n"
   "    --variants=<numbers>           what the C library has chosen on the host [nothing]\n",
   PW_MAX_K, DEFAULT_K, DEFAULT_STACK_BUDGET, PW_MAX_STACK_DEPTH, DEFAULT_STACK_DEPTH);
}

static void print_debug_usage(void) { VG_(printf)("    (none)\n"); }

static void post_clo_init(void) {
  if (pw_options.spool_dir == NULL || pw_options.spool_dir[0] != '/') {
    VG_(fmsg)("--spool-dir=DIR is needed, an absolute path\n");
    VG_(exit)(2);
  }
  if (pw_options.detail == PW_DETAIL_SWITCHES) pw_options.k = 1;
  kernel_tids = VG_(calloc)("pagewright.threads", VG_N_THREADS, sizeof *kernel_tids);
  running_tid = (UInt)VG_(gettid)();
  pw_files_init();
  pw_log_open();
  pw_filter_forget();
  pw_spool_open(False, 0);
}

static void finish(Int valgrinds_exit_status) {
  pw_payload_begin();
  pw_payload_varint(pw_exit_status);
  pw_payload_send(PW_EXIT);
  pw_modules_frame_if_changed();
  pw_spool_end(0, pw_exit_status);
  pw_log_close();
}

static void pre_clo_init(void) {
  VG_(details_name)("pagewright");
  VG_(details_version)(NULL);
  VG_(details_description)("records the memory references of a program, page by page");
  VG_(details_copyright_author)("Copyright (C) 2026, and GNU GPL'd, by the Pagewright authors.");
  VG_(details_bug_reports_to)("the Pagewright project");
  VG_(details_avg_translation_sizeB)(500);
  VG_(clo_verbosity) = 0; /* no banner on standard error, which is the program's */

  VG_(basic_tool_funcs)(post_clo_init, pw_instrument, finish);
  VG_(needs_command_line_options)(process_option, print_usage, print_debug_usage);
  VG_(track_start_client_code)(start_client_code);
  VG_(track_stop_client_code)(stop_client_code);
  VG_(track_pre_thread_first_insn)(thread_first_instruction);
  VG_(track_pre_thread_ll_exit)(thread_exit);
  VG_(atfork)(before_fork, NULL, forked_child);
  pw_syscalls_init();
}

VG_DETERMINE_INTERFACE_VERSION(pre_clo_init)
