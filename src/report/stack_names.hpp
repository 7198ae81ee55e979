// Call stacks of a recording as people read them: names of functions, outermost first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "record/recording.hpp"

namespace pw::report {

inline constexpr std::size_t kDeepestStack = 64;  // frames that are told, the innermost ones
inline constexpr const char* kNoStackName = "(no call stack)";

// Text of the recorded program, bounded.
std::string page_name(const std::string& name);

// The function, else the file it is in, in brackets, else "?".
std::string frame_name(const record::Symbol& symbol);

// Frames of stack `stack` of the recording, outermost first; never empty.
std::vector<record::Symbol> stack_frames(const record::Recording& recording, std::uint32_t stack);
std::vector<std::string> stack_names(const record::Recording& recording, std::uint32_t stack);

}  // namespace pw::report
