// How long the pages of a recording's filter were really referenced.
//
// A page that left the filter says when it was referenced last, and the chunk says at a page's
// fetch with which event it leaves, so that it counts as referenced until then and no longer: most
// pages are referenced in one go and then wait for the filter to push them out, untouched. A page
// that leaves in a later chunk counts as in use until it does.
//
// Owned by the Replayer, or by a process that is not played at the moment. For recordings of detail
// pages; others have no filter.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "record/recording.hpp"

namespace pw::replay {

class FilterStays {
 public:
  // Whether the page of a Fetch or FirstWrite event goes on being referenced after it. A fetched
  // one that does not until it leaves is told by end_until().
  static bool goes_on(const record::Chunk& chunk, const record::Event& event) {
    return !leaves(chunk, event) || chunk.events[event.leaves_at].last_reference > event.clock;
  }
  void fetched(const record::Chunk& chunk, const record::Event& event) {
    if (!leaves(chunk, event) || !goes_on(chunk, event)) return;
    const Due due{chunk.events[event.leaves_at].last_reference, event.page};
    const auto later = [](const Due& a, const Due& b) {
      return a.last_reference > b.last_reference;
    };
    due_.insert(std::upper_bound(due_.begin(), due_.end(), due, later), due);
  }
  // Tells of the pages whose last reference is not after `clock`.
  template <class Fn>
  void end_until(std::uint64_t clock, Fn&& fn) {
    while (!due_.empty() && due_.back().last_reference <= clock) {
      const std::uint64_t page = due_.back().page;
      due_.pop_back();
      fn(page);
    }
  }
  // Whether the page that leaves with a Fetch or FilterGone event was in use until now.
  static bool until_now(const record::Event& event) { return event.came_here == 0; }

 private:
  static bool leaves(const record::Chunk& chunk, const record::Event& event) {
    return event.leaves_at != 0 && event.leaves_at < chunk.events.size();
  }

  struct Due {
    std::uint64_t last_reference, page;
  };
  std::vector<Due> due_;  // the last one first; no more than there are pages in the filter
};

}  // namespace pw::replay
