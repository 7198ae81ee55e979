// One step of a random program, as plain values, and its text as a script.
//
// Arguments are raw numbers, addresses and descriptors too, so that a list of steps means the same
// whatever is left out of it: a shrinker may.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "script/target.hpp"

namespace pw::diff {

struct DuelStep {
  enum class Kind : std::uint8_t { Spawn, Call, Load, Store, Fetch };
  Kind kind = Kind::Call;
  script::ProcessIndex who = 0;
  script::ProcessIndex child = 0;  // that a birth makes
  sys::Request request;            // Call
  VirtAddr address;                // Load, Store, Fetch
  std::uint64_t count = 0;         // Load
  std::string bytes;               // Store
};

inline bool gives_birth(const DuelStep& step) {
  return step.kind == DuelStep::Kind::Call &&
         sys::signature(step.request.call).reply == sys::ReplyKind::Process;
}

// What the other kernel answered goes into the text as expectations, as far as `answers` reach.
std::string script_of(const std::vector<DuelStep>& steps,
                      const std::vector<script::Outcome>& answers);
std::string text_of(const script::Outcome& outcome);

}  // namespace pw::diff
