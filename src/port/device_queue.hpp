// A device with its queue: when will a request be done? Requests go to the channel that is free
// first; a request that follows the one before on the medium saves the seek. Owned by whatever owns
// the medium.
#pragma once

#include <algorithm>
#include <vector>

#include "port/device.hpp"

namespace pw {

class DeviceQueue {
 public:
  explicit DeviceQueue(const DeviceModel& model) : model_(model), busy_until_(model.channels, 0) {}

  // Queues `pages` at page `position` of the medium, at time `now`, `times` one after the other;
  // returns the time of completion.
  std::uint64_t submit(std::uint64_t now, Transfer kind, std::uint64_t position,
                       std::uint64_t pages, std::uint64_t times = 1) {
    auto channel = std::min_element(busy_until_.begin(), busy_until_.end());
    const std::uint64_t seek = position == next_position_ ? 0 : model_.seek_ns;
    const std::uint64_t setup = kind == Transfer::Read ? model_.read_ns : model_.write_ns;
    const std::uint64_t service = times * (seek + setup + pages * model_.per_page_ns);
    *channel = std::max(now, *channel) + service;
    next_position_ = position + pages;
    busy_ns_ += service;
    requests_ += times;
    if (kind == Transfer::Read) reads_ += times;
    pages_ += times * pages;
    return *channel;
  }
  // When all that was asked for is done.
  std::uint64_t idle_at_ns() const {
    return *std::max_element(busy_until_.begin(), busy_until_.end());
  }
  bool synchronous() const { return model_.synchronous; }
  std::uint64_t busy_ns() const { return busy_ns_; }  // device time used, all channels
  std::uint64_t requests() const { return requests_; }
  std::uint64_t reads() const { return reads_; }  // of them
  std::uint64_t pages() const { return pages_; }  // moved by them
  unsigned channels() const { return static_cast<unsigned>(busy_until_.size()); }

 private:
  DeviceModel model_;
  std::vector<std::uint64_t> busy_until_;
  std::uint64_t next_position_ = 0;
  std::uint64_t busy_ns_ = 0;
  std::uint64_t requests_ = 0, reads_ = 0;
  std::uint64_t pages_ = 0;
};

}  // namespace pw
