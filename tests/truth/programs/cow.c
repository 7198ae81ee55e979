/* cow MB CHILDREN PERCENT: fills MB MiB of private memory; makes CHILDREN children, each of which
 * writes the first PERCENT of the pages and stays until all have; then writes all pages again. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kMostChildren = 64 };

static void write_pages(char* memory, size_t pages, uint64_t factor, uint64_t more) {
  for (size_t page = 0; page < pages; ++page) {
    *(volatile uint64_t*)(void*)(memory + page * kPage) = page * factor + more + 1;
  }
}

int main(int count, char** words) {
  if (count < 4) return 2;
  const size_t pages = strtoul(words[1], NULL, 10) << 8;
  const int children = atoi(words[2]);
  const size_t written = pages * strtoul(words[3], NULL, 10) / 100;
  const int both = PROT_READ | PROT_WRITE;
  char* memory = mmap(NULL, pages * kPage, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int* ready = mmap(NULL, kPage, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || ready == MAP_FAILED || children > kMostChildren) return 1;
  write_pages(memory, pages, 1, 0);
  pid_t made[kMostChildren];
  for (int i = 0; i < children; ++i) {
    made[i] = fork();
    if (made[i] < 0) return 1;
    if (made[i] > 0) continue;
    write_pages(memory, written, 7, (uint64_t)i);
    __atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(ready, __ATOMIC_SEQ_CST) < children) usleep(1000);
    _exit(0);
  }
  for (int i = 0; i < children; ++i) waitpid(made[i], NULL, 0);
  write_pages(memory, pages, 5, 0);
  return 0;
}
