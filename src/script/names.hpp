// The names that a script has bound so far, as its text is read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pw::script {

class Names {
 public:
  enum class Kind : unsigned char { None, Variable, Process };

  Kind kind(std::string_view name) const {
    const auto it = kinds_.find(name);
    return it == kinds_.end() ? Kind::None : it->second;
  }
  void bind(std::string_view name, Kind kind) {
    const auto [it, fresh] = kinds_.emplace(name, kind);
    if (fresh && kind == Kind::Process) processes_.push_back(it->first);
  }
  // In the order in which they were bound.
  const std::vector<std::string_view>& processes() const { return processes_; }
  std::vector<std::string_view> all(Kind kind) const {
    std::vector<std::string_view> names;
    for (const auto& [name, is] : kinds_) {
      if (is == kind) names.push_back(name);
    }
    return names;
  }

 private:
  std::map<std::string, Kind, std::less<>> kinds_;
  std::vector<std::string_view> processes_;
};

}  // namespace pw::script
