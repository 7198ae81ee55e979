// What the puppet's files share. Runs in the puppets alone: no library, no data, no global state.
#ifndef PW_HOST_PUPPET_PUPPET_H
#define PW_HOST_PUPPET_PUPPET_H

#include "ports/host/puppet/channel.h"
#include "ports/host/puppet/raw.h"

// One file, without a table of addresses that a loader would have to fill.
#pragma GCC visibility push(hidden)

static inline struct PwHeader* pw_header(void) {
  return (struct PwHeader*)(kPwBase + kPwTextBytes);
}
static inline struct PwSlot* pw_slot(uint64_t index) {
  return (struct PwSlot*)(kPwBase + kPwSlotBytes * (index + 1));
}

// start.c
long pw_clone(long flags, void* stack_end);
uint64_t pw_copy(void* to, const void* from, uint64_t count, struct PwSlot* slot);
void pw_fetch(uint64_t address, struct PwSlot* slot);
void pw_restore(void);

// keeper.c
void pw_become_keeper(void);
long pw_spawn(uint64_t index);
__attribute__((noreturn)) void pw_quit(struct PwSlot* slot);

// puppet.c: starts the program anew in this process; comes back only if it could not.
long pw_exec(void);
void pw_answer(struct PwSlot* slot);

#pragma GCC visibility pop

#endif  // PW_HOST_PUPPET_PUPPET_H
