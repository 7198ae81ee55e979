/* The spool: what a recorder writes while the program runs, and the event encoding that spool and
 * recording share. Plain C, so that the Valgrind tool and the QEMU plugin include it;
 * docs/RECORDING.md tells it in prose. SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
 *
 * A recorded process owns one spool file; a forked child opens its own, an image started by exec
 * too. It is a pw_spool_header followed by frames; a frame is a pw_frame_header and `length` bytes.
 * A kill cuts the file anywhere; every whole frame before the cut is good. All integers are
 * little-endian. varint = LEB128, unsigned; zigzag = (n<<1)^(n>>63). What a recorder has to say
 * (of itself; Valgrind's also how a program crashed) is in PID.log beside the spool, never on the
 * program's own descriptors. The file may be there and empty: then there is nothing.
 */
#ifndef PAGEWRIGHT_RECORDER_ENCODING_H
#define PAGEWRIGHT_RECORDER_ENCODING_H

#define PW_SPOOL_MAGIC 0x314C4F4F50535750ULL /* "PWSPOOL1" */
#define PW_FRAME_MAGIC 0x4D465750U           /* "PWFM" */
#define PW_SPOOL_VERSION 2U
#define PW_MAX_FRAME_BYTES (1U << 20) /* payload of a frame; longer ones are taken for garbage */
#define PW_MAX_FILTER_PAGES (1U << 12)
#define PW_NO_FILE (~0U)        /* among numbers of files */
#define PW_WAIT_NS 200000ULL    /* shorter ones are taken for no wait at all */
#define PW_ENDED_BY_SIGNAL 256U /* as a status in PW_EXIT and END */

/* Rules for a spool file.
 *
 * - Any name inside the spool folder that ends in .spool, not shared with another process or image
 *   (Valgrind's: PID.N.spool). The folder is read while the program runs: a frame should reach the
 *   file in one write() after it is whole. A writer must survive that the folder is gone.
 * - Every spool begins with COMMAND, START (an image's only), MAPS and, where known, MODULES, also
 *   that of a forked child; so it tells of its areas whatever happened to its parent's. A later
 *   MAPS replaces the list of areas, a later MODULES adds.
 * - FILE: before the frame with the first event that has the file's number.
 * - Frames of one stream follow each other without a gap in the clock, unless something was lost.
 * - Fork: the parent closes its EVENTS frame with the PW_FORK event, so that what follows it lies
 *   in a frame that is younger than the child. The child's spool starts anew with no stacks
 *   numbered, and with its own snapshot. Writes after it copy pages, in both: every page leaves the
 *   parent's filter before PW_FORK (PW_FILTER_RESET), the child's starts empty.
 * - Pages whose contents or mapping go away (munmap, mmap or mremap over them, brk down, madvise
 *   DONTNEED, FREE, REMOVE, PAGEOUT) or that msync may clean leave the filter (PW_FILTER_DROP)
 *   before that call's PW_SYSCALL, so that the next reference to the address is seen again.
 * - END is the last frame. An exec that failed after END(exec) may go on with more frames.
 * - In a stack, the first address is that of the instruction itself, all others are return
 *   addresses.
 */

enum pw_recorder { PW_RECORDER_VALGRIND = 1, PW_RECORDER_QEMU = 2 };
enum pw_detail { PW_DETAIL_PAGES = 1, PW_DETAIL_SWITCHES = 2, PW_DETAIL_FULL = 3 };

struct pw_spool_header { /* 64 bytes */
  unsigned long long magic;
  unsigned version;
  unsigned recorder; /* enum pw_recorder */
  unsigned detail;   /* enum pw_detail */
  unsigned k;        /* filter size: pages a stream's filter holds; 1 for switches, 0 for full */
  int pid;
  int parent_pid;                  /* 0: the parent has no spool in this folder (first process) */
  unsigned long long start_ns;     /* CLOCK_MONOTONIC when the spool was opened */
  unsigned long long parent_clock; /* the parent's reference clock at the fork (Valgrind), else 0 */
  unsigned page_shift;
  unsigned flags; /* bit 0: opened by a fork in the same image (no exec yet) */
  unsigned long long reserved;
};

struct pw_frame_header { /* 48 bytes */
  unsigned magic;
  unsigned type;            /* enum pw_frame */
  unsigned stream;          /* Valgrind: 0 (threads are serialised); QEMU: vCPU index */
  unsigned length;          /* payload bytes */
  unsigned long long clock; /* reference clock of the stream before the first event */
  unsigned long long count; /* events in the payload (frames of type EVENTS) */
  unsigned long long ns;    /* CLOCK_MONOTONIC when the frame was begun */
  unsigned tid; /* thread running at the start (kernel tid where known, else recorder's number) */
  unsigned reserved;
};

enum pw_frame {
  PW_FRAME_EVENTS = 1,  /* filter snapshot, then events; see below. Decodable alone. */
  PW_FRAME_COMMAND = 2, /* argv, each string NUL-terminated; at start and after each exec */
  PW_FRAME_MAPS = 3,    /* text lines as in /proc/PID/maps: the program's own mappings only */
  PW_FRAME_MODULES = 4, /* lines "start-end offset buildid path" of executable file mappings, all */
                        /* numbers hex; buildid is "-" where unknown. A later frame adds to it. */
  PW_FRAME_END = 5,     /* clean end of this spool: u32 reason (0 exit, 1 exec), u32 status. */
                        /* After reason 1 frames may follow: the exec failed, the spool goes on. */
  PW_FRAME_FILE = 6,    /* a file at first sight; see below */
  PW_FRAME_START = 7,   /* what exec put on the stack, as the program would have it without a */
                        /* recorder: varints argument count, their bytes with NULs; the same of */
                        /* the environment; bytes of the program's name with its NUL */
  PW_FRAME_CONTENTS = 8 /* what pages that may be swapped hold, of all samples: varint pages with */
                        /* something in them (as many as the process had, going by those looked */
                        /* at), varint sum of their efforts, varint sum of their bytes that are */
                        /* copied one by one (effort.h; older recorders do not tell). A later one */
                        /* of the same spool replaces it. A recorder that does not look has none */
};

/* Files.
 *
 * Regular files and shared memory objects (memfd, /dev/shm) are numbered, in each spool from 0 in
 * any order. Which file a descriptor or path means is asked of the kernel at each call, so that
 * descriptors that were inherited, duplicated or received count as any other. Two files are one if
 * device, inode number and time of birth are the same.
 *
 * FILE: varint number, varint device, varint inode, varint time of birth (ns since 1970; 0: not
 * known), varint size in bytes, varint 1 + pages of it that the page cache had (0: not known),
 * varint flags (bit 0: its pages are swapped, not written back: memfd, tmpfs), then its path
 * (rest). Size and cached pages are those before the process did anything to it: when it was
 * opened, or, if the descriptor was there before, when the process started.
 *
 * What is no regular file (pipes, sockets, terminals, devices, folders) is not recorded.
 */

/* Payload of an EVENTS frame.
 *
 * Snapshot: varint n; then n entries, least slot first: varint slot, zigzag varint page minus the
 * previous entry's page (0 at the start), varint age<<1 | written, where age = frame clock - clock
 * of the last reference. n is 0 for detail full. "previous page" (or address) of the events then
 * starts at 0 again. count may be 0: such a frame says how far the clock had come at `ns`.
 *
 * Event: varint head; kind = head & 7, body = head >> 3.
 *
 * kinds 0..4, a page enters the filter (FETCH):
 *     body = zigzag(page - previous page); previous page = page
 *     varint dt: the clock advances by dt (the fetching reference has the number of the new clock)
 *     if k > 1: varint slot; if that slot held a page: varint age of it (new clock - clock of its
 *     last reference)
 *     (k == 1: slot 0; the page leaving it was last referenced at new clock - 1)
 *     The page then counts as written if the kind says write.
 * kind 5, FIRST_WRITE: first write to a page while it is in the filter. body = slot; varint dt.
 * kind 6, REFERENCE (detail full only; a straddling reference is one event, its size tells):
 *     body = zigzag(address - previous address); varint dt; u8 access | by_kernel<<2 with access
 *     0 read, 1 write, 2 execute; varint size in bytes.
 * kind 7, CONTROL: body = code (enum pw_control); varint dt; varint length; payload of `length`
 *     bytes. A control is no reference: dt is what the clock advanced before it.
 *
 * The clock counts references from 0, in every spool anew (a forked child's too: parent_clock says
 * when it was born). One each:
 *   - a load or store that the program executes (a read-modify-write is two; Valgrind's are both
 *     writes, since the processor asks for the right to write before it reads; a guarded one counts
 *     when its guard holds). A straddling one is two, one for each page, that of its first byte
 *     first. At detail full dt leads to the first of the two, so the next event's dt includes the
 *     second.
 *   - a page that a buffer read or written by the kernel lies in (at detail full a REFERENCE each,
 *     clipped to the page).
 *   - a fetch of instructions. Details pages and full: one for each page that a block of
 *     instructions (Valgrind: superblock; QEMU: translation block, or coarser: only when the page
 *     differs from the last one fetched from) starts in or goes on into, so that a loop keeps its
 *     code page in use. At detail full the size is what the block holds from there to the end of
 *     the page or the next jump that it follows; a side exit may have left some of it unexecuted.
 *     Detail switches: one when the page differs from the last one that instructions were fetched
 *     from, so that a loop over data costs no events.
 * After a fault in the middle of a block, its references before the fault keep their place in the
 * order; the clock may count the one that faulted again. Valgrind's checks several references of a
 * block at once (plan.c), so those behind the fault that share a check with one before it count.
 */
enum pw_kind {
  PW_FETCH_READ = 0,
  PW_FETCH_WRITE = 1,
  PW_FETCH_EXECUTE = 2,
  PW_FETCH_KERNEL_READ = 3,
  PW_FETCH_KERNEL_WRITE = 4,
  PW_FIRST_WRITE = 5,
  PW_REFERENCE = 6,
  PW_CONTROL = 7
};

enum pw_control {
  PW_SYSCALL = 1,      /* after the call: varint number, 6 varint arguments, zigzag varint result */
                       /* (negative errno on failure), varint tid, varint ns since the frame's */
                       /* ns, then the path of the file of an mmap (rest). exit and exit_group: */
                       /* before the call, result 0. execve: only if it failed (else END, 1) */
  PW_THREAD = 2,       /* varint tid now running */
  PW_THREAD_START = 3, /* varint tid */
  PW_THREAD_EXIT = 4,  /* varint tid */
  PW_FORK = 5,         /* varint child pid, varint ns since the frame's ns */
  PW_STACK = 6,        /* varint cause (0 first touch of the page of the event before, 1 the */
                       /* system call before, 2 first write, since a fork, to the page of the */
                       /* event before), varint n, n varint addresses, innermost first */
                       /* (stacks are often repeated: a recorder may number them: PW_STACK_REF) */
  PW_STACK_REF = 7,    /* varint cause, varint index of a PW_STACK of this spool, counted from 0 */
  PW_FILTER_RESET = 8, /* all pages left the filter: for each occupied slot in order, varint age */
  PW_EXEC = 9,         /* the process has started a new image; COMMAND, MAPS frames follow. (In a */
                       /* recording: varint number of the image. A spool that begins with flags */
                       /* bit 0 clear needs no such event.) */
  PW_EXIT = 10,        /* varint status: what the program passed to exit, or PW_ENDED_BY_SIGNAL */
  PW_FILTER_DROP = 11, /* one page left the filter and none came: varint slot, varint age */
  PW_TRANSFER = 12,    /* bytes read from a file or written to it by a system call: varint file */
                       /* <<1 | written, varint descriptor, zigzag varint offset minus the end of */
                       /* the transfer before (of this payload, of any file; at first minus 0), */
                       /* varint bytes moved (> 0). Comes after the kernel's references to the */
                       /* buffers of the same call. A call that does both (sendfile, */
                       /* copy_file_range): read, then written */
  PW_FILE_CALL = 13,   /* a PW_SYSCALL that is about a file: varint file, then as PW_SYSCALL. The */
  /* rest: of mmap and rename the path, else empty. Recorded if it succeeded; */
  /* unlink and rename, which replace what their new name meant, also with the */
  /* file that loses its name (number unlink) */
  PW_WAIT = 14, /* no thread of the process ran during a system call that can wait for others: */
  /* varint number, varint ns at its end since the frame's ns, varint ns that it took, varint */
  /* pid of the child that wait4 returned, else 0, varint 1 if it ended because its time was */
  /* over, else 0. Comes before the call's own event. wait4 and waitid always, others if they */
  /* took PW_WAIT_NS or longer */
  PW_WAKE = 15 /* a system call that may have ended another process's wait: varint ns at its end */
  /* since the frame's ns, varint ns that it took, varint channel (missing: 0), varint bytes */
  /* moved through a pipe (else, or missing: 0). Comes before its PW_WAIT, which ends at the */
  /* same time, if it is one as well */
};

/* A channel: PW_WAKE_SENDS for a call that puts something there for others, PW_WAKE_TAKES for one
 * that takes what others have put, both for one that closes it; and four times its number. */
#define PW_WAKE_SENDS 1U
#define PW_WAKE_TAKES 2U
#define PW_CHANNEL_ANY 0ULL      /* or not known */
#define PW_CHANNEL_SOCKETS 1ULL  /* all of them */
#define PW_CHANNEL_FIRST_PIPE 16 /* and its device and inode */

#endif
