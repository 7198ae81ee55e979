// LRU: the page not referenced for the longest time goes. Exact: it has to hear of every reference,
// which hardware does not report; on accessed bits use clock, which approximates it.
//
// Source: Denning, "The working set model for program behavior", CACM 11(5), 1968; as a stack
// algorithm: Mattson, Gecsei, Slutz, Traiger, "Evaluation techniques for storage hierarchies", IBM
// Systems Journal 9(2), 1970. No parameters. O(1) a reference. A page that may not go keeps its
// place. Memory: see IdLog.
#pragma once

#include "policy/id_log.hpp"
#include "policy/policy.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class Lru {
 public:
  static constexpr std::string_view kName = "lru";
  static constexpr Needs kNeeds = Needs::References;

  explicit Lru(const Setup& setup) : stack_(setup) {}

  std::uint32_t size() const { return stack_.size(); }
  void insert(Id id) { stack_.push_back(id); }
  void touch(Id id) { stack_.move_to_back(id); }
  void erase(Id id) { stack_.remove(id); }
  void prefetch(Id id) const { stack_.prefetch(id); }

  template <class Probe>
  Id victim(Probe&& probe) {
    const Id gone = stack_.find([&](Id id) { return probe(id) != Verdict::Unevictable; }, probe);
    if (gone != kNoPage) stack_.remove(gone);
    return gone;
  }
  std::vector<ShownList> lists() const { return {shown_log(stack_, "stack")}; }

 private:
  IdLog stack_;  // least recently referenced in front
};

}  // namespace pw::policy
