// What a recording tells of the system call behind a fork.
#pragma once

#include <cstddef>

#include "record/recording.hpp"
#include "replay/call_numbers.hpp"

namespace pw::replay {

// The call that made the child of the Fork event `at`: the last one before it. Null: not recorded.
inline const record::SyscallRecord* call_of_fork(const record::Chunk& chunk, std::size_t at) {
  for (std::size_t i = at; i-- > 0;) {
    const record::Event& event = chunk.events[i];
    if (event.kind == record::EventKind::Syscall) return &chunk.syscalls[event.index];
  }
  return nullptr;
}

// Whether the call lent the child the caller's memory. The recorder makes a fork of it, in which
// the parent waits as well.
inline bool lends_memory(const record::SyscallRecord* call) {
  constexpr std::uint64_t kBoth = kCloneVm | kCloneVfork;
  return call != nullptr && (call->number == kVfork ||
                             (call->number == kClone && (call->arguments[0] & kBoth) == kBoth));
}

}  // namespace pw::replay
