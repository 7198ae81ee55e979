// Session: a script on a machine of its own, which the page moves to any step and looks at.
//
// Owned by the exports (explorer_core.cpp), one for each side of the page. The state after step n
// is a function of the script, the settings and n alone, however the page came there: forwards the
// machine goes on; backwards it is made anew and carries the steps out again. What a step did is
// told by comparing the machine before and after it, so the step that leads to n is always carried
// out by itself.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fault/classify.hpp"
#include "script/execution.hpp"
#include "script/sim_target.hpp"

namespace pw::explorer {

// One fault as the fault path told it.
struct FaultStory {
  struct Part {
    FaultStep step;
    std::uint64_t detail;
  };
  SpaceId space = 0;
  VirtAddr address;
  Access access = Access::Read;
  bool major = false;
  std::vector<Part> parts;
};

class FaultRecorder final : public FaultWatcher {
 public:
  static constexpr std::size_t kMost = 64;  // faults of a step that are kept
  void step(FaultStep step, const FaultRequest& request, std::uint64_t detail) override;
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
  std::vector<std::pair<std::uint64_t, FrameOwner>> frames;  // of programs' pages, by number
  std::vector<std::pair<TlbPlaceId, TlbContent>> tlb;        // by place
  std::vector<std::uint64_t> counters;  // in the order of machine_counter_names()
  std::map<std::uint64_t, std::vector<std::uint64_t>> tables;  // the first of them, by frame
  std::uint64_t evicted = 0;                                   // pages that reclaim took, in all
};

// The last access, as far as the page shows its way.
struct Shown {
  bool valid = false;
  script::ProcessIndex process = 0;
  VirtAddr address;
  std::uint64_t length = 1;
  Access access = Access::Read;
};

class Session {
 public:
  // Steps that the page goes through; a script may have more, which are not reached.
  static constexpr std::uint64_t kMostSteps = 200'000;
  // Pages that all its steps together touch or fault in: some seconds of a browser's time.
  static constexpr std::uint64_t kMostWork = 1'000'000;

  // `settings`: words of a machine line, put behind the script's own. Error: Invalid.
  static Result<std::unique_ptr<Session>> open(std::string_view text, std::string_view settings);

  // Step numbers count from 1; 0 is the machine before the first one. Where the run ends earlier
  // it stays there. Error: those of making the machine.
  Result<void> go(std::uint64_t step);
  std::uint64_t at() const { return at_; }
  // Carries all steps out on another machine: what each of them was, for the timeline.
  Result<std::string> outline() const;

  const script::Program& program() const { return program_; }
  script::Execution& execution() { return *execution_; }
  script::SimTarget& target() { return *target_; }
  Machine& machine() { return target_->machine(); }
  const FaultRecorder& faults() const { return faults_; }
  const Snapshot& before() const { return before_; }
  const Snapshot& now();  // void when the session moves
  const Shown& shown() const { return shown_; }
  // The step after which a frame was last accessed; 0: it was not, by what it holds now.
  std::uint64_t last_used(Pfn pfn, const FrameOwner& owner) const;
  const std::string& output() const { return output_; }  // of the last step

 private:
  struct Use {
    FrameOwner owner;
    std::uint64_t step = 0;
  };

  Session() = default;
  Result<void> restart();
  Snapshot snapshot();
  void advance();
  void note_access();

  script::Program program_;
  MachineConfig config_;
  script::RunLimits limits_;
  script::Output sink_;
  std::string output_;
  std::unique_ptr<script::SimTarget> target_;
  std::unique_ptr<script::Execution> execution_;
  FaultRecorder faults_;
  Snapshot before_;
  std::optional<Snapshot> now_;  // of at_
  Shown shown_;
  std::vector<Use> used_;  // by frame
  std::uint64_t at_ = 0;
};

FrameOwner owner_of(const Frame& frame);

}  // namespace pw::explorer
