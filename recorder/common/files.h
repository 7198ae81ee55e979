/* Which files a system call reads, writes or is about: the part that both recorders share. Plain C,
 * included once in each, without a C library. SPDX-License-Identifier: Apache-2.0 OR
 * GPL-2.0-or-later
 *
 * Nothing is remembered of descriptors: the kernel is asked at each call (statx for which file,
 * lseek for where a transfer ended). So whatever happened to a descriptor before (fork, dup,
 * O_APPEND, sent by another process) is right. If another thread or process moves the position of
 * the same open file between the call and the question, the offset told is one that the file had in
 * that moment.
 *
 * The includer defines, before:
 *   long pw_kernel(long number, long a, long b, long c, long d, long e, long f): a system call; a
 *       negative errno if it fails
 *   long pw_host_address(unsigned long long): of an address of the program
 *   void* pw_grow(void* old, unsigned long bytes): realloc; NULL if there is no memory
 *   void pw_file_frame(const void* payload, unsigned length): writes a frame of type FILE
 * What is here is called by one thread at a time.
 */
#ifndef PAGEWRIGHT_RECORDER_FILES_H
#define PAGEWRIGHT_RECORDER_FILES_H

#include "recorder/common/encoding.h"

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define PW_PATH_BYTES 4096
#define PW_INHERITED 64 /* descriptors below are looked at when a process starts */
#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#define PW_FILE_TYPE 0170000
#define PW_REGULAR 0100000
#define PW_NR_CACHESTAT 451 /* Linux 6.5 */

typedef unsigned long long pw_u64;

/* What the kernel says of a file. */
struct pw_file_state {
  pw_u64 device, inode, birth_ns; /* which one it is */
  pw_u64 bytes;
  unsigned links;
};

/* A file before a call that takes its name or its descriptor away. */
struct pw_file_before {
  unsigned file;     /* or PW_NO_FILE */
  unsigned replaced; /* whose last name a rename takes */
};

struct pw_transfer {
  unsigned file;
  unsigned written; /* 0: read */
  unsigned descriptor;
  pw_u64 offset, bytes;
};

/* The files of this spool by number, and an open-addressed table over them. */
static struct {
  struct pw_file_state* files;
  unsigned* slots; /* number + 1; 0: free */
  unsigned count, room;
} pw_known_files;

/* ---- which file it is ---- */

/* False: there is none, or it is no regular file. */
static int pw_file_state(long folder, long path, long flags, struct pw_file_state* out) {
  struct statx status;
  const long mask = STATX_BASIC_STATS | STATX_BTIME;
  if (pw_kernel(__NR_statx, folder, path, flags, mask, (long)&status, 0) < 0) return 0;
  if ((status.stx_mode & PW_FILE_TYPE) != PW_REGULAR) return 0;
  out->device = (pw_u64)status.stx_dev_major << 32 | status.stx_dev_minor;
  out->inode = status.stx_ino;
  out->birth_ns = 0;
  if ((status.stx_mask & STATX_BTIME) != 0)
    out->birth_ns = (pw_u64)status.stx_btime.tv_sec * 1000000000ULL + status.stx_btime.tv_nsec;
  out->bytes = status.stx_size;
  out->links = status.stx_nlink;
  return 1;
}

static int pw_descriptor_state(int fd, struct pw_file_state* out) {
  return fd >= 0 && pw_file_state(fd, (long)"", AT_EMPTY_PATH, out);
}

/* The place of a file in the table: taken by it, or free. */
static unsigned* pw_file_slot(const struct pw_file_state* file) {
  const unsigned mask = 2 * pw_known_files.room - 1;
  unsigned at = (unsigned)((file->inode + file->device * 31) * 0x9E3779B97F4A7C15ULL >> 40) & mask;
  for (;; at = (at + 1) & mask) {
    unsigned* const slot = &pw_known_files.slots[at];
    if (*slot == 0) return slot;
    const struct pw_file_state* const known = &pw_known_files.files[*slot - 1];
    if (known->inode == file->inode && known->device == file->device &&
        known->birth_ns == file->birth_ns)
      return slot;
  }
}

static unsigned pw_find_file(const struct pw_file_state* file) {
  return pw_known_files.count == 0 ? PW_NO_FILE : *pw_file_slot(file) - 1;
}

static int pw_make_room(void) {
  unsigned i;
  const unsigned room = pw_known_files.room == 0 ? 64 : 2 * pw_known_files.room;
  if (pw_known_files.count < pw_known_files.room) return 1;
  void* const files = pw_grow(pw_known_files.files, room * sizeof *pw_known_files.files);
  if (files == 0) return 0;
  pw_known_files.files = files;
  void* const slots = pw_grow(pw_known_files.slots, 2 * room * sizeof *pw_known_files.slots);
  if (slots == 0) return 0;
  pw_known_files.slots = slots;
  pw_known_files.room = room;
  for (i = 0; i < 2 * room; ++i) pw_known_files.slots[i] = 0;
  for (i = 0; i < pw_known_files.count; ++i) *pw_file_slot(&pw_known_files.files[i]) = i + 1;
  return 1;
}

/* ---- telling of a file ---- */

static unsigned pw_put(unsigned char* out, unsigned at, pw_u64 value) {
  for (; value >= 128; value >>= 7) out[at++] = (unsigned char)(value | 128);
  out[at++] = (unsigned char)value;
  return at;
}

static long pw_file_system(int fd) {
  long status[32] = {0}; /* struct statfs, which begins with the type */
  return pw_kernel(__NR_fstatfs, fd, (long)status, 0, 0, 0, 0) < 0 ? 0 : status[0];
}

/* Pages of the file in the page cache; all ones: the kernel does not say. Of an overlay's files it
 * says 0: their pages are those of the layers' files. */
static pw_u64 pw_cached_pages(int fd) {
  const pw_u64 whole[2] = {0, 0};
  pw_u64 counts[5] = {0};
  const long failed = pw_kernel(PW_NR_CACHESTAT, fd, (long)whole, (long)counts, 0, 0, 0);
  const int told = failed >= 0 && pw_file_system(fd) != OVERLAYFS_SUPER_MAGIC;
  return told ? counts[0] : ~0ULL;
}

static int pw_is_memory(int fd) {
  const long type = pw_file_system(fd);
  return type == TMPFS_MAGIC || type == HUGETLBFS_MAGIC || type == RAMFS_MAGIC;
}

/* "/proc/self/fd/N" */
static void pw_descriptor_link(int fd, char out[32]) {
  const char* folder = "/proc/self/fd/";
  char digits[12];
  unsigned count = 0;
  for (; *folder != '\0'; ++folder) *out++ = *folder;
  do {
    digits[count++] = (char)('0' + fd % 10);
    fd /= 10;
  } while (fd > 0);
  while (count > 0) *out++ = digits[--count];
  *out = '\0';
}

/* The number of a file that descriptor `fd` means; tells of it if it is new. */
static unsigned pw_number_file(const struct pw_file_state* file, int fd) {
  static unsigned char payload[128 + PW_PATH_BYTES];
  char link[32];
  unsigned at = 0;
  const unsigned known = pw_find_file(file);
  if (known != PW_NO_FILE) return known;
  if (!pw_make_room()) return PW_NO_FILE;
  pw_known_files.files[pw_known_files.count] = *file;
  *pw_file_slot(file) = ++pw_known_files.count;
  at = pw_put(payload, at, pw_known_files.count - 1);
  at = pw_put(payload, at, file->device);
  at = pw_put(payload, at, file->inode);
  at = pw_put(payload, at, file->birth_ns);
  at = pw_put(payload, at, file->bytes);
  at = pw_put(payload, at, pw_cached_pages(fd) + 1);
  at = pw_put(payload, at, (pw_u64)pw_is_memory(fd));
  pw_descriptor_link(fd, link);
  const long length = pw_kernel(__NR_readlinkat, AT_FDCWD, (long)link, (long)(payload + at),
                                PW_PATH_BYTES, 0, 0);
  if (length > 0) at += (unsigned)length;
  pw_file_frame(payload, at);
  return pw_known_files.count - 1;
}

/* PW_NO_FILE: it means no regular file. */
static unsigned pw_file_of_descriptor(int fd) {
  struct pw_file_state file;
  return pw_descriptor_state(fd, &file) ? pw_number_file(&file, fd) : PW_NO_FILE;
}

/* `path`: of the recorder's own memory. For a program before it is read. */
static void pw_tell_path(long path) {
  struct pw_file_state file;
  if (!pw_file_state(AT_FDCWD, path, 0, &file) || pw_find_file(&file) != PW_NO_FILE) return;
  const long fd = pw_kernel(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, 0,
                            0);
  if (fd < 0) return;
  pw_file_of_descriptor((int)fd);
  pw_kernel(__NR_close, fd, 0, 0, 0, 0, 0);
}

/* A process starts: its descriptors. */
static void pw_tell_inherited(void) {
  int fd;
  for (fd = 0; fd < PW_INHERITED; ++fd) pw_file_of_descriptor(fd);
}

/* In a forked child: its spool has no files yet. The tables stay allocated and are not looked at,
 * since another thread of the parent may have been at work on them. */
static void pw_forget_files(void) {
  pw_known_files.files = 0;
  pw_known_files.slots = 0;
  pw_known_files.count = pw_known_files.room = 0;
}

/* ---- calls about files ---- */

/* The file of a path that is to lose it, if that is its last one and the file is known. */
static unsigned pw_losing_name(long folder, pw_u64 path) {
  struct pw_file_state file;
  if (!pw_file_state(folder, pw_host_address(path), AT_SYMLINK_NOFOLLOW, &file)) return PW_NO_FILE;
  return file.links <= 1 ? pw_find_file(&file) : PW_NO_FILE;
}

static unsigned pw_file_named(long folder, pw_u64 path, long flags) {
  struct pw_file_state file;
  if (!pw_file_state(folder, pw_host_address(path), flags, &file)) return PW_NO_FILE;
  return pw_find_file(&file);
}

/* Before a call is made. */
static void pw_before_call(long number, const pw_u64 a[6], struct pw_file_before* before) {
  struct pw_file_state file;
  before->file = before->replaced = PW_NO_FILE;
  switch (number) {
    case __NR_close:
      if (pw_descriptor_state((int)a[0], &file)) before->file = pw_find_file(&file);
      break;
    case __NR_truncate:
      before->file = pw_file_named(AT_FDCWD, a[0], 0);
      break;
    case __NR_unlink:
      before->file = pw_losing_name(AT_FDCWD, a[0]);
      break;
    case __NR_unlinkat:
      before->file = pw_losing_name((int)a[0], a[1]);
      break;
    case __NR_rename:
      before->file = pw_file_named(AT_FDCWD, a[0], AT_SYMLINK_NOFOLLOW);
      before->replaced = pw_losing_name(AT_FDCWD, a[1]);
      break;
    case __NR_renameat:
    case __NR_renameat2:
      before->file = pw_file_named((int)a[0], a[1], AT_SYMLINK_NOFOLLOW);
      if (number == __NR_renameat || a[4] == 0) before->replaced = pw_losing_name((int)a[2], a[3]);
      break;
    default:
      break;
  }
  if (before->replaced == before->file) before->replaced = PW_NO_FILE;
}

/* The file that a call was about which succeeded. PW_NO_FILE: none. Calls that only move bytes are
 * left to pw_transfers(). */
static unsigned pw_file_of_call(long number, const pw_u64 a[6], long result,
                                const struct pw_file_before* before) {
  switch (number) {
    case __NR_open:
    case __NR_openat:
    case __NR_openat2:
    case __NR_creat:
    case __NR_memfd_create:
    case __NR_dup:
    case __NR_dup2:
    case __NR_dup3:
      return pw_file_of_descriptor((int)result);
    case __NR_fcntl: {
      const int duplicates = a[1] == F_DUPFD || a[1] == F_DUPFD_CLOEXEC;
      return duplicates ? pw_file_of_descriptor((int)result) : PW_NO_FILE;
    }
    case __NR_mmap:
      return (a[3] & MAP_ANONYMOUS) != 0 ? PW_NO_FILE : pw_file_of_descriptor((int)a[4]);
    case __NR_fsync:
    case __NR_fdatasync:
    case __NR_sync_file_range:
    case __NR_readahead:
    case __NR_fadvise64:
    case __NR_ftruncate:
    case __NR_fallocate:
      return pw_file_of_descriptor((int)a[0]);
    case __NR_close:
    case __NR_truncate:
    case __NR_unlink:
    case __NR_unlinkat:
    case __NR_rename:
    case __NR_renameat:
    case __NR_renameat2:
      return before->file;
    default:
      return PW_NO_FILE;
  }
}

/* How many arguments a call has that is recorded only if it was about a file. 0: another call, the
 * recorders know which of those they record. */
static unsigned pw_file_call_arguments(long number) {
  switch (number) {
    case __NR_close:
    case __NR_dup:
    case __NR_fsync:
    case __NR_fdatasync:
    case __NR_unlink:
      return 1;
    case __NR_creat:
    case __NR_dup2:
    case __NR_truncate:
    case __NR_rename:
      return 2;
    case __NR_open:
    case __NR_dup3:
    case __NR_fcntl:
    case __NR_readahead:
    case __NR_unlinkat:
      return 3;
    case __NR_openat:
    case __NR_openat2:
    case __NR_sync_file_range:
    case __NR_renameat:
      return 4;
    case __NR_renameat2:
      return 5;
    default:
      return 0;
  }
}

/* ---- transfers ---- */

enum pw_place {
  PW_AT_POSITION, /* where the descriptor stood */
  PW_AT_NUMBER,   /* at an offset that the call names */
  PW_AT_POINTER   /* the same, which the call has moved on; NULL: where the descriptor stood */
};

/* Where a transfer that ended began. */
static pw_u64 pw_transfer_offset(int fd, enum pw_place place, pw_u64 where, unsigned written,
                                 const struct pw_file_state* file, pw_u64 bytes) {
  pw_u64 end = 0;
  if (place == PW_AT_NUMBER) {
    /* Appending descriptors append, whatever offset is given (pwrite(2), BUGS). */
    const int appends = written && (pw_kernel(__NR_fcntl, fd, F_GETFL, 0, 0, 0, 0) & O_APPEND) != 0;
    return appends && file->bytes >= bytes ? file->bytes - bytes : where;
  }
  if (place == PW_AT_POINTER && where != 0) {
    pw_u64 local[2] = {(pw_u64)(unsigned long)&end, sizeof end};
    pw_u64 remote[2] = {(pw_u64)pw_host_address(where), sizeof end};
    const long self = pw_kernel(__NR_getpid, 0, 0, 0, 0, 0, 0);
    pw_kernel(__NR_process_vm_readv, self, (long)local, 1, (long)remote, 1, 0);
  } else {
    const long position = pw_kernel(__NR_lseek, fd, 0, 1 /* SEEK_CUR */, 0, 0, 0);
    end = position < 0 ? 0 : (pw_u64)position;
  }
  return end >= bytes ? end - bytes : 0;
}

static unsigned pw_add_transfer(struct pw_transfer* out, unsigned count, pw_u64 descriptor,
                                enum pw_place place, pw_u64 where, unsigned written, pw_u64 bytes) {
  struct pw_file_state file;
  const int fd = (int)descriptor;
  if (!pw_descriptor_state(fd, &file)) return count;
  const unsigned number = pw_number_file(&file, fd);
  if (number == PW_NO_FILE) return count;
  const pw_u64 offset = pw_transfer_offset(fd, place, where, written, &file, bytes);
  out[count] = (struct pw_transfer){number, written, (unsigned)fd, offset, bytes};
  return count + 1;
}

/* What a call that gave `result` has read from files and written to them: 0 to 2 transfers. */
static unsigned pw_transfers(long number, const pw_u64 a[6], long result,
                             struct pw_transfer out[2]) {
  unsigned count = 0;
  if (result <= 0) return 0;
  const pw_u64 bytes = (pw_u64)result;
  switch (number) {
    case __NR_read:
    case __NR_readv:
      return pw_add_transfer(out, 0, a[0], PW_AT_POSITION, 0, 0, bytes);
    case __NR_write:
    case __NR_writev:
      return pw_add_transfer(out, 0, a[0], PW_AT_POSITION, 0, 1, bytes);
    case __NR_pread64:
    case __NR_preadv:
    case __NR_preadv2: /* offset -1: from the position */
      return pw_add_transfer(out, 0, a[0], ~a[3] == 0 ? PW_AT_POSITION : PW_AT_NUMBER, a[3], 0,
                             bytes);
    case __NR_pwrite64:
    case __NR_pwritev:
    case __NR_pwritev2:
      return pw_add_transfer(out, 0, a[0], ~a[3] == 0 ? PW_AT_POSITION : PW_AT_NUMBER, a[3], 1,
                             bytes);
    case __NR_sendfile:
      count = pw_add_transfer(out, 0, a[1], PW_AT_POINTER, a[2], 0, bytes);
      return pw_add_transfer(out, count, a[0], PW_AT_POSITION, 0, 1, bytes);
    case __NR_copy_file_range:
    case __NR_splice:
      count = pw_add_transfer(out, 0, a[0], PW_AT_POINTER, a[1], 0, bytes);
      return pw_add_transfer(out, count, a[2], PW_AT_POINTER, a[3], 1, bytes);
    default:
      return 0;
  }
}

#endif
