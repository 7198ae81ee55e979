// What ARC and CAR share: four queues and the target that divides the memory between two of them.
//
//        names B1 <- [ T1: seen once lately ] | [ T2: seen twice or more ] -> names B2
//                         aims at p pages         the other frames
//
// A page that returns while its name is in B1 says that T1 was too small, one from B2 that T2 was:
// p moves by what the other side's names weigh against this one's, at least 1. T1 and B1 hold at
// most as many pages as there are frames, all four twice as many.
//
// Where the papers are silent: p is a real number, as in the reference implementations. Directory
// places are cleared when a page that was in no queue enters T1, which comes to the same as before
// the eviction and also holds when several pages are evicted in a row or pages are unmapped.
#pragma once

#include <algorithm>

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class AdaptiveQueues {
 public:
  enum Queue : unsigned { kT1, kT2, kB1, kB2, kQueues };

  using Queues = IdQueues<kQueues, 0, NoExtra, Packing::Dense>;

  explicit AdaptiveQueues(const Setup& setup) : frames_(setup.frames), queues_(setup) {}

  Queues& queues() { return queues_; }
  std::uint32_t size(Queue queue) const { return queues_.size(queue); }
  std::uint32_t resident() const { return size(kT1) + size(kT2); }
  double target() const { return target_; }
  // Whether the page is not resident, but its name is in B1 or B2.
  bool remembers(Id id) const { return queues_.contains(id) && queues_.queue_of(id) >= kB1; }
  void prefetch(Id id) const { queues_.prefetch(id); }

  void enter_t1(Id id) {
    while (size(kT1) + size(kB1) >= frames_ && size(kB1) > 0) drop_oldest(kB1);
    while (known() >= std::uint64_t{2} * frames_ && size(kB2) > 0) drop_oldest(kB2);
    queues_.push_back(id, kT1);
  }
  void enter_t2(Id id) { queues_.push_back(id, kT2); }
  // To the back of T2, from T1 or T2.
  void lift(Id id) { queues_.move_to_back(id, kT2); }
  // Out of the memory; the name stays. More names than frames there are only while frames are free.
  void demote(Id id) {
    queues_.move_to_back(id, queues_.queue_of(id) == kT1 ? kB1 : kB2);
    if (size(kB2) > frames_ + 1) drop_oldest(kB2);
  }
  // Learns from the return of a page whose name is in B1 or B2, and takes the name out.
  void learn(Id id) {
    const double b1 = size(kB1);
    const double b2 = size(kB2);
    target_ = queues_.queue_of(id) == kB1
                  ? std::min<double>(target_ + std::max(1.0, b2 / b1), frames_)
                  : std::max(target_ - std::max(1.0, b1 / b2), 0.0);
    queues_.remove(id);
  }
  void erase(Id id) {
    if (queues_.contains(id)) queues_.remove(id);
  }
  std::vector<ShownList> lists() {
    return {shown_queue(queues_, kT1, "T1"), shown_queue(queues_, kT2, "T2"),
            shown_queue(queues_, kB1, "B1", true), shown_queue(queues_, kB2, "B2", true)};
  }

 private:
  std::uint64_t known() const {
    return std::uint64_t{size(kT1)} + size(kT2) + size(kB1) + size(kB2);
  }
  void drop_oldest(Queue names) { queues_.remove(queues_.front(names)); }

  std::uint32_t frames_;
  Queues queues_;  // oldest in front
  double target_ = 0;
};

}  // namespace pw::policy
