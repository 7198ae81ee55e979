/* When the whole process stood still in a system call, waiting for others, and when it did what
 * others may have waited for.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Replay has processes run side by side again, at another pace than here; it needs to know where
 * one could not go on by itself. While other threads ran meanwhile, the process did not stand
 * still.
 */
#include "recorder.h"

#include "pub_tool_libcfile.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_threadstate.h"
#include "pub_tool_vki.h"

#include <asm/errno.h>
#include <asm/unistd.h>

#define MAX_SYSCALL 512

/* Calls that may wait for another process, or for time to pass. */
static const UShort kWaiting[] = {
    __NR_read,
    __NR_write,
    __NR_readv,
    __NR_writev,
    __NR_poll,
    __NR_ppoll,
    __NR_select,
    __NR_pselect6,
    __NR_epoll_wait,
    __NR_epoll_pwait,
    __NR_recvfrom,
    __NR_recvmsg,
    __NR_recvmmsg,
    __NR_sendto,
    __NR_sendmsg,
    __NR_sendmmsg,
    __NR_sendfile,
    __NR_splice,
    __NR_tee,
    __NR_vmsplice,
    __NR_accept,
    __NR_accept4,
    __NR_connect,
    __NR_futex,
    __NR_wait4,
    __NR_waitid,
    __NR_nanosleep,
    __NR_clock_nanosleep,
    __NR_pause,
    __NR_rt_sigsuspend,
    __NR_rt_sigtimedwait,
    __NR_flock,
    __NR_fcntl,
    __NR_open,
    __NR_openat,
    __NR_msgrcv,
    __NR_msgsnd,
    __NR_semop,
    __NR_semtimedop,
    __NR_mq_timedreceive,
    __NR_mq_timedsend,
    __NR_io_getevents,
};

enum {
  Sends = PW_WAKE_SENDS,
  Takes = PW_WAKE_TAKES,
  Both = Sends | Takes, /* of those that may end another process's wait, each has one of the two */
  Elsewhere = 4,        /* by way of no descriptor, or of two; else of the first argument */
  Waits = 8
};

/* Calls that may end another process's wait, by what they send, take or close. */
static const struct {
  UShort number;
  UChar way;
} kWaking[] = {
    {__NR_read, Takes},
    {__NR_write, Sends},
    {__NR_readv, Takes},
    {__NR_writev, Sends},
    {__NR_recvfrom, Takes},
    {__NR_recvmsg, Takes},
    {__NR_recvmmsg, Takes},
    {__NR_sendto, Sends},
    {__NR_sendmsg, Sends},
    {__NR_sendmmsg, Sends},
    {__NR_sendfile, Sends},
    {__NR_splice, Both | Elsewhere},
    {__NR_tee, Both | Elsewhere},
    {__NR_vmsplice, Both},
    {__NR_accept, Takes},
    {__NR_accept4, Takes},
    {__NR_connect, Sends},
    {__NR_shutdown, Both},
    {__NR_close, Both},
    {__NR_kill, Sends | Elsewhere},
    {__NR_tkill, Sends | Elsewhere},
    {__NR_tgkill, Sends | Elsewhere},
    {__NR_futex, Both | Elsewhere},
    {__NR_rt_sigqueueinfo, Sends | Elsewhere},
    {__NR_flock, Both},
    {__NR_msgrcv, Takes | Elsewhere},
    {__NR_msgsnd, Sends | Elsewhere},
    {__NR_semop, Both | Elsewhere},
    {__NR_semtimedop, Both | Elsewhere},
    {__NR_mq_timedreceive, Takes},
    {__NR_mq_timedsend, Sends},
};

static UChar what_it_does[MAX_SYSCALL];

typedef struct {
  ULong ns;      /* when the call began; 0: none has */
  ULong runs;    /* how often threads had begun to run by then */
  ULong channel; /* what it is about, as in PW_WAKE */
} Begun;
static Begun* begun; /* by ThreadId */
static ULong runs;

void pw_waits_init(void) {
  UInt i;
  for (i = 0; i < sizeof kWaiting / sizeof kWaiting[0]; ++i) what_it_does[kWaiting[i]] |= Waits;
  for (i = 0; i < sizeof kWaking / sizeof kWaking[0]; ++i) {
    what_it_does[kWaking[i].number] |= kWaking[i].way;
  }
}

void pw_waits_thread_runs(void) { ++runs; }

/* Both ends of a pipe have one number. A socket's other end is not to be had: all are one. */
static ULong channel_of(UInt number, const UWord* args) {
  struct vg_stat status;
  const UChar way = what_it_does[number] & (Both | Elsewhere);
  ULong object = PW_CHANNEL_ANY;
  if (way != 0 && (way & Elsewhere) == 0 && VG_(fstat)((Int)args[0], &status) == 0) {
    if (VKI_S_ISSOCK(status.mode)) object = PW_CHANNEL_SOCKETS;
    if (VKI_S_ISFIFO(status.mode)) object = PW_CHANNEL_FIRST_PIPE + (status.dev << 32) + status.ino;
  }
  return object << 2 | (way & Both);
}

void pw_waits_before(ThreadId tid, UInt number, const UWord* args) {
  if (number >= MAX_SYSCALL || what_it_does[number] == 0) return;
  if (begun == NULL) begun = VG_(calloc)("pagewright.waits", VG_N_THREADS, sizeof *begun);
  begun[tid] = (Begun){.ns = pw_now_ns(), .runs = runs, .channel = channel_of(number, args)};
}

/* Whether another process may have gone on because of the call. */
static Bool wakes(UInt number, const UWord* args, Long result, Bool of_file) {
  if ((what_it_does[number] & Both) == 0 || result < 0 || of_file) return False;
  if (number != __NR_futex) return True;
  const UInt operation = (UInt)args[1] & 127;
  const Bool wait = operation == 0 || operation == 6 || operation == 9 || operation >= 11;
  return result > 0 && !wait && ((UInt)args[1] & 128) == 0; /* 128: of this process alone */
}

/* Whether a wait is over because its time is. */
static Bool timed_out(UInt number, Long result) {
  switch (number) {
    case __NR_poll:
    case __NR_ppoll:
    case __NR_select:
    case __NR_pselect6:
    case __NR_epoll_wait:
    case __NR_epoll_pwait:
    case __NR_nanosleep:
    case __NR_clock_nanosleep:
    case __NR_io_getevents:
      return result == 0;
    default:
      return result == -ETIMEDOUT || result == -EAGAIN;
  }
}

static void tell_wake(ULong end, ULong took, ULong channel, Long result) {
  const Bool of_pipe = channel >> 2 >= PW_CHANNEL_FIRST_PIPE;
  pw_payload_begin();
  pw_payload_varint(end);
  pw_payload_varint(took);
  pw_payload_varint(channel);
  pw_payload_varint(of_pipe ? (ULong)result : 0);
  pw_payload_send(PW_WAKE);
  pw_spool_event_done();
}

void pw_waits_after(ThreadId tid, UInt number, const UWord* args, Long result, Bool of_file) {
  if (number >= MAX_SYSCALL || what_it_does[number] == 0) return;
  if (begun == NULL || begun[tid].ns == 0) return;
  const Begun start = begun[tid];
  begun[tid].ns = 0;
  const ULong ns = pw_now_ns() - start.ns;
  const ULong child = number == __NR_wait4 && result > 0 ? (ULong)result : 0;
  const Bool for_child = child != 0 || (number == __NR_waitid && result == 0);
  const Bool waits = (what_it_does[number] & Waits) != 0 && start.runs == runs &&
                     (for_child || ns >= PW_WAIT_NS);
  const Bool wakes_others = wakes(number, args, result, of_file);
  if (!waits && !wakes_others) return;
  pw_thread_running(tid);
  const ULong end = pw_spool_ns();
  if (wakes_others) tell_wake(end, ns, start.channel, result);
  if (!waits) return;
  pw_payload_begin();
  pw_payload_varint(number);
  pw_payload_varint(end);
  pw_payload_varint(ns);
  pw_payload_varint(child);
  pw_payload_varint(timed_out(number, result));
  pw_payload_send(PW_WAIT);
  pw_spool_event_done();
}
