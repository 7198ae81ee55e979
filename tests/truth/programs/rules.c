/* rules FOLDER: what faults cost, rule by rule; see measure.h. FOLDER lies on a disk file system.
 */
#include "measure.h"

#define RULE(name, ...) \
  do {                  \
    begin();            \
    __VA_ARGS__;        \
    end(name);          \
  } while (0)

static const int kBoth = PROT_READ | PROT_WRITE;

/* Of the linker: where the program begins, and where its last data end. */
extern const unsigned char __executable_start[], _end[];

/* Where a compiler puts a rule's code, and what else lies in that page, is of no interest. */
static void read_program(void) {
  const uintptr_t end = (uintptr_t)_end / PAGE * PAGE;
  for (uintptr_t at = (uintptr_t)__executable_start; at < end; at += PAGE)
    sink ^= *(const volatile unsigned char*)at;
}

static void nothing(void) {
  read_program();
  RULE("warm-up", (void)0);
  RULE("empty region", (void)0);
}

static void anonymous(void) {
  unsigned char* a = fresh(0);
  RULE("anonymous: a write to each new page", write_pages(a, PAGES));
  RULE("anonymous: again", write_pages(a, PAGES); read_pages(a, PAGES));
  RULE("anonymous: MADV_DONTNEED", madvise(a, LENGTH, MADV_DONTNEED));
  RULE("anonymous: a read maps the zero page", read_pages(a, PAGES));
  RULE("anonymous: a write after the zero page", write_pages(a, PAGES));
  RULE("anonymous: mprotect and back, then writes", mprotect(a, LENGTH, PROT_READ);
       mprotect(a, LENGTH, kBoth); write_pages(a, PAGES));
  unsigned char* b = a;
  RULE("mremap to twice the size, the old part touched",
       b = mremap(a, LENGTH, 2 * LENGTH, MREMAP_MAYMOVE);
       write_pages(b, PAGES));
  RULE("mremap: the new part touched", write_pages(b + LENGTH, PAGES));
  RULE("munmap", munmap(b, 2 * LENGTH));
}

static void add_in_place(unsigned char* at) {
  for (long i = 0; i < PAGES; ++i) __asm__ volatile("incl %0" : "+m"(*(int*)(at + i * PAGE)));
}

static void load_then_store(unsigned char* at) {
  for (long i = 0; i < PAGES; ++i) {
    int value;
    __asm__ volatile(
        "movl %1, %0\n"
        "incl %0\n"
        "movl %0, %1"
        : "=&r"(value), "+m"(*(int*)(at + i * PAGE)));
  }
}

static void exchange(unsigned char* at) {
  for (long i = 0; i < PAGES; ++i) __atomic_fetch_add((int*)(at + i * PAGE), 1, __ATOMIC_RELAXED);
}

static void modified(void) {
  unsigned char* a = fresh(0);
  RULE("read-modify-write in one instruction: one fault", add_in_place(a));
  unmap(a);
  a = fresh(0);
  RULE("a locked one", exchange(a));
  unmap(a);
  a = fresh(0);
  RULE("a load, then a store: two faults", load_then_store(a));
  unmap(a);
}

static void moved(void) {
  unsigned char* a = fresh(0);
  unsigned char* to = fresh(0);
  write_pages(a, PAGES);
  RULE("mremap to a fixed place, then writes",
       a = mremap(a, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, to);
       write_pages(a, PAGES));
  RULE("mremap to half the size", mremap(a, LENGTH, LENGTH / 2, 0));
  RULE("munmap of every second page",
       for (long i = 0; i < PAGES / 2; i += 2) munmap(a + i * PAGE, PAGE));
  unmap(a);
  a = fresh(0);
  RULE("mprotect: no rights, then rights, then writes", mprotect(a, LENGTH, PROT_NONE);
       mprotect(a, LENGTH, kBoth); write_pages(a, PAGES));
  RULE("a fixed mapping over it, then writes",
       mmap(a, LENGTH, kBoth, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
       write_pages(a, PAGES));
  unmap(a);
}

static void populated(void) {
  unsigned char* a = NULL;
  RULE("MAP_POPULATE", a = fresh(MAP_POPULATE));
  RULE("a write after MAP_POPULATE", write_pages(a, PAGES));
  unmap(a);
  a = fresh(0);
  RULE("MADV_POPULATE_READ", madvise(a, LENGTH, MADV_POPULATE_READ));
  RULE("MADV_POPULATE_WRITE after it", madvise(a, LENGTH, MADV_POPULATE_WRITE));
  RULE("MADV_FREE, then writes", madvise(a, LENGTH, MADV_FREE); write_pages(a, PAGES));
  RULE("MADV_COLD, then reads", madvise(a, LENGTH, MADV_COLD); read_pages(a, PAGES));
  RULE("mlock of what is resident", mlock(a, LENGTH));
  munlock(a, LENGTH);
  unmap(a);
  a = fresh(0);
  RULE("mlock of untouched memory", mlock(a, LENGTH));
  munlock(a, LENGTH);
  unmap(a);
  a = fresh(0);
  RULE("mlock2 on fault, then writes", mlock2(a, LENGTH, MLOCK_ONFAULT); write_pages(a, PAGES));
  munlock(a, LENGTH);
  unmap(a);
  RULE("MAP_LOCKED", a = fresh(MAP_LOCKED));
  munlock(a, LENGTH);
  unmap(a);
  a = fresh(MAP_NORESERVE);
  RULE("MAP_NORESERVE", write_pages(a, PAGES));
  unmap(a);
}

/* By pointers, so that no compiler makes a loop of the calls or small pieces of the frames. */
static volatile unsigned char* volatile innermost;
static void deep(long frames);
static void (*volatile deeper)(long frames) = deep;

static __attribute__((noinline)) void deep(long frames) {
  volatile unsigned char frame[3 * PAGE];
  innermost = frame;
  frame[0] = frame[PAGE] = frame[2 * PAGE] = 1;
  if (frames > 0) deeper(frames - 1);
  frame[1] = 2;
}

static void heap_and_stack(void) {
  unsigned char* heap = sbrk(LENGTH + PAGE);
  heap += (PAGE - (uintptr_t)heap % PAGE) % PAGE;
  RULE("heap: a write to each page", write_pages(heap, PAGES));
  RULE("heap: given back", sbrk(-(LENGTH + PAGE)));
  deep(1);
  RULE("stack: three pages a frame", deep(200));
  RULE("stack: again", deep(200));
}

static int make_file(const char* folder, const char* name, size_t block) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  unlink(path);
  const int fd = open(path, O_CREAT | O_RDWR, 0600);
  char* bytes = malloc(block);
  memset(bytes, 7, block);
  for (size_t done = 0; done < LENGTH; done += block) {
    if (write(fd, bytes, block) != (ssize_t)block) exit(1);
  }
  fsync(fd);
  free(bytes);
  return fd;
}

static void buffers(const char* folder) {
  const int from = make_file(folder, "buffers", PAGE);
  unsigned char* a = fresh(0);
  lseek(from, 0, SEEK_SET);
  RULE("read(2) into untouched memory", if (read(from, a, LENGTH) != LENGTH) exit(1));
  unmap(a);
  a = fresh(0);
  lseek(from, 0, SEEK_SET);
  RULE("write(2) of untouched memory", if (write(from, a, LENGTH) != LENGTH) exit(1));
  unmap(a);
  close(from);
}

static void private_file(int fd) {
  unsigned char* a = map(kBoth, MAP_PRIVATE, fd, 0, PAGES);
  RULE("private file: reads map windows of 16 pages", read_pages(a, PAGES));
  RULE("private file: a write after the read copies", write_pages(a, PAGES));
  RULE("private file: MADV_DONTNEED of the copies, then reads", madvise(a, LENGTH, MADV_DONTNEED);
       read_pages(a, PAGES));
  unmap(a);
  a = map(kBoth, MAP_PRIVATE, fd, 0, PAGES);
  RULE("private file: written first", write_pages(a, PAGES));
  unmap(a);
  a = map(PROT_READ, MAP_PRIVATE, fd, 0, PAGES);
  RULE("private file: the last page of each window",
       for (long i = 15; i < PAGES; i += 16) read_pages(a + i * PAGE, 1));
  unmap(a);
  a = map(PROT_READ, MAP_PRIVATE, fd, 5, PAGES - 5);
  RULE("private file: from its page 5 on", read_pages(a, PAGES - 5));
  munmap(a, LENGTH - 5 * PAGE);
  a = map(PROT_READ, MAP_PRIVATE, fd, 0, PAGES);
  madvise(a, LENGTH, MADV_RANDOM);
  RULE("private file: MADV_RANDOM, cached", read_pages(a, PAGES));
  unmap(a);
  a = map(PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0, PAGES);
  RULE("private file: after MAP_POPULATE", read_pages(a, PAGES));
  unmap(a);
  RULE("private file: MAP_POPULATE itself",
       a = map(PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0, PAGES));
  unmap(a);
  RULE("private file: MAP_POPULATE, writable",
       a = map(kBoth, MAP_PRIVATE | MAP_POPULATE, fd, 0, PAGES));
  unmap(a);
}

static void shared_file(int fd) {
  unsigned char* a = map(kBoth, MAP_SHARED, fd, 0, PAGES);
  RULE("shared file: reads map windows of 16 pages", read_pages(a, PAGES));
  RULE("shared file: a write after the read", write_pages(a, PAGES));
  RULE("shared file: a write again", write_pages(a, PAGES));
  RULE("shared file: msync", msync(a, LENGTH, MS_SYNC));
  RULE("shared file: a write after msync", write_pages(a, PAGES));
  unmap(a);
  a = map(kBoth, MAP_SHARED, fd, 0, PAGES);
  RULE("shared file: written first", write_pages(a, PAGES));
  RULE("shared file: MADV_DONTNEED, then reads", madvise(a, LENGTH, MADV_DONTNEED);
       read_pages(a, PAGES));
  unmap(a);
}

static void shared_memory(void) {
  unsigned char* a = map(kBoth, MAP_SHARED | MAP_ANONYMOUS, -1, 0, PAGES);
  RULE("shared memory: a write to each new page", write_pages(a, PAGES));
  unmap(a);
  a = map(kBoth, MAP_SHARED | MAP_ANONYMOUS, -1, 0, PAGES);
  RULE("shared memory: a read of a hole makes a page", read_pages(a, PAGES));
  RULE("shared memory: a write after that", write_pages(a, PAGES));
  unmap(a);
  const int fd = memfd_create("rules", 0);
  if (ftruncate(fd, LENGTH) != 0) exit(1);
  a = map(kBoth, MAP_SHARED, fd, 0, PAGES);
  write_pages(a, PAGES);
  unsigned char* b = map(kBoth, MAP_SHARED, fd, 0, PAGES);
  RULE("shared memory: reads of a second mapping", read_pages(b, PAGES));
  RULE("shared memory: then writes", write_pages(b, PAGES));
  unmap(a);
  unmap(b);
  close(fd);
}

/* What `child` counts in a child of fork. */
static Counts* shared_counts;
#define CHILD_RULE(name, ...)                     \
  do {                                            \
    fflush(stdout);                               \
    const pid_t pid = fork();                     \
    if (pid == 0) {                               \
      begin(); /* what counting itself touches */ \
      *shared_counts = end_here();                \
      begin();                                    \
      __VA_ARGS__;                                \
      *shared_counts = end_here();                \
      _exit(0);                                   \
    }                                             \
    waitpid(pid, NULL, 0);                        \
    tell(name, *shared_counts);                   \
  } while (0)

static void forks(int fd) {
  unsigned char* a = fresh(0);
  write_pages(a, PAGES);
  CHILD_RULE("fork: the child reads anonymous memory", read_pages(a, PAGES));
  CHILD_RULE("fork: the child writes anonymous memory", write_pages(a, PAGES));
  RULE("fork: the parent writes after the child is gone", write_pages(a, PAGES));
  unmap(a);
  a = map(PROT_READ, MAP_PRIVATE, fd, 0, PAGES);
  read_pages(a, PAGES);
  CHILD_RULE("fork: the child reads a file that was only read", read_pages(a, PAGES));
  unmap(a);
  a = map(kBoth, MAP_PRIVATE, fd, 0, PAGES);
  read_pages(a, PAGES);
  write_pages(a, 1);
  CHILD_RULE("fork: the child reads a file with one page written", read_pages(a, PAGES));
  unmap(a);
  a = map(kBoth, MAP_SHARED | MAP_ANONYMOUS, -1, 0, PAGES);
  write_pages(a, PAGES);
  CHILD_RULE("fork: the child reads shared memory", read_pages(a, PAGES));
  unmap(a);
  a = fresh(0);
  read_pages(a, PAGES);
  CHILD_RULE("fork: the child writes where the zero page is", write_pages(a, PAGES));
  madvise(a, LENGTH, MADV_WIPEONFORK);
  write_pages(a, PAGES);
  CHILD_RULE("fork: MADV_WIPEONFORK, the child reads", read_pages(a, PAGES));
  unmap(a);
}

int main(int count, char** arguments) {
  static char buffer[1 << 16];
  const char* folder = count > 1 ? arguments[1] : "/var/tmp";
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  memset(buffer, 1, sizeof buffer);
  shared_counts = mmap(NULL, PAGE, kBoth, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared_counts->minor = 0;
  nothing();
  anonymous();
  modified();
  moved();
  populated();
  heap_and_stack();
  buffers(folder);
  const int fd = make_file(folder, "mapped", PAGE);
  private_file(fd);
  shared_file(fd);
  shared_memory();
  forks(fd);
  close(fd);
  return 0;
}
