/* The programs that qemu_check.cpp records: qemu_guest SCENARIO [ARGUMENT].
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kWalkPages = 300, kWalkSteps = 40000, kExitStatus = 7, kKilobyte = 1024 };

static unsigned char* new_pages(size_t count) {
  void* const pages = mmap(NULL, count * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0);
  if (pages == MAP_FAILED) exit(1);
  return pages;
}

static uint64_t next_random(uint64_t* state) {
  *state = *state * 6364136223846793005U + 1442695040888963407U;
  return *state >> 33;
}

/* Reads, writes and straddles over pages of which more and more are in use: misses at every filter
 * size. */
static void walk(volatile unsigned char* pages, unsigned steps, uint64_t seed) {
  for (unsigned i = 0; i < steps; ++i) {
    const uint64_t reach = 1 + next_random(&seed) % kWalkPages;
    const uint64_t page = next_random(&seed) % reach;
    const uint64_t offset = next_random(&seed) % (kPage - 16);
    switch (next_random(&seed) % 8) {
      case 0:
        pages[page * kPage + offset] = 1;
        break;
      case 1: /* eight bytes over the end of the page */
        *(volatile uint64_t*)(uintptr_t)(pages + page * kPage + kPage - 3) = i;
        break;
      default:
        (void)pages[page * kPage + offset];
        break;
    }
  }
}

static int scenario_walk(void) {
  unsigned char* const pages = new_pages(kWalkPages + 1);
  walk(pages, kWalkSteps, 1);
  const int zeros = open("/dev/zero", O_RDONLY);
  struct iovec parts[2] = {{pages + 10, 3 * kPage}, {pages + 20 * kPage, 100}};
  for (int i = 0; i < 20; ++i) {
    if (read(zeros, pages + (uintptr_t)i * 7 * kPage + 100, 5000) != 5000) return 1;
    if (readv(zeros, parts, 2) != 3 * kPage + 100) return 1;
    walk(pages, 500, (uint64_t)i);
  }
  return kExitStatus;
}

static void* walk_thread(void* pages) {
  walk(pages, kWalkSteps, 2);
  return NULL;
}

static int scenario_threads(void) {
  pthread_t thread;
  unsigned char* const mine = new_pages(kWalkPages + 1);
  unsigned char* const others = new_pages(kWalkPages + 1);
  if (pthread_create(&thread, NULL, walk_thread, others) != 0) return 1;
  walk(mine, kWalkSteps, 3);
  return pthread_join(thread, NULL);
}

static int scenario_fork(void) {
  volatile unsigned char* const pages = new_pages(kWalkPages + 1);
  pages[0] = 1;
  const pid_t child = fork();
  walk(pages, kWalkSteps, 4);
  if (child == 0) _exit(kExitStatus);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return 1;
  printf("%d\n", (int)child);
  return WEXITSTATUS(status) == kExitStatus ? 0 : 1;
}

/* The three ways to lose a descriptor that one does not know of. */
static int scenario_close_all(void) {
  volatile unsigned char* const pages = new_pages(kWalkPages + 1);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  const int top = limit.rlim_cur < 8192 ? (int)limit.rlim_cur : 8192;
  for (int fd = 0; fd < top; ++fd) close(fd);
  walk(pages, kWalkSteps, 5);
  const int null = open("/dev/null", O_RDWR);
  for (int fd = null + 1; fd < top; ++fd) dup2(null, fd);
  walk(pages, kWalkSteps, 6);
  close_range(0, ~0U, 0);
  walk(pages, kWalkSteps, 7);
  return kExitStatus;
}

/* Says which page it touched, and waits to be killed: computing, or asleep. */
static int scenario_wait(const char* how) {
  volatile unsigned char* const pages = new_pages(kWalkPages + 1);
  walk(pages, kKilobyte, 8);
  volatile unsigned char* const last = new_pages(1);
  last[0] = 1;
  printf("%lx\n", (unsigned long)(uintptr_t)last / kPage);
  fflush(stdout);
  if (strcmp(how, "asleep") == 0) pause();
  for (;;) last[0] = 1;
  return 1;
}

static int scenario_kernel_write(void) {
  unsigned char* const pages = new_pages(3);
  const int zeros = open("/dev/zero", O_RDONLY);
  if (read(zeros, pages, 3 * kPage) != 3 * kPage) return 1;
  printf("%lx\n", (unsigned long)(uintptr_t)pages / kPage);
  return 0;
}

static int scenario_map_file(const char* path) {
  const int fd = open(path, O_RDONLY);
  void* const map = mmap(NULL, kPage, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) return 1;
  printf("%lx\n", (unsigned long)(uintptr_t)map / kPage);
  return munmap(map, kPage);
}

static int scenario_exec(const char* path, const char* libraries) {
  execl("/no/such/program", "program", (char*)NULL);
  printf("%d\n", errno == ENOENT);
  fflush(stdout);
  setenv("LD_LIBRARY_PATH", libraries, 1);
  execl(path, "name", "two words", "", (char*)NULL);
  return 1;
}

static int scenario_arguments(int count, char** arguments) {
  const char* const path = getenv("LD_LIBRARY_PATH");
  for (int i = 0; i < count; ++i) printf("[%s]", arguments[i]);
  printf(" %s\n", path != NULL ? path : "");
  return 0;
}

int main(int count, char** arguments) {
  const char* const scenario = count > 1 ? arguments[1] : "";
  const char* const argument = count > 2 ? arguments[2] : "";
  if (strcmp(scenario, "walk") == 0) return scenario_walk();
  if (strcmp(scenario, "threads") == 0) return scenario_threads();
  if (strcmp(scenario, "fork") == 0) return scenario_fork();
  if (strcmp(scenario, "close-all") == 0) return scenario_close_all();
  if (strcmp(scenario, "wait") == 0) return scenario_wait(argument);
  if (strcmp(scenario, "kernel-write") == 0) return scenario_kernel_write();
  if (strcmp(scenario, "map-file") == 0) return scenario_map_file(argument);
  if (strcmp(scenario, "exec") == 0) return scenario_exec(argument, count > 3 ? arguments[3] : "");
  return scenario_arguments(count, arguments);
}
