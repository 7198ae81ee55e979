#include "report/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace pw::report {

std::string count(std::uint64_t n) {
  std::string digits = fmt::to_string(n);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string rounded(double value, int digits) {
  if (value == 0) return "0";
  // The magnitude after rounding: 9.996 has three digits as 10.0.
  const std::string scientific = fmt::format("{:.{}e}", value, digits - 1);
  const int magnitude = std::stoi(scientific.substr(scientific.find('e') + 1));
  return fmt::format("{:.{}f}", value, std::max(0, digits - 1 - magnitude));
}

std::string bytes(ByteCount n) {
  static constexpr std::array<const char*, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(n.value);
  std::size_t unit = 0;
  // 1023.5 and more would show as 1024 of the smaller unit.
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const bool whole = value == std::floor(value) && value < 1000;
  return fmt::format("{} {}", whole ? fmt::format("{:.0f}", value) : rounded(value, 3),
                     kUnits[unit]);
}

std::string page_bytes(std::uint64_t pages) { return bytes(bytes_of(PageCount(pages))); }

std::string duration(double ns) {
  if (ns < 999.5) return rounded(ns, 3) + " ns";
  if (ns < 999.5e3) return rounded(ns / 1e3, 3) + " us";
  if (ns < 999.5e6) return rounded(ns / 1e6, 3) + " ms";
  if (ns < 100e9) return rounded(ns / 1e9, 3) + " s";
  return rounded(ns / 60e9, 3) + " min";
}

std::string percent(double ratio) {
  const double value = ratio * 100;
  const double from_ends = std::fmin(value, 100 - value);
  if (from_ends <= 0) return value < 50 ? "0 %" : "100 %";
  if (from_ends >= 10) return fmt::format("{:.1f} %", value);
  if (from_ends >= 0.1) return fmt::format("{:.2f} %", value);
  if (from_ends >= 0.00005) return fmt::format("{:.4f} %", value);
  return value < 50 ? "< 0.0001 %" : "> 99.9999 %";
}

std::string times(double factor) { return rounded(factor, 3) + "x"; }

}  // namespace pw::report
