#include "tools/read_ahead.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "ports/host/memory_group.hpp"
#include "predict/outcome.hpp"

namespace pw::tools {

std::uint32_t readahead_pages_of(const record::Recording& recording) {
  constexpr unsigned long kMostKib = 1 << 20;
  std::map<std::uint64_t, std::uint64_t> bytes;  // by device
  for (std::uint32_t number = 0; number < recording.file_count(); ++number) {
    const record::FileInfo* file = recording.file(number);
    if (file != nullptr && !file->memory) bytes[file->device] += file->bytes;
  }
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == bytes.end()) return predict::Conditions{}.readahead_pages;
  const std::uint64_t device = most->first;
  const std::string text = host::text_of_file(
      fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", device >> 32, device & 0xffff'ffff));
  if (text.empty()) return predict::Conditions{}.readahead_pages;
  const unsigned long kib = std::min(std::strtoul(text.c_str(), nullptr, 10), kMostKib);
  return static_cast<std::uint32_t>(std::max(kib >> (kPageShift - 10), 1UL));
}

}  // namespace pw::tools
