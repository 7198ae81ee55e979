#include "report/stack_names.hpp"

#include <algorithm>

namespace pw::report {

namespace {

constexpr std::size_t kLongestName = 400;

}  // namespace

std::string page_name(const std::string& name) {
  return name.size() <= kLongestName ? name : name.substr(0, kLongestName) + "...";
}

std::string frame_name(const record::Symbol& symbol) {
  if (!symbol.function.empty()) return page_name(symbol.function);
  if (symbol.file.empty()) return "?";
  return page_name('[' + symbol.file.substr(symbol.file.rfind('/') + 1) + ']');
}

std::vector<record::Symbol> stack_frames(const record::Recording& recording, std::uint32_t stack) {
  std::vector<record::Symbol> frames;
  if (stack < recording.stack_count()) frames = recording.stack(stack);
  if (frames.size() > kDeepestStack) frames.resize(kDeepestStack);
  if (frames.empty()) frames.push_back({kNoStackName, {}, 0});
  std::reverse(frames.begin(), frames.end());
  return frames;
}

std::vector<std::string> stack_names(const record::Recording& recording, std::uint32_t stack) {
  std::vector<std::string> names;
  for (const record::Symbol& symbol : stack_frames(recording, stack)) {
    names.push_back(frame_name(symbol));
  }
  return names;
}

}  // namespace pw::report
