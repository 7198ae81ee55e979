// Which way of a set goes next: the orders behind LRU, FIFO and tree-PLRU, as small as they can be
// kept.
//
// RecencyPlaces: up to 8 ways in one word, byte p the way in place p, place 0 the most recent. The
// victim is the last byte and putting it first is a rotation, the commonest change in a TLB that
// misses. RecencyList: the same for wider sets, a ring of links. TreeBits: the binary tree of
// tree-PLRU, one bit a node, set when the victim is to the right; ways that are no power of two are
// the leaves of the next larger tree, whose missing leaves are never chosen.
//
// Pure bookkeeping: the arrays of tlb.hpp own the words and know which ways are valid. An invalid
// way is made the least recent, so that it is the next to be filled.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace pw::sim {

// Bytes of a word, one for each of 8 places.
namespace bytes {
inline constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ULL;
inline constexpr std::uint64_t kHighs = kOnes << 7;

// The high bit of every zero byte, and now and then of one above a zero byte; the lowest is always
// true.
constexpr std::uint64_t zeros(std::uint64_t word) { return (word - kOnes) & ~word & kHighs; }
// How far to shift the byte whose high bit is the lowest bit set down to bit 0; there must be one
// (std::countr_zero would test for it).
constexpr unsigned shift_of(std::uint64_t highs) {
  return static_cast<unsigned>(__builtin_ctzll(highs)) - 7;
}
// All bits of the bytes up to that one.
constexpr std::uint64_t up_to(std::uint64_t highs) { return highs ^ (highs - 1); }
constexpr std::uint64_t low(std::uint64_t word) { return word & 0xFF; }
}  // namespace bytes

// The order of the ways of a set in one word, and in another word bytes that go with them from
// place to place ("marks"). Places without a way hold way 0, which does no harm to a search that
// begins with the first place.
class RecencyPlaces {
 public:
  static constexpr unsigned kMaxWays = 8;

  constexpr RecencyPlaces() = default;
  explicit constexpr RecencyPlaces(unsigned ways)  // 1 to 8
      : last_(8 * (ways - 1)), used_(~std::uint64_t{0} >> (56 - last_)) {}

  // Each way more recent than those below it.
  constexpr std::uint64_t initial() const { return 0x0001'0203'0405'0607ULL >> (56 - last_); }
  // As bytes::zeros, for the place of a way.
  static constexpr std::uint64_t place_of(std::uint64_t order, std::uint64_t way) {
    return bytes::zeros(order ^ way * bytes::kOnes);
  }
  // A word after the byte in the place `high` (as bytes::zeros gives it) has gone to the first.
  [[gnu::always_inline]] static constexpr std::uint64_t to_front(std::uint64_t word,
                                                                 std::uint64_t high,
                                                                 std::uint64_t byte) {
    return word ^ ((word ^ (word << 8 | byte)) & bytes::up_to(high));
  }
  // The same of the last place, whatever was in it.
  constexpr std::uint64_t last_to_front(std::uint64_t word, std::uint64_t byte) const {
    return (word << 8 | byte) & used_;
  }
  // A word after the byte in the place `high` has gone to the last.
  constexpr std::uint64_t to_back(std::uint64_t word, std::uint64_t high,
                                  std::uint64_t byte) const {
    const std::uint64_t before = bytes::up_to(high) >> 8;
    return (word & before) | (word >> 8 & ~before & used_ >> 8) | byte << last_;
  }
  // The least recent way.
  constexpr std::uint64_t last(std::uint64_t order) const { return bytes::low(order >> last_); }

 private:
  unsigned last_ = 0;                       // the shift of the last place
  std::uint64_t used_ = ~std::uint64_t{0};  // the places that have a way
};

// Orders the ways of one set, any number of them: a ring from the most recent way to the least and
// back, so that putting the least recent first only turns it.
class RecencyList {
 public:
  RecencyList() = default;
  explicit RecencyList(std::uint32_t ways) : links_(ways) {
    for (std::uint32_t way = 0; way < ways; ++way) {
      links_[way].next = way + 1 == ways ? 0 : way + 1;
      links_[way].prev = way == 0 ? ways - 1 : way - 1;
    }
  }
  std::uint32_t last_to_front() { return first_ = links_[first_].prev; }
  void to_front(std::uint32_t way) {
    if (way == first_) return;
    Link* const links = links_.data();
    const Link old = links[way];
    links[old.prev].next = old.next;
    links[old.next].prev = old.prev;
    const std::uint32_t last = links[first_].prev;
    links[first_].prev = way;
    links[way].next = first_;
    links[last].next = way;
    links[way].prev = last;
    first_ = way;
  }
  void to_back(std::uint32_t way) {
    to_front(way);
    first_ = links_[way].next;
  }

 private:
  struct Link {
    std::uint32_t next = 0, prev = 0;
  };

  std::vector<Link> links_;
  std::uint32_t first_ = 0;  // the most recent way
};

class TreeBits {
 public:
  static constexpr unsigned words(std::uint32_t ways) { return (std::bit_ceil(ways) + 63) / 64; }

  static void touch(std::uint64_t* bits, std::uint32_t way, std::uint32_t ways) {
    std::uint32_t node = 1;
    for (std::uint32_t half = std::bit_ceil(ways) / 2; half != 0; half /= 2) {
      const std::uint32_t right = (way & half) != 0 ? 1 : 0;
      const std::uint64_t bit = std::uint64_t{1} << (node % 64);
      bits[node / 64] = right != 0 ? bits[node / 64] & ~bit : bits[node / 64] | bit;
      node = 2 * node + right;
    }
  }
  static std::uint32_t victim(const std::uint64_t* bits, std::uint32_t ways) {
    std::uint32_t node = 1;
    std::uint32_t first = 0;
    for (std::uint32_t half = std::bit_ceil(ways) / 2; half != 0; half /= 2) {
      const bool right = ((bits[node / 64] >> (node % 64)) & 1) != 0 && first + half < ways;
      first += right ? half : 0;
      node = 2 * node + (right ? 1 : 0);
    }
    return first;
  }
};

}  // namespace pw::sim
