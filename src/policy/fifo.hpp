// FIFO: the page that has been resident longest goes, however much it is used.
//
// Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
// Journal 5(2), 1966; its anomaly: Belady, Nelson, Shedler, CACM 12(6), 1969. No parameters. O(1) a
// fault. A page that may not go keeps its place and is met again by the next search.
#pragma once

#include "policy/list.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class Fifo {
 public:
  static constexpr std::string_view kName = "fifo";
  static constexpr Needs kNeeds = Needs::Nothing;

  explicit Fifo(const Setup& setup) : queue_(setup.ids) {}

  std::uint32_t size() const { return queue_.size(); }
  void insert(Id id) { queue_.push_back(id); }
  void touch(Id) {}
  void erase(Id id) { queue_.remove(id); }

  template <class Probe>
  Id victim(Probe&& probe) {
    for (Id id = queue_.front(); id != kNoPage; id = queue_.next(id)) {
      if (probe(id) == Verdict::Unevictable) continue;
      queue_.remove(id);
      return id;
    }
    return kNoPage;
  }

 private:
  IdLists<> queue_;  // oldest in front
};

}  // namespace pw::policy
