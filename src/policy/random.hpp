// RANDOM: any page goes, each with the same probability. What a policy has to beat; immune to loops
// and to Belady's anomaly on average, since it has no order that a string could work against.
//
// Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
// Journal 5(2), 1966. No parameters; the seed of the Setup makes every run the same.
//
//   resident   a b c d e f      draw one of six: c; it may not go, so it changes places with the
//   then       a b f d e|c      last, and one of five is drawn: uniform among those that may go
//
// Pages that may not go lose nothing: places have no meaning. O(1) a fault, and O(1) for each page
// drawn that may not go. Memory: see PagePool.
#pragma once

#include "base/random.hpp"
#include "policy/page_pool.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

class RandomChoice {
 public:
  static constexpr std::string_view kName = "random";
  static constexpr Needs kNeeds = Needs::Nothing;

  explicit RandomChoice(const Setup& setup) : pool_(setup), random_(setup.seed) {}

  std::uint32_t size() const { return pool_.size(); }
  void insert(Id id) { pool_.add(id); }
  void touch(Id) {}
  void erase(Id id) { pool_.remove_at(pool_.place_of(id)); }

  template <class Probe>
  Id victim(Probe&& probe) {
    for (std::uint32_t left = pool_.size(); left > 0; --left) {
      const auto place = static_cast<std::uint32_t>(random_.below(left));
      const Id id = pool_[place];
      if (probe(id) != Verdict::Unevictable) {
        pool_.remove_at(place);
        return id;
      }
      pool_.swap(place, left - 1);
    }
    return kNoPage;
  }

 private:
  PagePool pool_;
  Random random_;
};

}  // namespace pw::policy
