// How the page cache holds a file: in folios, runs of 2^order pages aligned to their size that come
// and go together (struct folio, linux/mm_types.h).
//
// Owned by the file's VmObject. Only what is not ordinary is written down: folios of more than one
// page, and those that carry the readahead mark (PG_readahead). Every other page is a folio by
// itself. A folio says nothing about frames: its pages need not lie next to each other, and which
// of them are in memory the slots tell. Folios never overlap.
#pragma once

#include <cstdint>
#include <map>

#include "base/units.hpp"

namespace pw {

inline constexpr unsigned kMostFolioOrder = 9;  // MAX_PAGECACHE_ORDER: what one page table maps

struct FolioSpan {
  PageOffset first{0};
  unsigned order = 0;

  PageCount pages() const { return PageCount(std::uint64_t{1} << order); }
  PageOffset end() const { return first + pages(); }
  bool contains(PageOffset at) const { return first <= at && at < end(); }
  friend bool operator==(const FolioSpan&, const FolioSpan&) = default;
};

class Folios {
 public:
  // The folio that holds, or would hold, page `at`.
  FolioSpan find(PageOffset at) const {
    const auto it = holder(at);
    return it == folios_.end() ? FolioSpan{at, 0} : span(*it);
  }
  // The folio with the mark is where reading ahead goes on once it is reached.
  bool marked(PageOffset at) const {
    const auto it = holder(at);
    return it != folios_.end() && it->second.marked;
  }
  // A new folio; what was known of its pages is forgotten.
  void add(FolioSpan folio, bool marked);
  void clear_mark(PageOffset at);
  // The folio of page `at` has left the page cache.
  void forget(PageOffset at) {
    const auto it = holder(at);
    if (it != folios_.end()) folios_.erase(it);
  }
  // The pages [begin, end) have left it. A folio that lies across an end is split there, the halves
  // that the end is not in staying as large as they can (folio_split(), mm/huge_memory.c).
  void erase(PageOffset begin, PageOffset end);
  bool empty() const { return folios_.empty(); }

 private:
  struct Folio {
    std::uint8_t order = 0;
    bool marked = false;
  };
  using Map = std::map<std::uint64_t, Folio>;  // by first page

  static FolioSpan span(const Map::value_type& entry) {
    return {PageOffset(entry.first), entry.second.order};
  }
  Map::const_iterator holder(PageOffset at) const;
  void split(PageOffset at);

  Map folios_;
};

}  // namespace pw
