// FIFO: the page that has been resident longest goes, however much it is used.
//
// Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
// Journal 5(2), 1966; its anomaly: Belady, Nelson, Shedler, CACM 12(6), 1969. No parameters. O(1) a
// fault. A page that may not go keeps its place and is met again by the next search.
#pragma once

#include "policy/id_log.hpp"
#include "policy/policy.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class Fifo {
 public:
  static constexpr std::string_view kName = "fifo";
  static constexpr Needs kNeeds = Needs::Nothing;

  explicit Fifo(const Setup& setup) : queue_(setup) {}

  std::uint32_t size() const { return queue_.size(); }
  void insert(Id id) { queue_.push_back(id); }
  void touch(Id) {}
  void erase(Id id) { queue_.remove(id); }
  void prefetch(Id id) const { queue_.prefetch(id); }

  template <class Probe>
  Id victim(Probe&& probe) {
    const Id gone = queue_.find([&](Id id) { return probe(id) != Verdict::Unevictable; }, probe);
    if (gone != kNoPage) queue_.remove(gone);
    return gone;
  }
  std::vector<ShownList> lists() const { return {shown_log(queue_, "queue")}; }

 private:
  IdLog queue_;  // oldest in front
};

}  // namespace pw::policy
