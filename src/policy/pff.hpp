// PFF, page-fault frequency: a program's memory follows its fault rate. Faults in quick succession
// say that it has too little: it gets a frame for each. A fault after a long time says that it has
// more than enough: it gives up every page that it has not used since this was last decided.
//
//   faults    | | ||  |           |     |  | ...
//   time      -----------------------------------
//              grow, grow, ...    ^ more than T after the last: pages with a clear accessed bit go,
//                                   the bits of the others are cleared
//
// Source: Chu, Opderbeck, "The page fault frequency replacement algorithm", AFIPS FJCC 1972;
// "Program behavior and the page-fault-frequency replacement algorithm", Computer 9(11), 1976.
// Published variants differ in when bits are cleared: at every fault, which asks for a look at all
// pages each time, or, as here and in Stallings, "Operating systems", 8.2, when pages are given up.
// A look costs as much as there are pages, but they have all been used since the last look but one:
// O(1) a reference, over time.
//
// `frames` is a bound that the algorithm does not have. Where it is met a page goes as CLOCK would
// choose, and what this finds out about accessed bits is remembered for the next decision.
//
// Parameter: threshold, T, in references: 1 / T is the fault rate aimed at. A page that may not go
// counts as used. Without miss() the decision is made in insert(), after the victim was chosen.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class Pff {
 public:
  static constexpr std::string_view kName = "pff";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr std::array kParameters{
      Parameter{"threshold", 100, 1, 1e15, "references between faults above which memory shrinks"}};

  explicit Pff(const Setup& setup)
      : pages_(setup), threshold_(static_cast<std::uint64_t>(setup.value(kParameters, 0))) {}

  std::uint32_t size() const { return pages_.size(); }
  void touch(Id) {}
  void prefetch(Id id) const { pages_.prefetch(id); }
  void insert(Id id) {
    if (!decided_) decide();
    decided_ = false;
    pages_.push_back(id, 0, kUnused);
  }
  void erase(Id id) { pages_.remove(id); }

  template <class Probe>
  std::uint64_t tick(std::uint64_t now, Probe&&) {
    now_ = now;
    return kNever;  // needs to know the time at faults only
  }
  template <class Probe>
  void miss(Id, Probe&&) {
    decide();
    decided_ = true;
  }
  template <class Probe>
  Id surplus(Probe&& probe) {
    for (; to_judge_ > 0; --to_judge_) {
      const Id id = pages_.front(0);
      if (id == kNoPage) break;
      const bool used = probe(id) != Verdict::Idle || pages_.flags(id) == kUsed;
      if (!used) {
        pages_.remove(id);
        --to_judge_;
        return id;
      }
      pages_.move_to_back(id, 0, kUnused);
    }
    to_judge_ = 0;
    return kNoPage;
  }
  template <class Probe>
  Id victim(Probe&& probe) {
    bool spared = false;
    for (int round = 0; round < 2; ++round) {
      for (std::uint32_t left = pages_.size(); left > 0; --left) {
        const Id id = pages_.front(0);
        const Verdict verdict = probe(id);
        if (verdict == Verdict::Idle || (verdict == Verdict::Accessed && round == 1)) {
          pages_.remove(id);
          return id;
        }
        spared = spared || verdict == Verdict::Accessed;
        pages_.move_to_back(id, 0, verdict == Verdict::Accessed ? kUsed : pages_.flags(id));
      }
      if (!spared) break;
    }
    return kNoPage;
  }

 private:
  // Since it was last decided to give up pages, as far as a search for a victim has seen.
  static constexpr unsigned kUnused = 0, kUsed = 1;

  void decide() {
    if (now_ - last_fault_ > threshold_) to_judge_ = pages_.size();
    last_fault_ = now_;
  }

  IdQueues<1, 1> pages_;  // a circle: looked at in front, and put behind
  std::uint64_t threshold_;
  std::uint64_t now_ = 0, last_fault_ = 0;
  std::uint32_t to_judge_ = 0;  // pages at the front whose fate surplus() decides
  bool decided_ = false;        // for the page that comes next
};

}  // namespace pw::policy
