// Which pages of a process were touched at all: a sparse bitmap, a few nanoseconds a page.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "base/units.hpp"

namespace pw::replay {

class TouchedPages {
 public:
  // True the first time a page is asked for.
  bool first_touch(Vpn vpn) {
    const std::uint64_t key = vpn.value >> kChunkBits;
    Near& near = near_[key & (kNear - 1)];
    if (near.key != key) [[unlikely]] {
      near = {key, &chunks_[key]};
    }
    std::uint64_t& word = (*near.chunk)[(vpn.value >> 6) & (kWords - 1)];
    const std::uint64_t bit = std::uint64_t{1} << (vpn.value & 63);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }
  void clear() {
    chunks_.clear();
    near_.fill({});
  }

 private:
  static constexpr unsigned kChunkBits = 12;
  static constexpr std::size_t kWords = (std::size_t{1} << kChunkBits) / 64;
  using Chunk = std::array<std::uint64_t, kWords>;
  // Chunks that were asked for last, each in the place that its number has.
  struct Near {
    std::uint64_t key = ~std::uint64_t{0};  // no chunk has it
    Chunk* chunk = nullptr;                 // unordered_map never moves its values
  };
  static constexpr std::size_t kNear = 128;
  std::unordered_map<std::uint64_t, Chunk> chunks_;
  std::array<Near, kNear> near_{};
};

}  // namespace pw::replay
