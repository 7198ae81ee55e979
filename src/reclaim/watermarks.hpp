// How many frames the machine keeps free: below `low` the background reclaimer is woken, it stops
// at `high`; below `min` whoever allocates reclaims for itself.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pw {

struct Watermarks {
  std::uint64_t min = 0, low = 0, high = 0;

  static constexpr Watermarks of_min(std::uint64_t min) {
    return {min, min + min / 4, min + min / 2};
  }
  // min_free_kbytes = 4 * sqrt(lowmem_kbytes), between 128 KiB and 256 MiB
  // (calculate_min_free_kbytes(), mm/page_alloc.c), but never more than a 64th of a small machine.
  static constexpr Watermarks for_ram(std::uint64_t frames) {
    const std::uint64_t kib = frames * 4;
    std::uint64_t root = 0;
    while ((root + 1) * (root + 1) <= kib * 16) ++root;
    const std::uint64_t linux_min = std::clamp<std::uint64_t>(root, 128, 262144) / 4;
    return of_min(std::min(linux_min, frames / 64));
  }
};

}  // namespace pw
