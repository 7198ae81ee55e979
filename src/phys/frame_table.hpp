// FrameTable: one Frame for every frame of RAM, taking host memory only for the frames that came
// into use.
//
// Owned by Machine; FrameAllocator and the memory manager share it. The array never moves.
#pragma once

#include "base/check.hpp"
#include "base/result.hpp"
#include "base/units.hpp"
#include "phys/frame.hpp"
#include "phys/host_pages.hpp"

namespace pw {

class FrameTable {
 public:
  // Error: NoMemory.
  static Result<FrameTable> create(PageCount frames) {
    auto pages = HostPages::zeroed(frames.value, sizeof(Frame));
    if (!pages) return tl::unexpected(pages.error());
    return FrameTable(std::move(*pages), frames);
  }

  PageCount size() const { return size_; }
  Frame& operator[](Pfn pfn) {
    PW_CHECK(pfn.value < size_.value);
    return frames()[pfn.value];
  }
  const Frame& operator[](Pfn pfn) const {
    PW_CHECK(pfn.value < size_.value);
    return frames()[pfn.value];
  }

 private:
  FrameTable(HostPages pages, PageCount size) : pages_(std::move(pages)), size_(size) {}
  Frame* frames() const { return reinterpret_cast<Frame*>(pages_.data()); }

  HostPages pages_;
  PageCount size_;
};

}  // namespace pw
