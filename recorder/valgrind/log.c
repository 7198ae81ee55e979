/* PID.log in the spool folder: what the recorder and Valgrind's core have to say.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Standard error is the program's. Valgrind writes there how a program died, what instruction it
 * does not know, why it gives up itself; all that goes to this file instead. A file that stayed
 * empty is removed at the end.
 */
#include "recorder.h"

#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_libcprint.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_vki.h"

/* From Valgrind's core. The sink of its messages; a negative descriptor silences it. */
extern Int VG_(safe_fd)(Int oldfd);
extern struct {
  Int fd;
  UInt kind;
} VG_(log_output_sink);

static Int log_fd = -1;
static Bool complained;

static void log_path(HChar* path, SizeT size) {
  VG_(snprintf)(path, (Int)size, "%s/%d.log", pw_options.spool_dir, VG_(getpid)());
}

void pw_log_open(void) {
  HChar path[VKI_PATH_MAX];
  if (log_fd >= 0) VG_(close)(log_fd);
  log_path(path, sizeof path);
  const Int fd = VG_(fd_open)(path, VKI_O_CREAT | VKI_O_APPEND | VKI_O_WRONLY, 0600);
  log_fd = fd >= 0 ? VG_(safe_fd)(fd) : -1;
  VG_(log_output_sink).fd = log_fd;
  complained = False;
}

void pw_log_close(void) {
  HChar path[VKI_PATH_MAX];
  struct vg_stat status;
  if (log_fd < 0) return;
  log_path(path, sizeof path);
  if (VG_(fstat)(log_fd, &status) == 0 && status.size == 0) VG_(unlink)(path);
  VG_(close)(log_fd);
  log_fd = VG_(log_output_sink).fd = -1;
}

void pw_complain(const HChar* what, const HChar* name, UWord error) {
  HChar line[VKI_PATH_MAX + 128];
  if (complained || log_fd < 0) return;
  complained = True;
  const UInt length = VG_(snprintf)(line, sizeof line, "%s %s: error %lu\n", what, name, error);
  VG_(write)(log_fd, line, (Int)VG_MIN(length, (UInt)sizeof line - 1));
}
