/* zipf MB TOUCHES [w|r]: touches pages of MB MiB of private memory, page of rank k with a
 * probability proportional to 1/k, ranks spread over the memory by a multiplication. w: each touch
 * writes (the default), r: the first touch of a page writes, the others read. Compiled with
 * ASK_FOR_HUGE_PAGES it does that first (truth_zipf_huge).
 *
 * The string of pages is the same everywhere: no library functions of floating point, only sums,
 * quotients and comparisons. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { kPage = 4096 };

static uint64_t state = 42;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* The first rank whose cumulative weight is above `at`. */
static size_t rank_of(const double* sums, size_t pages, double at) {
  size_t low = 0, high = pages - 1;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (sums[middle] > at) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

int main(int count, char** words) {
  if (count < 3) return 2;
  const size_t pages = strtoul(words[1], NULL, 10) << 8;
  const unsigned long touches = strtoul(words[2], NULL, 10);
  const int always_writes = count < 4 || words[3][0] == 'w';
  double* sums = malloc(pages * sizeof *sums);
  unsigned char* seen = calloc(pages, 1);
  char* memory = mmap(NULL, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);
  if (pages == 0 || sums == NULL || seen == NULL || memory == MAP_FAILED) return 1;
#ifdef ASK_FOR_HUGE_PAGES
  if (madvise(memory, pages * kPage, MADV_HUGEPAGE) != 0) return 1;
#endif
  double sum = 0;
  for (size_t i = 0; i < pages; ++i) sums[i] = sum += 1.0 / (double)(i + 1);
  uint64_t total = 0;
  for (unsigned long i = 0; i < touches; ++i) {
    const double part = (double)(next_random() >> 11) / 9007199254740992.0; /* of 2^53 */
    const size_t rank = rank_of(sums, pages, part * sum);
    const size_t page = (size_t)((rank * UINT64_C(2654435761)) % pages);
    volatile uint64_t* word = (volatile uint64_t*)(void*)(memory + page * kPage);
    if (always_writes || !seen[page]) {
      *word = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
      seen[page] = 1;
    } else {
      total += *word;
    }
  }
  printf("%llu\n", (unsigned long long)total);
  return 0;
}
