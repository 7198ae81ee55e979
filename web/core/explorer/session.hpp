// Session: a script on a machine of its own, which the page moves to any step and looks at.
//
// Owned by the exports (explorer_core.cpp), one for each side of the page. The state after step n
// is a function of the script, the settings and n alone, however the page came there: forwards the
// machine goes on; backwards it is made anew and carries the steps out again. What a step did is
// told by comparing the machine before and after it, so the step that leads to n is always carried
// out by itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "script/execution.hpp"
#include "script/parser.hpp"
#include "script/sim_target.hpp"
#include "web/core/explorer/scene.hpp"

namespace pw::explorer {

struct SessionLimits {
  script::ParseLimits parse;
  script::SimLimits machine;
  script::RunLimits run;
  std::uint64_t steps = ~std::uint64_t{0};
  // A page of a browser has less room than a program of its own.
  static SessionLimits of_a_page();
};

class Session final : public Scene {
 public:
  // Steps that the page goes through; a script may have more, which are not reached.
  static constexpr std::uint64_t kMostSteps = 200'000;
  // Pages that all its steps together touch or fault in: some seconds of a browser's time.
  static constexpr std::uint64_t kMostWork = 1'000'000;
  static constexpr std::size_t kMostOutput = 1U << 20;  // bytes of `show` that are kept of a step

  // `settings`: words of a machine line, put behind the script's own. Error: Invalid.
  static Result<std::unique_ptr<Session>> open(
      std::string_view text, std::string_view settings,
      const SessionLimits& limits = SessionLimits::of_a_page(), const Bounds& bounds = {});

  // Step numbers count from 1; 0 is the machine before the first one. Where the run ends earlier
  // it stays there. Error: those of making the machine.
  Result<void> go(std::uint64_t step);
  // Carries all steps out on another machine: what each of them was, for the timeline.
  Result<std::string> outline() const;

  // For who follows the run forwards: what state_of() tells next is what was done since here.
  void tell_from_here();
  bool step_on();  // false: there was no step left
  bool ended() const { return execution_->next() == nullptr || at() >= limits_.steps; }

  const script::Program& program() const { return program_; }
  script::Execution& execution() { return *execution_; }
  script::SimTarget& target() { return *target_; }
  Machine& machine() override { return target_->machine(); }
  std::vector<Actor> actors() override;
  void write_place(Json& json) override;  // state_place.cpp

 private:
  Session() = default;
  Result<void> restart();
  void forget();
  void advance();

  script::Program program_;
  MachineConfig config_;
  SessionLimits limits_;
  script::Output sink_;
  std::string output_;  // of the steps that are told
  std::unique_ptr<script::SimTarget> target_;
  std::unique_ptr<script::Execution> execution_;
};

}  // namespace pw::explorer
