// How long the pages of a recording's filter were really referenced.
//
// A page that left the filter says when it was referenced last, and once a chunk is decoded a
// page's fetch does (Event::stays), so that it counts as referenced until then and no longer: most
// pages are referenced in one go and then wait for the filter to push them out, untouched. A page
// that leaves in a later chunk counts as in use until it does.
//
// A machine looks at pages now and then, and most stays are over before it does: those need not be
// told of at all. So a stay can begin unseen; whoever knows that somebody is about to look asks
// which of them go on.
//
// Owned by the Replayer, or by a process that is not played at the moment. For recordings of detail
// pages; others have no filter.
//
// Invariants: due_ is a heap, the stay that ends first in front; of those that end at once, the one
// that began last comes first. No stay outlives its chunk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "record/recording.hpp"

namespace pw::replay {

class FilterStays {
 public:
  struct Stay {
    std::uint64_t last_reference = 0, page = 0;
  };
  // Whether the page of a Fetch or FirstWrite event goes on being referenced after it. A fetched
  // one that does not until it leaves is told by end_until().
  static bool goes_on(const record::Event& event) { return event.stays != 1; }
  // Whether the page that leaves with a Fetch or FilterGone event was in use until now.
  static bool until_now(const record::Event& event) { return event.came_here == 0; }
  // Whether the page of a FirstWrite event was fetched in its chunk.
  static bool came_here(const record::Event& write) { return write.came_here != 0; }
  // The stay that begins with a Fetch event, if the chunk has its end: whether it goes on after the
  // event is for the caller to see.
  static bool ends_here(const record::Event& event, Stay& stay) {
    if (event.stays == 0) return false;
    stay.last_reference = event.clock + event.stays - 1;
    stay.page = event.page;
    return true;
  }

  void begin(const Stay& stay) {
    due_.push_back({stay, begun_++});
    std::push_heap(due_.begin(), due_.end(), Later());
  }
  // Tells of the pages whose last reference is not after `clock`.
  template <class Fn>
  void end_until(std::uint64_t clock, Fn&& fn) {
    while (!due_.empty() && due_.front().stay.last_reference <= clock) {
      const std::uint64_t page = due_.front().stay.page;
      std::pop_heap(due_.begin(), due_.end(), Later());
      due_.pop_back();
      fn(page);
    }
  }

  // Instead of begin(), at `clock`.
  void begin_unseen(const Stay& stay, std::uint64_t clock) {
    if (unseen_count_ == unseen_.size()) [[unlikely]]
      make_room(clock);
    unseen_[unseen_count_++] = stay;
  }
  // Of the stays that began unseen, tells of the pages of those that go on after `clock`, as if
  // they began now; the others have been.
  template <class Fn>
  void see(std::uint64_t clock, Fn&& fn) {
    for (std::size_t i = 0; i < unseen_count_; ++i) {
      if (unseen_[i].last_reference <= clock) continue;
      begin(unseen_[i]);
      fn(unseen_[i].page);
    }
    unseen_count_ = 0;
  }

 private:
  // Those that have ended go; if they are few, there is place for more.
  void make_room(std::uint64_t clock) {
    std::erase_if(unseen_, [clock](const Stay& stay) { return stay.last_reference <= clock; });
    unseen_count_ = unseen_.size();
    unseen_.resize(std::max<std::size_t>(kLeastRoom, 2 * unseen_count_));
  }

  static constexpr std::size_t kLeastRoom = 256;

  struct Due {
    Stay stay;
    std::uint64_t number;  // in the order in which they began
  };
  struct Later {
    bool operator()(const Due& a, const Due& b) const {
      if (a.stay.last_reference != b.stay.last_reference) {
        return a.stay.last_reference > b.stay.last_reference;
      }
      return a.number < b.number;
    }
  };
  std::vector<Due> due_;  // no more than there are pages in the filter
  std::uint64_t begun_ = 0;
  std::vector<Stay> unseen_;  // the first ones of it
  std::size_t unseen_count_ = 0;
};

}  // namespace pw::replay
