// How errors of scripts read: place, sentence, the line with a caret, a suggestion.
//
//   line 3, column 8: there is no verb 'mnap'; did you mean 'mmap'?
//     A: p = mnap 0 4P
//            ^~~~
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "script/program.hpp"

namespace pw::script {

// An Invalid error. `line` is the text of the line at `place`; empty: none is shown.
tl::unexpected<Error> wrong(Place place, std::string_view line, const std::string& sentence);

// The candidate that a slip of the fingers turns into `word`, or "" if none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// "; did you mean 'mmap'?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

std::string quoted(std::string_view word);  // 'word', unprintable characters replaced
std::string in_decimal(std::uint64_t value);
std::string in_hex(std::uint64_t value);  // 0x7f00

}  // namespace pw::script
