// The working set and what systems use in its place, against references that say in a line or two
// which pages stay: sets and times, no queues.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "analysis/play.hpp"
#include "policy/pff.hpp"
#include "policy/working_set.hpp"
#include "policy/wsclock.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::Pages;
using test::setup_of;

class NaiveWorkingSet {
 public:
  explicit NaiveWorkingSet(const Setup& setup)
      : tau_(static_cast<std::uint64_t>(setup.value(WorkingSet::kParameters, 0))) {
    if (tau_ == 0) tau_ = setup.frames;
  }
  void insert(Id id) { use(id), ++now_; }
  void touch(Id id) { use(id), ++now_; }
  void erase(Id id) { last_use_.erase(id); }
  std::uint64_t tick(std::uint64_t now, Pages&) {
    now_ = now;
    std::uint64_t next = now + tau_ + 1;
    for (const auto& [id, use] : last_use_) next = std::min(next, use.time + tau_ + 1);
    return std::max(next, now + 1);
  }
  Id surplus(Pages& pages) {
    for (;;) {
      const Id id = least_recent(last_use_);
      if (id == kNoPage || now_ - last_use_[id].time <= tau_) return kNoPage;
      if (pages(id) != Verdict::Unevictable) {
        last_use_.erase(id);
        return id;
      }
      use(id);
    }
  }
  Id victim(Pages& pages) {
    for (auto left = last_use_; !left.empty();) {
      const Id id = least_recent(left);
      left.erase(id);
      if (pages(id) == Verdict::Unevictable) continue;
      last_use_.erase(id);
      return id;
    }
    return kNoPage;
  }

 private:
  struct Use {
    std::uint64_t time, number;
    auto operator<=>(const Use&) const = default;
  };
  void use(Id id) { last_use_[id] = {now_, ++uses_}; }
  static Id least_recent(const std::map<Id, Use>& pages) {
    const auto least = std::ranges::min_element(pages, {},
                                                [](const auto& page) { return page.second; });
    return least == pages.end() ? kNoPage : least->first;
  }

  std::uint64_t tau_;
  std::uint64_t now_ = 0, uses_ = 0;
  std::map<Id, Use> last_use_;
};

class NaiveWsClock {
 public:
  explicit NaiveWsClock(const Setup& setup)
      : tau_(static_cast<std::uint64_t>(setup.value(WsClock::kParameters, 0))),
        reach_(static_cast<std::size_t>(setup.value(WsClock::kParameters, 1))) {
    if (tau_ == 0) tau_ = setup.frames;
  }
  void insert(Id id) {
    circle_.insert(circle_.begin() + hand_, {id, now_});
    hand_ = wrapped(hand_ + 1);
  }
  void touch(Id) {}
  void erase(Id id) {
    const auto at = std::ranges::find(circle_, id, &Page::id) - circle_.begin();
    circle_.erase(circle_.begin() + at);
    if (at < hand_) --hand_;
    hand_ = wrapped(hand_);
  }
  std::uint64_t tick(std::uint64_t now, Pages&) {
    now_ = now;
    return kNever;
  }
  Id victim(Pages& pages) {
    std::vector<Page> idle;
    std::vector<Id> used;
    const auto evict = [&](Id id) {
      erase(id);
      return id;
    };
    for (std::size_t met = 0; met < circle_.size(); ++met) {
      if (reach_ != 0 && met >= reach_ && !idle.empty()) break;
      Page& page = circle_[static_cast<std::size_t>(hand_)];
      const Verdict verdict = pages(page.id);
      if (verdict == Verdict::Idle && now_ - page.seen > tau_) return evict(page.id);
      if (verdict == Verdict::Idle) idle.push_back(page);
      if (verdict == Verdict::Accessed) {
        page.seen = now_;
        used.push_back(page.id);
      }
      hand_ = wrapped(hand_ + 1);
    }
    if (!idle.empty()) return evict(std::ranges::min_element(idle, {}, &Page::seen)->id);
    return used.empty() ? kNoPage : evict(used.front());
  }

 private:
  struct Page {
    Id id;
    std::uint64_t seen;
  };
  std::ptrdiff_t wrapped(std::ptrdiff_t at) const { return at >= std::ssize(circle_) ? 0 : at; }

  std::uint64_t tau_;
  std::size_t reach_;
  std::uint64_t now_ = 0;
  std::vector<Page> circle_;
  std::ptrdiff_t hand_ = 0;
};

class NaivePff {
 public:
  explicit NaivePff(const Setup& setup)
      : threshold_(static_cast<std::uint64_t>(setup.value(Pff::kParameters, 0))) {}
  void insert(Id id) { order_.push_back(id); }
  void touch(Id) {}
  void erase(Id id) {
    std::erase(order_, id);
    used_.erase(id);
  }
  std::uint64_t tick(std::uint64_t now, Pages&) {
    now_ = now;
    return kNever;
  }
  void miss(Id, Pages& pages) {
    if (now_ - last_fault_ > threshold_) {
      for (const Id id : order_) {
        if (pages(id) == Verdict::Idle && !used_.contains(id)) given_up_.push_back(id);
      }
      used_.clear();
    }
    last_fault_ = now_;
  }
  Id surplus(Pages&) {
    if (given_up_.empty()) return kNoPage;
    const Id id = given_up_.front();
    given_up_.erase(given_up_.begin());
    erase(id);
    return id;
  }
  Id victim(Pages& pages) {
    if (std::ranges::all_of(order_, [&](Id id) { return pages.pinned[id]; })) return kNoPage;
    for (;;) {
      const Id id = order_.front();
      order_.erase(order_.begin());
      const Verdict verdict = pages(id);
      if (verdict == Verdict::Idle) {
        used_.erase(id);
        return id;
      }
      if (verdict == Verdict::Accessed) used_.insert(id);
      order_.push_back(id);
    }
  }

 private:
  std::uint64_t threshold_;
  std::uint64_t now_ = 0, last_fault_ = 0;
  std::vector<Id> order_, given_up_;
  std::set<Id> used_;
};

TEST(WorkingSet, KeepsWhatItsReferenceKeeps) {
  compare_many<WorkingSet, NaiveWorkingSet>();
  for (const double tau : {1.0, 2.0, 7.0, 1000.0}) {
    compare_many<WorkingSet, NaiveWorkingSet>(std::array{tau}, 200);
  }
}

TEST(WsClock, EvictsAsItsReference) {
  compare_many<WsClock, NaiveWsClock>();
  for (const auto& values : {std::array{1.0, 0.0}, {20.0, 0.0}, {20.0, 3.0}, {1000.0, 2.0}}) {
    compare_many<WsClock, NaiveWsClock>(values, 200);
  }
}

TEST(Pff, GivesUpWhatItsReferenceGivesUp) {
  compare_many<Pff, NaivePff>();
  for (const double threshold : {1.0, 3.0, 10.0}) {
    compare_many<Pff, NaivePff>(std::array{threshold}, 300);
  }
}

template <class P>
std::vector<Id> resident(const analysis::Player<P>& player, Id pages) {
  std::vector<Id> found;
  for (Id id = 0; id < pages; ++id) {
    if (player.resident(id)) found.push_back(id);
  }
  return found;
}

// Figure "Working-set model" of Silberschatz, Galvin, Gagne, 10.6.2, with a window of ten
// references: {1, 2, 5, 6, 7} at t1 and {3, 4} at t2. The reference that comes next is in the set
// when it can be looked at.
TEST(WorkingSet, SetsOfSilberschatzSection10_6_2) {
  const std::vector<Id> string{2, 6, 1, 5, 7, 7, 7, 7, 5, 1, 6, 2, 3, 4, 1, 2, 3, 4, 4,
                               4, 3, 4, 3, 4, 4, 4, 1, 3, 2, 3, 4, 4, 4, 3, 4, 4, 4};
  constexpr double kTau = 10;
  WorkingSet policy(setup_of(8, 8, std::span(&kTau, 1)));
  analysis::Player<WorkingSet> player(policy, 8, 8);
  std::uint64_t time = 0;
  for (; time <= 10; ++time) player.reference(string[time], time);
  EXPECT_EQ(resident(player, 8), (std::vector<Id>{1, 2, 5, 6, 7}));  // next was 6
  for (; time <= 26; ++time) player.reference(string[time], time);
  EXPECT_EQ(resident(player, 8), (std::vector<Id>{1, 3, 4}));  // next was 1
}

// A fault for each interreference interval greater than tau, whatever else happens; the sum of
// resident pages is that of the working sets' sizes.
TEST(WorkingSet, FaultsAreIntervalsLongerThanTau) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    constexpr Id kPages = 50;
    const double tau = static_cast<double>(1 + seed * 7 % 60);
    WorkingSet policy(setup_of(kPages, kPages, std::span(&tau, 1)));
    analysis::Player<WorkingSet> player(policy, kPages, kPages);
    test::RandomString string(seed, kPages);
    std::vector<Id> past;
    std::uint64_t faults = 0, sizes = 0;
    for (std::uint64_t time = 0; time < 2'000; ++time) {
      const auto window = std::min<std::size_t>(past.size(), static_cast<std::size_t>(tau));
      const std::set<Id> set(past.end() - static_cast<std::ptrdiff_t>(window), past.end());
      const Id id = string.next();
      sizes += set.size();
      faults += set.contains(id) ? 0 : 1;
      player.reference(id, time);
      past.push_back(id);
    }
    EXPECT_EQ(player.played().misses, faults) << "seed " << seed;
    EXPECT_EQ(player.played().resident_sum, sizes) << "seed " << seed;
  }
}

// Three localities: memory in use falls to the new one soon after each change.
TEST(Pff, ShrinksAfterTheLocalityBecameSmaller) {
  constexpr Id kPages = 100;
  constexpr double kThreshold = 20;
  Pff policy(setup_of(kPages, kPages, std::span(&kThreshold, 1)));
  analysis::Player<Pff> player(policy, kPages, kPages);
  std::uint64_t time = 0;
  const auto loop = [&](Id first, Id width, int turns) {
    for (int turn = 0; turn < turns; ++turn) {
      for (Id i = 0; i < width; ++i) player.reference(first + i, time++);
    }
  };
  loop(0, 40, 10);
  EXPECT_EQ(policy.size(), 40U);
  loop(50, 10, 1);  // the first fault finds all forty used, the others come too soon
  EXPECT_EQ(policy.size(), 50U);
  loop(50, 10, 5);
  player.reference(99, time++);  // more than a threshold later: what was not used meanwhile goes
  EXPECT_EQ(policy.size(), 11U);
}

}  // namespace
}  // namespace pw::policy
