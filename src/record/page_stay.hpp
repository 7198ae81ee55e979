// What a chunk has told of a page while it is in a slot of the filter, so that those events can be
// told for how long it stays in use (Event::stays).
//
// Owned by who makes the chunk's events, a decoder or a thinner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "record/event.hpp"

namespace pw::record {

class PageStay {
 public:
  // Event `at` has brought the page; its `stays` is 0.
  void fetched(std::size_t at) { fetched_ = static_cast<std::uint32_t>(at + 1); }
  // `event`, at `at`, is a first write to it.
  void written(std::size_t at, Event& event) {
    event.stays = written_;  // until it leaves, a list of them
    event.came_here = fetched_ != 0 ? 1 : 0;
    written_ = static_cast<std::uint32_t>(at + 1);
  }
  // The page leaves with `leaving`, which says when it was referenced last.
  void leave(std::vector<Event>& events, Event& leaving) {
    if (fetched_ != 0) {
      Event& fetch = events[fetched_ - 1];
      fetch.stays = until(leaving.last_reference, fetch);
      if (fetch.stays != 0) leaving.came_here = 1;
    }
    // Of a stay too long to be told, none of the events does.
    const bool told = fetched_ == 0 || events[fetched_ - 1].stays != 0;
    end(events,
        [&](Event& write) { write.stays = told ? until(leaving.last_reference, write) : 0; });
  }
  // It leaves with no event of this chunk.
  void stay(std::vector<Event>& events) {
    end(events, [](Event& write) { write.stays = 0; });
  }

 private:
  static std::uint32_t until(std::uint64_t last_reference, const Event& event) {
    constexpr std::uint64_t kMost = 0xFFFF'FFFE;
    const std::uint64_t rest = last_reference > event.clock ? last_reference - event.clock : 0;
    return rest <= kMost ? static_cast<std::uint32_t>(rest + 1) : 0;
  }
  // Of the first writes.
  template <class Fn>
  void end(std::vector<Event>& events, Fn&& fn) {
    for (std::uint32_t written = written_; written != 0;) {
      Event& write = events[written - 1];
      written = write.stays;
      fn(write);
    }
    *this = PageStay();
  }

  std::uint32_t fetched_ = 0, written_ = 0;  // events by their place + 1; 0: nothing
};

}  // namespace pw::record
