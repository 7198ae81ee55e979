// Replaying a script as if it were a recording: on any machine, with the results of a replay. The
// text form of a recording (transcript.hpp) is a script.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "replay/replay.hpp"
#include "script/runner.hpp"

namespace pw::replay {

struct TextLimits {
  std::size_t bytes = 1U << 30;      // of the text
  std::size_t steps = 2'000'000;     // in the text
  std::uint64_t events = 2'000'000;  // of a recording that is to become text
};

// The whole text form of a recording, in pieces. Errors: Invalid (too long for text, which is for
// people), those of replay().
Result<void> write_text(const record::Recording& recording,
                        const std::function<void(std::string_view)>& sink,
                        const TextLimits& limits = {});

// Whether write_text() made `text` of a recording whose filter left references out: its faults are
// those of the program, its TLB figures and times are not.
bool is_text_of_filtered(std::string_view text);

struct ScriptReplay {
  ReplayResult result;
  script::RunReport run;
};

// Carries `program` out on a machine of `config`, whose pages have no bytes: the program's own
// `machine` line is not looked at, and checks of bytes are bound to fail. Error: what stopped it.
Result<ScriptReplay> replay(const script::Program& program, const MachineConfig& config);

}  // namespace pw::replay
