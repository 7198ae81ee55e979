#include <algorithm>

#include "analysis/formats/format.hpp"
#include "analysis/formats/oracle_general.hpp"

namespace pw::analysis {

const std::vector<Format>& formats() {
  // In the order in which they are asked whether the content is theirs.
  static const std::vector<Format> all = {
      {"oracle",
       "oracleGeneral of libCacheSim: records of 24 bytes. next=ignore: without a check of the "
       "next references",
       looks_like_oracle_general, read_oracle_general, kOracleRecordBytes},
      {"lackey", "what 'valgrind --tool=lackey --trace-mem=yes' prints. instructions=no: data only",
       looks_like_lackey, read_lackey, 2},
      {"csv",
       "columns: id=NAME or id=NUMBER, delimiter=C or tab, header=yes|no, shift=BITS (12: "
       "addresses to pages)",
       looks_like_csv, read_csv, 2},
      {"lirs", "text, one id a line; a line with '*' is a checkpoint", looks_like_lirs, read_lirs,
       2},
      {"plain", "text: ids, decimal or 0x hexadecimal, with blanks, commas or line ends between",
       looks_like_plain, read_plain, 2},
  };
  return all;
}

Result<FormatOptions> FormatOptions::parse(std::string_view text) {
  FormatOptions options;
  while (!text.empty()) {
    const std::size_t end = text.find(':');
    const std::string_view part = text.substr(0, end);
    const std::size_t equals = part.find('=');
    if (equals == 0 || equals == std::string_view::npos || equals + 1 == part.size()) {
      return fail(Errno::Invalid,
                  "an option of a format is KEY=VALUE, not '" + std::string(part) + "'");
    }
    options.options_.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return options;
}

std::string FormatOptions::take(std::string_view key) {
  const auto at = std::find_if(options_.begin(), options_.end(),
                               [key](const auto& option) { return option.first == key; });
  if (at == options_.end()) return {};
  std::string value = std::move(at->second);
  options_.erase(at);
  return value;
}

Result<void> FormatOptions::all_taken(std::string_view format) const {
  if (options_.empty()) return {};
  return fail(Errno::Invalid, "the format " + std::string(format) + " has no option '" +
                                  options_.front().first + "'");
}

}  // namespace pw::analysis
