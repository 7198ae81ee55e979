// Pages that a device is writing (PG_writeback): which, and until when.
//
// A page under writeback is clean already, unless it is written again meanwhile, but it can't go
// before the device is done with it. Pages that end at the same time do so in the order in which
// they were begun. Owned by LinuxReclaim.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>

#include "base/units.hpp"

namespace pw {

class BeingWritten {
 public:
  bool empty() const { return until_.empty(); }
  // `pages`: that it stands for.
  void begin(Pfn pfn, std::uint64_t until_ns, std::uint64_t pages = 1) {
    const auto [it, fresh] = until_.try_emplace(pfn.value, until_ns);
    if (!fresh) it->second = until_ns;
    order_.emplace(until_ns, Written{pfn, pages});
  }
  // The page is somebody else's from now on.
  void forget(Pfn pfn) { until_.erase(pfn.value); }
  // When the writing of the page ends; 0: it is not being written.
  std::uint64_t until(Pfn pfn) const {
    const auto it = until_.find(pfn.value);
    return it == until_.end() ? 0 : it->second;
  }
  // When the next `pages` of them will have been written; 0: there are not as many.
  std::uint64_t when_written(std::uint64_t pages) const {
    for (const auto& [until_ns, one] : order_) {
      if (until(one.pfn) != until_ns) continue;
      if (pages <= one.pages) return until_ns;
      pages -= one.pages;
    }
    return 0;
  }
  // When all of them will have been written; 0: there are none.
  std::uint64_t when_all_written() const {
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      if (until(it->second.pfn) == it->first) return it->first;
    }
    return 0;
  }
  // fn(pfn) for what has ended by now, in that order; they are forgotten.
  template <class Fn>
  void end(std::uint64_t now_ns, Fn&& fn) {
    while (!order_.empty() && order_.begin()->first <= now_ns) {
      const auto [until_ns, one] = *order_.begin();
      order_.erase(order_.begin());
      if (until(one.pfn) != until_ns) continue;
      until_.erase(one.pfn.value);
      fn(one.pfn);
    }
  }

 private:
  struct Written {
    Pfn pfn;
    std::uint64_t pages;
  };
  std::multimap<std::uint64_t, Written> order_;             // by end; of equals, the first begun
  std::unordered_map<std::uint64_t, std::uint64_t> until_;  // by frame
};

}  // namespace pw
