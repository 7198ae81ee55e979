/* snapshot MB STEPS: what a server does that saves itself by a child, with neither clocks nor
 * threads. Each letter of STEPS is done in turn, on MB MiB of private memory (a power of two):
 *   f  writes each page            b  writes another MB MiB, which pushes the first ones out
 *   t  reads a quarter, scattered  u  writes a fifth, scattered
 *   s  a child reads all in order  r  a child reads all, scattered; the parent waits for its end
 *   S  as s, R as r: but the parent writes a fifth, scattered, before the child begins
 *   o  as s, and the child writes what it has read to the file "snapshot.out"
 *   w  a child writes a half in order; the parent waits for its end
 * A page holds one word that tells it from others, or noise after an n. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPage = 4096, kWords = kPage / sizeof(uint64_t), kChunk = 16 };

static char* memory;
static char* other;
static size_t pages;
static int noise;
static uint64_t value = 1;

static char* map(void) {
  return mmap(NULL, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* All numbers below `pages` once each, in no order to speak of. */
static size_t scattered(size_t i) {
  size_t x = (i * 0x9E3779B1U + 12345) & (pages - 1);
  size_t half = 1;
  while (half * half < pages) half <<= 1;
  x ^= x / half;
  x = (x * 0x85EBCA6BU + 777) & (pages - 1);
  return x ^ x / half;
}

static void write_page(char* where, size_t page) {
  volatile uint64_t* words = (volatile uint64_t*)(void*)(where + page * kPage);
  const size_t count = noise ? kWords : 1;
  for (size_t i = 0; i < count; ++i) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    words[i] = value | 1;
  }
}

/* Valgrind drops loads that nobody uses, so there is a sum. */
static void read_page(size_t page) { value += *(volatile uint64_t*)(void*)(memory + page * kPage); }

static void write_all(char* where) {
  for (size_t page = 0; page < pages; ++page) write_page(where, page);
}

static void write_fifth(void) {
  for (size_t i = 0; i < pages / 5; ++i) write_page(memory, scattered(i));
}

static void save(void) {
  const int file = open("snapshot.out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0) _exit(1);
  for (size_t page = 0; page + kChunk <= pages; page += kChunk) {
    if (write(file, memory + page * kPage, kChunk * kPage) != kChunk * kPage) _exit(1);
  }
  close(file);
  unlink("snapshot.out");
}

static void child(char step, int begin) {
  char byte;
  if (read(begin, &byte, 1) != 1) _exit(1);
  if (step == 'o') save();
  for (size_t i = 0; i < pages; ++i) {
    if (step == 's' || step == 'S') read_page(i);
    if (step == 'r' || step == 'R') read_page(scattered(i));
    if (step == 'w' && i < pages / 2) write_page(memory, i);
  }
  _exit(0);
}

/* The child begins when the parent has done its part. */
static int fork_one(char step) {
  int ends[2], status = 0;
  if (pipe(ends) != 0) return 0;
  const pid_t made = fork();
  if (made < 0) return 0;
  if (made == 0) child(step, ends[0]);
  if (step == 'S' || step == 'R') write_fifth();
  if (write(ends[1], "", 1) != 1 || waitpid(made, &status, 0) != made) return 0;
  close(ends[0]);
  close(ends[1]);
  return status == 0;
}

static int done(char step) {
  switch (step) {
    case 'n':
      noise = 1;
      return 1;
    case 'f':
      write_all(memory);
      return 1;
    case 'b':
      if (other == NULL) other = map();
      write_all(other);
      return 1;
    case 't':
      for (size_t i = 0; i < pages / 4; ++i) read_page(scattered(pages / 2 + i));
      return 1;
    case 'u':
      write_fifth();
      return 1;
    default:
      return fork_one(step);
  }
}

int main(int count, char** words) {
  if (count < 3) return 2;
  pages = strtoul(words[1], NULL, 10) << 8;
  memory = map();
  if (memory == MAP_FAILED || (pages & (pages - 1)) != 0) return 1;
  for (const char* step = words[2]; *step != '\0'; ++step) {
    if (!done(*step)) return 1;
  }
  return 0;
}
