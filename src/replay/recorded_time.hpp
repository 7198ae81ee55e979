// When the events of a chunk happened while it was recorded: between the places that the recording
// has a time of (its begin, system calls, forks, waits, the next chunk) a process is taken to have
// referenced memory evenly.
//
// Owned by the lane that plays the chunk (turns.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "record/recording.hpp"

namespace pw::replay {

class RecordedTime {
 public:
  // `next`: the chunk of the same stream that follows; null: none.
  void begin(const record::Chunk& chunk, const record::ChunkInfo* next);

  // CLOCK_MONOTONIC ns just before event `at`, which may be one behind the last, given the clock
  // that the stream has reached. Never goes back while neither `at` nor the clock does.
  std::uint64_t before(std::size_t at, std::uint64_t clock);

 private:
  struct Anchor {
    std::size_t event = 0;  // those before it were earlier
    std::uint64_t clock = 0;
    std::uint64_t ns = 0;
  };
  void add(std::size_t event, std::uint64_t clock, std::uint64_t ns);

  std::vector<Anchor> anchors_;
  std::size_t passed_ = 0;  // the last anchor that is not behind the place asked for
};

}  // namespace pw::replay
