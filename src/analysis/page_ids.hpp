// Dense ids for the pages of one process: a two-level table, so that a lookup is one hash probe for
// 512 neighbours and a range can be dropped at the cost of what was touched in it. Owned by
// DenseTraceBuilder.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace pw::analysis {

class PageIds {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFFU;

  // The id's place for `page`; kNone in it if the page has none yet.
  std::uint32_t& at(std::uint64_t page) {
    const std::uint64_t key = page / kBlockPages;
    if (last_ == nullptr || key != last_key_) {  // programs stay in the neighbourhood
      std::unique_ptr<Block>& block = blocks_[key];
      if (!block) {
        block = std::make_unique<Block>();
        block->fill(kNone);
      }
      last_ = block.get();
      last_key_ = key;
    }
    return (*last_)[page % kBlockPages];
  }

  // Calls visit(page, id&) for each page in [begin, end) that has an id, in order of the pages.
  template <class Visit>
  void for_range(std::uint64_t begin, std::uint64_t end, Visit&& visit) {
    if (begin >= end) return;
    for (const std::uint64_t key : keys_in(begin / kBlockPages, (end - 1) / kBlockPages)) {
      Block& block = *blocks_.find(key)->second;
      const std::uint64_t base = key * kBlockPages;
      const std::uint64_t first = std::max(begin, base) - base;
      const std::uint64_t last = std::min(end - base, std::uint64_t{kBlockPages});
      for (std::uint64_t i = first; i < last; ++i) {
        if (block[i] != kNone) visit(base + i, block[i]);
      }
    }
  }

 private:
  static constexpr std::uint64_t kBlockPages = 512;
  using Block = std::array<std::uint32_t, kBlockPages>;

  std::vector<std::uint64_t> keys_in(std::uint64_t first, std::uint64_t last) const {
    std::vector<std::uint64_t> keys;
    if (last - first < blocks_.size()) {
      for (std::uint64_t key = first; key <= last; ++key) {
        if (blocks_.contains(key)) keys.push_back(key);
      }
      return keys;
    }
    for (const auto& [key, block] : blocks_) {
      if (first <= key && key <= last) keys.push_back(key);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  std::unordered_map<std::uint64_t, std::unique_ptr<Block>> blocks_;
  Block* last_ = nullptr;
  std::uint64_t last_key_ = 0;
};

}  // namespace pw::analysis
