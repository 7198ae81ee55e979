// Which pages a sample takes: decided by a hash of the page's name alone, so that a reader can pass
// over the others before anything is known of them. See sampling.hpp for what samples are good for.
//
// The hash is SplitMix64's mixing step over the name and a key made of the seed. Its upper half is
// the page's chance: the page is in where that lies below a threshold. Its lowest bits choose the
// page's part.
//
// With a limit on pages in place of a rate, the threshold falls as pages come (fixed-size SHARDS,
// Waldspurger, Park, Garthwaite, Ahmad, FAST 2015): it is the chance of the page that is one too
// many. A page that was in and is not any more never comes back. Owned by who reads a trace.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <queue>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"

namespace pw::analysis {

inline constexpr std::uint32_t kParts = 4;

// What to take; exactly one of rate and pages is set.
struct SampleSize {
  double rate = 0;          // share of the pages, 0 .. 1
  std::uint32_t pages = 0;  // or that many of them
  std::uint64_t seed = 1;   // of the hash
};

class SampleChoice {
 public:
  explicit SampleChoice(const SampleSize& size)
      : key_(Random(size.seed).next()), limit_(size.pages) {
    PW_CHECK((size.rate > 0) != (size.pages > 0) && size.rate <= 1);
    if (limit_ == 0) threshold_ = static_cast<std::uint64_t>(std::llround(size.rate * 0x1p32));
  }

  // Whether the page is in, as far as is known now.
  [[gnu::always_inline]] bool takes(std::uint64_t name) const {
    return hash(name) >> 32 < threshold_;
  }
  std::uint8_t part(std::uint64_t name) const {  // 0 .. kParts-1
    return static_cast<std::uint8_t>(hash(name) % kParts);
  }
  // To be told of each page that is in, once. With a limit, others may be out from here on.
  void add(std::uint64_t name) {
    if (limit_ == 0) return;
    chances_.push(static_cast<std::uint32_t>(hash(name) >> 32));
    if (chances_.size() <= limit_) return;
    threshold_ = chances_.top();
    while (!chances_.empty() && chances_.top() >= threshold_) chances_.pop();
  }
  bool limited() const { return limit_ != 0; }
  double rate() const {
    return static_cast<double>(std::max<std::uint64_t>(threshold_, 1)) * 0x1p-32;
  }

 private:
  std::uint64_t hash(std::uint64_t name) const { return mix64(name ^ key_); }

  std::uint64_t key_;
  std::uint64_t threshold_ = std::uint64_t{1} << 32;
  std::uint32_t limit_;                         // 0: none
  std::priority_queue<std::uint32_t> chances_;  // of the pages that are in, if there is a limit
};

}  // namespace pw::analysis
