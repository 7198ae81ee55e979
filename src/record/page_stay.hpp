// What a chunk has told of a page while it is in a slot of the filter, so that those events can be
// told with which one it leaves (Event::leaves_at).
//
// Owned by who makes the chunk's events, a decoder or a thinner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "record/event.hpp"

namespace pw::record {

class PageStay {
 public:
  // Event `at` has brought the page.
  void fetched(std::size_t at) { fetched_ = static_cast<std::uint32_t>(at + 1); }
  // `event`, at `at`, is a first write to it.
  void written(std::size_t at, Event& event) {
    event.leaves_at = written_;  // until it leaves, a list of them
    written_ = static_cast<std::uint32_t>(at + 1);
  }
  // The page leaves with the event at `at`; 0: with none of this chunk.
  void leave(std::vector<Event>& events, std::uint32_t at) {
    if (fetched_ != 0) {
      events[fetched_ - 1].leaves_at = at;
      if (at != 0) events[at].came_here = 1;
    }
    for (std::uint32_t written = written_; written != 0;) {
      written = std::exchange(events[written - 1].leaves_at, at);
    }
    *this = PageStay();
  }

 private:
  std::uint32_t fetched_ = 0, written_ = 0;  // events by their place + 1; 0: nothing
};

}  // namespace pw::record
