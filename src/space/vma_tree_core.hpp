// The untyped half of VmaTree: a B+-tree of disjoint half-open page ranges, ordered by address, in
// which every node knows the largest hole between the ranges below it.
//
// Why a B+-tree: with 100,000 areas a binary tree visits some twenty scattered cache lines for a
// search, this one four nodes (Linux replaced its red-black tree of areas by the B-tree-like maple
// tree for the same reason, lib/maple_tree.c). Summaries do not depend on neighbours, so that a
// change mends one path only.
//
// Owned by VmaTree; owns its nodes, not the items. Invariants:
//   - items are sorted and disjoint; each entry of an inner node repeats its child's summary;
//   - every node but the root has at least kMinEntries entries, an inner root at least two;
//   - all leaves have the same depth and are chained from left to right.
// A hole is the free space between an item's end and its successor's `gap_begin`. That is the
// successor's begin, or lower: a stack claims a guard below itself (vm_start_gap() in Linux,
// include/linux/mm.h). A guard reaches down to the preceding item at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace pw::detail {

class VmaTreeCore {
 public:
  static constexpr unsigned kMaxEntries = 22;  // a search reads three cache lines of a node
  static constexpr unsigned kMinEntries = kMaxEntries / 4;

  struct alignas(64) Node {
    std::uint32_t count;
    bool leaf;
    Node* next_leaf;
    std::uint64_t end[kMaxEntries];        // of the last item below
    std::uint64_t gap_begin[kMaxEntries];  // of the first item below
    union {
      std::uint64_t hole[kMaxEntries];   // inner node: largest between the items below
      std::uint64_t begin[kMaxEntries];  // leaf: of the item
    };
    void* child[kMaxEntries];  // Node* in an inner node, the item in a leaf
  };

  // A place among the items; valid until the next insert or erase.
  struct Cursor {
    const Node* leaf = nullptr;
    unsigned index = 0;
    void* item() const { return leaf == nullptr ? nullptr : leaf->child[index]; }
    std::uint64_t begin() const { return leaf == nullptr ? ~std::uint64_t{0} : leaf->begin[index]; }
    void advance() {
      if (++index < leaf->count) return;
      leaf = leaf->next_leaf;
      index = 0;
    }
  };

  VmaTreeCore() = default;
  VmaTreeCore(VmaTreeCore&& other) noexcept;
  VmaTreeCore& operator=(VmaTreeCore&& other) noexcept;
  ~VmaTreeCore() { clear(); }

  std::size_t size() const { return size_; }
  Cursor first() const;
  // The first item that ends above `page`: it contains the page or is the next one.
  Cursor lower_bound(std::uint64_t page) const;
  // The last item that ends at `page` or below; null if there is none.
  void* last_before(std::uint64_t page) const;

  // The range [begin, end) must be free.
  void insert(std::uint64_t begin, std::uint64_t gap_begin, std::uint64_t end, void* item);
  // Both need the item's present begin; `item` proves that it is the right one.
  void erase(std::uint64_t begin, const void* item);
  void update(std::uint64_t begin, const void* item, std::uint64_t new_begin,
              std::uint64_t new_gap_begin, std::uint64_t new_end);
  void clear();

  // First page of the highest (lowest) run of `pages` free pages inside [low, high): the run lies
  // at the top (bottom) end of its hole.
  std::optional<std::uint64_t> highest_gap(std::uint64_t pages, std::uint64_t low,
                                           std::uint64_t high) const;
  std::optional<std::uint64_t> lowest_gap(std::uint64_t pages, std::uint64_t low,
                                          std::uint64_t high) const;
  // Proves the invariants (PW_CHECK); O(n).
  void verify() const;

 private:
  static constexpr unsigned kMaxDepth = 12;  // kMinEntries^12 items: never reached

  struct Path {
    Node* node[kMaxDepth] = {};
    unsigned index[kMaxDepth] = {};
    unsigned leaf = 0;  // depth of the leaf
  };

  Path descend(std::uint64_t page) const;
  void refresh(const Path& path, unsigned depth);
  void split(Path& path, unsigned depth);
  void grow_root();
  void rebalance(Path& path, unsigned depth);
  unsigned verify_node(const Node& node, bool root, std::size_t& items) const;

  Node* root_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace pw::detail
