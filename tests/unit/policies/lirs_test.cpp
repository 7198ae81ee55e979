// LIRS, eviction by eviction against a reference that keeps S and Q as plain vectors and knows a
// page's status by searching them, and strings worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "policy/lirs.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::Pages;
using test::setup_of;

using Ids = std::vector<Id>;

class NaiveLirs {
 public:
  explicit NaiveLirs(const Setup& setup) {
    const double hir = setup.values.empty() ? 0.01 : setup.values[0];
    const double stack = setup.values.empty() ? 2500 : setup.values[1];
    const int hirs = std::max(2, static_cast<int>(hir * setup.frames));
    lirs_ = std::max(0, static_cast<int>(setup.frames) - hirs);
    longest_ = static_cast<std::size_t>(stack * setup.frames);
  }
  void insert(Id id) {
    const bool in_s = has(s_, id);
    refer(id, in_s || std::ssize(lir_) < lirs_);
  }
  void touch(Id id) {
    if (id != last_) refer(id, lir_.contains(id) || has(s_, id));
  }
  void erase(Id id) {
    if (last_ == id) last_ = kNoPage;
    std::erase(s_, id);
    std::erase(q_, id);
    lir_.erase(id);
    prune();
  }
  Id victim(Pages& pages) {
    for (const Id id : q_) {
      if (pages(id) == Verdict::Unevictable) continue;
      std::erase(q_, id);
      return id;
    }
    for (const Id id : s_) {
      if (!lir_.contains(id) || pages(id) == Verdict::Unevictable) continue;
      lir_.erase(id);
      prune();
      return id;
    }
    return kNoPage;
  }

 private:
  static bool has(const Ids& ids, Id id) { return std::ranges::find(ids, id) != ids.end(); }
  // The page goes to the top of S, as LIR or as HIR.
  void refer(Id id, bool as_lir) {
    last_ = id;
    std::erase(s_, id);
    std::erase(q_, id);
    s_.push_back(id);
    if (as_lir) {
      lir_.insert(id);
    } else {
      q_.push_back(id);
    }
    prune();
    if (std::ssize(lir_) > lirs_) {
      q_.push_back(s_.front());
      lir_.erase(s_.front());
      s_.erase(s_.begin());
      prune();
    }
    while (s_.size() > longest_) {
      const auto lowest = std::ranges::find_if(s_, [&](Id each) { return !lir_.contains(each); });
      if (lowest == s_.end()) break;
      s_.erase(lowest);
    }
  }
  void prune() {
    while (!s_.empty() && !lir_.contains(s_.front())) s_.erase(s_.begin());
  }
  int lirs_;
  std::size_t longest_;
  Ids s_, q_;  // bottom, front first
  std::set<Id> lir_;
  Id last_ = kNoPage;
};

TEST(Lirs, EvictsAsItsReference) { compare_many<Lirs, NaiveLirs>(); }
TEST(Lirs, EvictsAsItsReferenceWithOtherShares) {
  for (const std::vector<double>& values :
       {std::vector<double>{0.3, 2500}, {0.01, 1}, {0.3, 1.25}, {0.5, 1.5}, {1, 2}}) {
    compare_many<Lirs, NaiveLirs>(values, 400);
  }
}

constexpr auto kIdle = [](Id) { return Verdict::Idle; };

Ids evictions(const Ids& string, std::uint32_t frames) {
  Lirs policy(setup_of(32, frames));
  return test::evictions(policy, string, frames);
}

TEST(Lirs, KeepsMostOfALoopLongerThanTheMemory) {
  // Six pages in five frames: three stay for ever, where LRU would lose each before its turn.
  EXPECT_EQ(evictions({0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3}, 5), (Ids{3, 4, 5, 3, 4}));
}

TEST(Lirs, APageReferencedAgainWhileInTheStackChangesPlacesWithTheLowest) {
  // 0 1 2 are LIR, 3 and 4 HIR. 3 returns while in S: LIR, and 0 becomes the end of Q behind 4.
  EXPECT_EQ(evictions({0, 1, 2, 3, 4, 3, 5, 6}, 5), (Ids{4, 0}));
}

TEST(Lirs, AReferenceToThePageJustReferencedCountsForNothing) {
  EXPECT_EQ(evictions({0, 1, 2, 3, 4, 4, 4, 5, 6}, 5), (Ids{3, 4}));
}

TEST(Lirs, ForgetsWhatIsErased) {
  Lirs policy(setup_of(32, 5));
  for (Id id = 0; id < 5; ++id) policy.insert(id);
  EXPECT_EQ(policy.victim(kIdle), 3U);
  policy.erase(3);  // was still in S: would have come back as LIR
  policy.insert(3);
  for (const Id expected : {4U, 3U, 0U, 1U, 2U}) EXPECT_EQ(policy.victim(kIdle), expected);
  EXPECT_EQ(policy.victim(kIdle), kNoPage);
  EXPECT_EQ(policy.size(), 0U);
}

}  // namespace
}  // namespace pw::policy
