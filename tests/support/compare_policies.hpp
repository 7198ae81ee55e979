// Plays random strings on a policy and on a naive reference of it, and compares each eviction.
//
// A reference is a plain class with the policy's operations, written from the paper with vectors
// and searches: insert, touch, erase, victim(Pages&), and miss(id, Pages&), tick(now, Pages&),
// surplus(Pages&) where the policy has them. It is made by Reference(const Setup&).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "policy/policy.hpp"

namespace pw::test {

using policy::Id;
using policy::kNoPage;
using policy::Setup;
using policy::Verdict;

inline Setup setup_of(std::uint32_t ids, std::uint32_t frames = 0,
                      std::span<const double> values = {}) {
  Setup setup;
  setup.ids = ids;
  setup.frames = frames == 0 ? ids : frames;
  setup.values = values;
  return setup;
}

// What hardware and pinning say about pages; each side of a comparison has its own.
struct Pages {
  std::vector<bool> accessed;
  std::vector<bool> pinned;

  explicit Pages(std::uint32_t ids) : accessed(ids, false), pinned(ids, false) {}
  Verdict operator()(Id id) {
    if (pinned[id]) return Verdict::Unevictable;
    const bool was = accessed[id];
    accessed[id] = false;
    return was ? Verdict::Accessed : Verdict::Idle;
  }
};

struct StringKind {
  std::uint32_t ids = 12;
  std::uint32_t frames = 4;
  int steps = 400;
  bool pins = false;    // pages are pinned and released on the way
  bool erases = false;  // pages are unmapped on the way, ghosts too where the policy remembers
};

// One random string: popular pages, loops, scans and changes of the working set, in turns.
class RandomString {
 public:
  RandomString(std::uint64_t seed, std::uint32_t ids) : random_(seed), ids_(ids) {}
  Id next() {
    if (left_ == 0) begin_phase();
    --left_;
    switch (phase_) {
      case 0:
        return static_cast<Id>(random_.below(1 + random_.below(ids_)));  // low ids popular
      case 1:
        return static_cast<Id>((base_ + place_++ % width_) % ids_);  // a loop
      case 2:
        return static_cast<Id>((base_ + place_++) % ids_);  // a scan
      default:
        return static_cast<Id>((base_ + random_.below(width_)) % ids_);  // a locality
    }
  }
  Random& random() { return random_; }

 private:
  void begin_phase() {
    phase_ = random_.below(4);
    left_ = 1 + random_.below(60);
    base_ = random_.below(ids_);
    width_ = 1 + random_.below(ids_);
    place_ = 0;
  }
  Random random_;
  std::uint32_t ids_;
  std::uint64_t phase_ = 0, left_ = 0, base_ = 0, width_ = 1, place_ = 0;
};

// Plays a string in `frames` frames on a policy whose pages come with a clear accessed bit; what
// was evicted, in order.
template <class P>
std::vector<Id> evictions(P& policy, const std::vector<Id>& string, std::uint32_t frames) {
  std::vector<Id> gone;
  const Id ids = string.empty() ? 0 : 1 + *std::max_element(string.begin(), string.end());
  Pages pages(ids);
  std::vector<bool> resident(ids, false);
  for (const Id id : string) {
    pages.accessed[id] = resident[id];
    if (resident[id]) {
      if constexpr (policy::kHearsReferences<P>) policy.touch(id);
      continue;
    }
    if constexpr (policy::kHearsMisses<P>) policy.miss(id, pages);
    if (policy.size() == frames) {
      gone.push_back(policy.victim(pages));
      resident[gone.back()] = false;
    }
    policy.insert(id);
    resident[id] = true;
  }
  return gone;
}

// Both sides of one comparison.
template <class P, class Reference>
class Comparison {
 public:
  Comparison(const StringKind& kind, const Setup& setup)
      : kind_(kind),
        policy_(setup),
        reference_(setup),
        left_(kind.ids),
        right_(kind.ids),
        resident_(kind.ids, false) {}

  // False after a difference, which has been reported.
  bool step(Id id, std::uint64_t time, Random& random) {
    if (kind_.pins && random.chance(6)) left_.pinned[id] = right_.pinned[id] = !left_.pinned[id];
    if (!tick(time, false)) return false;
    if (kind_.erases && random.chance(12) && (resident_[id] || policy::remembers<P>())) {
      policy_.erase(id);
      reference_.erase(id);
      resident_[id] = false;
      left_.accessed[id] = right_.accessed[id] = false;
    } else if (resident_[id]) {
      if constexpr (policy::kHearsReferences<P>) {
        policy_.touch(id);
        reference_.touch(id);
      }
      left_.accessed[id] = right_.accessed[id] = true;
    } else if (!fault(id, time, random)) {
      return !failed_;
    }
    return same();
  }

 private:
  bool tick(std::uint64_t time, bool at_miss) {
    if constexpr (policy::kTicks<P>) {
      if (!at_miss && time < next_tick_) return true;
      next_tick_ = policy_.tick(time, left_);
      if (next_tick_ != reference_.tick(time, right_)) return differ("the next tick");
      return surplus();
    }
    return true;
  }
  bool surplus() {
    if constexpr (policy::kGivesUp<P>) {
      for (;;) {
        const Id gone = policy_.surplus(left_);
        if (gone != reference_.surplus(right_)) return differ("what is given up");
        if (gone == kNoPage) break;
        evict(gone);
      }
    }
    return true;
  }
  // False: the page could not come in, or a difference.
  bool fault(Id id, std::uint64_t time, Random& random) {
    if (!tick(time, true)) return false;
    if constexpr (policy::kHearsMisses<P>) {
      policy_.miss(id, left_);
      reference_.miss(id, right_);
      if (!surplus()) return false;
    }
    if (policy_.size() >= kind_.frames) {
      const Id gone = policy_.victim(left_);
      if (gone != reference_.victim(right_)) return differ("the victim");
      if (gone == kNoPage) {
        if (!kind_.pins) return differ("no victim where every page may go");
        return false;
      }
      evict(gone);
    }
    policy_.insert(id);
    reference_.insert(id);
    resident_[id] = true;
    left_.accessed[id] = right_.accessed[id] = random.chance(2);
    return true;
  }
  void evict(Id id) {
    EXPECT_TRUE(resident_[id]) << "a page was evicted that is not resident: " << id;
    resident_[id] = false;
    left_.accessed[id] = right_.accessed[id] = false;
  }
  bool same() {
    if (left_.accessed != right_.accessed) return differ("accessed bits");
    if (policy_.size() != std::ranges::count(resident_, true)) return differ("the size");
    return true;
  }
  bool differ(const char* what) {
    failed_ = true;
    ADD_FAILURE() << "policy and reference differ in " << what;
    return false;
  }

  StringKind kind_;
  P policy_;
  Reference reference_;
  Pages left_, right_;
  std::vector<bool> resident_;
  std::uint64_t next_tick_ = 0;
  bool failed_ = false;
};

template <class P, class Reference>
bool compare_run(std::uint64_t seed, const StringKind& kind, std::span<const double> values = {}) {
  Setup setup = setup_of(kind.ids, kind.frames, values);
  setup.seed = seed;
  Comparison<P, Reference> comparison(kind, setup);
  RandomString string(seed, kind.ids);
  for (int step = 0; step < kind.steps; ++step) {
    const Id id = string.next();
    if (!comparison.step(id, static_cast<std::uint64_t>(step), string.random())) {
      ADD_FAILURE() << P::kName << ": seed " << seed << ", " << kind.ids << " pages, "
                    << kind.frames << " frames, step " << step;
      return false;
    }
  }
  return true;
}

// Thousands of strings at sizes 1 .. 40, a quarter each plain, with pins, with unmapping, with
// both.
template <class P, class Reference>
void compare_many(std::span<const double> values = {}, std::uint64_t seeds = 3'000) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    StringKind kind;
    kind.frames = static_cast<std::uint32_t>(seed % 5 == 0 ? 1 + seed % 40 : 1 + seed % 13);
    kind.ids = static_cast<std::uint32_t>(kind.frames + 1 + seed % (3 * kind.frames));
    kind.steps = seed % 5 == 0 ? 1'500 : 400;
    kind.pins = seed % 2 == 0;
    kind.erases = seed / 2 % 2 == 0;
    if (!compare_run<P, Reference>(seed, kind, values)) return;
  }
}

// Unmapping a page makes its id new: nothing is remembered of it, whether its return is told in
// time or not, so that it goes before those that come later.
template <class P>
void forgets_what_is_erased() {
  for (const bool told : {false, true}) {
    P policy(setup_of(32, 4));
    const auto idle = [](Id) { return Verdict::Idle; };
    const auto bring = [&](Id id) {
      if constexpr (policy::kHearsMisses<P>) {
        if (told) policy.miss(id, idle);
      }
      policy.insert(id);
    };
    for (Id id = 0; id < 4; ++id) bring(id);
    EXPECT_EQ(policy.victim(idle), 0U);
    policy.erase(0);
    bring(0);
    for (const Id expected : {1U, 2U}) {
      EXPECT_EQ(policy.victim(idle), expected);
      bring(expected + 3);
    }
    for (const Id expected : {3U, 0U, 4U, 5U}) EXPECT_EQ(policy.victim(idle), expected);
    EXPECT_EQ(policy.victim(idle), kNoPage);
    EXPECT_EQ(policy.size(), 0U);
  }
}

}  // namespace pw::test
