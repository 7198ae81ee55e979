// The text of a script, read. The grammar is written down in docs/SCRIPTS.md.
//
// The first error ends the reading: its message tells line and column, shows the line and suggests
// what is near (diagnostic.hpp). No input does worse.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.hpp"
#include "script/program.hpp"

namespace pw::script {

struct ParseLimits {
  std::size_t bytes = 16U << 20;  // of the text
  std::size_t steps = 200'000;    // in the text, whatever they repeat
  std::size_t settings = 100;     // of the machine
  unsigned nesting = 16;          // of repeat and for
  unsigned parentheses = 32;      // of an expression
  unsigned operators = 256;       // of an expression
};

// Error: Invalid.
Result<Program> parse(std::string_view text, const ParseLimits& limits = {});

}  // namespace pw::script
