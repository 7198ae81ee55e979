// LivePlayer: the side of a live run that moves: it carries out steps at the pace of a LiveBoard
// and tells there, some times a second, what the page shows. Everything here happens in one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "record/recording.hpp"
#include "replay/replay.hpp"
#include "replay/transcript.hpp"
#include "tools/live_board.hpp"
#include "web/core/explorer/session.hpp"

namespace pw::tools {

// What a live page shows at most of a machine of any size, ten times a second.
inline constexpr explorer::Bounds kLiveBounds{400, 20'000};

class LiveRun {
 public:
  virtual ~LiveRun() = default;
  virtual explorer::Scene& scene() = 0;
  // Carries everything out; asks after each step whether to go on. Error: of the run itself.
  virtual Result<void> run(const std::function<bool()>& after_step) = 0;
  virtual void tell_from_here() = 0;              // what is told next is what was done since
  virtual double part_done() const { return 0; }  // 0..1, as far as it is known
};

// Errors: Invalid with a sentence; of making the machine.
Result<std::unique_ptr<LiveRun>> live_script(std::string_view text);
Result<std::unique_ptr<LiveRun>> live_recording(record::Recording recording,
                                                const MachineConfig& config);

// Plays `run` until it has ended and the board is ended too. Error: what ended the run early; the
// page was told.
Result<void> play_live(LiveRun& run, LiveBoard& board);

}  // namespace pw::tools
