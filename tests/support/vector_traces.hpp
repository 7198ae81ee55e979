// The three traces that the miss counts in tests/data/policy-misses.csv belong to: 20 million
// references each, the same on every machine (SplitMix64, seed 42).
//   zipf   Zipf's law with exponent 1 over a million pages in random order
//   loop   200,000 pages, again and again
//   phase  ten phases; nine references of ten within a window of 100,000 pages that moves by half
//          its width from phase to phase, the others anywhere in a million
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"

namespace pw::test {

inline constexpr std::size_t kVectorReferences = 20'000'000;
inline constexpr std::uint64_t kVectorSeed = 42;

namespace detail {

inline std::vector<std::uint32_t> zipf_trace(std::size_t count, Random random) {
  constexpr std::uint32_t kPages = 1'000'000;
  std::vector<std::uint32_t> page(kPages);
  for (std::uint32_t i = 0; i < kPages; ++i) page[i] = i;
  for (std::uint32_t i = kPages; i > 1; --i) std::swap(page[i - 1], page[random.below(i)]);
  std::vector<double> below(kPages);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < kPages; ++rank) below[rank] = sum += 1.0 / (rank + 1.0);
  std::vector<std::uint32_t> trace(count);
  for (std::uint32_t& reference : trace) {
    const double unit = static_cast<double>(random.next() >> 11) / 9007199254740992.0;
    const auto rank = std::upper_bound(below.begin(), below.end(), unit * sum) - below.begin();
    reference = page[std::min<std::size_t>(static_cast<std::size_t>(rank), kPages - 1)];
  }
  return trace;
}

inline std::vector<std::uint32_t> loop_trace(std::size_t count) {
  std::vector<std::uint32_t> trace(count);
  for (std::size_t i = 0; i < count; ++i) trace[i] = static_cast<std::uint32_t>(i % 200'000);
  return trace;
}

inline std::vector<std::uint32_t> phase_trace(std::size_t count, Random random) {
  constexpr std::uint32_t kPages = 1'000'000;
  constexpr std::uint32_t kWindow = 100'000;
  std::vector<std::uint32_t> trace(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t phase = std::min<std::uint64_t>(i / (count / 10), 9);
    const bool inside = random.below(10) != 0;
    trace[i] = static_cast<std::uint32_t>(inside ? kWindow / 2 * phase + random.below(kWindow)
                                                 : random.below(kPages));
  }
  return trace;
}

}  // namespace detail

// `name` is zipf, loop or phase.
inline std::vector<std::uint32_t> vector_trace(std::string_view name,
                                               std::size_t count = kVectorReferences,
                                               std::uint64_t seed = kVectorSeed) {
  if (name == "zipf") return detail::zipf_trace(count, Random(seed));
  if (name == "loop") return detail::loop_trace(count);
  PW_CHECK(name == "phase");
  return detail::phase_trace(count, Random(seed));
}

// FNV-1a over the references as words: proves that a trace is the one meant.
constexpr std::uint64_t kZipfHash = 0x7d67249a8328f3c5, kLoopHash = 0xf57d394828c2bf83,
                        kPhaseHash = 0xfa1ad6c5999794f7;
inline std::uint64_t trace_hash(const std::vector<std::uint32_t>& trace) {
  std::uint64_t hash = 1469598103934665603ULL;
  for (const std::uint32_t page : trace) hash = (hash ^ page) * 1099511628211ULL;
  return hash;
}

}  // namespace pw::test
