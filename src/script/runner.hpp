// Carries a program out on a target, step by step, and says how it went.
//
// A step that gives something else than its expectation is a failed check; the run goes on. What
// ends a run: a limit, a name that is not bound, a target that cannot go on. A step that fails
// without an expectation is neither: it is noted. A process that has ended answers ESRCH. A process
// waits while its vfork child runs in its memory; to ask it for anything meanwhile ends the run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "script/program.hpp"
#include "script/target.hpp"

namespace pw::script {

struct RunLimits {
  std::uint64_t steps = 10'000'000;     // carried out, each turn of a loop is one too
  std::uint64_t bytes = 16ULL << 20;    // of one store, load, write or read
  std::uint64_t populate = 4ULL << 30;  // bytes whose pages one step brings in
  std::uint64_t processes = 1'024;      // over the whole run
  std::size_t kept = 20;                // failures and notes that the report holds; all are counted
  std::size_t shown = 64U << 20;        // bytes of output
  // Asked now and then; a sentence ends the run ("it has taken 60 s").
  std::function<std::string()> interrupted;
};

using Output = std::function<void(std::string_view)>;

struct Finding {
  Place place;
  std::string step;      // as text
  std::string expected;  // empty in notes
  std::string got;
};

struct RunReport {
  std::uint64_t steps = 0, checks = 0, failed = 0, noted = 0;
  std::uint64_t skipped = 0;  // checks of counters that the target does not have
  std::vector<Finding> failures;
  std::vector<Finding> notes;  // failed without an expectation
  std::optional<Error> stopped;

  bool good() const { return failed == 0 && !stopped; }
};

RunReport run(const Program& program, Target& target, const RunLimits& limits,
              const Output& output);

// "12 steps, 5 checks, all as expected", failures before it, a line or more.
std::string summary(const RunReport& report);

}  // namespace pw::script
