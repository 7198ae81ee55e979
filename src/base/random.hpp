// Seeded random numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Small state, same numbers
// everywhere. Its mixing step alone is a hash of 64-bit numbers.
#pragma once

#include <cstdint>

namespace pw {

// One to one; every bit of the result depends on every bit of `z`. 0 stays 0.
constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() { return mix64(state_ += 0x9E3779B97F4A7C15ULL); }
  // Uniform in [0, n); n > 0. Multiply-shift (Lemire), bias below n / 2^64.
  constexpr std::uint64_t below(std::uint64_t n) {
    __extension__ using Wide = unsigned __int128;  // 128 bits are not ISO C++
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * n) >> 64);
  }
  constexpr bool chance(std::uint64_t one_in) { return below(one_in) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace pw
