#include "record/stack_table.hpp"

#include <set>

#include "record/redact.hpp"
#include "record/symbols.hpp"

namespace pw::record {

std::uint32_t StackTable::module(const Module& module) {
  auto next = static_cast<std::uint32_t>(modules_.size());
  auto [known, is_new] = module_numbers_.emplace(std::pair(module.path, module.build_id), next);
  if (is_new) modules_.push_back(module);
  return known->second;
}

std::uint32_t StackTable::stack(const StackFrames& stack) {
  auto next = static_cast<std::uint32_t>(stack_numbers_.size());
  auto [known, is_new] = stack_numbers_.emplace(stack, next);
  if (is_new) new_stacks_.push_back(stack);
  return known->second;
}

Result<void> StackTable::flush(Writer& writer) {
  if (modules_written_ < modules_.size()) {
    std::vector<Module> fresh(modules_.begin() + static_cast<std::ptrdiff_t>(modules_written_),
                              modules_.end());
    if (redact_) {
      for (Module& module : fresh) redact(module);
    }
    PW_TRY(writer.add_modules(fresh));
    modules_written_ = modules_.size();
  }
  if (!new_stacks_.empty()) {
    PW_TRY(writer.add_stacks(new_stacks_));
    new_stacks_.clear();
  }
  return {};
}

Result<void> StackTable::write_symbols(Writer& writer) const {
  std::map<std::uint32_t, std::set<std::uint64_t>> places;  // by module
  for (const auto& [stack, number] : stack_numbers_) {
    for (const StackFrame& frame : stack) {
      if (frame.module != 0) places[frame.module].insert(frame.offset);
    }
  }
  for (const auto& [module, offsets] : places) {
    std::vector<std::uint64_t> wanted(offsets.begin(), offsets.end());
    std::vector<Symbol> found = resolve_symbols(modules_[module - 1], wanted);
    std::vector<ModuleSymbol> symbols;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (found[i].function.empty() && found[i].line == 0) continue;
      if (redact_) redact(found[i]);
      symbols.push_back({{module, wanted[i]}, std::move(found[i])});
    }
    PW_TRY(writer.add_symbols(symbols));
  }
  return {};
}

}  // namespace pw::record
