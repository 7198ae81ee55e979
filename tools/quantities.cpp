#include "tools/quantities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pw::tools {

Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  const std::string_view unit(last, static_cast<std::size_t>(end - last));
  std::uint64_t factor = 0;
  if (unit.empty()) factor = 1;
  if (unit == "K" || unit == "k") factor = 1000;
  if (unit == "M") factor = 1'000'000;
  if (unit == "G") factor = 1'000'000'000;
  if (error != std::errc() || factor == 0 || value > ~std::uint64_t{0} / factor) {
    return fail(Errno::Invalid, fmt::format("'{}' is not a number of references; write 1000, 10K "
                                            "or 2M (thousands, millions)",
                                            text));
  }
  return value * factor;
}

Result<std::vector<std::uint64_t>> parse_counts(std::string_view text) {
  std::vector<std::uint64_t> counts;
  for (;;) {
    const std::size_t end = text.find(',');
    const Result<std::uint64_t> count = parse_count(text.substr(0, end));
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) return fail(Errno::Invalid, "a number of references above 0 is needed");
    counts.push_back(*count);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

Result<double> parse_time(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  const std::string_view unit(last, static_cast<std::size_t>(end - last));
  double factor = 0;
  if (unit == "ns") factor = 1;
  if (unit == "us") factor = 1e3;
  if (unit == "ms") factor = 1e6;
  if (unit == "s") factor = 1e9;
  if (error != std::errc() || factor == 0 || !(value >= 0) || !std::isfinite(value)) {
    return fail(Errno::Invalid,
                fmt::format("'{}' is not a time; write 100ns, 8.2us, 8ms or 1s", text));
  }
  return value * factor;
}

}  // namespace pw::tools
