// What people call an area: a file by its path, the heap, a stack, anonymous memory by who asked
// for it.
#pragma once

#include <string>
#include <unordered_map>

#include "record/recording.hpp"

namespace pw::replay {

// "anon: f <- g <- h": the innermost functions of a call stack that are not the allocator's own.
class CallSiteNames {
 public:
  explicit CallSiteNames(const record::Recording& recording) : recording_(&recording) {}
  const std::string& of(std::uint32_t stack);

 private:
  const record::Recording* recording_;
  std::unordered_map<std::uint32_t, std::string> names_;
};

}  // namespace pw::replay
