// One set of up to eight ways: its slots side by side, a stamp of last use for each, and the way
// to take for a key, found without a branch.
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

struct alignas(16) TlbSlot {
  std::uint64_t key = 0;  // 0: invalid
  std::uint64_t data = 0;
};

struct alignas(64) TlbRow {
  static constexpr unsigned kWays = 8;
  std::array<TlbSlot, kWays> slots;
};

struct alignas(16) TlbStamps {
  static constexpr std::uint16_t kInvalid = 1;      // of an invalid way: the first to be filled
  static constexpr std::uint16_t kOldest = 2;       // of valid ways, up to
  static constexpr std::uint16_t kLatest = 0xFFFE;  // this
  static constexpr std::uint16_t kUnused = 0xFFFF;  // of a way that the set does not have

  explicit TlbStamps(unsigned ways) {
    for (unsigned way = 0; way < TlbRow::kWays; ++way) {
      of_way[way] = way < ways ? kInvalid : kUnused;
    }
  }
  // The same order in the lowest numbers that will do.
  void renumber();

  std::array<std::uint16_t, TlbRow::kWays> of_way;
};

// The way that has a key or, if there is none, the one to be replaced.
struct TlbChoice {
  std::uint32_t way;
  std::uint32_t lowest;  // its stamp; 0: it has the key
};

namespace detail {

#if defined(__SSE4_1__)

[[gnu::always_inline]] inline __m128i equal_pair(const TlbSlot* slots, __m128i key) {
  const __m128i first = _mm_load_si128(reinterpret_cast<const __m128i*>(slots));
  const __m128i second = _mm_load_si128(reinterpret_cast<const __m128i*>(slots + 1));
  return _mm_cmpeq_epi64(_mm_unpacklo_epi64(first, second), key);
}
[[gnu::always_inline]] inline __m128i equal_four(const TlbSlot* slots, __m128i key) {
  return _mm_packs_epi32(equal_pair(slots, key), equal_pair(slots + 2, key));
}

template <unsigned kWays>
[[gnu::always_inline]] inline TlbChoice choose(const TlbRow& row, const TlbStamps& stamps,
                                               std::uint64_t key) {
  const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(key));
  const TlbSlot* slots = row.slots.data();
  const __m128i low = equal_four(slots, wanted);
  // (Of four, the first match counts.)
  const __m128i high = kWays > 4 ? equal_four(slots + 4, wanted) : low;
  const __m128i equal = _mm_packs_epi16(low, high);  // 16 bits for each way
  const __m128i used = _mm_load_si128(reinterpret_cast<const __m128i*>(&stamps));
  const __m128i lowest = _mm_minpos_epu16(_mm_andnot_si128(equal, used));
  const auto both = static_cast<std::uint32_t>(_mm_cvtsi128_si32(lowest));
  return {both >> 16, both & 0xFFFF};
}
#else

template <unsigned kWays>
TlbChoice choose(const TlbRow& row, const TlbStamps& stamps, std::uint64_t key) {
  TlbChoice choice{0, TlbStamps::kUnused};
  for (unsigned way = 0; way < kWays; ++way) {
    const std::uint32_t stamp = row.slots[way].key == key ? 0 : stamps.of_way[way];
    if (stamp < choice.lowest) choice = {way, stamp};
  }
  return choice;
}

#endif

}  // namespace detail

// In a set of which no way but the first four, or eight, is in use.
[[gnu::always_inline]] inline TlbChoice choose_of_4(const TlbRow& row, const TlbStamps& stamps,
                                                    std::uint64_t key) {
  return detail::choose<4>(row, stamps, key);
}
[[gnu::always_inline]] inline TlbChoice choose_of_8(const TlbRow& row, const TlbStamps& stamps,
                                                    std::uint64_t key) {
  return detail::choose<8>(row, stamps, key);
}

inline void TlbStamps::renumber() {
  const std::array<std::uint16_t, TlbRow::kWays> old = of_way;
  for (unsigned way = 0; way < TlbRow::kWays; ++way) {
    if (old[way] < kOldest || old[way] == kUnused) continue;
    of_way[way] = kOldest;
    for (const std::uint16_t other : old) {
      if (other >= kOldest && other < old[way]) ++of_way[way];
    }
  }
}

}  // namespace pw::sim
