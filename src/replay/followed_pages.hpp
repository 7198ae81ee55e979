// Which recorded pages a machine is told of that follows a sample of them (space/page_sample.hpp):
// asked for each event, so answers are kept, a bit a page.
//
// Owned by a RecordedProcess, which says when its areas have changed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/units.hpp"
#include "space/page_sample.hpp"

namespace pw::replay {

class FollowedPages {
 public:
  // Recorded pages of which all or some are followed.
  struct Run {
    VpnRange pages;
    std::uint64_t shift = 0;  // from there to their places, modulo 2^64
    bool thinned = false;     // else all are followed
  };

  explicit FollowedPages(const PageSample& sample) : sample_(sample) {
    if (sample_.one_in() > 1) blocks_.resize(kBlocks);
  }

  void areas_changed() {
    if (changed_) return;
    blocks_.assign(blocks_.size(), {});
    changed_ = true;
  }
  // `find(page)`: the run around a recorded page, empty if nothing is known of it; then all are
  // followed. Only with a sample of one in several.
  template <class Find>
  [[gnu::always_inline]] bool has(Vpn page, Find&& find) {
    const std::uint64_t number = page.value / kPages, bit = std::uint64_t{1} << page.value % kPages;
    Block& block = blocks_[number % kBlocks];
    if (block.number != number || (block.known & bit) == 0) [[unlikely]] {
      const Run run = find(page);
      if (!run.pages.contains(page)) return true;
      learn(number, run, block);
    }
    return (block.followed & bit) != 0;
  }

 private:
  static constexpr std::uint64_t kPages = 64;
  static constexpr std::size_t kBlocks = 8192;  // 2 GiB

  struct Block {
    std::uint64_t number = ~std::uint64_t{0};
    std::uint64_t known = 0, followed = 0;  // by page
  };

  void learn(std::uint64_t number, const Run& run, Block& block) {
    if (block.number != number) block = {number, 0, 0};
    const std::uint64_t first = number * kPages;
    const std::uint64_t end = std::min(first + kPages, run.pages.end.value);
    for (std::uint64_t page = std::max(first, run.pages.begin.value); page < end;) {
      const std::uint64_t place = page + run.shift;
      const std::uint64_t together = std::min(end - page, PageSample::together(place));
      const std::uint64_t bits = (~std::uint64_t{0} >> (kPages - together)) << (page - first);
      block.known |= bits;
      block.followed &= ~bits;
      if (!run.thinned || sample_.follows(place)) block.followed |= bits;
      page += together;
    }
    changed_ = false;
  }

  PageSample sample_;
  std::vector<Block> blocks_;  // by number; none: all pages are followed
  bool changed_ = true;        // nothing is kept
};

}  // namespace pw::replay
