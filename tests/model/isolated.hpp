// Playing scenarios in child processes, so that a failed check (which aborts) is a result like any
// other, and shrinking the ones that fail.
#pragma once

#include <cstdint>
#include <string>

#include "model/scenario.hpp"

namespace pw::model {

// Plays every scenario of seeds [first, first + count) with `ops` operations each, in one child.
// True if all went well; else `failed` is the seed that did not.
bool play_seeds(std::uint64_t first, std::uint64_t count, std::size_t ops, bool each,
                std::uint64_t& failed);

// True if the scenario plays without a mismatch or crash.
bool plays(const Scenario& scenario);

// Removes operations as long as the scenario still fails (Zeller and Hildebrandt, "Simplifying and
// isolating failure- inducing input", IEEE TSE 28(2), 2002), within `budget` runs.
Scenario shrink(Scenario scenario, std::size_t budget);

// What the scenario does, operation by operation, and how it ends: for people.
std::string narrate(const Scenario& scenario);

}  // namespace pw::model
