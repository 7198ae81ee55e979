// CLOCK-Pro, eviction by eviction against a reference that keeps the clock as a plain vector of
// page records and follows the authors' program step by step, and strings worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "policy/clock_pro.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::evictions;
using test::Pages;
using test::setup_of;

using Ids = std::vector<Id>;

// The clock as a row: pages enter at its end, a hand at the end goes on at the start.
class NaiveClockPro {
 public:
  explicit NaiveClockPro(const Setup& setup)
      : frames_(static_cast<int>(setup.frames)), pages_(setup.ids) {
    const double least = setup.values.empty() ? 0.01 : setup.values[1];
    const double most = setup.values.empty() ? 0.99 : setup.values[2];
    adaptive_ = setup.values.empty() || setup.values[0] != 0;
    least_ = std::max(2, static_cast<int>(least * frames_));
    most_ = std::max(least_, static_cast<int>(most * frames_));
  }

  void miss(Id id, Pages&) {
    if (wanted_ != id) place_made_ = false;
    wanted_ = id;
  }
  void insert(Id id) {
    const int free = frames_ - count([](const Page& page) { return page.resident; });
    const bool in_clock = in_row(id);
    const bool made = wanted_ == id && place_made_;
    if (in_clock) leave(id);
    if ((in_clock || made) && adaptive_) ++credits_;
    const bool hot = in_clock || made || free > least_;
    if (in_clock && !made && free <= least_) ++debts_;
    wanted_ = kNoPage;
    place_made_ = false;
    enter(id, {.hot = hot, .resident = true, .test = !hot});
  }
  void touch(Id) {}
  void erase(Id id) {
    if (wanted_ == id) wanted_ = kNoPage;
    if (in_row(id)) leave(id);
    find_cold();
  }
  Id victim(Pages& bits) {
    for (; debts_ > 0; --debts_) hot_hand(kNoPage, bits);
    Id gone = cold_hand(bits);
    if (gone == kNoPage) gone = any_hot(bits);
    if (gone == kNoPage || wanted_ == kNoPage || place_made_ || !in_row(wanted_)) return gone;
    place_made_ = hot_hand(wanted_, bits) >= 2;
    if (!place_made_ && in_row(wanted_)) leave(wanted_);
    return gone;
  }

 private:
  struct Page {
    bool hot = false, resident = false, test = false, marked = false;
  };

  template <class Fn>
  int count(Fn&& fn) const {
    return static_cast<int>(std::ranges::count_if(row_, [&](Id id) { return fn(pages_[id]); }));
  }
  int hot_pages() const {
    return count([](const Page& page) { return page.hot; });
  }
  int names() const {
    return count([](const Page& page) { return !page.resident; });
  }
  int cold_pages() const {
    return count([](const Page& page) { return page.resident && !page.hot; });
  }
  bool in_row(Id id) const { return std::ranges::find(row_, id) != row_.end(); }
  Id following(Id id) const {
    const auto at = std::ranges::find(row_, id) + 1;
    return at == row_.end() ? row_.front() : *at;
  }
  void enter(Id id, Page page) {
    row_.push_back(id);
    pages_[id] = page;
    if (hot_ == kNoPage) hot_ = test_ = id;
    if (cold_ == kNoPage && page.resident && !page.hot) cold_ = id;
  }
  void leave(Id id) {
    for (Id* hand : {&hot_, &test_, &cold_}) {
      if (*hand == id) *hand = row_.size() == 1 ? kNoPage : following(id);
    }
    std::erase(row_, id);
    pages_[id] = {};
  }
  void find_cold() {
    if (cold_pages() == 0) cold_ = kNoPage;
    while (cold_ != kNoPage && (pages_[cold_].hot || !pages_[cold_].resident)) {
      cold_ = following(cold_);
    }
  }
  void charge() {
    if (adaptive_) --credits_;
  }
  bool used(Id id, Pages& bits) {
    const bool was = (pages_[id].marked && !bits.pinned[id]) || bits(id) == Verdict::Accessed;
    bits(id);
    pages_[id].marked = false;
    return was;
  }

  // 0: nothing; 1: met the cold page; 2: a hot page became cold; 3: both.
  int hot_hand(Id cold, Pages& bits) {
    int result = 0;
    const int hot_at_start = hot_pages();
    int seen = 0;
    while ((result == 0 && hot_at_start > 0 && seen < 2 * hot_at_start) ||
           (hot_pages() > 0 && !pages_[hot_].hot)) {
      const Id id = hot_;
      if (pages_[id].hot) {
        ++seen;
        const bool stays = used(id, bits) || bits.pinned[id];
        leave(id);
        enter(id, {.hot = stays, .resident = true});
        if (!stays) result |= 2;
      } else {
        if (id == cold) result |= 1;
        hot_ = following(id);
      }
      if (following(test_) == hot_) test_hand(bits);
    }
    return result;
  }
  void test_hand(Pages& bits) {
    const Id id = test_;
    if (!pages_[id].resident) {
      charge();
      leave(id);
    } else {
      end_test(bits);
    }
    bound_names(bits);
  }
  void end_test(Pages& bits) {
    const Id id = test_;
    test_ = following(id);
    if (pages_[id].hot) return;
    used(id, bits);
    pages_[id].test = false;
  }
  void bound_names(Pages& bits) {
    if (names() <= frames_) return;
    while (pages_[test_].resident) end_test(bits);
    charge();
    leave(test_);
  }
  Id cold_hand(Pages& bits) {
    for (int fixed = 0; fixed < cold_pages();) {
      const Id id = cold_;
      const Page page = pages_[id];
      const bool was_used = used(id, bits);
      if (bits.pinned[id]) {
        ++fixed;
        leave(id);
        enter(id, {.resident = true, .test = page.test});
        find_cold();
        continue;
      }
      fixed = 0;
      if (!was_used || !page.test) return evict(id, bits);
      if (credits_ > 0 && frames_ - hot_pages() >= most_) credits_ = 0;
      if (credits_ < 0 && frames_ - hot_pages() <= least_) credits_ = 0;
      const auto credits = credits_;
      const int swept = credits < 0 ? 0 : hot_hand(id, bits);
      if (credits > 0 && (swept & 2) != 0) --credits_;
      if (swept == 1 || (credits > 0 && swept == 3)) return evict(id, bits);
      const bool promoted = credits < 0 || (credits == 0 && swept >= 2);
      if (credits < 0) ++credits_;
      leave(id);
      if (!promoted) {
        enter(id, {.resident = true, .test = true});
        if (swept == 2) pages_[cold_].marked = true;
      } else {
        enter(id, {.hot = true, .resident = true});
      }
      find_cold();
    }
    return kNoPage;
  }
  Id evict(Id id, Pages& bits) {
    cold_ = following(id);
    if (pages_[id].test) {
      pages_[id] = {.test = true};
    } else {
      leave(id);
    }
    find_cold();
    bound_names(bits);
    return id;
  }
  // As clock does it, over the hot pages, but from the same place each time.
  Id any_hot(Pages& bits) {
    Ids hot_ones;
    for (Id id = hot_; std::ssize(hot_ones) < hot_pages(); id = following(id)) {
      if (pages_[id].hot) hot_ones.push_back(id);
    }
    for (int turn = 0; turn < 2; ++turn) {
      for (const Id id : hot_ones) {
        if (used(id, bits) || bits.pinned[id]) continue;
        leave(id);
        return id;
      }
    }
    return kNoPage;
  }

  int frames_, least_, most_;
  bool adaptive_;
  Ids row_;
  std::vector<Page> pages_;
  Id hot_ = kNoPage, test_ = kNoPage, cold_ = kNoPage;
  long credits_ = 0;
  int debts_ = 0;
  Id wanted_ = kNoPage;
  bool place_made_ = false;
};

TEST(ClockPro, EvictsAsItsReference) { compare_many<ClockPro, NaiveClockPro>(); }
TEST(ClockPro, EvictsAsItsReferenceWithOtherShares) {
  for (const std::vector<double>& values :
       {std::vector<double>{0, 0.05, 0.05}, {0, 0.5, 0.5}, {1, 0.25, 0.5}, {1, 0.01, 0.3}}) {
    compare_many<ClockPro, NaiveClockPro>(values, 800);
  }
}

TEST(ClockPro, AScanPassesThroughItsColdPages) {
  ClockPro policy(setup_of(32, 6));  // 0 .. 3 hot, 4 and 5 cold
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 6), (Ids{4, 5, 6, 7, 8}));
}

TEST(ClockPro, APageThatReturnsInItsTestChangesPlacesWithAHotOne) {
  ClockPro policy(setup_of(32, 6));
  // 4 goes for 6 and returns for 5: it is hot now, and 0, idle longest, cold. 0 is behind 6.
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 4, 5, 6, 4, 7, 8, 9}, 6), (Ids{4, 5, 6, 0, 7}));
}

TEST(ClockPro, AColdPageUsedInItsTestIsPromoted) {
  ClockPro policy(setup_of(32, 6));
  // 4 is used: instead of leaving it changes places with 0, and 5 goes.
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 4, 5, 4, 6, 7}, 6), (Ids{5, 0}));
}

TEST(ClockPro, PagesReturnWithoutMissAndAHotPagePaysLater) {
  ClockPro policy(setup_of(32, 6));
  const auto idle = [](Id) { return Verdict::Idle; };
  for (Id id = 0; id < 6; ++id) policy.insert(id);
  EXPECT_EQ(policy.victim(idle), 4U);
  policy.insert(4);
  EXPECT_EQ(policy.victim(idle), 5U);
  EXPECT_EQ(policy.victim(idle), 0U);  // made cold in return for 4
}

TEST(ClockPro, ForgetsWhatIsErased) {
  ClockPro policy(setup_of(32, 6));
  Pages pages(32);
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 4, 5, 6}, 6), (Ids{4}));
  policy.erase(4);
  policy.miss(4, pages);
  EXPECT_EQ(policy.victim(pages), 5U);
  policy.insert(4);  // cold, since it is new
  for (const Id expected : {6U, 4U, 0U, 1U, 2U, 3U}) EXPECT_EQ(policy.victim(pages), expected);
  EXPECT_EQ(policy.victim(pages), kNoPage);
  EXPECT_EQ(policy.size(), 0U);
}

TEST(ClockPro, EndsThoughAllPagesAreUsedAllTheTime) {
  for (const std::uint32_t frames : {1U, 2U, 3U, 8U}) {
    ClockPro policy(setup_of(32, frames));
    for (Id id = 0; id < frames; ++id) policy.insert(id);
    for (Id id = frames; id < 32; ++id) {
      const Id gone = policy.victim([](Id) { return Verdict::Accessed; });
      ASSERT_NE(gone, kNoPage);
      policy.insert(id);
    }
  }
}

}  // namespace
}  // namespace pw::policy
