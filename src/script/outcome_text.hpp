// How a step ended, in the words of scripts, and whether that is what was expected.
#pragma once

#include <string>

#include "script/program.hpp"
#include "script/target.hpp"
#include "sys/calls.hpp"

namespace pw::script {

// An Expectation with its expressions worked out.
struct Expected {
  Expectation::Kind kind = Expectation::Kind::None;
  std::uint64_t number = 0;
  std::string bytes;  // Text and Bits
  int error = 0, signal = 0, code = 0;
  bool has_address = false;
  VirtAddr address;
};

bool failed(const Outcome& outcome);  // an error or a signal
bool as_expected(const Expected& expected, const Outcome& outcome);

std::string outcome_text(const Outcome& outcome, sys::ReplyKind reply);
std::string expected_text(const Expected& expected, sys::ReplyKind reply);
// Where two texts part, as "; the first difference is at byte 17"; empty if one is short.
std::string difference(const Expected& expected, const Outcome& outcome);

}  // namespace pw::script
