/* Pagewright's Valgrind tool: what its parts know of each other.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tool runs inside the recorded process, below Valgrind's big lock: exactly one thread is in
 * here at any time, so nothing is locked. It uses neither libc nor the program's descriptors.
 *
 *   clock.c       where the clock is
 *   main.c        options, threads, fork, life and death of the process
 *   instrument.c  adds the reference checks to translated code
 *   variants.c    where the host would fetch the C library's code
 *   plan.c        which references of a block share a check
 *   core.c        what Valgrind's core would do in vain
 *   filter.c      the exact LRU-K filter; turns references that miss it into events
 *   table.c       the pages of the filter
 *   syscalls.c    the kernel's references and the memory system calls
 *   waits.c       when the process stood still
 *   files.c       which files system calls read, write and name
 *   start.c       the environment that a program starts with
 *   stacks.c      which pages were seen before, call stacks at first touches and growth
 *   maps.c        COMMAND, MAPS and MODULES frames
 *   contents.c    how dear pages are to compress
 *   native_stack.c  the stack as the program finds it
 *   log.c         what goes wrong
 *   spool.c       events -> frames -> the spool file
 *
 * The clock (encoding.h says what it counts) lives in pw_clock while the tool's own code runs, and
 * while translated code runs in the shadow register of the running thread, where that code reaches
 * it with one instruction; clock.c carries it to and fro. Translated code adds to it lazily, at the
 * exits of a block; within a block a reference has the number clock + n, n constant. What is called
 * from there is told the number.
 */
#ifndef PAGEWRIGHT_RECORDER_VALGRIND_RECORDER_H
#define PAGEWRIGHT_RECORDER_VALGRIND_RECORDER_H

#include "pub_tool_basics.h"
#include "pub_tool_tooliface.h"
#include "recorder/common/encoding.h"

#define PW_PAGE_SHIFT 12
#define PW_PAGE_SIZE (1UL << PW_PAGE_SHIFT)
#define PW_MAX_K 1024
#define PW_MAX_STACK_DEPTH 64
#define PW_NO_PAGE (~0ULL) /* no address has this page number */

typedef struct {
  Int detail;             /* enum pw_detail */
  Long k;                 /* pages the filter holds */
  const HChar* spool_dir; /* absolute */
  Bool stacks;            /* any at all */
  Long stack_budget;      /* first touches, and as many first writes after forks, that get a stack
                             each; after them every 64th one does */
  Long stack_depth;
} PwOptions;

extern PwOptions pw_options;

/* --- clock.c --- */

extern ULong pw_clock;
/* Where translated code finds it in the guest state. */
Int pw_clock_offset(const VexGuestLayout* layout);
void pw_clock_to_code(ThreadId tid);
void pw_clock_from_code(ThreadId tid);
ULong* pw_clock_in_code(void* guest_state);
/* Called from translated code: one more reference than its constants know of. */
void pw_clock_skip_one(void);

/* --- spool.c --- */

/* Opens the spool of this process, whose filter is empty and whose clock is 0; forgets whatever an
   inherited spool had buffered. */
void pw_spool_open(Bool forked, ULong parent_clock);
/* A fork is about to happen: a child's spool starts now, so before anything that its parent does
   after the fork. */
void pw_spool_note_fork(void);
/* Starts an event; `clock` is that of the reference or, for a control, of the last one before it.
   Body as in encoding.h, but pages and addresses as they are. The varints that the kind needs
   follow, then, when all that belongs together is there, pw_spool_event_done(). */
void pw_spool_event(UInt kind, ULong body, ULong clock);
void pw_spool_varint(ULong value);
void pw_spool_zigzag(Long value);
void pw_spool_event_done(void);
/* A control event: its payload is assembled with pw_payload_*, then sent whole. */
void pw_payload_begin(void);
void pw_payload_varint(ULong value);
void pw_payload_zigzag(Long value);
void pw_payload_text(const HChar* text);
void pw_payload_send(UInt code);
/* Nanoseconds since the frame that the next event goes to was begun. */
ULong pw_spool_ns(void);
ULong pw_now_ns(void); /* CLOCK_MONOTONIC */
/* Writes the frame out if there is any news; tick: if it also has become old. */
void pw_spool_flush(void);
void pw_spool_tick(void);
/* A frame of another type than EVENTS, at its place between the events. */
void pw_spool_frame(UInt type, const void* payload, UInt length);
/* The same, before the events of the frame that is being filled. */
void pw_spool_note(UInt type, const void* payload, UInt length);
void pw_spool_transfer(UInt file, UInt written, UInt descriptor, ULong offset, ULong bytes);
void pw_spool_end(UInt reason, UInt status);

/* --- filter.c --- */

/* One page of the filter as translated code sees it. Found by the low bits of the page number. */
typedef struct {
  ULong read_tag;  /* page number, PW_NO_PAGE if free: a read of that page needs nothing more */
  ULong write_tag; /* the same if the page counts as written, else PW_NO_PAGE */
  ULong stamp;     /* clock of its last reference */
  ULong slot;
} PwEntry;

typedef enum { PwRead = 0, PwWrite = 1, PwExecute = 2 } PwAccess;

extern PwEntry pw_table[];
extern ULong pw_last_code_page; /* detail switches only */
/* Where the program makes the reference that is being looked at; 0: where the guest state says. */
extern Addr pw_instruction;

UInt pw_filter_mask(void); /* of page numbers, to index pw_table */
/* Called by translated code with the clock of the reference. info: see pw_info(); ip: address of
   the instruction. */
void pw_filter_miss(Addr address, ULong clock, UWord info, Addr ip); /* pages and switches */
void pw_full_reference(Addr address, ULong clock, UWord info, Addr ip);
/* The code page that a block starts in; address and clock are in the state of the thread. */
void pw_block_miss(void);
/* Switches: another code page. It is the next reference; the clock advances. */
VG_REGPARM(2) void pw_code_switch(Addr address, void* guest_state);
/* pw_filter_miss for this size and access, or NULL: the common ones have a function each. */
typedef void (*PwMissFunction)(Addr address, ULong clock, Addr ip);
PwMissFunction pw_miss_function(UInt size, PwAccess access);
/* The kernel touches a range of the program's memory. */
void pw_kernel_reference(Addr start, SizeT length, Bool write);
/* Pages of a range leave the filter. */
void pw_filter_drop(Addr start, SizeT length);
/* All leave it: said in the spool (a parent after fork), or silently (the child). */
void pw_filter_reset(void);
void pw_filter_forget(void);
/* Translated code is between two blocks: what was put off is done now, and pw_clock is right. */
void pw_filter_block_end(ThreadId tid);
/* Whether the stamps are those of references up to this clock. Within a block some may be ahead;
   then the spool asks to be flushed when the next block starts. */
Bool pw_filter_snapshot_is_exact(ULong clock);
void pw_filter_flush_at_next_block(void);
/* Writes the snapshot that opens a frame. */
void pw_filter_snapshot(ULong clock);
/* After translated code was left in the middle of a block: no stamp may be above the clock. */
void pw_filter_resync(void);

/* --- groups of references (plan.c says what they are) --- */

#define PW_MAX_SHAPE_REFS 16
#define PW_MAX_PLANNED 256 /* references of a block; more of them stay alone */

typedef struct {
  UShort offset; /* from the group's first byte */
  UChar tick;    /* references of the block since the leader */
  UChar size;
  UChar access;
} PwShapeRef;

/* The references of a group, the leader first. */
typedef struct {
  UShort span; /* bytes from the first to the last */
  UChar ticks; /* of the last reference */
  UChar count;
  PwShapeRef refs[PW_MAX_SHAPE_REFS];
} PwShape;

/* Called by translated code of a leader: low is the group's first byte, clock that of the last
   reference. */
void pw_group_miss(Addr low, ULong last_clock, const PwShape* shape, Addr ip);
/* The first write of a group whose leader reads. */
VG_REGPARM(3) void pw_group_write(Addr low, ULong clock, const PwShape* shape);

typedef enum { PwAlone, PwLeads, PwLeadsWrites, PwCovered } PwRole;

/* What to add for a reference. */
typedef struct {
  PwRole role;
  UInt group; /* its number; this and the rest is for members of groups only */
  IRTemp root;
  ULong low; /* the group's first byte is at root + low; at low if root is IRTemp_INVALID */
  const PwShape* shape;
} PwStep;

/* Planning a block: begin, then its statements and references in order, end. A barrier: groups do
   not go on beyond. A tick: the clock advances for something else. */
void pw_plan_begin(const IRTypeEnv* types);
void pw_plan_statement(const IRStmt* statement);
void pw_plan_reference(const IRExpr* address, UInt size, PwAccess access);
void pw_plan_tick(void);
void pw_plan_barrier(void);
void pw_plan_end(void);
/* Then the references again, one by one. */
const PwStep* pw_plan_next(void);

static inline UWord pw_info(UInt size, PwAccess access) { return (UWord)size << 2 | (UWord)access; }

/* --- variants.c --- */

/* What the launcher knows of the host's C library (src/record/cpu_variants.hpp): hexadecimal
   numbers. False: it is nothing of the kind. */
Bool pw_variants_option(const HChar* value);
/* Mappings may have changed since pw_native_place() was asked. */
void pw_variants_forget(void);
/* Where an instruction that Valgrind's CPU fetches from `address` lies for the host's. */
Addr pw_native_place(Addr address);

/* --- instrument.c --- */
/* The program has a handler for faults, which may look at the program counter: it is kept right at
   every reference. Once this is true it stays so; code that was translated before must go. */
extern Bool pw_faults_are_handled;
IRSB* pw_instrument(VgCallbackClosure* closure, IRSB* in, const VexGuestLayout* layout,
                    const VexGuestExtents* extents, const VexArchInfo* host, IRType guest_word,
                    IRType host_word);

/* --- stacks.c --- */
enum { PW_CAUSE_FIRST_TOUCH = 0, PW_CAUSE_SYSCALL = 1, PW_CAUSE_WRITE_AFTER_FORK = 2 };
/* Notes a reference to a page; at its first one, and at its first write after a fork, an event with
   the call stack may follow. */
void pw_seen_page(ULong page, Bool write);
/* The pages of a range are new again. */
void pw_seen_forget(Addr start, SizeT length);
void pw_stack_event(ThreadId tid, UInt cause);
/* Parent and child share what they have written so far. */
void pw_seen_forked(void);
void pw_stacks_forked(void);

/* --- native_stack.c --- */

/* Before the program's first instruction. */
void pw_native_stack(ThreadId tid);

/* --- maps.c --- */
void pw_maps_init(void);
/* Whether an address lies in this tool's own image: the program runs a few trampolines there,
   which it would not have without Valgrind. */
Bool pw_is_valgrinds(Addr address);
void pw_command_frame(void);
void pw_maps_frame(void);
void pw_modules_changed(void);
void pw_modules_frame_if_changed(void);

/* --- contents.c --- */
/* While translated code is not running, often. */
void pw_contents_tick(void);
void pw_contents_forked(void);
/* The spool ends. */
void pw_contents_end(void);

/* --- syscalls.c --- */
void pw_syscalls_init(void);
extern UInt pw_exit_status; /* what the program exits with; PW_ENDED_BY_SIGNAL until it asks to */

/* --- waits.c --- */
void pw_waits_init(void);
/* A thread begins to run the program's code. */
void pw_waits_thread_runs(void);
/* Before and after any call; result: negative errno if it failed; of_file: it has moved bytes from
   or to a regular file, or was about one. */
void pw_waits_before(ThreadId tid, UInt number, const UWord* args);
void pw_waits_after(ThreadId tid, UInt number, const UWord* args, Long result, Bool of_file);

/* --- files.c --- */
void pw_files_init(void);
/* A process starts: the files that it has already. */
void pw_files_start(void);
void pw_files_forked(void);
void pw_files_before_exec(UInt number, const UWord* args);
/* Before any call. */
void pw_files_before(ThreadId tid, UInt number, const UWord* args);
/* How many arguments a call has that is recorded for the sake of its file alone; 0: another call.
 */
UInt pw_files_only(UInt number);
/* After one that succeeded: its file, or PW_NO_FILE; also in *replaced, of which that file has
   taken the name. */
UInt pw_files_of_call(ThreadId tid, UInt number, const UWord* args, Long result, UInt* replaced);
/* After any: whether it has read from files or written to them, and telling of it. */
Bool pw_files_moved(UInt number, const UWord* args, Long result);
void pw_files_tell_moved(ThreadId tid);
/* Whether it has closed a regular file. */
Bool pw_files_closed(ThreadId tid, UInt number);

/* --- start.c --- */
/* Before the first instruction of an image: its START frame; the environment becomes the program's
   own. */
void pw_start_image(ThreadId tid);

/* --- main.c --- */
/* The kernel's number of a thread; makes it the running one in the spool where it is not. */
UInt pw_thread_running(ThreadId tid);
UInt pw_current_kernel_tid(void);
extern UInt pw_live_threads;

/* --- log.c --- */

/* Opens the log of this process. Closing removes it if it is empty. */
void pw_log_open(void);
void pw_log_close(void);
/* Something is wrong with the recorder itself: one line, once a process. */
void pw_complain(const HChar* what, const HChar* name, UWord error);

#endif
