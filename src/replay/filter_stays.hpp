// How long the pages of a recording's filter were really referenced.
//
// A page that left the filter says when it was referenced last. Looking ahead in the chunk tells at
// its fetch until when it is in use, so that it counts as referenced until then and no longer: most
// pages are referenced in one go and then wait for the filter to push them out, untouched. A page
// that leaves in a later chunk counts as in use until it does.
//
// Owned by the Replayer.
#pragma once

#include <tsl/robin_map.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "record/recording.hpp"

namespace pw::replay {

class FilterStays {
 public:
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

  // Only recordings of detail pages have stays; of others nothing is known, and nothing is asked.
  void begin(const record::Chunk& chunk, record::Detail detail) {
    ends_.clear();
    if (detail != record::Detail::Pages) return;
    ends_.assign(chunk.events.size(), kUnknown);
    fetched_.clear();
    for (std::size_t i = 0; i < chunk.events.size(); ++i) {
      const record::Event& event = chunk.events[i];
      const bool fetch = event.kind == record::EventKind::Fetch;
      const bool gone = event.kind == record::EventKind::FilterGone;
      const std::uint64_t leaves = fetch ? event.evicted : gone ? event.page : record::kNoPage;
      if (leaves != record::kNoPage) {
        if (const auto it = fetched_.find(leaves); it != fetched_.end()) {
          ends_[it->second] = event.last_reference;
          fetched_.erase(it);
        }
      }
      if (fetch) fetched_[event.page] = i;
    }
  }

  // Of the page that event `at` fetches; kUnknown: it does not leave in this chunk.
  std::uint64_t last_reference(std::size_t at) const {
    return at < ends_.size() ? ends_[at] : kUnknown;
  }

  // The page is fetched at `clock`. True: it goes on being referenced.
  bool enter(std::uint64_t page, std::uint64_t clock, std::uint64_t last_reference) {
    if (last_reference == kUnknown) {
      in_filter_.erase(page);
      return true;
    }
    in_filter_[page] = last_reference > clock;
    if (last_reference <= clock) return false;
    due_.emplace_back(last_reference, page);
    std::push_heap(due_.begin(), due_.end(), std::greater<>());
    return true;
  }
  // Tells of the pages whose last reference is not after `clock`.
  template <class Fn>
  void end_until(std::uint64_t clock, Fn&& fn) {
    while (!due_.empty() && due_.front().first <= clock) {
      const std::uint64_t page = due_.front().second;
      std::pop_heap(due_.begin(), due_.end(), std::greater<>());
      due_.pop_back();
      const auto it = in_filter_.find(page);
      if (it == in_filter_.end() || !it->second) continue;
      it.value() = false;
      fn(page);
    }
  }
  // The page is in the filter and will not be referenced any more.
  bool ended(std::uint64_t page) const {
    const auto it = in_filter_.find(page);
    return it != in_filter_.end() && !it->second;
  }
  void forget(std::uint64_t page) { in_filter_.erase(page); }

 private:
  struct Spread {
    std::size_t operator()(std::uint64_t page) const { return mix64(page); }
  };
  template <class Value>
  using PageMap = tsl::robin_map<std::uint64_t, Value, Spread>;

  std::vector<std::uint64_t> ends_;                           // by event of the chunk
  std::vector<std::pair<std::uint64_t, std::uint64_t>> due_;  // last reference, page: a heap
  PageMap<std::size_t> fetched_;                              // event, while begin() looks ahead
  PageMap<bool> in_filter_;                                   // whether still referenced
};

}  // namespace pw::replay
