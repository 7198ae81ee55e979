// The first instructions of the puppet, its ELF header, and what C cannot say.
//
// The kernel loads one page of the file at kPwImage, only to begin: pw_low maps the program from
// the channel at kPwBase and jumps there, and pw_high throws away everything below, the loaded page
// and the kernel's vdso included. What is left is the channel and the stack, as empty as a process
// gets. The second segment is empty and lies last: data_begin == data_end, so that RLIMIT_DATA
// counts nothing of ours.
#include "ports/host/puppet/channel.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

__asm__(
    ".section .head, \"ax\", @progbits\n"
    "pw_head:\n"
    "  .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0\n"
    "  .short 2, 62\n"  // ET_EXEC, EM_X86_64
    "  .long 1\n"
    "  .quad " TEXT(kPwImage) " + (pw_low - pw_head), 64, 0\n"  // entry, program headers
    "  .long 0\n"
    "  .short 64, 56, 3, 0, 0, 0\n"
    // PT_LOAD, read and execute: the page that the kernel loads.
    "  .long 1, 5\n"
    "  .quad 0, " TEXT(kPwImage) ", " TEXT(kPwImage) ", 4096, 4096, 4096\n"
    // PT_LOAD of nothing.
    "  .long 1, 4\n"
    "  .quad 0, " TEXT(kPwImage) " + 4096, " TEXT(kPwImage) " + 4096, 0, 0, 4096\n"
    // PT_GNU_STACK, read and write.
    "  .long 0x6474e551, 6\n"
    "  .quad 0, 0, 0, 0, 0, 16\n"
    ".global pw_low\n"
    "pw_low:\n"
    "  mov $9, %eax\n"  // mmap
    "  movabs $" TEXT(kPwBase) ", %rdi\n"
    "  mov $" TEXT(kPwTextBytes) ", %esi\n"
    "  mov $5, %edx\n"      // read and execute
    "  mov $0x11, %r10d\n"  // shared, fixed
    "  mov $" TEXT(kPwFd) ", %r8d\n"
    "  xor %r9d, %r9d\n"
    "  syscall\n"
    "  movabs $pw_high, %rcx\n"
    "  jmp *%rcx\n"
    ".text\n"
    // On the stack that the kernel made; pw_begin finds the slot, whose stack takes its place.
    "pw_high:\n"
    "  mov %rsp, %rbx\n"
    "  and $-16, %rsp\n"
    "  call pw_begin\n"
    "  lea " TEXT(kPwStackEnd) "(%rax), %rsp\n"
    "  mov %rax, %rdi\n"
    "  mov %rbx, %rsi\n"
    "  xor %ebp, %ebp\n"
    "  call pw_main\n"
    "  ud2\n"
    // long pw_clone(long flags, void* stack_end): the child goes on in pw_child, on its own stack.
    ".global pw_clone\n"
    "pw_clone:\n"
    "  mov $56, %eax\n"
    "  xor %edx, %edx\n"
    "  xor %r10d, %r10d\n"
    "  xor %r8d, %r8d\n"
    "  syscall\n"
    "  test %rax, %rax\n"
    "  jnz 1f\n"
    "  xor %ebp, %ebp\n"
    "  lea -16(%rsp), %rdi\n"
    "  and $-" TEXT(kPwSlotBytes) ", %rdi\n"
    "  call pw_child\n"
    "  ud2\n"
    "1: ret\n"
    // uint64_t pw_copy(void* to, const void* from, uint64_t count, struct PwSlot* slot): byte by
    // byte, upwards. Gives how many bytes were copied before a fault.
    ".global pw_copy\n"
    "pw_copy:\n"
    "  lea 2f(%rip), %rax\n"
    "  mov %rsp, " TEXT(kPwResumeStack) "(%rcx)\n"
    "  mov %rax, " TEXT(kPwResume) "(%rcx)\n"
    "  xor %eax, %eax\n"
    "1: cmp %rdx, %rax\n"
    "  jae 2f\n"
    "  movb (%rsi,%rax), %r8b\n"
    "  movb %r8b, (%rdi,%rax)\n"
    "  inc %rax\n"
    "  jmp 1b\n"
    "2: movq $0, " TEXT(kPwResume) "(%rcx)\n"
    "  ret\n"
    // void pw_fetch(uint64_t address, struct PwSlot* slot): goes to the address with the trap flag
    // set, which takes effect behind the instruction after iretq: one instruction is carried out,
    // whatever it is. Its operands lie in the slot's data, and a return finds where to go.
    ".global pw_fetch\n"
    "pw_fetch:\n"
    "  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  push %rsi\n"
    "  lea 1f(%rip), %rax\n"
    "  mov %rsp, " TEXT(kPwResumeStack) "(%rsi)\n"
    "  mov %rax, " TEXT(kPwResume) "(%rsi)\n"
    "  push %rax\n"
    "  mov %rsp, %rdx\n"
    "  mov %ss, %ecx\n  push %rcx\n  push %rdx\n"
    "  pushfq\n  orq $0x100, (%rsp)\n"
    "  mov %cs, %ecx\n  push %rcx\n  push %rdi\n"
    "  lea " TEXT(kPwDataBegin) "(%rsi), %rax\n"
    "  mov %rax, %rbx\n  mov %rax, %rcx\n  mov %rax, %rdx\n  mov %rax, %rsi\n"
    "  mov %rax, %rdi\n  mov %rax, %rbp\n  mov %rax, %r8\n  mov %rax, %r9\n"
    "  mov %rax, %r10\n  mov %rax, %r11\n  mov %rax, %r12\n  mov %rax, %r13\n"
    "  mov %rax, %r14\n  mov %rax, %r15\n"
    "  iretq\n"
    "1: pop %rsi\n"
    "  movq $0, " TEXT(kPwResume) "(%rsi)\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n"
    "  ret\n"
    ".global pw_restore\n"
    "pw_restore:\n"
    "  mov $15, %eax\n"  // rt_sigreturn
    "  syscall\n");

_Static_assert(__builtin_offsetof(struct PwSlot, resume) == kPwResume, "as the code above");
_Static_assert(__builtin_offsetof(struct PwSlot, resume_stack) == kPwResumeStack, "as above");
_Static_assert(__builtin_offsetof(struct PwSlot, signal_stack) == kPwStackEnd, "as above");
_Static_assert(__builtin_offsetof(struct PwSlot, data) == kPwDataBegin, "as above");
