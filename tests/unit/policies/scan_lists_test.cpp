// 2Q, segmented LRU and ARC, eviction by eviction against references written from the papers with
// plain vectors, and short strings worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "policy/arc.hpp"
#include "policy/slru.hpp"
#include "policy/two_q.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::evictions;
using test::forgets_what_is_erased;
using test::Pages;
using test::setup_of;

using Ids = std::vector<Id>;

bool has(const Ids& ids, Id id) { return std::ranges::find(ids, id) != ids.end(); }

// The first page that may go is taken out of the queue.
Id take_first_free(Ids& queue, const Pages& pages) {
  for (const Id id : queue) {
    if (pages.pinned[id]) continue;
    std::erase(queue, id);
    return id;
  }
  return kNoPage;
}
// What the policy asks about loses its accessed bit: the pages of a queue up to the one that goes.
void ask_up_to_first_free(const Ids& queue, Pages& pages) {
  for (const Id id : queue) {
    if (pages(id) != Verdict::Unevictable) return;
  }
}

class NaiveTwoQ {
 public:
  explicit NaiveTwoQ(const Setup& setup) {
    const double kin = setup.values.empty() ? 0.25 : setup.values[0];
    const double kout = setup.values.empty() ? 0.5 : setup.values[1];
    kin_ = std::max<std::size_t>(1, static_cast<std::size_t>(kin * setup.frames));
    kout_ = static_cast<std::size_t>(kout * setup.frames);
  }
  void miss(Id id, Pages&) {
    const bool again = id == returning_;
    if (!again) returning_ = has(a1out_, id) ? id : kNoPage;
    std::erase(a1out_, id);
  }
  void insert(Id id) {
    const bool reused = id == returning_ || has(a1out_, id);
    returning_ = kNoPage;
    std::erase(a1out_, id);
    (reused ? am_ : a1in_).push_back(id);
  }
  void touch(Id id) {
    if (!has(am_, id)) return;
    std::erase(am_, id);
    am_.push_back(id);
  }
  void erase(Id id) {
    if (id == returning_) returning_ = kNoPage;
    for (Ids* queue : {&a1in_, &a1out_, &am_}) std::erase(*queue, id);
  }
  Id victim(Pages& pages) {
    if (a1in_.size() > kin_) {
      const Id id = from_in(pages);
      return id != kNoPage ? id : from_main(pages);
    }
    const Id id = from_main(pages);
    return id != kNoPage ? id : from_in(pages);
  }

 private:
  Id from_in(Pages& pages) {
    ask_up_to_first_free(a1in_, pages);
    const Id id = take_first_free(a1in_, pages);
    if (id == kNoPage) return id;
    a1out_.push_back(id);
    if (a1out_.size() > kout_) a1out_.erase(a1out_.begin());
    return id;
  }
  Id from_main(Pages& pages) {
    ask_up_to_first_free(am_, pages);
    return take_first_free(am_, pages);
  }
  std::size_t kin_, kout_;
  Ids a1in_, a1out_, am_;
  Id returning_ = kNoPage;
};

class NaiveSlru {
 public:
  explicit NaiveSlru(const Setup& setup) {
    const auto n = static_cast<std::size_t>(setup.values.empty() ? 4 : setup.values[0]);
    segments_.resize(n);
    most_.assign(n, setup.frames / n);
    most_[0] += setup.frames % n;
  }
  void insert(Id id) {
    std::size_t lowest = 0;
    while (lowest < most_.size() && segments_[lowest].size() >= most_[lowest]) ++lowest;
    segments_[lowest == most_.size() ? 0 : lowest].push_back(id);
  }
  void touch(Id id) {
    std::size_t i = 0;
    while (!has(segments_[i], id)) ++i;
    std::erase(segments_[i], id);
    const std::size_t to = std::min(i + 1, segments_.size() - 1);
    segments_[to].push_back(id);
    if (to == i || segments_[to].size() <= most_[to]) return;
    segments_[i].push_back(segments_[to].front());
    segments_[to].erase(segments_[to].begin());
  }
  void erase(Id id) {
    for (Ids& segment : segments_) std::erase(segment, id);
  }
  Id victim(Pages& pages) {
    for (Ids& segment : segments_) {
      ask_up_to_first_free(segment, pages);
      if (const Id id = take_first_free(segment, pages); id != kNoPage) return id;
    }
    return kNoPage;
  }

 private:
  std::vector<Ids> segments_;
  std::vector<std::size_t> most_;
};

// Figure 4 of the paper, with REPLACE where room is needed and the rest of case IV at the end.
class NaiveArc {
 public:
  explicit NaiveArc(const Setup& setup) : c_(setup.frames) {}
  void miss(Id id, Pages&) {
    if (id != returning_) adapt(id);
  }
  void insert(Id id) {
    if (id != returning_) adapt(id);
    if (id == returning_) {
      t2_.push_back(id);
    } else {
      if (t1_.size() + b1_.size() >= c_) drop_oldest(b1_, t1_.size() + b1_.size() - c_ + 1);
      const std::size_t all = t1_.size() + t2_.size() + b1_.size() + b2_.size();
      if (all >= 2 * c_) drop_oldest(b2_, all - 2 * c_ + 1);
      t1_.push_back(id);
    }
    returning_ = kNoPage;
    from_b2_ = false;
  }
  void touch(Id id) {
    std::erase(t1_, id);
    std::erase(t2_, id);
    t2_.push_back(id);
  }
  void erase(Id id) {
    if (id == returning_) {
      returning_ = kNoPage;
      from_b2_ = false;
    }
    for (Ids* list : {&t1_, &t2_, &b1_, &b2_}) std::erase(*list, id);
  }
  Id victim(Pages& pages) {
    const auto t1 = static_cast<double>(t1_.size());
    const bool first = !t1_.empty() && ((from_b2_ && t1 == p_) || t1 > p_);
    const Id id = first ? replace(t1_, b1_, pages) : replace(t2_, b2_, pages);
    if (id != kNoPage) return id;
    return first ? replace(t2_, b2_, pages) : replace(t1_, b1_, pages);
  }

 private:
  static void drop_oldest(Ids& names, std::size_t count) {
    names.erase(names.begin(),
                names.begin() + static_cast<std::ptrdiff_t>(std::min(count, names.size())));
  }
  static Id replace(Ids& pages_of, Ids& names, Pages& pages) {
    ask_up_to_first_free(pages_of, pages);
    const Id id = take_first_free(pages_of, pages);
    if (id != kNoPage) names.push_back(id);
    return id;
  }
  void adapt(Id id) {
    const auto b1 = static_cast<double>(b1_.size());
    const auto b2 = static_cast<double>(b2_.size());
    returning_ = kNoPage;
    from_b2_ = false;
    if (has(b1_, id)) {
      p_ = std::min(p_ + (b1 >= b2 ? 1 : b2 / b1), static_cast<double>(c_));
    } else if (has(b2_, id)) {
      p_ = std::max(p_ - (b2 >= b1 ? 1 : b1 / b2), 0.0);
      from_b2_ = true;
    } else {
      return;
    }
    returning_ = id;
    std::erase(b1_, id);
    std::erase(b2_, id);
  }
  std::size_t c_;
  Ids t1_, t2_, b1_, b2_;
  double p_ = 0;
  Id returning_ = kNoPage;
  bool from_b2_ = false;
};

TEST(ScanLists, TwoQEvictsAsItsReference) { compare_many<TwoQ, NaiveTwoQ>(); }
TEST(ScanLists, TwoQEvictsAsItsReferenceWithOtherShares) {
  for (const Ids& shares : {Ids{0, 0}, Ids{2, 4}, Ids{4, 1}, Ids{1, 3}}) {
    const std::vector<double> values{shares[0] / 4.0, shares[1] / 4.0};
    compare_many<TwoQ, NaiveTwoQ>(values, 400);
  }
}
TEST(ScanLists, SegmentedLruEvictsAsItsReference) { compare_many<Slru, NaiveSlru>(); }
TEST(ScanLists, SegmentedLruEvictsAsItsReferenceWithOtherSegments) {
  for (const double segments : {1.0, 2.0, 3.0, 16.0}) {
    compare_many<Slru, NaiveSlru>(std::vector<double>{segments}, 400);
  }
}
TEST(ScanLists, ArcEvictsAsItsReference) { compare_many<Arc, NaiveArc>(); }

TEST(ScanLists, TwoQKeepsAReusedPageThroughAScan) {
  TwoQ policy(setup_of(32, 4));  // In holds 1, Out remembers 2
  // 0 leaves In for 4, its name stays in Out, it returns to Main and sees the scan 5 .. 9 pass.
  EXPECT_EQ(evictions(policy, {0, 1, 2, 3, 4, 0, 5, 6, 7, 8, 9, 0}, 4), (Ids{0, 1, 2, 3, 4, 5, 6}));
}

TEST(ScanLists, SegmentedLruLetsThePageGoThatWasReferencedOnce) {
  // Four segments of one page: 0 rises to the top, 1 stays at the bottom, 2 enters above it since
  // there is room, and rises.
  Slru policy(setup_of(32, 4));
  EXPECT_EQ(evictions(policy, {0, 0, 0, 0, 1, 2, 2, 3, 4}, 4), (Ids{1}));
}

TEST(ScanLists, ArcKeepsReusedPagesThroughAScan) {
  Arc policy(setup_of(32, 4));
  EXPECT_EQ(evictions(policy, {0, 1, 0, 1, 2, 3, 4, 5, 6, 0, 1}, 4), (Ids{2, 3, 4}));
}

// A caller that can't tell of misses in time leaves miss() out: then the page that returns is known
// all the same.
template <class P>
void returns_without_miss() {
  P policy(setup_of(32, 4));
  const auto idle = [](Id) { return Verdict::Idle; };
  for (Id id = 0; id < 4; ++id) policy.insert(id);
  const Id gone = policy.victim(idle);
  EXPECT_EQ(gone, 0U);
  policy.insert(gone);  // its name was remembered, so it outlives the others
  EXPECT_EQ(policy.victim(idle), 1U);
  EXPECT_EQ(policy.victim(idle), 2U);
}
TEST(ScanLists, PagesReturnWithoutMiss) {
  returns_without_miss<TwoQ>();
  returns_without_miss<Arc>();
}

TEST(ScanLists, ErasedGhostsAreForgotten) {
  forgets_what_is_erased<TwoQ>();
  forgets_what_is_erased<Arc>();
}

}  // namespace
}  // namespace pw::policy
