// NRU, not recently used: a page that was not referenced since the last tick goes, any of them; if
// all were, any page. The accessed bits are cleared at each tick.
//
// Source: Tanenbaum, Bos, "Modern operating systems", 3.4.2. There are four classes there, of the
// bits R (referenced) and M (modified):
//
//   class 0   R = 0, M = 0      goes first
//   class 1   R = 0, M = 1      modified long ago, not referenced since: a tick clears R only
//   class 2   R = 1, M = 0
//   class 3   R = 1, M = 1
//
// A policy here is told of R alone (policy.hpp), so that 0 and 1 are one class and 2 and 3 another:
// NRU for pages that are all clean or all dirty. That a clean page costs less to evict is the
// reclaimer's concern, for every policy alike.
//
// Parameter `tick`: references between two clearings; 0, the default, means three for each frame.
// Seeded, as random.hpp. A bit once read by a search stays known until the tick. A page that may
// not go is drawn once in a search at most, and stays in its class. Where time stands still (a
// caller without ticks) nothing makes a page "not recently used" again, and NRU turns into RANDOM.
//
// The draw. Pages stand in a row, those not known as referenced first; a draw is a place, uniform
// among those of the class that the search has not drawn yet, which stand first in it.
//
//   a b c d|e f    c is drawn and goes: d, the last of its class, takes its place, and f, the last
//   a b d|f e      of the row, the place that d leaves
//   a b d h|e f    h comes, behind its class; the page that stood there goes to the end of the row
//   a h d|b e f    b is drawn, but was referenced: h, the last to draw from, takes its place, and b
//                  goes to the front of the other class, where the first draw looks no more
//
// A page drawn that may not go changes places with the last to draw from and so is out of the draw;
// when a referenced one is drawn after it, the last of those that may not go steps to their front.
// A tick leaves the order as it is.
//
// O(1) amortised a fault; a tick reads every bit. Memory: see PagePool.
#pragma once

#include "base/random.hpp"
#include "policy/page_pool.hpp"
#include "policy/policy.hpp"
#include "policy/tick_clock.hpp"

namespace pw::policy {

class Nru {
 public:
  static constexpr std::string_view kName = "nru";
  static constexpr Needs kNeeds = Needs::AccessedBits;
  static constexpr std::array kParameters{
      Parameter{"tick", 0, 0, 1e15, "references between two clearings; 0: three for each frame"}};

  explicit Nru(const Setup& setup)
      : pool_(setup), clock_(setup.value(kParameters, 0), 3, setup.frames), random_(setup.seed) {}

  std::uint32_t size() const { return pool_.size(); }
  void insert(Id id) {
    pool_.add(id);
    pool_.swap(pool_.size() - 1, idle_++);
  }
  void touch(Id) {}
  void erase(Id id) { remove_at(pool_.place_of(id)); }

  template <class Probe>
  Id victim(Probe&& probe) {
    // Those not known as referenced: [0, left) to draw from, [left, idle_) may not go.
    for (std::uint32_t left = idle_; left > 0; --left) {
      const std::uint32_t place = draw(0, left);
      const Id id = pool_[place];
      const Verdict verdict = probe(id);
      if (verdict == Verdict::Idle) return take(place);
      pool_.swap(place, left - 1);
      if (verdict == Verdict::Accessed) pool_.swap(left - 1, --idle_);
    }
    // Those referenced, [idle_, size).
    for (std::uint32_t left = pool_.size(); left > idle_; --left) {
      const std::uint32_t place = draw(idle_, left);
      if (probe(pool_[place]) != Verdict::Unevictable) return take(place);
      pool_.swap(place, left - 1);
    }
    return kNoPage;
  }
  template <class Probe>
  std::uint64_t tick(std::uint64_t now, Probe&& probe) {
    if (clock_.due(now)) {
      for (std::uint32_t place = 0; place < pool_.size(); ++place) probe(pool_[place]);
      idle_ = pool_.size();
    }
    return clock_.next();
  }

 private:
  std::uint32_t draw(std::uint32_t begin, std::uint32_t end) {
    return begin + static_cast<std::uint32_t>(random_.below(end - begin));
  }
  Id take(std::uint32_t place) {
    const Id id = pool_[place];
    remove_at(place);
    return id;
  }
  void remove_at(std::uint32_t place) {
    if (place < idle_) {
      pool_.swap(place, --idle_);
      place = idle_;
    }
    pool_.remove_at(place);
  }

  PagePool pool_;  // [0, idle_): not known as referenced since the tick; then those that are
  TickClock clock_;
  Random random_;
  std::uint32_t idle_ = 0;
};

}  // namespace pw::policy
