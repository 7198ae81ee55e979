// Working set: what a program has referenced in the last tau references is kept, nothing else. A
// page goes when it was not used for tau references, whether or not anyone wants its frame; memory
// in use rises and falls with the program's needs.
//
//   references   ... 5 1 6 2 3 4 1 2 3 4 4 4 | now
//                        [-- tau = 10 -----]     W(now, tau) = {1, 2, 3, 4, 6}; 5 has just gone
//
// This is the exact form, for which each reference must be told; hardware has none such, and
// wsclock and pff are what systems put in its place.
//
// Source: Denning, "The working set model for program behavior", CACM 11(5), 1968; Denning,
// Schwartz, "Properties of the working-set model", CACM 15(3), 1972. A fault happens if and only if
// the time since the page's last use is greater than tau. `frames` is a bound that theory does not
// have: where the working set is larger, the page unused for longest goes (LRU).
//
// Parameter: tau, in references; 0 is as many references as there are frames (then the bound is
// never met). A page that may not go when its time has come counts as used at that moment. Between
// ticks the policy counts references itself, which is exact where it is told of each. miss() is not
// needed. Pages are in the order of their last use: O(1) a reference.
#pragma once

#include "policy/id_queues.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class WorkingSet {
 public:
  static constexpr std::string_view kName = "working-set";
  static constexpr Needs kNeeds = Needs::References;
  static constexpr std::array kParameters{
      Parameter{"tau", 0, 0, 2e9, "references without use after which a page goes; 0: frames"}};

  explicit WorkingSet(const Setup& setup)
      : pages_(setup), tau_(static_cast<std::uint32_t>(setup.value(kParameters, 0))) {
    if (tau_ == 0) tau_ = setup.frames;
  }

  std::uint32_t size() const { return pages_.size(); }
  void prefetch(Id id) const { pages_.prefetch(id); }
  void insert(Id id) { pages_.push_back(id, 0, 0, now32()), ++now_; }
  void touch(Id id) { pages_.move_to_back(id, 0, 0, now32()), ++now_; }
  void erase(Id id) { pages_.remove(id); }

  template <class Probe>
  std::uint64_t tick(std::uint64_t now, Probe&&) {
    now_ = now;
    const Id oldest = pages_.front(0);
    if (oldest == kNoPage || age(oldest) > tau_) return now + (oldest == kNoPage ? tau_ : 0) + 1;
    return now + (tau_ - age(oldest)) + 1;
  }
  template <class Probe>
  Id surplus(Probe&& probe) {
    for (;;) {
      const Id oldest = pages_.front(0);
      if (oldest == kNoPage || age(oldest) <= tau_) return kNoPage;
      if (probe(oldest) != Verdict::Unevictable) {
        pages_.remove(oldest);
        return oldest;
      }
      pages_.move_to_back(oldest, 0, 0, now32());
    }
  }
  template <class Probe>
  Id victim(Probe&& probe) {
    const Id found = pages_.find(0, [&](Id id) { return probe(id) != Verdict::Unevictable; });
    if (found != kNoPage) pages_.remove(found);
    return found;
  }

 private:
  std::uint32_t now32() const { return static_cast<std::uint32_t>(now_); }
  std::uint32_t age(Id id) { return now32() - pages_.extra(id); }

  IdQueues<1, 0, std::uint32_t> pages_;  // by last use, which is the extra, modulo 2^32
  std::uint32_t tau_;
  std::uint64_t now_ = 0;  // number of the reference about to happen
};

}  // namespace pw::policy
