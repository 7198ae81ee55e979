// Where each page of a trace lies: process, page number, area, and the call stack that touched it
// first. Follows a recording beside the DenseTraceBuilder. Owned by whoever builds the trace.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "analysis/page_areas.hpp"
#include "record/recording.hpp"

namespace pw::analysis {

struct PagePlace {
  std::uint64_t page = 0;  // number in its process
  std::uint32_t pid = 0;
  std::uint32_t area = 0;   // of PageLog::areas()
  std::uint32_t stack = 0;  // of the recording, plus 1; 0: the recorder noted none
};

class PageLog final : public PageWatcher {
 public:
  explicit PageLog(const record::Recording& recording) : areas_(recording) {}

  const std::vector<PagePlace>& places() const { return places_; }  // by page id
  const std::vector<std::string>& areas() const { return areas_.names(); }

  void begin_chunk(std::size_t index, const record::Chunk& chunk) override;
  void event(const record::Chunk& chunk, std::size_t at) override;
  void new_page(PageId id, std::uint32_t pid, std::uint64_t page) override;

 private:
  PageAreas areas_;
  std::vector<PagePlace> places_;
};

}  // namespace pw::analysis
