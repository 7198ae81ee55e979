// Second chance: FIFO, except that a page which was referenced since it was last looked at goes to
// the tail of the queue with its bit cleared, instead of out.
//
// Source: Tanenbaum, Bos, "Modern operating systems", 3.4.4; Silberschatz, Galvin, Gagne,
// "Operating system concepts", 10.4.5.2. No parameters. It evicts the same pages as clock, which
// turns a hand where this one moves pages. A page that may not go moves to the tail like a
// referenced one.
//
// A referenced page is spared once in a search: when the whole queue was referenced, the search
// meets the first page again and takes it, even if its bit was set anew meanwhile. So it ends after
// two rounds. Memory: see IdLog.
#pragma once

#include "policy/id_log.hpp"
#include "policy/policy.hpp"
#include "policy/shown_list.hpp"

namespace pw::policy {

class SecondChance {
 public:
  static constexpr std::string_view kName = "second-chance";
  static constexpr Needs kNeeds = Needs::AccessedBits;

  explicit SecondChance(const Setup& setup) : queue_(setup) {}

  std::uint32_t size() const { return queue_.size(); }
  void insert(Id id) { queue_.push_back(id); }
  void touch(Id) {}
  void erase(Id id) { queue_.remove(id); }
  void prefetch(Id id) const { queue_.prefetch(id); }

  template <class Probe>
  Id victim(Probe&& probe) {
    bool spared = false;
    for (int round = 0; round < 2; ++round) {
      for (std::uint32_t left = queue_.size(); left > 0; --left) {
        const Id id = queue_.front(probe);
        const Verdict verdict = probe(id);
        if (verdict == Verdict::Idle || (verdict == Verdict::Accessed && round == 1)) {
          queue_.remove(id);
          return id;
        }
        spared = spared || verdict == Verdict::Accessed;
        queue_.move_to_back(id);
      }
      if (!spared) break;
    }
    return kNoPage;
  }
  std::vector<ShownList> lists() const { return {shown_log(queue_, "queue")}; }

 private:
  IdLog queue_;  // next to be looked at in front
};

}  // namespace pw::policy
