// Replacement policies: eviction by eviction against references written as the textbooks tell the
// algorithm, and the fault counts that textbooks print.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/units.hpp"
#include "policy/any_policy.hpp"
#include "policy/clock.hpp"
#include "policy/fifo.hpp"
#include "policy/id_numbers.hpp"
#include "policy/list.hpp"
#include "policy/lru.hpp"
#include "policy/second_chance.hpp"
#include "support/compare_policies.hpp"
#include "support/host_memory.hpp"

namespace pw::policy {
namespace {

using test::compare_many;
using test::Pages;
using test::resident_bytes_of_this_process;
using test::setup_of;

class NaiveFifo {
 public:
  explicit NaiveFifo(const Setup&) {}
  void insert(Id id) { queue_.push_back(id); }
  void touch(Id) {}
  void erase(Id id) { std::erase(queue_, id); }
  Id victim(Pages& pages) {
    for (const Id id : queue_) {
      if (pages(id) == Verdict::Unevictable) continue;
      erase(id);
      return id;
    }
    return kNoPage;
  }

 private:
  std::vector<Id> queue_;
};

class NaiveLru {
 public:
  explicit NaiveLru(const Setup&) {}
  void insert(Id id) { last_use_[id] = ++now_; }
  void touch(Id id) { last_use_[id] = ++now_; }
  void erase(Id id) { last_use_.erase(id); }
  Id victim(Pages& pages) {
    Id oldest = kNoPage;
    std::uint64_t oldest_use = std::numeric_limits<std::uint64_t>::max();
    for (const auto& [id, use] : last_use_) {
      if (use < oldest_use && !pages.pinned[id]) {
        oldest = id;
        oldest_use = use;
      }
    }
    // The policy asks about every page up to its victim, which clears their bits.
    for (const auto& [id, use] : last_use_) {
      if (use <= oldest_use) pages(id);
    }
    if (oldest != kNoPage) erase(oldest);
    return oldest;
  }

 private:
  std::map<Id, std::uint64_t> last_use_;
  std::uint64_t now_ = 0;
};

class NaiveSecondChance {
 public:
  explicit NaiveSecondChance(const Setup&) {}
  void insert(Id id) { queue_.push_back(id); }
  void touch(Id) {}
  void erase(Id id) { std::erase(queue_, id); }
  Id victim(Pages& pages) {
    const bool hopeless = std::all_of(queue_.begin(), queue_.end(),
                                      [&](Id id) { return pages.pinned[id]; });
    if (hopeless) return kNoPage;  // after one whole round, which leaves the order as it was
    for (;;) {
      const Id id = queue_.front();
      queue_.erase(queue_.begin());
      if (pages(id) == Verdict::Idle) return id;
      queue_.push_back(id);
    }
  }

 private:
  std::vector<Id> queue_;
};

class NaiveClock {
 public:
  explicit NaiveClock(const Setup&) {}
  void insert(Id id) {
    circle_.insert(circle_.begin() + hand_, id);
    ++hand_;  // the hand still points at the same page
    wrap();
  }
  void touch(Id) {}
  void erase(Id id) {
    const auto at = std::find(circle_.begin(), circle_.end(), id) - circle_.begin();
    circle_.erase(circle_.begin() + at);
    if (at < hand_) --hand_;
    wrap();
  }
  Id victim(Pages& pages) {
    const bool hopeless = std::all_of(circle_.begin(), circle_.end(),
                                      [&](Id id) { return pages.pinned[id]; });
    if (hopeless) return kNoPage;
    for (;;) {
      const Id id = circle_[static_cast<std::size_t>(hand_)];
      if (pages(id) == Verdict::Idle) {
        erase(id);
        return id;
      }
      ++hand_;
      wrap();
    }
  }

 private:
  void wrap() {
    if (hand_ >= std::ssize(circle_)) hand_ = 0;
  }
  std::vector<Id> circle_;
  std::ptrdiff_t hand_ = 0;
};

TEST(Policy, FifoEvictsAsItsReference) { compare_many<Fifo, NaiveFifo>(); }
TEST(Policy, LruEvictsAsItsReference) { compare_many<Lru, NaiveLru>(); }
TEST(Policy, SecondChanceEvictsAsItsReference) { compare_many<SecondChance, NaiveSecondChance>(); }
TEST(Policy, ClockEvictsAsItsReference) { compare_many<Clock, NaiveClock>(); }
TEST(Policy, ClockAndSecondChanceEvictTheSamePages) { compare_many<Clock, NaiveSecondChance>(); }

// Faults of a reference string, empty frames at the start; a reference sets the accessed bit.
int faults(std::string_view name, const std::vector<Id>& string, std::uint32_t frames) {
  constexpr std::uint32_t kIds = 16;
  const auto policy = make_policy(name, setup_of(kIds, frames));
  Pages pages(kIds);
  std::vector<bool> resident(kIds, false);
  int count = 0;
  for (const Id id : string) {
    if (resident[id]) {
      if (policy->needs() == Needs::References) policy->touch(id);
    } else {
      ++count;
      if (policy->size() == frames) resident[policy->victim(pages)] = false;
      policy->insert(id);
      resident[id] = true;
    }
    pages.accessed[id] = true;
  }
  return count;
}

TEST(Policy, FifoShowsBeladysAnomaly) {
  const std::vector<Id> string{1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
  EXPECT_EQ(faults("fifo", string, 3), 9);
  EXPECT_EQ(faults("fifo", string, 4), 10);
  EXPECT_EQ(faults("lru", string, 3), 10);
  EXPECT_EQ(faults("lru", string, 4), 8);
}

TEST(Policy, CountsOfSilberschatzSection10_4) {
  const std::vector<Id> string{7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1};
  EXPECT_EQ(faults("fifo", string, 3), 15);
  EXPECT_EQ(faults("lru", string, 3), 12);
}

// Exercise of the same chapter: faults with one to seven frames.
TEST(Policy, CountsOfSilberschatzExerciseWithOneToSevenFrames) {
  const std::vector<Id> string{1, 2, 3, 4, 2, 1, 5, 6, 2, 1, 2, 3, 7, 6, 3, 2, 1, 2, 3, 6};
  const std::vector<int> fifo{20, 18, 16, 14, 10, 10, 7}, lru{20, 18, 15, 10, 8, 7, 7};
  for (std::uint32_t frames = 1; frames <= 7; ++frames) {
    EXPECT_EQ(faults("fifo", string, frames), fifo[frames - 1]) << frames;
    EXPECT_EQ(faults("lru", string, frames), lru[frames - 1]) << frames;
  }
}

// Problem in Tanenbaum, Bos, Modern operating systems, ch. 3: four frames, eight pages.
TEST(Policy, CountsOfTanenbaumsProblem) {
  const std::vector<Id> string{0, 1, 7, 2, 3, 2, 7, 1, 0, 3};
  EXPECT_EQ(faults("fifo", string, 4), 6);
  EXPECT_EQ(faults("lru", string, 4), 7);
}

// "Behavior of four page-replacement algorithms" in Operating systems: internals and design
// principles, ch. 8; there without the three faults that fill the frames.
TEST(Policy, CountsOfStallings) {
  const std::vector<Id> string{2, 3, 2, 1, 5, 2, 4, 5, 3, 2, 5, 2};
  EXPECT_EQ(faults("fifo", string, 3), 3 + 6);
  EXPECT_EQ(faults("lru", string, 3), 3 + 4);
  EXPECT_EQ(faults("clock", string, 3), 3 + 5);
  EXPECT_EQ(faults("second-chance", string, 3), 3 + 5);
}

class EveryPolicy : public testing::TestWithParam<std::string_view> {};

TEST_P(EveryPolicy, AnswersNoPageAfterMeetingPagesThatMayNotGo) {
  const auto policy = make_policy(GetParam(), setup_of(8));
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->name(), GetParam());
  EXPECT_EQ(policy->victim([](Id) { return Verdict::Idle; }), kNoPage);
  for (Id id = 0; id < 8; ++id) policy->insert(id);
  std::vector<int> met(8, 0);
  EXPECT_EQ(policy->victim([&](Id id) {
    ++met[id];
    return Verdict::Unevictable;
  }),
            kNoPage);
  EXPECT_GE(*std::ranges::min_element(met), 1);
  EXPECT_LE(*std::ranges::max_element(met), 16);  // priorities rise, but a search ends
  EXPECT_EQ(policy->size(), 8U);
}

TEST_P(EveryPolicy, TakesAPageThoughAllAreReferencedAllTheTime) {
  const auto policy = make_policy(GetParam(), setup_of(8));
  for (Id id = 0; id < 8; ++id) policy->insert(id);
  int asked = 0;
  const Id gone = policy->victim([&](Id id) {
    ++asked;
    return id < 3 ? Verdict::Unevictable : Verdict::Accessed;
  });
  EXPECT_GE(gone, 3U);
  EXPECT_LT(gone, 8U);
  EXPECT_LE(asked, 128);
  EXPECT_EQ(policy->size(), 7U);
}

TEST_P(EveryPolicy, PaysForTheIdsInUseOnlyAndAtMostFortyBytesEach) {
  constexpr std::uint32_t kIds = 16U << 20;
  const std::uint64_t before = resident_bytes_of_this_process();
  const auto policy = make_policy(GetParam(), setup_of(kIds));
  for (Id id = 0; id < 1'000; ++id) policy->insert(id);
  EXPECT_LT(resident_bytes_of_this_process() - before, 1U << 20);
  for (Id id = 1'000; id < 1'000'000; ++id) policy->insert(id);
  EXPECT_LT(resident_bytes_of_this_process() - before, 40'000'000U);
  EXPECT_GE(resident_bytes_of_this_process() - before, 4'000'000U);  // the measure sees it
}

TEST_P(EveryPolicy, RefusesWhatCannotBe) {
  const auto policy = make_policy(GetParam(), setup_of(8));
  policy->insert(3);
  EXPECT_DEATH(policy->insert(3), "resident already");
  EXPECT_DEATH(policy->insert(8), "no id");
  if (policy->remembers()) return;  // may be told to forget what it does not know
  EXPECT_DEATH(policy->erase(4), "not resident");
  policy->erase(3);
  EXPECT_DEATH(policy->erase(3), "not resident");
}

INSTANTIATE_TEST_SUITE_P(All, EveryPolicy, testing::ValuesIn(policy_names()),
                         [](const auto& chosen) {
                           std::string name(chosen.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Policy, KnowsItsNames) {
  EXPECT_EQ(make_policy("no such policy", setup_of(4)), nullptr);
  EXPECT_EQ(make_policy("opt", setup_of(4)), nullptr);  // needs the future
  const std::vector<std::string_view> names(policy_names().begin(), policy_names().end());
  EXPECT_EQ(names.size() + 1, policies().size());
  EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size());
  for (const std::string_view name : {"fifo", "lru", "lfu", "lfu-ageing", "mfu", "random",
                                      "second-chance", "clock", "nru", "ageing"}) {
    EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  }
}

// Numbers of any width: what is written for one id leaves its neighbours alone.
template <Packing kPacking>
void expect_numbers_kept(std::uint64_t largest) {
  constexpr std::uint32_t kIds = 50;
  IdNumbers<kPacking> numbers(kIds, largest);
  std::vector<std::uint32_t> plain(kIds, 0);
  Random random(largest);
  for (int step = 0; step < 1'000; ++step) {
    const auto id = static_cast<Id>(random.below(kIds));
    plain[id] = static_cast<std::uint32_t>(random.chance(3) ? largest : random.below(largest));
    numbers.set(id, plain[id]);
    for (Id other = 0; other < kIds; ++other) ASSERT_EQ(numbers[other], plain[other]) << largest;
  }
}
TEST(IdNumbers, KeepsANumberForEachId) {
  for (const std::uint64_t largest : {0xFF'FFFFULL, 0x100'0000ULL, 0xFFFF'FFFFULL}) {
    expect_numbers_kept<Packing::Fast>(largest);
  }
  for (unsigned bits = 1; bits <= 32; ++bits) {
    expect_numbers_kept<Packing::Dense>((std::uint64_t{1} << bits) - 1);
    expect_numbers_kept<Packing::Dense>(std::uint64_t{1} << (bits - 1));
  }
}
TEST(IdNumbers, TakesNoMoreBitsThanTheLargestNeeds) {
  using Dense = IdNumbers<Packing::Dense>;
  EXPECT_EQ(Dense(1, 1).bits(), 1U);
  EXPECT_EQ(Dense(1, 200'000).bits(), 18U);
  EXPECT_EQ(Dense(1, (1U << 25) - 1).bits(), 25U);
  EXPECT_EQ(Dense(1, 1U << 25).bits(), 32U);
  EXPECT_EQ(IdNumbers<>(1, 200'000).bits(), 24U);
}

TEST(IdLists, KeepsSeveralListsOverOneArray) {
  IdLists<2> lists(10);
  lists.push_back(4, 0);
  lists.push_front(0, 0);
  lists.push_back(9, 1);
  EXPECT_EQ(lists.front(0), 0U);
  EXPECT_EQ(lists.next(0), 4U);
  EXPECT_EQ(lists.next(4), kNoPage);
  EXPECT_EQ(lists.prev(0), kNoPage);
  lists.remove(4, 0);
  EXPECT_FALSE(lists.contains(4));
  lists.insert_before(4, 9, 1);
  EXPECT_EQ(lists.front(1), 4U);
  EXPECT_EQ(lists.back(1), 9U);
  EXPECT_EQ(lists.size(0), 1U);
  EXPECT_EQ(lists.size(1), 2U);
  lists.move_to_back(4, 1);
  EXPECT_EQ(lists.front(1), 9U);
  EXPECT_EQ(lists.size(1), 2U);
}

}  // namespace
}  // namespace pw::policy
