// Where the page cache has its next gap: page_cache_next_miss() and page_cache_prev_miss().
//
// They walk with xas_next() and xas_prev() (lib/xarray.c), which lose their way in one place, and
// the windows of readahead show it: a walk that begins within a folio looks at the folio's first
// entry, but goes on counting from the page where it began, until it comes to another node of the
// tree (64 pages, or 64 blocks of 64 pages for folios of 64 pages and more). So a gap may be told
// up to a folio's length behind its place, or before it. The walk is modelled with that.
#pragma once

#include "object/vm_object.hpp"

namespace pw {

inline constexpr std::uint64_t kBeforeFile = ~std::uint64_t{0};

// The first page from `index` on that is not there, of `most` pages; index + most if there is none.
std::uint64_t next_miss(const VmObject& file, std::uint64_t index, std::uint64_t most);

// The last page up to `index` that is not there; kBeforeFile: all are, and that is fewer than
// `most` pages. Else the last page looked at.
std::uint64_t previous_miss(const VmObject& file, std::uint64_t index, std::uint64_t most);

}  // namespace pw
