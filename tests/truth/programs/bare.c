/* The smallest program at all: no C library, one page of code. */
__attribute__((naked, noreturn)) void _start(void) {
  __asm__ volatile(
      "mov $60, %eax\n"
      "xor %edi, %edi\n"
      "syscall");
}
