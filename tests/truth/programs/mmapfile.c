/* mmapfile FILE READS: maps the file and reads pages of it, READS times at random, then each page
 * in order. Its pages are not in memory at first: else they would be charged to whoever read them.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { kPage = 4096 };

static uint64_t state = 7;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int main(int count, char** words) {
  struct stat status;
  if (count < 3) return 2;
  const int fd = open(words[1], O_RDONLY);
  if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < kPage) return 1;
  if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) return 1;
  const size_t pages = (size_t)status.st_size / kPage;
  const volatile unsigned char* file = mmap(NULL, pages * kPage, PROT_READ, MAP_PRIVATE, fd, 0);
  if (file == MAP_FAILED) return 1;
  uint64_t sum = 0;
  for (size_t left = strtoul(words[2], NULL, 10); left > 0; --left) {
    sum += file[next_random() % pages * kPage];
  }
  for (size_t page = 0; page < pages; ++page) sum += file[page * kPage];
  printf("%llu\n", (unsigned long long)sum);
  return 0;
}
