// A trace as it would be with larger pages: 64 KiB, 2 MiB.
//
// A large page is in use while any of its parts is, and is given back when the last part of it that
// was touched is. Exact for memories of as many large pages as the trace is for small ones: between
// two hidden references fewer than K other pages, large or small, are referenced.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_log.hpp"

namespace pw::analysis {

struct LargeTrace {
  DenseTrace trace;
  std::vector<PageId> first_part;  // by large id: the small page that was touched first
};

// `bits`: a large page has 2^bits small ones. `places`: by the trace's ids.
LargeTrace with_larger_pages(const DenseTrace& trace, const std::vector<PagePlace>& places,
                             unsigned bits);

}  // namespace pw::analysis
