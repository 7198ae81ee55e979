/* Rules of the kernel, one at a time: faults and resident pages between BEGIN and END.
 *
 * Each rule's begin and end are marked in a recording (src/replay/mark.hpp); run for real, the
 * program prints for each rule what the kernel counted: number, minor faults, major faults, change
 * of resident pages, name. A child counts for itself and leaves its figures in shared memory.
 */
#ifndef PAGEWRIGHT_TRUTH_MEASURE_H
#define PAGEWRIGHT_TRUTH_MEASURE_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 1024, LENGTH = PAGE * PAGES };

typedef struct {
  long minor, major, resident;
} Counts;

static unsigned rule_number;
static Counts before;
static volatile unsigned char sink;

static void mark(unsigned number) {
  (void)madvise((void*)(0x505700000000UL + (unsigned long)number * PAGE), 0, MADV_NORMAL);
}

static long resident_pages(void) {
  char text[128];
  const int fd = open("/proc/self/statm", O_RDONLY);
  const ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[got > 0 ? got : 0] = 0;
  const char* second = strchr(text, ' ');
  return second != NULL ? atol(second + 1) : -1;
}

static Counts counts_now(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const Counts now = {usage.ru_minflt, usage.ru_majflt, 0};
  return now;
}

static void begin(void) {
  const long resident = resident_pages();
  before = counts_now();
  before.resident = resident;
  mark(2 * rule_number);
}

static Counts end_here(void) {
  mark(2 * rule_number + 1);
  Counts now = counts_now();
  now.minor -= before.minor;
  now.major -= before.major;
  now.resident = resident_pages() - before.resident;
  return now;
}

static void tell(const char* name, Counts counts) {
  printf("%u\t%ld\t%ld\t%ld\t%s\n", rule_number++, counts.minor, counts.major, counts.resident,
         name);
  fflush(stdout);
}

static void end(const char* name) { tell(name, end_here()); }

/* --- what is measured --- */

static void write_pages(unsigned char* at, long pages) {
  for (long i = 0; i < pages; ++i) *(volatile unsigned long*)(at + i * PAGE) = (unsigned long)i | 1;
}

static void read_pages(const unsigned char* at, long pages) {
  for (long i = 0; i < pages; ++i) sink ^= *(const volatile unsigned char*)(at + i * PAGE);
}

static unsigned char* map(int rights, int flags, int fd, long offset_pages, long pages) {
  void* at = mmap(NULL, (size_t)pages * PAGE, rights, flags, fd, offset_pages * PAGE);
  if (at == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return at;
}

static unsigned char* fresh(int more_flags) {
  return map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0, PAGES);
}

static void unmap(unsigned char* at) { munmap(at, LENGTH); }

#endif
