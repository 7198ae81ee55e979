#include <fmt/format.h>

#include <map>

#include "base/units.hpp"
#include "report/exports.hpp"
#include "report/stack_names.hpp"

namespace pw::report {
namespace {

// Frames are told apart by ';', lines by their end.
std::string frame_text(std::string name) {
  for (char& c : name) {
    if (c == ';') c = ':';
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return name;
}

std::uint64_t weight_of(const replay::StackFaults& sum, Measure measure) {
  return measure == Measure::Faults ? sum.faults.minor + sum.faults.major : sum.touched * kPageSize;
}

}  // namespace

std::string folded(const Export& what, Measure measure) {
  std::map<std::string, std::uint64_t> lines;  // stacks of one text are one
  for (const auto& [stack, sum] : what.log.stacks()) {
    const std::uint64_t weight = weight_of(sum, measure);
    if (weight == 0) continue;
    std::string line;
    for (const std::string& name : stack_names(what.recording, stack)) {
      line += (line.empty() ? "" : ";") + frame_text(name);
    }
    lines[line] += weight;
  }
  std::string text;
  for (const auto& [line, weight] : lines) text += fmt::format("{} {}\n", line, weight);
  return text;
}

}  // namespace pw::report
