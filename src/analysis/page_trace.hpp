// A plain sequence of page references over dense ids: what imported traces are.
//
// Every reference is there (no filter), by one reader in one memory. 4 bytes a reference. Owned by
// whoever opened the trace; shared, unchanged, by everything that runs over it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/dense_trace.hpp"

namespace pw::analysis {

struct PageTrace {
  std::vector<PageId> pages;
  std::uint32_t ids = 0;             // ids in use are 0 .. ids-1
  std::vector<std::uint64_t> names;  // by id: what the trace called the page; empty: its id

  std::uint64_t references() const { return pages.size(); }
};

// Takes the references of a trace as they are read, block by block, in their order. Ids are those
// that the trace would have as a whole: 0 for the page that comes first, and so on.
class PageSink {
 public:
  virtual ~PageSink() = default;
  virtual void take(std::span<const PageId> pages) = 0;
};

// By reference: the index of the next one to the same page; kNoNext if there is none. At most
// 2^32 - 1 references.
inline constexpr std::uint32_t kNoNext = 0xFFFF'FFFFU;
std::vector<std::uint32_t> next_references(const PageTrace& trace);

}  // namespace pw::analysis
