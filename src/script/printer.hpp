// A program as text, each step on a line of its own. parse(print(program)) == program for whatever
// parse() gave.
#pragma once

#include <string>
#include <string_view>

#include "script/program.hpp"

namespace pw::script {

std::string print(const Program& program);
std::string print(const Step& step);  // without the line's end; of a loop its first line
std::string print(const Expression& expression);
std::string print(const Expectation& expectation);
std::string print_text(std::string_view bytes);  // in quotes, with escapes

}  // namespace pw::script
