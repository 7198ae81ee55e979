// FrameMemory: the bytes of RAM. Frame n lies at base() + n * 4096; page tables are among them.
//
// Owned by Machine. Backed by a memfd on the host, so that another mapper (a virtual CPU, a live
// process) can use the very same bytes. A frame that nobody touched costs nothing and reads as
// zero; frames are not cleared when they are allocated: whoever hands one to a program calls
// zero().
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "base/check.hpp"
#include "base/result.hpp"
#include "base/units.hpp"
#include "phys/host_pages.hpp"

namespace pw {

class FrameMemory {
 public:
  // Errors: NoMemory, TooManyFiles.
  static Result<FrameMemory> create(PageCount frames) {
    auto pages = HostPages::shared(frames.value, kPageSize);
    if (!pages) return tl::unexpected(pages.error());
    return FrameMemory(std::move(*pages), frames);
  }

  PageCount size() const { return size_; }
  std::byte* base() const { return pages_.data(); }
  int fd() const { return pages_.fd(); }

  std::byte* at(Pfn pfn) const {
    PW_CHECK(pfn.value < size_.value);
    return pages_.data() + static_cast<std::size_t>(pfn.value << kPageShift);
  }
  std::span<std::byte> page(Pfn pfn) const { return {at(pfn), kPageSize}; }
  void zero(Pfn pfn) { std::memset(at(pfn), 0, kPageSize); }
  void copy(Pfn to, Pfn from) { std::memcpy(at(to), at(from), kPageSize); }
  // Zeroes frames [first, first + frames) by giving their host pages back.
  void discard(Pfn first, PageCount frames) {
    PW_CHECK(first.value <= size_.value && frames.value <= size_.value - first.value);
    pages_.discard(static_cast<std::size_t>(first.value << kPageShift),
                   static_cast<std::size_t>(frames.value << kPageShift));
  }

 private:
  FrameMemory(HostPages pages, PageCount size) : pages_(std::move(pages)), size_(size) {}

  HostPages pages_;
  PageCount size_;
};

}  // namespace pw
