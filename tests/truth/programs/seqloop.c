/* seqloop MB ROUNDS [w|r]: goes through MB MiB of private memory page by page, ROUNDS times. The
 * first round writes; the others write (w, the default) or read (r). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { kPage = 4096 };

int main(int count, char** words) {
  if (count < 3) return 2;
  const size_t pages = strtoul(words[1], NULL, 10) << 8;
  const unsigned long rounds = strtoul(words[2], NULL, 10);
  const int always_writes = count < 4 || words[3][0] == 'w';
  char* memory = mmap(NULL, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);
  if (memory == MAP_FAILED) return 1;
  uint64_t total = 0;
  for (unsigned long round = 0; round < rounds; ++round) {
    for (size_t page = 0; page < pages; ++page) {
      volatile uint64_t* word = (volatile uint64_t*)(void*)(memory + page * kPage);
      if (round == 0 || always_writes) {
        *word = page * 131 + round + 1;
      } else {
        total += *word;
      }
    }
  }
  printf("%llu\n", (unsigned long long)total);
  return 0;
}
