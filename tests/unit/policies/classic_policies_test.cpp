// Random choice, NRU, ageing and the LFU family: eviction by eviction against references written as
// the textbooks tell the algorithm, and textbook examples. OPT has opt_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/random.hpp"
#include "policy/ageing.hpp"
#include "policy/fifo.hpp"
#include "policy/lfu.hpp"
#include "policy/lfu_ageing.hpp"
#include "policy/lru.hpp"
#include "policy/mfu.hpp"
#include "policy/nru.hpp"
#include "policy/random.hpp"
#include "policy/second_chance.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::Pages;
using test::RandomString;
using test::setup_of;

// The last of a list takes the place of the page that leaves.
void take_out(std::vector<Id>& list, Id id) {
  *std::ranges::find(list, id) = list.back();
  list.pop_back();
}

// Draws among a list of pages; who may not go changes places with the last and is out of the draw.
Id draw_out(std::vector<Id>& list, Pages& pages, Random& random) {
  for (std::size_t among = list.size(); among > 0; --among) {
    const std::size_t drawn = random.below(among);
    const Id id = list[drawn];
    if (pages(id) != Verdict::Unevictable) {
      take_out(list, id);
      return id;
    }
    std::swap(list[drawn], list[among - 1]);
  }
  return kNoPage;
}

class NaiveRandom {
 public:
  explicit NaiveRandom(const Setup& setup) : random_(setup.seed) {}
  void insert(Id id) { pages_.push_back(id); }
  void touch(Id) {}
  void erase(Id id) { take_out(pages_, id); }
  Id victim(Pages& pages) { return draw_out(pages_, pages, random_); }

 private:
  std::vector<Id> pages_;
  Random random_;
};

// Counts and times of pages; a search over all of them for each victim.
template <bool kMost>
class NaiveCounting {
 public:
  explicit NaiveCounting(const Setup&) {}
  void insert(Id id) { pages_.push_back({id, 1, ++now_}); }
  void touch(Id id) {
    for (Page& page : pages_) {
      if (page.id == id) page = {id, page.count + 1, ++now_};
    }
  }
  void erase(Id id) {
    std::erase_if(pages_, [&](const Page& page) { return page.id == id; });
  }
  Id victim(Pages& pages) {
    std::vector<Page> order = pages_;
    std::ranges::sort(order, [](const Page& a, const Page& b) {
      if (a.count != b.count) return kMost ? a.count > b.count : a.count < b.count;
      return a.last_use < b.last_use;  // which is when it came to this count
    });
    for (const Page& page : order) {
      if (pages(page.id) == Verdict::Unevictable) continue;
      erase(page.id);
      return page.id;
    }
    return kNoPage;
  }

 private:
  struct Page {
    Id id;
    int count;
    int last_use;
  };
  std::vector<Page> pages_;
  int now_ = 0;
};

// When something is due that happens every `interval` references.
class NaiveTicks {
 public:
  NaiveTicks(const Setup& setup, double interval, std::uint64_t per_frame)
      : interval_(interval == 0 ? per_frame * setup.frames : static_cast<std::uint64_t>(interval)) {
  }
  bool due(std::uint64_t now) {
    const bool due = now / interval_ > done_;
    done_ = now / interval_;
    return due;
  }
  std::uint64_t next() const { return (done_ + 1) * interval_; }

 private:
  std::uint64_t interval_, done_ = 0;
};

// A list in the order of eviction. A page goes behind all with the same count.
class NaiveLfuAgeing {
 public:
  explicit NaiveLfuAgeing(const Setup& setup)
      : ticks_(setup, setup.value(LfuAgeing::kParameters, 0), 10) {}
  void insert(Id id) { put({id, 1}); }
  void touch(Id id) {
    const auto at = std::ranges::find(order_, id, &Page::id);
    const Page page{id, at->count + 1};
    order_.erase(at);
    put(page);
  }
  void erase(Id id) { order_.erase(std::ranges::find(order_, id, &Page::id)); }
  Id victim(Pages& pages) {
    for (const Page page : order_) {
      if (pages(page.id) == Verdict::Unevictable) continue;
      erase(page.id);
      return page.id;
    }
    return kNoPage;
  }
  std::uint64_t tick(std::uint64_t now, Pages&) {
    if (ticks_.due(now)) {
      for (Page& page : order_) page.count /= 2;
    }
    return ticks_.next();
  }

 private:
  struct Page {
    Id id;
    int count;
  };
  void put(Page page) {
    const auto behind = std::ranges::find_if(
        order_, [&](const Page& other) { return other.count > page.count; });
    order_.insert(behind, page);
  }
  std::vector<Page> order_;
  NaiveTicks ticks_;
};

class NaiveAgeing {
 public:
  explicit NaiveAgeing(const Setup& setup)
      : top_(1U << static_cast<unsigned>(setup.value(Ageing::kParameters, 0) - 1)),
        ticks_(setup, setup.value(Ageing::kParameters, 1), 3) {}
  void insert(Id id) { pages_.push_back({id, false, 0}); }
  void touch(Id) {}
  void erase(Id id) {
    std::erase_if(pages_, [&](const Page& page) { return page.id == id; });
  }
  Id victim(Pages& pages) {
    sort_from(0);
    for (std::size_t i = 0; i < pages_.size();) {
      Page page = pages_[i];
      const Verdict verdict = pages(page.id);
      if (verdict == Verdict::Unevictable) {
        ++i;
      } else if (verdict == Verdict::Idle || page.accessed) {
        erase(page.id);
        return page.id;
      } else {
        page.accessed = true;
        erase(page.id);
        pages_.push_back(page);
        sort_from(i);
      }
    }
    return kNoPage;
  }
  std::uint64_t tick(std::uint64_t now, Pages& pages) {
    if (ticks_.due(now)) {
      sort_from(0);
      for (Page& page : pages_) {
        const bool accessed = pages(page.id) == Verdict::Accessed || page.accessed;
        page = {page.id, false, page.counter >> 1 | (accessed ? top_ : 0)};
      }
    }
    return ticks_.next();
  }

 private:
  struct Page {
    Id id;
    bool accessed;
    unsigned counter;
  };
  void sort_from(std::size_t i) {
    std::stable_sort(pages_.begin() + static_cast<std::ptrdiff_t>(i), pages_.end(),
                     [](const Page& a, const Page& b) {
                       if (a.accessed != b.accessed) return b.accessed;
                       return a.counter < b.counter;
                     });
  }
  std::vector<Page> pages_;
  unsigned top_;
  NaiveTicks ticks_;
};

// The two classes as lists, drawn from as nru.hpp tells. In its row the one stands behind the
// other, so that where the first grows or shrinks, the second moves by a place at its ends.
class NaiveNru {
 public:
  explicit NaiveNru(const Setup& setup)
      : random_(setup.seed), ticks_(setup, setup.value(Nru::kParameters, 0), 3) {}
  void insert(Id id) {
    idle_.push_back(id);
    if (!used_.empty()) std::rotate(used_.begin(), used_.begin() + 1, used_.end());
  }
  void touch(Id) {}
  void erase(Id id) {
    if (std::ranges::find(used_, id) != used_.end()) {
      take_out(used_, id);
    } else {
      take_out(idle_, id);
      if (!used_.empty()) std::rotate(used_.begin(), used_.end() - 1, used_.end());
    }
  }
  Id victim(Pages& pages) {
    for (std::size_t among = idle_.size(); among > 0; --among) {
      const std::size_t drawn = random_.below(among);
      const Id id = idle_[drawn];
      const Verdict verdict = pages(id);
      if (verdict == Verdict::Idle) {
        erase(id);
        return id;
      }
      std::swap(idle_[drawn], idle_[among - 1]);
      if (verdict == Verdict::Accessed) {
        take_out(idle_, id);
        used_.insert(used_.begin(), id);
      }
    }
    return draw_out(used_, pages, random_);
  }
  std::uint64_t tick(std::uint64_t now, Pages& pages) {
    if (ticks_.due(now)) {
      idle_.insert(idle_.end(), used_.begin(), used_.end());
      used_.clear();
      for (const Id id : idle_) pages(id);
    }
    return ticks_.next();
  }

 private:
  std::vector<Id> idle_, used_;
  Random random_;
  NaiveTicks ticks_;
};

TEST(ClassicPolicies, RandomEvictsAsItsReference) { compare_many<RandomChoice, NaiveRandom>(); }
TEST(ClassicPolicies, NruEvictsAsItsReference) {
  compare_many<Nru, NaiveNru>();
  compare_many<Nru, NaiveNru>(std::array{1.0}, 1'000);
  compare_many<Nru, NaiveNru>(std::array{7.0});
  compare_many<Nru, NaiveNru>(std::array{200.0}, 1'000);
}
TEST(ClassicPolicies, LfuEvictsAsItsReference) { compare_many<Lfu, NaiveCounting<false>>(); }
TEST(ClassicPolicies, MfuEvictsAsItsReference) { compare_many<Mfu, NaiveCounting<true>>(); }
TEST(ClassicPolicies, LfuWithAgeingEvictsAsItsReference) {
  compare_many<LfuAgeing, NaiveLfuAgeing>();
  compare_many<LfuAgeing, NaiveLfuAgeing>(std::array{5.0});
}
TEST(ClassicPolicies, AgeingEvictsAsItsReference) {
  compare_many<Ageing, NaiveAgeing>();
  compare_many<Ageing, NaiveAgeing>(std::array{2.0, 7.0});
  compare_many<Ageing, NaiveAgeing>(std::array{1.0, 3.0}, 1'000);
}

// Any of the pages that may go is as likely as any other: 30,000 draws, five deviations allowed.
TEST(ClassicPolicies, RandomIsUniformAmongPagesThatMayGo) {
  RandomChoice policy(setup_of(6));
  for (Id id = 0; id < 6; ++id) policy.insert(id);
  std::array<int, 6> went{};
  for (int draw = 0; draw < 30'000; ++draw) {
    const Id gone = policy.victim(
        [](Id id) { return id == 1 || id == 4 ? Verdict::Unevictable : Verdict::Idle; });
    ++went[gone];
    policy.insert(gone);
  }
  EXPECT_EQ(went[1] + went[4], 0);
  for (const Id id : {0U, 2U, 3U, 5U}) EXPECT_NEAR(went[id], 7'500, 5 * std::sqrt(7'500 * 0.75));
}

TEST(ClassicPolicies, SeedsMakeRandomRunsDifferentAndRepeatable) {
  const auto run = [](std::uint64_t seed) {
    auto setup = setup_of(50);
    setup.seed = seed;
    RandomChoice policy(setup);
    for (Id id = 0; id < 50; ++id) policy.insert(id);
    std::vector<Id> order;
    for (int i = 0; i < 50; ++i) order.push_back(policy.victim(AnswersIdle{}));
    return order;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

// By definition NRU may take any page of the lowest class. The classes are kept here without regard
// to how NRU finds or orders them: a page is "recently used" if its bit was set at any time since
// the last tick.
class NruClasses {
 public:
  NruClasses(std::uint32_t ids, std::uint64_t interval)
      : resident(ids), used(ids), pages(ids), interval_(interval) {}

  // Whether `gone` is a right answer of victim().
  bool right(Id gone) const {
    const auto candidates = [&](bool recently) {
      return [this, recently](Id id) {
        return resident[id] && !pages.pinned[id] && used[id] == recently;
      };
    };
    std::vector<Id> all(resident.size());
    for (Id id = 0; id < all.size(); ++id) all[id] = id;
    const bool any_idle = std::ranges::any_of(all, candidates(false));
    const bool any_used = std::ranges::any_of(all, candidates(true));
    if (gone == kNoPage) return !any_idle && !any_used;
    return candidates(!any_idle)(gone);
  }
  void tick(Nru& policy, std::uint64_t time) {
    const std::uint64_t next = policy.tick(time, pages);
    EXPECT_EQ(next, (time / interval_ + 1) * interval_);
    // What is left are the bits of pinned pages, which nobody can read.
    if (time % interval_ == 0 && time != 0) used = pages.accessed;
  }

  std::vector<bool> resident, used;
  Pages pages;

 private:
  std::uint64_t interval_;
};

TEST(ClassicPolicies, NruTakesAPageOfTheLowestClass) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    const auto frames = static_cast<std::uint32_t>(1 + seed % 11);
    const std::uint32_t ids = 2 * frames + 2;
    const std::array values{static_cast<double>(1 + seed % 37)};
    auto setup = setup_of(ids, frames, values);
    setup.seed = seed;
    Nru policy(setup);
    NruClasses classes(ids, 1 + seed % 37);
    RandomString string(seed, ids);
    for (std::uint64_t time = 0; time < 300; ++time) {
      const Id id = string.next();
      classes.tick(policy, time);
      if (seed % 2 == 0 && string.random().chance(8)) {
        classes.pages.pinned[id] = !classes.pages.pinned[id];
      }
      if (seed % 3 == 0 && classes.resident[id] && string.random().chance(12)) {
        policy.erase(id);
        classes.resident[id] = classes.used[id] = classes.pages.accessed[id] = false;
        continue;
      }
      if (!classes.resident[id]) {
        if (policy.size() == frames) {
          const Id gone = policy.victim(classes.pages);
          ASSERT_TRUE(classes.right(gone)) << "seed " << seed << ", time " << time;
          if (gone == kNoPage) continue;
          classes.resident[gone] = classes.used[gone] = classes.pages.accessed[gone] = false;
        }
        policy.insert(id);
        classes.resident[id] = true;
      }
      if (!string.random().chance(3)) classes.used[id] = classes.pages.accessed[id] = true;
    }
  }
}

TEST(ClassicPolicies, NruIsUniformWithinAClass) {
  const std::array values{1.0};
  Nru policy(setup_of(6, 6, values));
  for (Id id = 0; id < 6; ++id) policy.insert(id);
  std::array<int, 6> went{};
  for (std::uint64_t draw = 1; draw <= 30'000; ++draw) {
    policy.tick(draw, AnswersIdle{});
    const Id gone = policy.victim([](Id id) {
      return id == 1 ? Verdict::Unevictable : id == 4 ? Verdict::Accessed : Verdict::Idle;
    });
    ++went[gone];
    policy.insert(gone);
  }
  EXPECT_EQ(went[1] + went[4], 0);
  for (const Id id : {0U, 2U, 3U, 5U}) EXPECT_NEAR(went[id], 7'500, 5 * std::sqrt(7'500 * 0.75));
}

// Problem in Tanenbaum, Bos, Modern operating systems, ch. 3: a smart card with four page frames;
// R bits of pages 0 to 3 at eight clock ticks, and the counters afterwards.
TEST(ClassicPolicies, AgeingCountersOfTanenbaumsSmartCard) {
  const std::array<std::array<int, 4>, 8> bits{{{0, 1, 1, 1},
                                                {1, 0, 1, 1},
                                                {1, 0, 1, 0},
                                                {1, 1, 0, 1},
                                                {0, 0, 1, 0},
                                                {1, 0, 1, 0},
                                                {1, 1, 0, 0},
                                                {0, 0, 0, 1}}};
  const std::array values{8.0, 1.0};
  Ageing policy(setup_of(4, 4, values));
  for (Id id = 0; id < 4; ++id) policy.insert(id);
  for (std::uint64_t tick = 1; tick <= 8; ++tick) {
    policy.tick(tick,
                [&](Id id) { return bits[tick - 1][id] == 1 ? Verdict::Accessed : Verdict::Idle; });
  }
  EXPECT_EQ(policy.counter(0), 0b0110'1110U);
  EXPECT_EQ(policy.counter(1), 0b0100'1001U);
  EXPECT_EQ(policy.counter(2), 0b0011'0111U);
  EXPECT_EQ(policy.counter(3), 0b1000'1011U);
  EXPECT_EQ(policy.victim(AnswersIdle{}), 2U);
}

// Another problem there: four pages loaded at 126, 230, 140, 110, last referenced at 280, 265, 270,
// 285, R bits 1, 0, 0, 1, M bits 0, 1, 0, 1. NRU, FIFO, LRU and second chance replace pages 2, 3, 1
// and 2. Without M bits NRU has pages 1 and 2 in one class.
TEST(ClassicPolicies, FourAlgorithmsOnTanenbaumsTable) {
  const auto load = [](auto& policy) {
    for (const Id id : {3U, 0U, 2U, 1U}) policy.insert(id);
  };
  const auto bits = [](Id id) { return id == 0 || id == 3 ? Verdict::Accessed : Verdict::Idle; };
  Fifo fifo(setup_of(4));
  load(fifo);
  EXPECT_EQ(fifo.victim(bits), 3U);
  Lru lru(setup_of(4));
  load(lru);
  for (const Id id : {1U, 2U, 0U, 3U}) lru.touch(id);
  EXPECT_EQ(lru.victim(bits), 1U);
  SecondChance second(setup_of(4));
  load(second);
  EXPECT_EQ(second.victim(bits), 2U);
  std::array<int, 4> went{};
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto setup = setup_of(4);
    setup.seed = seed;
    Nru nru(setup);
    load(nru);
    ++went[nru.victim(bits)];
  }
  EXPECT_EQ(went[1] + went[2], 40);
  EXPECT_GT(went[2], 0);
}

TEST(ClassicPolicies, HalvingKeepsTheOrderAndForgets) {
  const std::array values{10.0};
  LfuAgeing policy(setup_of(5, 4, values));
  for (Id id = 0; id < 4; ++id) policy.insert(id);
  for (int i = 0; i < 8; ++i) policy.touch(0);  // 9, 1, 1, 1
  for (int i = 0; i < 3; ++i) policy.touch(1);  // 9, 4, 1, 1
  policy.touch(3);                              // 9, 4, 1, 2
  EXPECT_EQ(policy.tick(0, AnswersIdle{}), 10U);
  EXPECT_EQ(policy.tick(10, AnswersIdle{}), 20U);  // 4, 2, 0, 1
  EXPECT_EQ(policy.tick(20, AnswersIdle{}), 30U);  // 2, 1, 0, 0
  EXPECT_EQ(policy.tick(57, AnswersIdle{}), 60U);  // 1, 0, 0, 0: late, one halving
  policy.insert(4);                                // count 1, behind page 0
  std::vector<Id> order;
  for (int i = 0; i < 5; ++i) order.push_back(policy.victim(AnswersIdle{}));
  EXPECT_EQ(order, (std::vector<Id>{2, 3, 1, 0, 4}));
}

}  // namespace
}  // namespace pw::policy
