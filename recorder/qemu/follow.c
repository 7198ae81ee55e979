/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "follow.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image.h"
#include "spool.h"

enum {
  kLongestText = 32 * 4096, /* MAX_ARG_STRLEN */
  kMostWords = 1 << 20,
  kScriptLine = 256, /* BINPRM_BUF_SIZE */
  kScriptDepth = 5
};

enum image_kind { kNothing, kScript, kProgram, kForeign };

/* ---- lists of strings ---- */

/* Takes `text` over; NULL, from a failed allocation, fails. */
static bool push(struct words* words, char* text) {
  if (text == NULL) return false;
  if (words->count + 2 > words->capacity) {
    const size_t capacity = words->capacity * 2 + 16;
    char** const larger = realloc(words->items, capacity * sizeof *larger);
    if (larger == NULL) {
      free(text);
      return false;
    }
    words->items = larger;
    words->capacity = capacity;
  }
  words->items[words->count++] = text;
  words->items[words->count] = NULL;
  return true;
}

static bool push_copy(struct words* words, const char* text) { return push(words, strdup(text)); }

static void free_words(struct words* words) {
  for (size_t i = 0; i < words->count; ++i) free(words->items[i]);
  free(words->items);
  *words = (struct words){NULL, 0, 0};
}

/* The program's argv or envp. */
static bool read_words(uint64_t address, struct words* out) {
  for (unsigned i = 0; address != 0 && i < kMostWords; ++i) {
    uint64_t text = 0;
    if (!guest_read(address + i * sizeof text, &text, sizeof text)) return false;
    if (text == 0) return true;
    if (!push(out, guest_read_text(text, kLongestText))) return false;
  }
  return address == 0;
}

/* ---- what a file is ---- */

static bool gains_rights(const struct stat* status) {
  return ((status->st_mode & S_ISUID) != 0 && status->st_uid != geteuid()) ||
         ((status->st_mode & S_ISGID) != 0 && status->st_gid != getegid());
}

/* `line` receives the beginning of the file. */
static enum image_kind kind_of(const char* path, char line[kScriptLine]) {
  struct stat status;
  if (access(path, X_OK) != 0 || stat(path, &status) != 0 || !S_ISREG(status.st_mode))
    return kNothing;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return kForeign; /* it may be run but not read: by the kernel alone */
  memset(line, 0, kScriptLine);
  const ssize_t length = read(fd, line, kScriptLine - 1);
  close(fd);
  if (length >= 2 && memcmp(line, "#!", 2) == 0) return kScript;
  if (length < EI_NIDENT + 4 || memcmp(line, ELFMAG, SELFMAG) != 0) return kNothing;
  uint16_t machine = 0;
  memcpy(&machine, line + offsetof(Elf64_Ehdr, e_machine), sizeof machine);
  const bool ours = line[EI_CLASS] == ELFCLASS64 && machine == EM_X86_64;
  return ours && !gains_rights(&status) ? kProgram : kForeign;
}

/* Puts interpreter, its argument if any, and the script's path in the place of argv[0], as the
 * kernel does (fs/binfmt_script.c), and makes the interpreter the path. */
static bool enter_script(char* line, char** path, struct words* arguments) {
  char* const end = line + strcspn(line, "\n");
  *end = '\0';
  for (char* last = end; last > line && (last[-1] == ' ' || last[-1] == '\t'); --last)
    last[-1] = '\0';
  char* const interpreter = line + 2 + strspn(line + 2, " \t");
  char* argument = interpreter + strcspn(interpreter, " \t");
  if (*interpreter == '\0') return false;
  if (*argument != '\0') {
    *argument++ = '\0';
    argument += strspn(argument, " \t");
  }
  struct words replaced = {NULL, 0, 0};
  bool good = push_copy(&replaced, interpreter);
  if (*argument != '\0') good = good && push_copy(&replaced, argument);
  good = good && push_copy(&replaced, *path);
  for (size_t i = 1; good && i < arguments->count; ++i)
    good = push_copy(&replaced, arguments->items[i]);
  free_words(arguments);
  *arguments = replaced;
  free(*path);
  *path = strdup(interpreter);
  return good && *path != NULL;
}

/* Follows scripts to the program that runs them. */
static enum image_kind resolve(char** path, struct words* arguments) {
  char line[kScriptLine];
  for (int depth = 0; depth < kScriptDepth; ++depth) {
    const enum image_kind kind = kind_of(*path, line);
    if (kind != kScript) return kind;
    if (!enter_script(line, path, arguments)) return kNothing;
  }
  return kNothing;
}

/* ---- which file is meant ---- */

static bool names_this_program(const char* path) {
  char own[64];
  snprintf(own, sizeof own, "/proc/%d/exe", (int)getpid());
  return strcmp(path, "/proc/self/exe") == 0 || strcmp(path, "/proc/thread-self/exe") == 0 ||
         strcmp(path, own) == 0;
}

static char* path_at(int folder, char* path, uint64_t flags) {
  if (path == NULL || path[0] == '/' || (folder == AT_FDCWD && path[0] != '\0')) return path;
  char named[PATH_MAX];
  const bool itself = path[0] == '\0';
  if (itself && (flags & AT_EMPTY_PATH) == 0) return path;
  const int length = snprintf(named, sizeof named, "/proc/self/fd/%d%s%s", folder,
                              itself ? "" : "/", path);
  free(path);
  /* By its real name, since the descriptor may close on exec. */
  return length > 0 && length < PATH_MAX ? realpath(named, NULL) : NULL;
}

static char* path_of(const struct system_call* call) {
  const uint64_t* const a = call->arguments;
  char* path = NULL;
  if (call->number == SYS_execve) {
    path = guest_read_text(a[0], PATH_MAX);
  } else {
    path = path_at((int)a[0], guest_read_text(a[1], PATH_MAX), a[4]);
  }
  if (path != NULL && names_this_program(path)) {
    free(path);
    path = realpath(image_program(), NULL);
  }
  return path;
}

/* ---- starting it ---- */

/* Variables of the loader are for the program alone, not for QEMU, whose loader would obey them
 * too. */
static bool for_program_only(const char* variable) {
  return strncmp(variable, "LD_", 3) == 0 && strchr(variable, ',') == NULL;
}

static bool move_loader_variables(struct words* environment, struct words* command) {
  struct words kept = {NULL, 0, 0};
  bool good = true;
  for (size_t i = 0; good && i < environment->count; ++i) {
    const char* const variable = environment->items[i];
    if (for_program_only(variable)) {
      good = push_copy(command, "-E") && push_copy(command, variable);
    } else {
      good = push_copy(&kept, variable);
    }
  }
  free_words(environment);
  *environment = kept;
  return good;
}

static bool build_command(const char* path, struct next_image* next) {
  char plugin[3 * PATH_MAX];
  unsigned option_count = 0;
  char* const* const options = image_qemu_options(&option_count);
  struct words command = {NULL, 0, 0};
  bool good = options_print(plugin, sizeof plugin, spool_parent_pid()) &&
              push_copy(&command, "qemu-x86_64");
  for (unsigned i = 0; good && i < option_count; ++i) good = push_copy(&command, options[i]);
  good = good && push_copy(&command, "-plugin") && push_copy(&command, plugin) &&
         move_loader_variables(&next->environment, &command) && push_copy(&command, "-0") &&
         push_copy(&command, next->arguments.count > 0 ? next->arguments.items[0] : "") &&
         push_copy(&command, path);
  for (size_t i = 1; good && i < next->arguments.count; ++i) {
    good = push_copy(&command, next->arguments.items[i]);
  }
  free_words(&next->arguments);
  next->arguments = command;
  return good;
}

static void release(struct next_image* next) {
  free_words(&next->arguments);
  free_words(&next->environment);
}

bool follow_prepare(const struct system_call* call, struct next_image* next) {
  const uint64_t* const arrays = call->arguments + (call->number == SYS_execve ? 1 : 2);
  *next = (struct next_image){.recorded = false};
  char* path = path_of(call);
  bool good = path != NULL && read_words(arrays[0], &next->arguments) &&
              read_words(arrays[1], &next->environment);
  const enum image_kind kind = good ? resolve(&path, &next->arguments) : kNothing;
  if (kind == kForeign) {
    spool_log("%s: no x86-64 program, or one with rights of its own: it runs unrecorded", path);
  } else if (kind == kProgram) {
    next->recorded = build_command(path, next);
    if (!next->recorded) spool_log("%s: out of memory: it runs unrecorded", path);
  }
  free(path);
  if (kind == kNothing) release(next);
  return kind != kNothing;
}

void follow_exec(struct next_image* next) {
  char qemu[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", qemu, sizeof qemu - 1);
  if (next->recorded && length > 0) {
    qemu[length] = '\0';
    char* no_environment[] = {NULL};
    char** const environment = next->environment.items != NULL ? next->environment.items
                                                               : no_environment;
    execve(qemu, next->arguments.items, environment);
    spool_log("%s: %s: the new image runs unrecorded", qemu, strerror(errno));
  }
  release(next);
}
