// Which pages of a process were touched at all: a sparse bitmap, a few nanoseconds a page.
#pragma once

#include <bitset>
#include <cstdint>
#include <unordered_map>

#include "base/units.hpp"

namespace pw::replay {

class TouchedPages {
 public:
  // True the first time a page is asked for.
  bool first_touch(Vpn vpn) {
    const std::uint64_t key = vpn.value >> kChunkBits;
    if (last_ == nullptr || key != last_key_) {
      last_ = &chunks_[key];
      last_key_ = key;
    }
    auto bit = (*last_)[vpn.value & ((1U << kChunkBits) - 1)];
    if (bit) return false;
    bit = true;
    return true;
  }
  void clear() {
    chunks_.clear();
    last_ = nullptr;
  }

 private:
  static constexpr unsigned kChunkBits = 12;
  using Chunk = std::bitset<1U << kChunkBits>;
  std::unordered_map<std::uint64_t, Chunk> chunks_;
  Chunk* last_ = nullptr;  // unordered_map never moves its values
  std::uint64_t last_key_ = 0;
};

}  // namespace pw::replay
