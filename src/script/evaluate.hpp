// The names that a run has bound, and what expressions come to with them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "script/outcome_text.hpp"
#include "script/runner.hpp"

namespace pw::script {

class Environment {
 public:
  Environment(Target& target, const RunLimits& limits) : target_(&target), limits_(&limits) {}

  void set(const std::string& name, std::uint64_t value) { variables_[name] = value; }
  void set_process(const std::string& name, ProcessIndex index) { processes_[name] = index; }

  // Errors: Invalid with a sentence that names the line. `process`: whose constants are meant.
  Result<std::uint64_t> value_of(const Expression& expression, const std::string& process);
  Result<ProcessIndex> process_of(const std::string& name, Place place) const;
  Result<std::string> bytes_of(const Text& text, const std::string& process);
  Result<sys::Request> request_of(const Step& step);
  Result<Expected> expected_of(const Expectation& expectation, const std::string& process);
  // The pages or bytes that a call would hand back, or an error if they are too many.
  Result<void> check_size(Place place, std::uint64_t bytes) const;
  Result<void> check_populate(Place place, const sys::Request& request) const;

  const std::map<std::string, ProcessIndex>& processes() const { return processes_; }
  const std::map<std::string, std::uint64_t>& variables() const { return variables_; }

 private:
  Result<std::uint64_t> constant(const Expression& expression, const std::string& process);
  Result<std::uint64_t> raw(const Value& value, const std::string& process);

  Target* target_;
  const RunLimits* limits_;
  std::map<std::string, std::uint64_t> variables_;
  std::map<std::string, ProcessIndex> processes_;
};

// An Invalid error at a place of the script.
tl::unexpected<Error> stopped_at(Place place, const std::string& sentence);

}  // namespace pw::script
