// Whose turn it is: the processes of a recording, played side by side.
//
// Those that can run share the CPU (fair_share.hpp). One that stood still while it was recorded
// stands still here too: after wait4 until that child has ended; after any other wait until the one
// that ended it has done so; after one that ended since its time was over, for as long, but no
// longer than until somebody has ended the wait that comes after it: what the recorder makes of a
// pause is its own. In recordings that do not know who ended waits, until all others have come to
// where they were, in recorded time, when it went on. Who lends its memory (vfork) waits for the
// child's exec or end. When nobody could run, the one goes on that did so first when it was
// recorded; so there is always someone until all have ended.
//
// Whoever waits for a device does so while others run. The caller's clock has the whole wait at
// once, and then what others do meanwhile; wall_ns() is what a clock on the wall would say.
//
// Owned by the Replayer. Knows nothing of machines.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "record/recording.hpp"
#include "replay/fair_share.hpp"
#include "replay/filter_stays.hpp"
#include "replay/recorded_time.hpp"

namespace pw::replay {

// One process as it is played: at most one chunk of it is decoded at a time.
struct Lane {
  enum class State : std::uint8_t {
    Unborn,  // its parent has not come to the fork
    Ready,   // or running
    Paused,  // waits for a device; its time has been counted
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
  FairShare::Task share;
  std::uint64_t woke_ns = 0;  // its last Wake event, in recorded time
  // Waiting: for what another one does; or for its time. Paused: for its time.
  const record::WaitEnd* end = nullptr;
  bool timed = false;
  std::uint64_t due_ns = 0;  // on the wall
  std::uint64_t until_written = 0;
};

class Turns {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  explicit Turns(const record::Recording& recording);

  // What time it is, before any of the others: the lane that runs has done so since the last time,
  // but for what it has waited. `writes_ended`: of all devices, since the beginning.
  void at(std::uint64_t now_ns, std::uint64_t waited_ns = 0, std::uint64_t writes_ended = 0);

  // Who runs now; null: all have ended. The caller plays until the next tick or the end of
  // somebody's pause, then asks again, or tells with one of the other calls why the lane does not
  // go on.
  Lane* next();
  std::uint64_t next_due_ns() const;  // of such an end, if nobody waits for a device before
  // The lane's chunk is played; its next one, if any, is opened by the caller.
  void close_chunk(Lane& lane);
  std::uint64_t chunks_begun() const;
  // The lane has waited for a device for so long, up to now; others have that time, or end the wait
  // with what they write.
  void pause(Lane& lane, std::uint64_t waited_ns, std::uint64_t until_written = kNever);
  std::uint64_t wall_ns() const { return wall_ns_; }
  // The lane's next event is behind a Wait event. True: it is not its turn any more.
  bool wait(Lane& lane, const record::Event& event);
  // The lane's next event is behind a Wake event: it has begun to do what others may have waited
  // for, and waits if it takes what is not there yet. True: as with wait().
  bool woke(Lane& lane, const record::Event& event);
  void ended(Lane& lane);
  // The lane is about to end; it did so at `ns`, in recorded time, and others of whom nothing is
  // told may have waited for that, or it for them: they have come as far. True: as with wait().
  bool leave(Lane& lane, std::uint64_t ns);

  // Of the lane that runs, which goes on. A child's process is there:
  void born(std::uint32_t pid);
  // The lane has lent its memory to a child, and gives up its turn.
  void lend(Lane& lane, std::uint32_t child);
  // It does not use lent memory any more: it has called exec.
  void gave_back(Lane& lane);

 private:
  using WaitEnds = std::vector<record::WaitEnd>;

  Lane* find(std::uint32_t pid);
  Lane* lane_of(const FairShare::Task* task);
  std::uint64_t place_of(Lane& lane);
  bool has_come(const record::WaitEnd& end);
  bool is_written(const Lane& lane) const { return lane.until_written <= writes_ended_; }
  bool may_go_on(const Lane& lane);
  bool stand(Lane& lane);
  void stop(Lane& lane, Lane::State state);
  void go_on(Lane& lane);
  bool wake();
  const record::WaitEnd* find_end(const Lane& lane, std::uint64_t ns) const;
  Lane* first_due();
  Lane* first_when_recorded();

  const record::Recording* recording_;
  const WaitEnds* ends_;                                  // null: not known
  std::map<std::uint32_t, std::unique_ptr<Lane>> lanes_;  // by pid
  FairShare share_;
  std::uint64_t now_ns_ = 0, wall_ns_ = 0, writes_ended_ = 0;
};

}  // namespace pw::replay
