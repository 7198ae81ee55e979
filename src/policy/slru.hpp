// Segmented LRU: several LRU stacks on top of each other. A new page enters the lowest; a reference
// lifts a page one segment up; a segment that is full lets its least recently used page sink to the
// top of the one below. The victim comes from the bottom. Two segments are the classical
// probationary and protected ones:
//
//      segment 3   most-referenced   | full: sinks one down
//      segment 2                     v
//      segment 1   ^ a reference lifts one up
//      segment 0   new pages, victims
//
// A page passed over once by a scan stays in segment 0, so a scan costs a quarter of the memory.
//
// Source: Karedla, Love, Wherry, "Caching strategies to improve disk system performance", IEEE
// Computer 27(3), 1994 (two segments); the variant with any number of equal segments and with new
// pages put into the lowest segment that has room is libCacheSim's. Parameter: segments (4; 2 is
// the classical one). The frames that do not divide evenly belong to segment 0.
//
// A page that may not go keeps its place; the search goes on towards the top, segment by segment.
#pragma once

#include <algorithm>

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"
#include "policy/search.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class Slru {
 public:
  static constexpr std::string_view kName = "slru";
  static constexpr Needs kNeeds = Needs::References;
  static constexpr std::array kParameters{
      Parameter{"segments", 4, 1, 16, "LRU stacks of equal size"}};

  explicit Slru(const Setup& setup)
      : segments_(static_cast<unsigned>(setup.value(kParameters, 0))),
        limit_(setup.frames / segments_),
        lowest_limit_(setup.frames - limit_ * (segments_ - 1)),
        stacks_(setup) {}

  std::uint32_t size() const { return stacks_.size(); }
  void insert(Id id) {
    unsigned segment = 0;
    while (segment < segments_ && stacks_.size(segment) >= limit(segment)) ++segment;
    stacks_.push_back(id, segment == segments_ ? 0 : segment);
  }
  void touch(Id id) {
    const unsigned from = stacks_.queue_of(id);
    const unsigned to = std::min(from + 1, segments_ - 1);
    stacks_.move_to_back(id, to);
    if (to > from && stacks_.size(to) > limit(to)) stacks_.move_to_back(stacks_.front(to), from);
  }
  void erase(Id id) { stacks_.remove(id); }

  template <class Probe>
  Id victim(Probe&& probe) {
    for (unsigned segment = 0; segment < segments_; ++segment) {
      const Id id = first_evictable(stacks_, segment, probe);
      if (id == kNoPage) continue;
      erase(id);
      return id;
    }
    return kNoPage;
  }
  void prefetch(Id id) const { stacks_.prefetch(id); }
  std::vector<ShownList> lists() {
    static constexpr std::array<std::string_view, 16> kNames{
        "segment 0",  "segment 1",  "segment 2",  "segment 3", "segment 4",  "segment 5",
        "segment 6",  "segment 7",  "segment 8",  "segment 9", "segment 10", "segment 11",
        "segment 12", "segment 13", "segment 14", "segment 15"};
    std::vector<ShownList> lists;
    for (unsigned i = 0; i < segments_; ++i) lists.push_back(shown_queue(stacks_, i, kNames[i]));
    return lists;
  }

 private:
  static constexpr unsigned kMostSegments = 16;
  static_assert(kParameters[0].most == kMostSegments);

  std::uint32_t limit(unsigned segment) const { return segment == 0 ? lowest_limit_ : limit_; }

  unsigned segments_;
  std::uint32_t limit_;
  std::uint32_t lowest_limit_;
  IdQueues<kMostSegments> stacks_;  // least recently used in front
};

}  // namespace pw::policy
