// The options of run and record that say how a program is recorded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "record/record.hpp"

namespace CLI {
class App;
}

namespace pw::tools {

struct RecordFlags {
  std::string output;
  std::string detail = "pages";
  std::string with = "auto";
  std::uint32_t k = 64;
  bool redact = false;
  bool force = false;
  bool no_stacks = false;
};

// `flags` must outlive the parsing. What the program is stands behind "--", or is the first word
// that is no option: then program_of() finds it.
void add_record_flags(CLI::App& verb, RecordFlags& flags, const char* output_help);

// Error: Invalid with a sentence if there is none.
Result<std::vector<std::string>> program_of(const CLI::App& verb,
                                            const std::vector<std::string>& after_dashes);

// Records `program` to `path`, says on stderr which recorder it took unless that was asked for.
Result<record::RecordOutcome> record_program(const RecordFlags& flags,
                                             const std::vector<std::string>& program,
                                             const std::string& path);

}  // namespace pw::tools
