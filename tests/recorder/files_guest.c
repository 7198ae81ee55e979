/* Reads and writes files in every way that a recorder has to know: files_check.cpp says what must
 * be seen. Arguments: the folder to work in, and a descriptor that is open already. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char buffer[16384];

static void must(int step, long result) {
  if (result >= 0) return;
  fprintf(stderr, "step %d: ", step);
  perror(NULL);
  exit(1);
}

static int reads(void) {
  const int in = open("input", O_RDONLY);
  struct iovec two[2] = {{buffer, 10}, {buffer + 100, 20}};
  must(1, in);
  must(2, read(in, buffer, 1000));
  const int copy = dup(in);
  must(3, read(copy, buffer, 500));
  must(4, lseek(in, 4096, SEEK_SET));
  must(5, readv(copy, two, 2));
  must(6, pread(in, buffer, 7, 12345));
  must(7, preadv(in, two, 2, 50));
  must(8, close(copy));
  must(9, lseek(in, 0, SEEK_END));
  must(10, read(in, buffer, 100)); /* nothing */
  must(11, posix_fadvise(in, 0, 0, POSIX_FADV_RANDOM));
  return in;
}

static int writes(void) {
  struct iovec two[2] = {{buffer, 30}, {buffer + 100, 40}};
  const int out = open("output", O_RDWR | O_CREAT | O_TRUNC, 0600);
  must(20, out);
  must(21, write(out, buffer, 3000));
  must(22, pwrite(out, buffer, 100, 8192));
  must(23, writev(out, two, 2));
  must(24, pwritev(out, two, 2, 9000));
  const int append = open("output", O_WRONLY | O_APPEND);
  must(25, append);
  must(26, write(append, buffer, 10));
  must(27, pwrite(append, buffer, 5, 0));
  must(28, close(append));
  return out;
}

static void shared_position(int out) {
  int status = 1;
  const pid_t child = fork();
  must(30, child);
  if (child == 0) _exit(write(out, buffer, 44) != 44);
  must(31, waitpid(child, &status, 0));
  if (status != 0) exit(1);
  must(32, write(out, buffer, 6));
}

static void between_files(int in, int out) {
  off_t from = 100;
  loff_t source = 200, target = 4000;
  int ends[2];
  must(40, sendfile(out, in, &from, 64));
  must(41, copy_file_range(in, &source, out, &target, 32, 0));
  must(42, pipe(ends));
  must(43, write(ends[1], buffer, 8));
  must(44, read(ends[0], buffer, 8));
}

static void other_calls(int in, int out) {
  must(50, ftruncate(out, 5000));
  must(51, fsync(out));
  void* const map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, in, 8192);
  if (map == MAP_FAILED) must(52, -1);
  const int victim = open("victim", O_WRONLY | O_CREAT, 0600);
  must(53, victim);
  must(54, close(victim));
  must(55, rename("output", "victim"));
  must(56, unlink("victim"));
  const int memory = memfd_create("shared", 0);
  must(57, memory);
  must(58, write(memory, buffer, 9));
}

int main(int count, char** arguments) {
  if (count < 3) return 2;
  must(0, chdir(arguments[1]));
  must(60, read(atoi(arguments[2]), buffer, 11));
  const int in = reads();
  const int out = writes();
  shared_position(out);
  between_files(in, out);
  other_calls(in, out);
  return 0;
}
