#include "analysis/page_trace.hpp"

#include "base/check.hpp"

namespace pw::analysis {

std::vector<std::uint32_t> next_references(const PageTrace& trace) {
  PW_CHECK(trace.pages.size() < kNoNext);
  std::vector<std::uint32_t> next(trace.pages.size());
  std::vector<std::uint32_t> next_of(trace.ids, kNoNext);
  for (std::size_t i = trace.pages.size(); i-- > 0;) {
    std::uint32_t& latest = next_of[trace.pages[i]];
    next[i] = latest;
    latest = static_cast<std::uint32_t>(i);
  }
  return next;
}

}  // namespace pw::analysis
