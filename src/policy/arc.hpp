// ARC, the adaptive replacement cache: two LRU stacks, T1 for pages seen once lately and T2 for
// pages seen more often, with the names of what they lost last in B1 and B2. The returns of those
// names tune how the memory is divided, so nothing has to be set (see adaptive.hpp):
//
//    B1 <- T1  |  T2 -> B2       hit in T1 or T2: to the top of T2
//        <----p---->             return from B1: p grows;  from B2: p shrinks;  both into T2
//
// A scan passes through T1 alone. Good when recency and frequency take turns.
//
// Source: Megiddo, Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003,
// figure 4. No parameters.
//
// The victim is the least recently used page of T1 if T1 holds more than p pages (or just p and the
// page that comes returns from B2), else that of T2; if that list has no page that may go, that of
// the other. A page that may not go keeps its place. erase() takes a page out of any of the four.
// Without miss(), insert() learns from the name, but the eviction before it did not know.
#pragma once

#include "policy/adaptive.hpp"
#include "policy/policy.hpp"
#include "policy/search.hpp"

namespace pw::policy {

class Arc {
 public:
  static constexpr std::string_view kName = "arc";
  static constexpr Needs kNeeds = Needs::References;
  static constexpr bool kRemembers = true;

  explicit Arc(const Setup& setup) : four_(setup) {}

  std::uint32_t size() const { return four_.resident(); }
  void miss(Id id, auto&&) { expect(id); }
  void insert(Id id) {
    expect(id);
    if (returning_ == id) {
      four_.enter_t2(id);
    } else {
      four_.enter_t1(id);
    }
    returning_ = kNoPage;
  }
  void touch(Id id) { four_.lift(id); }
  void erase(Id id) {
    if (returning_ == id) returning_ = kNoPage;
    four_.erase(id);
  }

  template <class Probe>
  Id victim(Probe&& probe) {
    const double t1 = four_.size(Four::kT1);
    const bool from_b2 = returning_ != kNoPage && returns_from_b2_;
    const bool t1_first = t1 > four_.target() || (from_b2 && t1 >= four_.target());
    Id id = first_evictable(four_.queues(), t1_first ? Four::kT1 : Four::kT2, probe);
    if (id == kNoPage) {
      id = first_evictable(four_.queues(), t1_first ? Four::kT2 : Four::kT1, probe);
    }
    if (id != kNoPage) four_.demote(id);
    return id;
  }
  void prefetch(Id id) const { four_.prefetch(id); }
  std::vector<ShownList> lists() { return four_.lists(); }

 private:
  using Four = AdaptiveQueues;

  // If the name is in B1 or B2, learns from it and awaits the page as one that returns.
  void expect(Id id) {
    if (returning_ == id) return;
    returning_ = kNoPage;
    if (!four_.remembers(id)) return;
    returns_from_b2_ = four_.queues().queue_of(id) == Four::kB2;
    four_.learn(id);
    returning_ = id;
  }

  Four four_;               // least recently used in front
  Id returning_ = kNoPage;  // missed, its name was in B1 or B2; not inserted yet
  bool returns_from_b2_ = false;
};

}  // namespace pw::policy
