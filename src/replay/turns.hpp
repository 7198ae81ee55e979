// Whose turn it is: the processes of a recording, played side by side.
//
// A process that can run gets slices in turn, as long as the caller says. One that stood still
// while it was recorded stands still here too: after wait4 until that child has ended; after any
// other wait until all others have come to where they were, in recorded time, when it went on (the
// one that woke it among them). Who lends its memory (vfork) waits for the child's exec or end.
// When nobody could run, the one goes on that did so first when it was recorded; so there is always
// someone until all have ended.
//
// Owned by the Replayer. Knows nothing of machines.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "record/recording.hpp"
#include "replay/filter_stays.hpp"
#include "replay/recorded_time.hpp"

namespace pw::replay {

// One process as it is played: at most one chunk of it is decoded at a time.
struct Lane {
  enum class State : std::uint8_t {
    Unborn,  // its parent has not come to the fork
    Ready,   // in the queue, or running
    Waiting,
    Lending,  // its memory to `child`
    Ended,
  };
  std::uint32_t pid = 0, parent = 0;
  std::vector<std::size_t> chunks;  // of the recording, in order
  std::size_t next = 0;             // the chunk that is decoded next
  std::shared_ptr<const record::Chunk> chunk;
  bool open = false;   // `chunk` is not played to its end
  std::size_t at = 0;  // event that comes next
  std::uint64_t clock = 0;
  FilterStays stays;
  RecordedTime time;
  State state = State::Unborn;
  std::uint64_t until_ns = 0;  // Unborn, Waiting: when it went on, in recorded time
  Lane* child = nullptr;       // that it waits for, or lends to
  bool waited_for = false;     // its parent knows of its end
};

class Turns {
 public:
  explicit Turns(const record::Recording& recording);

  // Who runs now; null: all have ended. The caller plays a slice, then yields, or tells with one of
  // the other calls why the lane does not go on.
  Lane* next();
  // The lane's chunk is played; its next one, if any, is opened by the caller.
  void close_chunk(Lane& lane);
  std::uint64_t chunks_begun() const;
  void yield(Lane& lane) { queue_.push_back(&lane); }
  // The lane's next event is behind a Wait event.
  void wait(Lane& lane, const record::Event& event);
  void ended(Lane& lane);

  // Of the lane that runs, which goes on. A child's process is there:
  void born(std::uint32_t pid);
  // The lane has lent its memory to a child, and gives up its turn.
  void lend(Lane& lane, std::uint32_t child);
  // It does not use lent memory any more: it has called exec.
  void gave_back(Lane& lane);

 private:
  const record::Recording* recording_;
  Lane* find(std::uint32_t pid);
  std::uint64_t place_of(Lane& lane);
  bool may_go_on(const Lane& lane);
  void wake();

  std::map<std::uint32_t, std::unique_ptr<Lane>> lanes_;  // by pid
  std::deque<Lane*> queue_;                               // Ready, but for the one that runs
};

}  // namespace pw::replay
