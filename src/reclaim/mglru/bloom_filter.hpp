// Which page tables are worth walking: two Bloom filters over the directory entries that lead to
// them (test_bloom_filter(), update_bloom_filter(), reset_bloom_filter(), mm/vmscan.c).
//
// The walk that begins generation n looks only at tables in filter n, and puts those that had
// enough references into filter n + 1; so does eviction, when it meets a page in use among others
// in use. Filters take turns, so that a table which nobody uses any more drops out. A filter that
// was never begun knows nothing and lets everything pass.
//
// 2^15 bits and two hash functions; false positives cost a walk in vain, nothing else. Entries are
// named by their physical addresses, hashed as the kernel does with its own addresses of them
// (hash_64(), linux/hash.h).
//
// Owned by PageTableWalk.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace pw {

class BloomFilters {
 public:
  static constexpr unsigned kShift = 15;

  bool may_contain(std::uint64_t seq, std::uint64_t entry) const {
    const Bits& bits = filters_[seq % 2];
    if (bits.empty()) return true;
    const Keys keys = keys_of(entry);
    return bits[keys.low] && bits[keys.high];
  }
  void add(std::uint64_t seq, std::uint64_t entry) {
    Bits& bits = filters_[seq % 2];
    if (bits.empty()) return;
    const Keys keys = keys_of(entry);
    bits[keys.low] = bits[keys.high] = true;
  }
  void begin(std::uint64_t seq) { filters_[seq % 2].assign(std::size_t{1} << kShift, false); }

 private:
  using Bits = std::vector<bool>;
  struct Keys {
    std::size_t low, high;
  };
  static Keys keys_of(std::uint64_t entry) {
    constexpr std::uint64_t kGoldenRatio = 0x61C8864680B583EBULL;
    constexpr std::uint64_t kDirectMap = 0xFFFF'8880'0000'0000ULL;  // where the kernel sees RAM
    const std::uint64_t hash = ((entry + kDirectMap) * kGoldenRatio) >> (64 - 2 * kShift);
    return {static_cast<std::size_t>(hash & ((std::uint64_t{1} << kShift) - 1)),
            static_cast<std::size_t>(hash >> kShift)};
  }

  std::array<Bits, 2> filters_;
};

}  // namespace pw
