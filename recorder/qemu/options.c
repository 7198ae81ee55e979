/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "options.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/common/encoding.h"

struct options g_options;

static const char* const kDetailNames[] = {
    [PW_DETAIL_PAGES] = "pages", [PW_DETAIL_SWITCHES] = "switches", [PW_DETAIL_FULL] = "full"};

static bool parse_detail(const char* text) {
  for (unsigned detail = PW_DETAIL_PAGES; detail <= PW_DETAIL_FULL; ++detail) {
    if (strcmp(text, kDetailNames[detail]) == 0) {
      g_options.detail = detail;
      return true;
    }
  }
  return false;
}

static bool parse_number(const char* text, long least, long most, long* out) {
  char* end = NULL;
  *out = strtol(text, &end, 10);
  return end != text && *end == '\0' && *out >= least && *out <= most;
}

static bool set_spool(const char* folder) {
  if (realpath(folder, g_options.spool) != NULL) return true;
  const size_t length = strlen(folder);
  if (length == 0 || length >= sizeof g_options.spool) return false;
  memcpy(g_options.spool, folder, length + 1);
  return true;
}

static bool parse_one(const char* argument) {
  long number = 0;
  if (strncmp(argument, "spool=", 6) == 0) return set_spool(argument + 6);
  if (strncmp(argument, "self=", 5) == 0) return realpath(argument + 5, g_options.self) != NULL;
  if (strncmp(argument, "detail=", 7) == 0) return parse_detail(argument + 7);
  if (strncmp(argument, "k=", 2) == 0) {
    const bool good = parse_number(argument + 2, 0, kMaxFilterPages, &number);
    g_options.k = (unsigned)number;
    return good;
  }
  if (strncmp(argument, "parent=", 7) == 0) {
    const bool good = parse_number(argument + 7, 0, INT_MAX, &number);
    g_options.parent = (int)number;
    g_options.follows = true;
    return good;
  }
  return false;
}

bool options_parse(int count, char** arguments) {
  g_options.detail = PW_DETAIL_PAGES;
  g_options.k = kDefaultFilterPages;
  for (int i = 0; i < count; ++i) {
    if (!parse_one(arguments[i])) {
      fprintf(stderr, "pw-qemu: cannot use the option '%s'\n", arguments[i]);
      return false;
    }
  }
  if (g_options.spool[0] == '\0') {
    fprintf(stderr, "pw-qemu: the option spool=DIR is missing\n");
    return false;
  }
  if (g_options.detail == PW_DETAIL_SWITCHES) g_options.k = 1;
  if (g_options.detail == PW_DETAIL_FULL) g_options.k = 0;
  if (g_options.detail == PW_DETAIL_PAGES && g_options.k == 0) {
    fprintf(stderr, "pw-qemu: detail=pages needs k=1 .. %d\n", kMaxFilterPages);
    return false;
  }
  Dl_info here;
  if (g_options.self[0] == '\0' && dladdr(&g_options, &here) != 0) {
    return realpath(here.dli_fname, g_options.self) != NULL;
  }
  return true;
}

/* QEMU ends an option's value at a comma; two stand for one (qemu(1), "-drive file"). */
static char* append_escaped(char* out, const char* end, const char* text) {
  for (; *text != '\0'; ++text) {
    if (end - out < 3) return NULL;
    if (*text == ',') *out++ = ',';
    *out++ = *text;
  }
  return out;
}

bool options_print(char* out, unsigned long size, int parent) {
  const char* const end = out + size;
  out = append_escaped(out, end, g_options.self);
  if (out == NULL || end - out < 8) return false;
  memcpy(out, ",spool=", 7);
  out = append_escaped(out + 7, end, g_options.spool);
  if (out == NULL || end - out < 2) return false;
  const size_t room = (size_t)(end - out);
  const int length = snprintf(out, room, ",detail=%s,k=%u,parent=%d",
                              kDetailNames[g_options.detail], g_options.k, parent);
  return length > 0 && (size_t)length < room;
}
