// Hears, as a recording is replayed, of each event that the machine has carried out. Owned by
// whoever wants to know; see fault_log.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "machine/machine.hpp"
#include "record/recording.hpp"

namespace pw::replay {

// Event `at` of the chunk has been played.
struct Played {
  const record::Chunk& chunk;
  std::size_t at;
  Machine& machine;
  const Process& process;  // whose event it is
  std::uint64_t touched;   // pages that the process has touched so far, each once
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  // The machine on which it will be replayed.
  virtual void begin(Machine& /*machine*/) {}
  // Events of chunk `index` follow. Where processes take turns, chunks of several are open at once.
  virtual void begin_chunk(std::size_t index, const record::Chunk& chunk) = 0;
  virtual void played(const Played& event) = 0;
};

}  // namespace pw::replay
