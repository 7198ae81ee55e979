// A scenario: a machine's configuration and a list of operations, both from one seed.
//
// An operation is a kind and a seed of its own; what it does exactly (which process, which address)
// is drawn when it is played, from what is there then. So any sub-list of a scenario is a scenario,
// and can be shrunk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "machine/config.hpp"

namespace pw::model {

enum class OpKind : std::uint8_t {
  Spawn,
  Fork,
  Vfork,
  Exit,
  Reap,
  Mmap,
  Munmap,
  Mprotect,
  Mremap,
  Brk,
  Discard,
  Msync,
  Read,
  Write,
  Touch,
  WildAccess,
  Wait,
  Advance,
  RunOn,
  Reclaim,
  AddSwap,
  BadCall,
  OpenFile,
  CloseFile,
  CreateShared,
  ReadFile,
  WriteFile,
  SyncFile,
  Truncate,
};
inline constexpr int kOpKinds = static_cast<int>(OpKind::Truncate) + 1;

struct Op {
  OpKind kind;
  std::uint64_t seed;
};

struct Scenario {
  std::uint64_t seed = 0;
  MachineConfig config;
  bool tight = false;              // swap is too small: running out of memory is an outcome
  std::uint64_t verify_every = 0;  // operations
  std::vector<Op> ops;
};

// `each`: verify after each operation, by the machine itself too.
Scenario make_scenario(std::uint64_t seed, std::size_t ops, bool each);

std::string describe(const Scenario& scenario);

}  // namespace pw::model
