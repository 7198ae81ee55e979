// Exact LRU miss counts for every memory size at once, in one pass.
//
// LRU is a stack algorithm (Mattson, Gecsei, Slutz, Traiger, IBM Systems Journal 9(2), 1970): a
// memory of m pages holds the m most recently referenced ones, so a reference misses in it exactly
// if its stack distance - the number of distinct pages referenced since the page's last reference,
// itself included - is greater than m. On a DenseTrace the distance at `Use p` is
//     pages in use + pages that went to rest after p did + 1,
// because every page in use has been referenced since p's last reference (p left an LRU filter that
// kept them), and pages rest in the order of their last references. Dropped pages count no more.
//
// The pages at rest are a bitmap over time with a Fenwick tree of its words' population counts
// (Fenwick, Software: Practice and Experience 24(3), 1994), compacted when it is full:
// O(log pages) an operation, memory O(pages).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_trace.hpp"
#include "analysis/stack_curve.hpp"

namespace pw::analysis {

// The pages at rest in the order they went there. Owned by lru_curve().
class RestStack {
 public:
  explicit RestStack(std::uint32_t ids);

  bool contains(PageId id) const { return position_[id] != kAbsent; }
  void push(PageId id);                  // not contained
  void remove(PageId id);                // contained
  std::uint64_t above(PageId id) const;  // how many went to rest after `id`; contained

 private:
  static constexpr std::uint32_t kAbsent = 0xFFFF'FFFFU;

  void add(std::uint32_t word, std::uint32_t delta);
  void rebuild(std::size_t words);

  std::vector<std::uint64_t> bits_;      // by position
  std::vector<std::uint32_t> tree_;      // Fenwick tree over popcount(bits_[i]), from 1
  std::vector<PageId> page_at_;          // by position; meaningful where the bit is set
  std::vector<std::uint32_t> position_;  // by id
  std::uint32_t next_ = 0;
  std::uint32_t live_ = 0;
};

using LruCurve = StackCurve;

// Known for filter_pages pages and more. `progress` gets the part done, 0..1; may be empty.
LruCurve lru_curve(const DenseTrace& trace, const std::function<void(double)>& progress = {});
LruCurve lru_curve(const PageTrace& trace, const std::function<void(double)>& progress = {});

}  // namespace pw::analysis
