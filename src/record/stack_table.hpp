// The call stacks of a whole recording: each different stack once, as places in modules, numbered
// in the order in which they came.
//
// A call's address is stored one byte before the return address, so that it lies in the call and
// not in what follows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "record/sections.hpp"
#include "record/writer.hpp"

namespace pw::record {

class StackTable {
 public:
  explicit StackTable(bool redact) : redact_(redact) {}

  std::uint32_t module(const Module& module);     // its number, from 0
  std::uint32_t stack(const StackFrames& stack);  // likewise

  // Writes what came since the last time. Before any chunk that refers to it.
  Result<void> flush(Writer& writer);
  // Looks up the name of every place and writes it.
  Result<void> write_symbols(Writer& writer) const;

 private:
  bool redact_;
  std::vector<Module> modules_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> module_numbers_;
  std::size_t modules_written_ = 0;
  std::map<StackFrames, std::uint32_t> stack_numbers_;
  std::vector<StackFrames> new_stacks_;
};

}  // namespace pw::record
