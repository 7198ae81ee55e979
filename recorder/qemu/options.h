/* What the plugin was asked to do: `-plugin pw-qemu.so,spool=DIR,detail=pages,k=64,self=PATH`.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Written once while the plugin is installed, before any other thread; read only from then on.
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_OPTIONS_H
#define PAGEWRIGHT_RECORDER_QEMU_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

enum { kDefaultFilterPages = 64, kMaxFilterPages = 1024 };

struct options {
  char spool[PATH_MAX]; /* absolute: the folder of the spool files, if it is there */
  char self[PATH_MAX];  /* absolute: this plugin, for the images that the program executes */
  unsigned detail;      /* enum pw_detail */
  unsigned k;           /* pages in a filter: 1 for switches, 0 for full */
  int parent;   /* parent=PID, given by the recorder to itself across exec; 0: the first process */
  bool follows; /* it was given */
};

extern struct options g_options;

/* False, with a message on stderr, for an option that is unknown or has no sense. */
bool options_parse(int count, char** arguments);

/* Writes "PATH,spool=...": the value of -plugin that repeats these options for another image of the
 * process whose parent is `parent`. False if `size` is too small. */
bool options_print(char* out, unsigned long size, int parent);

#endif
