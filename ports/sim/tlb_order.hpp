// Which way of a set goes next: the orders behind LRU and FIFO in sets too wide for stamps
// (tlb_row.hpp), and behind tree-PLRU.
//
// RecencyList: a ring of links. TreeBits: the binary tree of tree-PLRU, one bit a node, set when
// the victim is to the right; ways that are no power of two are the leaves of the next larger tree,
// whose missing leaves are never chosen.
//
// Pure bookkeeping: the arrays of tlb.hpp and walk_cache.hpp own them and know which ways are
// valid. An invalid way is made the least recent, so that it is the next to be filled.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace pw::sim {

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
