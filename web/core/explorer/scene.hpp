// Scene: what the page shows: a machine at a moment, how it came there, and who runs in it.
//
// What moves the machine is the derived class: a script, step by step (session.hpp), or the replay
// of a recording (tools/live_recording.hpp). What the last step did - or all steps since the page
// was last told - is found by comparing the machine before and after it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fault/classify.hpp"
#include "machine/machine.hpp"
#include "web/core/explorer/event_log.hpp"
#include "web/core/explorer/json.hpp"

namespace pw::explorer {

// One fault as the fault path told it.
struct FaultStory {
  struct Part {
    FaultStep step;
    std::uint64_t detail;
  };
  SpaceId space = 0;
  std::string process;  // who runs there; named when the step is over
  bool named = false;
  VirtAddr address;
  Access access = Access::Read;
  bool major = false;
  std::vector<Part> parts;
};

class FaultRecorder {
 public:
  static constexpr std::size_t kMost = 64;  // faults of a step that are kept
  // True: a fault has begun.
  bool step(FaultStep step, const FaultRequest& request, std::uint64_t detail);
  void name(const EventLog::NameOf& name_of);
  void clear() {
    stories_.clear();
    count_ = 0;
  }
  const std::vector<FaultStory>& stories() const { return stories_; }
  std::uint64_t count() const { return count_; }

 private:
  std::vector<FaultStory> stories_;
  std::uint64_t count_ = 0;
  bool keeping_ = false;
};

// Who has a frame.
struct FrameOwner {
  FrameKind kind = FrameKind::Free;
  std::uint32_t owner = 0;
  std::uint64_t index = 0;
  friend bool operator==(const FrameOwner&, const FrameOwner&) = default;
};
FrameOwner owner_of(const Frame& frame);

// A place in a TLB, and the key in it.
struct TlbPlaceId {
  unsigned cpu = 0, unit = 0, size = 0;
  std::uint32_t set = 0, way = 0;
  friend auto operator<=>(const TlbPlaceId&, const TlbPlaceId&) = default;
};
struct TlbContent {
  SpaceId space = 0;
  std::uint64_t vpn = 0;
  int level = 1;
  std::uint64_t pfn = 0, rights = 0;
  bool dirty = false;
  bool same_page(const TlbContent& other) const {
    return space == other.space && vpn == other.vpn && level == other.level;
  }
};

// What is compared before and after a step.
struct Snapshot {
  static constexpr std::size_t kMostFrames = 1U << 17;       // those of the lowest numbers
  std::vector<std::pair<std::uint64_t, FrameOwner>> frames;  // of programs' pages, by number
  std::vector<std::pair<TlbPlaceId, TlbContent>> tlb;        // by place
  std::vector<std::uint64_t> counters;  // in the order of machine_counter_names()
  std::map<std::uint64_t, std::vector<std::uint64_t>> tables;  // the first of them, by frame
  std::uint64_t evicted = 0;                                   // pages that reclaim took, in all
};

// The last access, as far as the page shows its way.
struct Shown {
  bool valid = false;
  bool now = false;  // the last step made it
  std::uint32_t process = 0;
  VirtAddr address;
  std::uint64_t length = 1;
  Access access = Access::Read;
};

// How much of a machine is told.
struct Bounds {
  std::uint64_t areas = ~std::uint64_t{0};  // of a process
  std::uint64_t cells = ~std::uint64_t{0};  // pages of all areas together
};

class Scene : private FaultWatcher, private MemoryListener {
 public:
  struct Actor {
    std::string name;
    std::uint32_t index = 0;
    Pid pid = 0;
  };

  ~Scene() override = default;
  virtual Machine& machine() = 0;
  virtual std::vector<Actor> actors() = 0;
  // The members last, next, stopped, report and variables of the answer.
  virtual void write_place(Json& json) = 0;

  // 0: no process has this index.
  Pid pid_of(std::uint32_t index);
  std::uint64_t at() const { return at_; }  // steps that were carried out
  const FaultRecorder& faults() const { return faults_; }
  const EventLog& log() const { return log_; }
  void name_events();  // of the log, and faults: before processes may go
  const Snapshot& before() const { return before_; }
  const Snapshot& now();  // void when the scene moves
  const Shown& shown() const { return shown_; }
  const Bounds& bounds() const { return bounds_; }
  // The step after which a frame was last accessed; 0: it was not, by what it holds now.
  std::uint64_t last_used(Pfn pfn, const FrameOwner& owner) const;

 protected:
  Scene() = default;
  void begin();      // the machine is new
  void look_away();  // the machine moves, and nobody asks what the next step does
  void look();       // what comes is to be told: the machine before it is kept
  // `index`: of the actor whose process it is; null: it has gone.
  void note_access(Process* process, std::uint32_t index, VirtAddr address, std::uint64_t length,
                   Access access);

  FaultRecorder faults_;
  Shown shown_;
  Bounds bounds_;
  std::uint64_t at_ = 0;

 private:
  struct Use {
    FrameOwner owner;
    std::uint64_t step = 0;
  };
  Snapshot snapshot();
  void step(FaultStep step, const FaultRequest& request, std::uint64_t detail) override;
  void happened(const MemoryEvent& event) override;

  EventLog log_;
  Snapshot before_;
  std::optional<Snapshot> now_;  // of at_
  std::vector<Use> used_;        // by frame
};

}  // namespace pw::explorer
