// How long a device takes. Deterministic: a request's completion depends on its time and what came
// before.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/units.hpp"

namespace pw {

enum class Transfer : std::uint8_t { Read, Write };

struct DeviceModel {
  std::string_view name;
  std::uint64_t seek_ns = 0;  // added when a request does not follow the one before
  std::uint64_t read_ns = 0;  // per request
  std::uint64_t write_ns = 0;
  std::uint64_t per_page_ns = 0;  // transfer of 4 KiB
  unsigned channels = 1;          // requests served at once
  bool synchronous = false;       // whoever hands a request in carries it out (SWP_SYNCHRONOUS_IO)
};

inline constexpr DeviceModel kHdd{"hdd", 8'000'000, 0, 0, 25'000, 1};
inline constexpr DeviceModel kSsd{"ssd", 0, 80'000, 30'000, 8'000, 8};
inline constexpr DeviceModel kNvme{"nvme", 0, 12'000, 12'000, 1'500, 32};
inline constexpr DeviceModel kZram{"zram", 0, 1'500, 4'000, 0, 64, true};
inline constexpr DeviceModel kFarMemory{"far", 0, 3'000, 3'000, 500, 16};

}  // namespace pw
