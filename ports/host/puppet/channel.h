// What the runner (host_target.hpp) and its puppets share: one file in memory, mapped by both.
//
//   file offset      in a puppet                      holds
//   0                kPwBase, read and execute        the puppet's program (its ELF header first)
//   kPwTextBytes     kPwBase + kPwTextBytes, rw       PwHeader, a page
//   kPwSlotBytes*n   kPwBase + kPwSlotBytes*n, rw     PwSlot n - 1: commands, results, data, stacks
//
// A puppet keeps its state and its stacks here and nowhere else: writes to shared memory break no
// copy-on-write sharing, and add no anonymous memory to a process that is under observation.
// kPwBase lies above the range in which the kernel places areas, mmap_base being 128 MiB below the
// stack's end, with 48 MiB between: what mremap makes larger without moving it may grow beyond
// mmap_base (vma_expandable() in mm/mremap.c). Above, a stack may grow to 76 MiB.
//
// Slot 0 is the keeper's, which starts the others and reaps them (keeper.c). One command is in
// flight for each slot: the runner fills it in, raises `request` and waits until `answer` equals
// it. Both are futex words; who sleeps says so in `..._sleeps`, so that nobody is woken in vain.
#ifndef PW_HOST_PUPPET_CHANNEL_H
#define PW_HOST_PUPPET_CHANNEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define kPwBase 0x7ffffb000000
// Where the kernel loads the program: one page, gone once the program runs at kPwBase. The break
// begins behind it, at the same address as in the simulated machine.
#define kPwImage 0x555556553000
#define kPwTextBytes 0x4000
#define kPwSlotBytes 0x10000
#define kPwSlots 32
#define kPwBytes (kPwSlotBytes * (kPwSlots + 1))
#define kPwDataBytes 0x8000
// The channel's descriptor in every puppet: the highest that the usual limit allows, so that the
// lowest free number is what it would be without it.
#define kPwFd 1023
// The end of every stack, without randomization.
#define kPwStackTop 0x7ffffffff000
// Offsets in PwSlot, for assembly.
#define kPwResume 128
#define kPwResumeStack 136
#define kPwDataBegin 0x1000
#define kPwStackEnd 0xc000

enum PwCommand {
  kPwCall = 1,  // system call `number` with `args`
  kPwLoad,      // args[1] bytes at args[0] to `data`
  kPwStore,     // args[1] bytes of `data` to args[0]
  kPwFetch,     // carries out the instruction at args[0]
  kPwSetPkru,   // args[0]
  kPwClone,     // flags args[0]; the child gets slot args[1]
  kPwExec,      // the program anew, in the same slot
  kPwTouchAll,  // brings in all of the channel
  kPwSpawn,     // keeper: a process in slot args[0]
  kPwQuit,      // keeper: reaps all children and ends
};

struct PwHeader {
  uint32_t pids[kPwSlots];
  // For the keeper.
  int32_t runner;        // its pid
  uint32_t user, group;  // to become, if `drop`
  uint32_t drop;
  uint32_t private_ipc;  // answer: has System V objects of its own
  uint64_t stack_limit, lock_limit, file_limit;
  char folder[512];  // to work in
};

struct PwSlot {
  uint32_t request, answer;
  uint32_t puppet_sleeps, runner_sleeps;
  uint32_t index;
  uint32_t command;
  uint64_t number, args[6];
  int64_t value;  // of a call
  uint64_t done;  // bytes loaded or stored
  int32_t signal, code;
  uint64_t address;
  uint64_t minor, major;  // faults of the process's own steps, added up
  // Where an access that faults goes on, and the stack there; 0: no access is under way.
  uint64_t resume, resume_stack;
  uint64_t iovec[4];  // for process_vm_readv: local and remote
  unsigned char data[kPwDataBytes] __attribute__((aligned(0x1000)));
  unsigned char stack[0x3000];
  unsigned char signal_stack[0x4000];
};

#ifdef __cplusplus
}
static_assert(sizeof(PwSlot) == kPwSlotBytes);
static_assert(sizeof(PwHeader) <= 0x1000);
#else
_Static_assert(sizeof(struct PwSlot) == kPwSlotBytes, "the slot's size");
_Static_assert(sizeof(struct PwHeader) <= 0x1000, "the header's size");
#endif

#endif  // PW_HOST_PUPPET_CHANNEL_H
