// A format of traces, as one file beside this one implements it: how its beginning looks, and how
// to read it. A new format is such a file and a line in formats.cpp.
//
// Errors of a reader are Invalid with a sentence that names the place: "byte 48 (record 3): ...",
// "line 2, byte 17: ...". A reader never allocates more than in proportion to what it has read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/formats/input_bytes.hpp"
#include "analysis/formats/trace_builder.hpp"
#include "base/result.hpp"

namespace pw::analysis {

// "key=value" of a specification such as "csv:id=2:delimiter=;".
class FormatOptions {
 public:
  // Splits `text` (what follows the format's name). Error: Invalid.
  static Result<FormatOptions> parse(std::string_view text);

  // The value, once: what was asked for is known. Empty if not given.
  std::string take(std::string_view key);
  // Error: Invalid, naming the first option that nobody asked for.
  Result<void> all_taken(std::string_view format) const;

 private:
  std::vector<std::pair<std::string, std::string>> options_;
};

struct Beginning {
  std::string_view bytes;  // the first block
  bool whole = false;      // there is no more
};

struct Format {
  std::string_view name;
  std::string_view meaning;
  // Whether an input that begins so is of this format; formats are asked in their order.
  bool (*matches)(const Beginning& beginning);
  Result<void> (*read)(InputBytes& input, FormatOptions& options, TraceBuilder& out);
  std::uint32_t least_bytes;  // that a reference takes; the last one may do with fewer
};

const std::vector<Format>& formats();  // without recordings

// Each reader, in a file of its name.
Result<void> read_oracle_general(InputBytes& input, FormatOptions& options, TraceBuilder& out);
Result<void> read_lackey(InputBytes& input, FormatOptions& options, TraceBuilder& out);
Result<void> read_csv(InputBytes& input, FormatOptions& options, TraceBuilder& out);
Result<void> read_lirs(InputBytes& input, FormatOptions& options, TraceBuilder& out);
Result<void> read_plain(InputBytes& input, FormatOptions& options, TraceBuilder& out);
bool looks_like_oracle_general(const Beginning& beginning);
bool looks_like_lackey(const Beginning& beginning);
bool looks_like_csv(const Beginning& beginning);
bool looks_like_lirs(const Beginning& beginning);
bool looks_like_plain(const Beginning& beginning);

}  // namespace pw::analysis
