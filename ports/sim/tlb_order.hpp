// Which way of a set goes next: the orders behind LRU, FIFO and tree-PLRU, as small as they can be
// kept.
//
// RecencyMatrix: up to 8 ways in one word, one byte a way, bit j of byte i set if way i is more
// recent than way j; a move is an OR and an AND, and the least recent way is the one whose byte is
// zero (the matrix of the hardware textbooks). RecencyList: the same for wider sets, a doubly
// linked list. TreeBits: the binary tree of tree-PLRU, one bit a node, set when the victim is to
// the right; ways that are no power of two are the leaves of the next larger tree, whose missing
// leaves are never chosen.
//
// Pure bookkeeping: the arrays of tlb.hpp own the words and know which ways are valid. An invalid
// way is made the least recent, so that it is the next to be filled.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace pw::sim {

// Bytes of a word, one for each of 8 ways.
namespace bytes {
inline constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ULL;
inline constexpr std::uint64_t kHighs = kOnes << 7;

// The high bit of every zero byte, and now and then of one above a zero byte; the lowest is always
// true.
constexpr std::uint64_t zeros(std::uint64_t word) { return (word - kOnes) & ~word & kHighs; }
// The way of the lowest bit set; there must be one (std::countr_zero would test for it).
constexpr unsigned way_of(std::uint64_t bits) {
  return static_cast<unsigned>(__builtin_ctzll(bits)) >> 3;
}
// All bits of the byte whose high bit is given.
constexpr std::uint64_t whole(std::uint64_t high_bit) { return (high_bit << 1) - (high_bit >> 7); }
}  // namespace bytes

class RecencyMatrix {
 public:
  static constexpr unsigned kMaxWays = 8;

  constexpr RecencyMatrix() = default;
  explicit constexpr RecencyMatrix(unsigned ways) {
    for (unsigned way = 0; way < kMaxWays; ++way) {
      const unsigned row = way < ways ? (1U << ways) - 1 : 0xFF;
      used_ |= std::uint64_t{row} << (8 * way);
    }
  }

  // Each way more recent than those below it. Ways that there are not never are the least recent.
  static constexpr std::uint64_t initial() {
    std::uint64_t matrix = 0;
    for (unsigned way = 0; way < kMaxWays; ++way) {
      matrix |= std::uint64_t{(1U << way) - 1} << (8 * way);
    }
    return matrix;
  }
  // The high bit of the byte of the least recent way.
  constexpr std::uint64_t least(std::uint64_t matrix) const {
    const std::uint64_t zeros = bytes::zeros(matrix & used_);
    return zeros & (~zeros + 1);
  }
  // A way is given twice: as the high bit of its byte, and as its number.
  static constexpr std::uint64_t to_front(std::uint64_t matrix, std::uint64_t high, unsigned way) {
    return (matrix | bytes::whole(high)) & ~(bytes::kOnes << way);
  }
  static constexpr std::uint64_t to_back(std::uint64_t matrix, std::uint64_t high, unsigned way) {
    return (matrix | bytes::kOnes << way) & ~bytes::whole(high);
  }

 private:
  std::uint64_t used_ = 0;  // the columns that count: of ways that there are
};

// Orders the ways of one set, any number of them.
class RecencyList {
 public:
  RecencyList() = default;
  explicit RecencyList(std::uint32_t ways) : links_(std::size_t{ways} + 1) {
    for (std::uint32_t i = 0; i <= ways; ++i) {
      links_[i].next = i == ways ? 0 : i + 1;
      links_[i].prev = i == 0 ? ways : i - 1;
    }
  }
  std::uint32_t last() const { return links_[0].prev - 1; }
  void to_front(std::uint32_t way) {
    Link* links = links_.data();
    unlink(links, way + 1);
    insert_after(links, 0, way + 1);
  }
  void to_back(std::uint32_t way) {
    Link* links = links_.data();
    unlink(links, way + 1);
    insert_after(links, links->prev, way + 1);
  }

 private:
  // Element 0 is the anchor: its next is the most recent way, its prev the least; way w is element
  // w + 1.
  struct Link {
    std::uint32_t next = 0, prev = 0;
  };
  static void unlink(Link* links, std::uint32_t i) {
    links[links[i].prev].next = links[i].next;
    links[links[i].next].prev = links[i].prev;
  }
  static void insert_after(Link* links, std::uint32_t at, std::uint32_t i) {
    const std::uint32_t next = links[at].next;
    links[i] = {next, at};
    links[at].next = i;
    links[next].prev = i;
  }

  std::vector<Link> links_;
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
