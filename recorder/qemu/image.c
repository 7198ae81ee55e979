/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "image.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spool.h"

enum {
  kPage = 4096,
  kMaxQemuOptions = 64,
  kStackLookPages = 16384, /* 64 MiB below the stack's end are searched for its lowest page */
  kStackMargin = 128 << 10 /* what the kernel maps below a new stack (fs/exec.c, setup_arg_pages) */
};

/* Rights of a guest page in QEMU's own table (include/exec/cpu-all.h). */
enum { kGuestRead = 1, kGuestWrite = 2, kGuestExecute = 4 };

static struct {
  char* command; /* QEMU's, each string NUL-terminated */
  size_t command_length;
  char* options[kMaxQemuOptions];
  unsigned option_count;
  const char* program;
  char* arguments; /* the program's, from argv[0] on */
  size_t arguments_length;
  uint64_t variables, variable_bytes; /* given by options */
  uint64_t guest_base;
  uint64_t stack_end;
  uint64_t brk_start;
  uint64_t brk_end;
} g_image;

/* ---- command line ---- */

static char* read_whole(const char* path, size_t* length) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  size_t capacity = 1 << 16;
  char* data = malloc(capacity);
  ssize_t got = 0;
  *length = 0;
  while (data != NULL && (got = read(fd, data + *length, capacity - *length - 1)) > 0) {
    *length += (size_t)got;
    if (capacity - *length > kPage) continue;
    capacity *= 2;
    char* const larger = realloc(data, capacity);
    if (larger == NULL) free(data);
    data = larger;
  }
  close(fd);
  if (data != NULL) data[*length] = '\0';
  return data;
}

static bool takes_argument(const char* option) {
  static const char* const kFlags[] = {"h",      "help",       "version",
                                       "strace", "singlestep", "one-insn-per-tb"};
  for (size_t i = 0; i < sizeof kFlags / sizeof *kFlags; ++i) {
    if (strcmp(option, kFlags[i]) == 0) return false;
  }
  return true;
}

static bool is_one_of(const char* option, const char* const* names, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(option, names[i]) == 0) return true;
  }
  return false;
}

/* QEMU's options end at the first string without a dash; that is the program (linux-user/main.c,
 * parse_args). */
bool image_read_command(void) {
  static const char* const kOfOneImage[] = {"plugin", "0", "argv0", "E", "U"};
  g_image.command = read_whole("/proc/self/cmdline", &g_image.command_length);
  if (g_image.command == NULL) return false;
  char* const end = g_image.command + g_image.command_length;
  char* at = g_image.command + strlen(g_image.command) + 1;
  const char* name = getenv("QEMU_ARGV0");
  while (at < end && at[0] == '-' && at[1] != '\0') {
    char* const option = at;
    const char* const plain = option + (option[1] == '-' ? 2 : 1);
    char* argument = NULL;
    at += strlen(at) + 1;
    if (takes_argument(plain) && at < end) {
      argument = at;
      at += strlen(at) + 1;
    }
    if (argument != NULL && (strcmp(plain, "0") == 0 || strcmp(plain, "argv0") == 0))
      name = argument;
    if (argument != NULL && strcmp(plain, "E") == 0) {
      ++g_image.variables;
      g_image.variable_bytes += strlen(argument) + 1;
    }
    if (is_one_of(plain, kOfOneImage, sizeof kOfOneImage / sizeof *kOfOneImage)) continue;
    if (g_image.option_count + 2 > kMaxQemuOptions) return false;
    g_image.options[g_image.option_count++] = option;
    if (argument != NULL) g_image.options[g_image.option_count++] = argument;
  }
  if (at >= end) return false;
  g_image.program = at;
  const char* const rest = at + strlen(at) + 1;
  if (name == NULL) name = g_image.program;
  const size_t name_length = strlen(name) + 1;
  const size_t rest_length = rest < end ? (size_t)(end - rest) : 0;
  g_image.arguments = malloc(name_length + rest_length);
  if (g_image.arguments == NULL) return false;
  memcpy(g_image.arguments, name, name_length);
  memcpy(g_image.arguments + name_length, rest, rest_length);
  g_image.arguments_length = name_length + rest_length;
  return true;
}

char* const* image_qemu_options(unsigned* count) {
  *count = g_image.option_count;
  return g_image.options;
}

const char* image_program(void) { return g_image.program; }

uint64_t image_host_address(uint64_t address) { return address + g_image.guest_base; }

/* ---- memory ---- */

void image_set_guest_base(uint64_t base) { g_image.guest_base = base; }

bool guest_read(uint64_t address, void* out, size_t length) {
  struct iovec to = {.iov_base = out, .iov_len = length};
  /* By way of the kernel, which answers EFAULT where a plain read would end the program. */
  struct iovec from = {.iov_base = (void*)(uintptr_t)(address + g_image.guest_base),
                       .iov_len = length};
  return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)length;
}

char* guest_read_text(uint64_t address, size_t most) {
  char* text = NULL;
  size_t length = 0;
  while (length < most) {
    const uint64_t at = address + length;
    size_t part = kPage - (at & (kPage - 1)); /* the next page may not be there */
    if (part > most - length) part = most - length;
    char* const larger = realloc(text, length + part);
    if (larger == NULL) break;
    text = larger;
    if (!guest_read(at, text + length, part)) break;
    if (memchr(text + length, '\0', part) != NULL) return text;
    length += part;
  }
  free(text);
  return NULL;
}

void image_note_brk(uint64_t end) {
  if (g_image.brk_start == 0) g_image.brk_start = end;
  g_image.brk_end = end;
}

/* ---- mappings ----
 *
 * A guest mapping is a host mapping of the QEMU process at guest_base, with other rights (no page
 * of the guest is executable on the host), among many of QEMU's own. QEMU's table of guest pages
 * tells them apart; executables built with plugins export its walk_memory_regions(), which calls
 * back for each run of pages of equal rights. The host's maps add files and offsets.
 */
struct region {
  uint64_t start, end; /* guest addresses */
  unsigned long rights;
};

struct region_list {
  struct region* regions;
  size_t count, capacity;
};

typedef int (*region_callback)(void*, uint64_t, uint64_t, unsigned long);
typedef int (*region_walker)(void*, region_callback);

static uint64_t page_up(uint64_t address) { return (address + kPage - 1) & ~(uint64_t)(kPage - 1); }

static int collect_region(void* context, uint64_t start, uint64_t end, unsigned long rights) {
  struct region_list* const list = context;
  const uint64_t heap = page_up(g_image.brk_start);
  if ((rights & (kGuestRead | kGuestWrite | kGuestExecute)) == 0) return 0; /* guard pages */
  if (start < heap && heap < end) { /* bss and heap touch each other */
    return collect_region(list, start, heap, rights) | collect_region(list, heap, end, rights);
  }
  if (list->count == list->capacity) {
    const size_t capacity = list->capacity * 2 + 64;
    struct region* const larger = realloc(list->regions, capacity * sizeof *larger);
    if (larger == NULL) return -1;
    list->regions = larger;
    list->capacity = capacity;
  }
  list->regions[list->count++] = (struct region){start, end, rights};
  return 0;
}

struct host_line {
  uint64_t start, end, offset; /* host addresses */
  char shared;                 /* 's' or 'p' */
  const char* device_inode;    /* "fd:01 1234" */
  int device_inode_length;
  const char* name; /* "" if none */
};

static bool parse_line(const char* text, struct host_line* out) {
  unsigned long long start = 0, end = 0, offset = 0;
  int device_at = 0, device_end = 0, name_at = 0;
  char rights[5];
  if (sscanf(text, "%llx-%llx %4s %llx %n%*s %*s%n %n", &start, &end, rights, &offset, &device_at,
             &device_end, &name_at) < 4) {
    return false;
  }
  *out = (struct host_line){
      start, end, offset, rights[3], text + device_at, device_end - device_at, text + name_at};
  return true;
}

/* The lowest page of [start, end) that was ever touched, minus what the kernel would have mapped
 * below: QEMU maps the stack in its full size at once, where Linux lets it grow. */
static uint64_t natural_stack_start(uint64_t start, uint64_t end) {
  static unsigned char present[kStackLookPages];
  uint64_t low = start;
  if ((end - low) / kPage > kStackLookPages) low = end - (uint64_t)kStackLookPages * kPage;
  if (mincore((void*)(uintptr_t)(low + g_image.guest_base), end - low, present) != 0) return start;
  uint64_t lowest = low;
  while (lowest < end && (present[(lowest - low) / kPage] & 1) == 0) lowest += kPage;
  return lowest > start + kStackMargin ? lowest - kStackMargin : start;
}

static const char* name_of(const struct host_line* line, uint64_t start, uint64_t end) {
  if (line->name[0] == '/' || strcmp(line->name, "[vsyscall]") == 0) return line->name;
  if (end == g_image.stack_end) return "[stack]";
  if (start >= g_image.brk_start && end <= page_up(g_image.brk_end)) return "[heap]";
  return "";
}

static void print_line(FILE* out, const struct host_line* line, const struct region* region) {
  uint64_t start = line->start - g_image.guest_base;
  uint64_t end = line->end - g_image.guest_base;
  uint64_t offset = line->offset;
  if (start < region->start) {
    offset += line->name[0] == '/' ? region->start - start : 0;
    start = region->start;
  }
  if (end > region->end) end = region->end;
  const char* const name = name_of(line, start, end);
  if (strcmp(name, "[stack]") == 0) start = natural_stack_start(start, end);
  fprintf(out, "%lx-%lx %c%c%c%c %08lx %.*s %s\n", start, end,
          region->rights & kGuestRead ? 'r' : '-', region->rights & kGuestWrite ? 'w' : '-',
          region->rights & kGuestExecute ? 'x' : '-', line->shared, offset,
          line->device_inode_length, line->device_inode, name);
}

/* The stack of a new image is the highest writable region that does not follow on a file's (as its
 * bss does). */
static uint64_t find_stack_end(const struct region_list* list) {
  for (size_t i = list->count; i-- > 0;) {
    const struct region* const region = &list->regions[i];
    const bool follows = i > 0 && list->regions[i - 1].end == region->start;
    if ((region->rights & kGuestWrite) != 0 && !follows) return region->end;
  }
  return 0;
}

static void print_maps(FILE* out, const struct region_list* list, char* host_maps) {
  size_t next = 0;
  char* save = NULL;
  for (char* text = strtok_r(host_maps, "\n", &save); text != NULL;
       text = strtok_r(NULL, "\n", &save)) {
    struct host_line line;
    if (!parse_line(text, &line) || line.end <= g_image.guest_base) continue;
    const uint64_t start = line.start - g_image.guest_base;
    const uint64_t end = line.end - g_image.guest_base;
    while (next < list->count && list->regions[next].end <= start) ++next;
    for (size_t i = next; i < list->count && list->regions[i].start < end; ++i) {
      print_line(out, &line, &list->regions[i]);
    }
  }
}

static void write_maps(void) {
  region_walker walk = NULL;
  void* const symbol = dlsym(RTLD_DEFAULT, "walk_memory_regions");
  memcpy(&walk, &symbol, sizeof walk);
  if (walk == NULL) {
    spool_log("this QEMU does not tell its guest's mappings: areas will be inferred");
    return;
  }
  struct region_list list = {NULL, 0, 0};
  size_t host_length = 0, length = 0;
  char* text = NULL;
  walk(&list, collect_region);
  if (g_image.stack_end == 0) g_image.stack_end = find_stack_end(&list);
  char* const host_maps = read_whole("/proc/self/maps", &host_length);
  FILE* const out = open_memstream(&text, &length);
  if (host_maps != NULL && out != NULL) print_maps(out, &list, host_maps);
  if (out != NULL) fclose(out);
  if (length > PW_MAX_FRAME_BYTES) {
    spool_log("%zu bytes of mappings: only the first %u are recorded", length, PW_MAX_FRAME_BYTES);
    length = PW_MAX_FRAME_BYTES;
    while (length > 0 && text[length - 1] != '\n') --length;
  }
  if (length > 0) spool_write_data(PW_FRAME_MAPS, text, length);
  free(text);
  free(host_maps);
  free(list.regions);
}

void image_write(void) {
  size_t length = g_image.arguments_length;
  if (length > PW_MAX_FRAME_BYTES) length = PW_MAX_FRAME_BYTES;
  spool_write_data(PW_FRAME_COMMAND, g_image.arguments, length);
  write_maps();
}

static unsigned put(unsigned char* out, unsigned at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out[at++] = (unsigned char)(value | 0x80);
  out[at++] = (unsigned char)value;
  return at;
}

/* Variables of the loader reach the program by way of options (follow.c). */
void image_write_start(void) {
  unsigned char payload[64];
  unsigned at = 0;
  uint64_t arguments = 0, variables = g_image.variables, variable_bytes = g_image.variable_bytes;
  for (size_t i = 0; i < g_image.arguments_length; ++i) arguments += g_image.arguments[i] == '\0';
  for (char** variable = environ; *variable != NULL; ++variable) {
    ++variables;
    variable_bytes += strlen(*variable) + 1;
  }
  at = put(payload, at, arguments);
  at = put(payload, at, g_image.arguments_length);
  at = put(payload, at, variables);
  at = put(payload, at, variable_bytes);
  at = put(payload, at, strlen(g_image.program) + 1);
  spool_write_data(PW_FRAME_START, payload, at);
}
