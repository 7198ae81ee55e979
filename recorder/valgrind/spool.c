/* Events -> frames -> the spool file; encoding.h tells the format.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A frame is assembled in one buffer and written by one write when it is full, when it is old, and
 * at the end. The next one opens at once, at the clock of the last event, so that frames follow
 * each other without a gap. When a write fails (the disk is full, say) recording ends and the
 * program goes on.
 */
#include "recorder.h"

#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_libcprint.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_vki.h"

/* From Valgrind's core: keeps a descriptor out of the program's reach, close-on-exec. */
extern Int VG_(safe_fd)(Int oldfd);

#define FRAME_BYTES (64 * 1024)
#define PAYLOAD_BYTES (16 * 1024)
/* Beyond FRAME_BYTES there is room for a snapshot, and for the events of the rest of a block. */
#define SLACK_BYTES (192 * 1024)
#define MAX_FRAME_AGE_NS 100000000ULL
#define HEADER_BYTES sizeof(struct pw_frame_header)

static Int spool_fd = -1;

static struct {
  UInt used; /* bytes in buffer, the frame header included */
  struct pw_frame_header header;
  ULong clock;        /* of the last event */
  ULong previous;     /* page or address that the next delta refers to */
  ULong transfer_end; /* of the last transfer */
} frame;
static UChar buffer[FRAME_BYTES + SLACK_BYTES];

static ULong fork_ns;

static UChar payload[PAYLOAD_BYTES];
static UInt payload_used;

ULong pw_now_ns(void) {
  struct vki_timespec now;
  VG_(clock_gettime)(&now, VKI_CLOCK_MONOTONIC);
  return (ULong)now.tv_sec * 1000000000ULL + (ULong)now.tv_nsec;
}

static void stop_recording(const HChar* what, UWord error) {
  pw_complain(what, pw_options.spool_dir, error);
  VG_(close)(spool_fd);
  spool_fd = -1;
}

static void write_out(const void* bytes, SizeT length) {
  const UChar* next = bytes;
  while (length > 0 && spool_fd >= 0) {
    const Int written = VG_(write)(spool_fd, next, (Int)length);
    if (written == -VKI_EINTR) continue;
    if (written <= 0) {
      stop_recording("cannot write the spool", (UWord)-written);
      return;
    }
    next += written;
    length -= (SizeT)written;
  }
}

static void begin_frame(ULong clock) {
  frame.used = HEADER_BYTES;
  frame.clock = clock;
  frame.previous = 0;
  frame.transfer_end = 0;
  frame.header = (struct pw_frame_header){
      .magic = PW_FRAME_MAGIC,
      .type = PW_FRAME_EVENTS,
      .clock = clock,
      .ns = pw_now_ns(),
      .tid = pw_current_kernel_tid(),
  };
  pw_filter_snapshot(clock);
}

static Bool has_spool(Int pid) {
  HChar path[VKI_PATH_MAX];
  struct vg_stat unused;
  VG_(snprintf)(path, sizeof path, "%s/%d.0.spool", pw_options.spool_dir, pid);
  return !sr_isError(VG_(stat)(path, &unused));
}

static void create_file(void) {
  HChar path[VKI_PATH_MAX];
  SysRes opened;
  Int sequence;
  for (sequence = 0;; ++sequence) {
    VG_(snprintf)
    (path, sizeof path, "%s/%d.%d.spool", pw_options.spool_dir, VG_(getpid)(), sequence);
    opened = VG_(open)(path, VKI_O_CREAT | VKI_O_EXCL | VKI_O_WRONLY, 0600);
    if (!sr_isError(opened) || sr_Err(opened) != VKI_EEXIST) break;
  }
  if (sr_isError(opened)) {
    pw_complain("cannot create the spool", path, sr_Err(opened));
  } else {
    spool_fd = VG_(safe_fd)((Int)sr_Res(opened));
  }
}

void pw_spool_note_fork(void) { fork_ns = pw_now_ns(); }

void pw_spool_open(Bool forked, ULong parent_clock) {
  if (spool_fd >= 0) VG_(close)(spool_fd);
  spool_fd = -1;
  create_file();
  const struct pw_spool_header header = {
      .magic = PW_SPOOL_MAGIC,
      .version = PW_SPOOL_VERSION,
      .recorder = PW_RECORDER_VALGRIND,
      .detail = (unsigned)pw_options.detail,
      .k = pw_options.detail == PW_DETAIL_FULL ? 0 : (unsigned)pw_options.k,
      .pid = VG_(getpid)(),
      .parent_pid = has_spool(VG_(getppid)()) ? VG_(getppid)() : 0,
      .start_ns = forked ? fork_ns : pw_now_ns(),
      .parent_clock = parent_clock,
      .page_shift = PW_PAGE_SHIFT,
      .flags = forked ? 1 : 0,
  };
  write_out(&header, sizeof header);
  begin_frame(pw_clock);
}

void pw_spool_varint(ULong value) {
  while (value >= 128) {
    buffer[frame.used++] = (UChar)(value | 128);
    value >>= 7;
  }
  buffer[frame.used++] = (UChar)value;
}

static ULong zigzag(Long value) { return (ULong)value << 1 ^ (ULong)(value >> 63); }

void pw_spool_zigzag(Long value) { pw_spool_varint(zigzag(value)); }

void pw_spool_event(UInt kind, ULong body, ULong clock) {
  if (kind == PW_REFERENCE || kind <= PW_FETCH_KERNEL_WRITE) {
    const Long delta = (Long)(body - frame.previous);
    frame.previous = body;
    body = zigzag(delta);
  }
  pw_spool_varint(body << 3 | kind);
  pw_spool_varint(clock - frame.clock);
  frame.clock = clock;
  ++frame.header.count;
}

void pw_spool_event_done(void) {
  if (frame.used < FRAME_BYTES) return;
  if (pw_filter_snapshot_is_exact(frame.clock))
    pw_spool_flush();
  else
    pw_filter_flush_at_next_block();
}

void pw_payload_begin(void) { payload_used = 0; }

void pw_payload_varint(ULong value) {
  tl_assert(payload_used + 10 <= PAYLOAD_BYTES);
  while (value >= 128) {
    payload[payload_used++] = (UChar)(value | 128);
    value >>= 7;
  }
  payload[payload_used++] = (UChar)value;
}

void pw_payload_zigzag(Long value) { pw_payload_varint(zigzag(value)); }

void pw_payload_text(const HChar* text) {
  const SizeT length = VG_(strnlen)(text, PAYLOAD_BYTES - payload_used);
  VG_(memcpy)(payload + payload_used, text, length);
  payload_used += (UInt)length;
}

void pw_payload_send(UInt code) {
  /* Within a block the event before may be ahead of pw_clock. */
  pw_spool_event(PW_CONTROL, code, VG_MAX(frame.clock, pw_clock));
  pw_spool_varint(payload_used);
  VG_(memcpy)(buffer + frame.used, payload, payload_used);
  frame.used += payload_used;
}

void pw_spool_transfer(UInt file, UInt written, UInt descriptor, ULong offset, ULong bytes) {
  pw_payload_begin();
  pw_payload_varint((ULong)file << 1 | written);
  pw_payload_varint(descriptor);
  pw_payload_zigzag((Long)(offset - frame.transfer_end));
  pw_payload_varint(bytes);
  pw_payload_send(PW_TRANSFER);
  frame.transfer_end = offset + bytes;
  pw_spool_event_done();
}

ULong pw_spool_ns(void) { return pw_now_ns() - frame.header.ns; }

void pw_spool_flush(void) {
  if (frame.clock < pw_clock) { /* only hits since the last event: say how far they led */
    pw_payload_begin();
    pw_payload_varint(pw_current_kernel_tid());
    pw_payload_send(PW_THREAD);
  }
  if (frame.header.count == 0) return;
  frame.header.length = frame.used - (UInt)HEADER_BYTES;
  VG_(memcpy)(buffer, &frame.header, HEADER_BYTES);
  write_out(buffer, frame.used);
  begin_frame(frame.clock);
  pw_modules_frame_if_changed();
}

void pw_spool_tick(void) {
  if (pw_now_ns() - frame.header.ns >= MAX_FRAME_AGE_NS) pw_spool_flush();
}

void pw_spool_frame(UInt type, const void* bytes, UInt length) {
  pw_spool_flush();
  pw_spool_note(type, bytes, length);
}

void pw_spool_note(UInt type, const void* bytes, UInt length) {
  if (length > PW_MAX_FRAME_BYTES) length = PW_MAX_FRAME_BYTES;
  const struct pw_frame_header header = {
      .magic = PW_FRAME_MAGIC,
      .type = type,
      .length = length,
      .clock = pw_clock,
      .ns = pw_now_ns(),
      .tid = pw_current_kernel_tid(),
  };
  UChar* whole = VG_(malloc)("pagewright.frame", HEADER_BYTES + length);
  VG_(memcpy)(whole, &header, HEADER_BYTES);
  VG_(memcpy)(whole + HEADER_BYTES, bytes, length);
  write_out(whole, HEADER_BYTES + length);
  VG_(free)(whole);
}

void pw_spool_end(UInt reason, UInt status) {
  const unsigned end[2] = {reason, status};
  pw_contents_end();
  pw_spool_frame(PW_FRAME_END, end, sizeof end);
}
