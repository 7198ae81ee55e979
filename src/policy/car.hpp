// CAR, clock with adaptive replacement: ARC made for accessed bits. T1 and T2 are clocks instead of
// LRU stacks, B1 and B2 the names of what they lost, p the share that T1 aims at (see
// adaptive.hpp). The hand of T1 moves a referenced page into T2; the hand of T2 lets it stay:
//
//    B1 <-- T1 clock --referenced--> T2 clock --> B2       the hand of T1 turns while T1 holds at
//             ^ new pages              ^ returns           least p pages (and one), else that of T2
//
// Source: Bansal, Modha, "CAR: clock with adaptive replacement", FAST 2004, figure 2. Parameter:
// fresh (0, as in the paper: a page enters with its bit clear; 1: as hardware leaves it).
//
// All learning happens in insert(), after the eviction, as in the paper; miss() is not needed. A
// page that may not go keeps its place: the head of a clock is its first page that may. If all of
// one clock's pages may not, the other clock gives one. A page of T2 is spared once in a search.
// erase() takes a page out of any of the four lists.
#pragma once

#include "policy/adaptive.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class Car {
 public:
  static constexpr std::string_view kName = "car";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr bool kRemembers = true;
  static constexpr std::array kParameters{
      Parameter{"fresh", 0, 0, 1, "whether the reference that faults sets the accessed bit"}};

  explicit Car(const Setup& setup) : four_(setup), marks_new_(setup.value(kParameters, 0) != 0) {}
  bool marks_new() const { return marks_new_; }

  std::uint32_t size() const { return four_.resident(); }
  void insert(Id id) {
    if (four_.remembers(id)) {
      four_.learn(id);
      four_.enter_t2(id);
    } else {
      four_.enter_t1(id);
    }
  }
  void touch(Id) {}
  void erase(Id id) { four_.erase(id); }

  template <class Probe>
  Id victim(Probe&& probe) {
    Id hand1 = four_.queues().front(Four::kT1);
    Id hand2 = four_.queues().front(Four::kT2);
    std::uint32_t unmet2 = four_.size(Four::kT2);  // the others in T2 were spared already
    while (hand1 != kNoPage || hand2 != kNoPage) {
      const bool t1_full = four_.size(Four::kT1) >= std::max(1.0, four_.target());
      const bool at_t1 = hand1 != kNoPage && (t1_full || hand2 == kNoPage);
      const Id id = at_t1 ? hand1 : hand2;
      const bool spared = !at_t1 && unmet2 == 0;
      if (!at_t1 && unmet2 > 0) --unmet2;
      const Verdict verdict = probe(id);
      const Id next = four_.queues().next(id);
      (at_t1 ? hand1 : hand2) = next;
      if (verdict == Verdict::Unevictable) continue;
      if (verdict == Verdict::Idle || spared) {
        four_.demote(id);
        return id;
      }
      four_.lift(id);
      if (hand2 == kNoPage) hand2 = id;
    }
    return kNoPage;
  }
  std::vector<ShownList> lists() { return four_.lists(); }

 private:
  using Four = AdaptiveQueues;

  Four four_;
  bool marks_new_;
};

}  // namespace pw::policy
