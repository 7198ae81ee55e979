// One set of up to eight ways: keys side by side, so that they are compared where they lie, their
// data, a stamp of last use for each, and the way to take for a key, found without a branch.
//
// A stamp is a number of 16 bits, the larger the later. So the least recent way is that with the
// lowest stamp; a way that has the wanted key takes part in the search with stamp 0, which no way
// has, and then the lowest stamp is the answer for hits and misses alike. On x86-64 this is SSE4.1
// (PHMINPOSUW finds the lowest of eight numbers of 16 bits), elsewhere a loop, with the same
// answer.
//
// Pure: the arrays of tlb.hpp own rows and give out stamps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

namespace pw::sim {

struct alignas(16) TlbRow {
  static constexpr unsigned kWays = 8;
  static constexpr std::uint16_t kInvalid = 1;      // of an invalid way: the first to be filled
  static constexpr std::uint16_t kOldest = 2;       // of valid ways, up to
  static constexpr std::uint16_t kLatest = 0xFFFE;  // this
  static constexpr std::uint16_t kUnused = 0xFFFF;  // of a way that the set does not have

  explicit TlbRow(unsigned ways) {
    for (unsigned way = 0; way < kWays; ++way) stamps[way] = way < ways ? kInvalid : kUnused;
  }
  // The same order in the lowest stamps that will do.
  void renumber();

  // By way.
  std::array<std::uint64_t, kWays> keys{};  // 0: invalid
  std::array<std::uint64_t, kWays> data{};
  std::array<std::uint16_t, kWays> stamps{};
};

// The way that has a key or, if there is none, the one to be replaced.
struct TlbChoice {
  std::uint32_t way_and_stamp;  // in 16 bits each, the way above; as stamp 0 if it has the key
  std::uint32_t way() const { return way_and_stamp >> 16; }
  std::uint32_t stamp() const { return way_and_stamp & 0xFFFF; }
  bool found() const { return stamp() == 0; }
  // All bits if found, else none: the sign of the stamp less one, since of a comparison compilers
  // would make one bit first.
  std::uint64_t found_mask() const {
    return static_cast<std::uint64_t>((std::int64_t{stamp()} - 1) >> 63);
  }
};

#if defined(__SSE4_1__)
namespace detail {

[[gnu::always_inline]] inline __m128i two(const std::uint64_t* keys) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(keys));
}
// 32 bits for each of four ways.
[[gnu::always_inline]] inline __m128i equal_four(const std::uint64_t* keys, __m128i key) {
  return _mm_packs_epi32(_mm_cmpeq_epi64(two(keys), key), _mm_cmpeq_epi64(two(keys + 2), key));
}

}  // namespace detail
#endif

[[gnu::always_inline]] inline TlbChoice choose(const TlbRow& row, std::uint64_t key) {
#if defined(__SSE4_1__)
  const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(key));
  const std::uint64_t* keys = row.keys.data();
  const __m128i equal = _mm_packs_epi16(detail::equal_four(keys, wanted),
                                        detail::equal_four(keys + 4, wanted));
  const __m128i stamps = _mm_load_si128(reinterpret_cast<const __m128i*>(row.stamps.data()));
  const __m128i lowest = _mm_minpos_epu16(_mm_andnot_si128(equal, stamps));
  return {static_cast<std::uint32_t>(_mm_cvtsi128_si32(lowest))};
#else
  std::uint32_t lowest = TlbRow::kUnused, lowest_way = 0;
  for (std::uint32_t way = 0; way < TlbRow::kWays; ++way) {
    const std::uint32_t stamp = row.keys[way] == key ? 0 : row.stamps[way];
    if (stamp >= lowest) continue;
    lowest = stamp;
    lowest_way = way;
  }
  return {lowest_way << 16 | lowest};
#endif
}

inline void TlbRow::renumber() {
  const std::array<std::uint16_t, kWays> old = stamps;
  for (unsigned way = 0; way < kWays; ++way) {
    if (old[way] < kOldest || old[way] == kUnused) continue;
    stamps[way] = kOldest;
    for (const std::uint16_t other : old) {
      if (other >= kOldest && other < old[way]) ++stamps[way];
    }
  }
}

}  // namespace pw::sim
