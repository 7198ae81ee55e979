// IdLog against a plain deque: the same pages in the same order, through holes, sweeps and growth.
#include "policy/id_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <vector>

#include "base/random.hpp"

namespace pw::policy {
namespace {

// A probe that notes what it is told to prefetch.
struct Notes {
  std::set<Id>* seen;
  void prefetch(Id id) const { seen->insert(id); }
};

struct NoHints {};

std::vector<Id> in_order(IdLog& log) {
  std::vector<Id> ids;
  log.find(
      [&ids](Id id) {
        ids.push_back(id);
        return false;
      },
      NoHints());
  return ids;
}

// Ids present are about `share` of 100 in the long run.
void step(IdLog& log, std::deque<Id>& plain, std::uint32_t ids, std::uint64_t share,
          Random& random) {
  const Id id = static_cast<Id>(random.below(ids));
  const bool present = std::ranges::find(plain, id) != plain.end();
  ASSERT_EQ(log.contains(id), present);
  const bool wanted = random.below(100) < share;
  if (present) std::erase(plain, id);
  if (wanted) plain.push_back(id);
  if (present && wanted) {
    log.move_to_back(id);
  } else if (present) {
    log.remove(id);
  } else if (wanted) {
    log.push_back(id);
  }
  ASSERT_EQ(log.size(), plain.size());
  ASSERT_EQ(log.front(NoHints()), plain.empty() ? kNoPage : plain.front());
}

Setup setup_of(std::uint32_t ids) {
  Setup setup;
  setup.ids = ids;
  setup.frames = ids;
  return setup;
}

void compare(std::uint32_t ids, std::uint64_t seed) {
  IdLog log(setup_of(ids));
  std::deque<Id> plain;
  Random random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t share = i < 5'000 ? 97 : i < 10'000 ? 10 : 60;
    step(log, plain, ids, share, random);
    if (::testing::Test::HasFatalFailure()) return;
    if (i % 97 != 0) continue;
    ASSERT_EQ(in_order(log), std::vector<Id>(plain.begin(), plain.end())) << "step " << i;
  }
}

TEST(IdLog, KeepsTheOrderOfADeque) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const std::uint32_t ids : {1U, 2U, 12U, 13U, 16U, 50U, 400U}) {
      SCOPED_TRACE(testing::Message() << ids << " ids, seed " << seed);
      compare(ids, seed);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(IdLog, TellsTheProbeOfPagesAhead) {
  IdLog log(setup_of(100));
  for (Id id = 0; id < 100; ++id) log.push_back(id);
  std::set<Id> seen;
  for (Id id = 0; id < 90; ++id) {
    ASSERT_EQ(log.front(Notes{&seen}), id);
    log.remove(id);
    if (id >= 20) {
      ASSERT_TRUE(seen.contains(id)) << id;
    }
  }
}

}  // namespace
}  // namespace pw::policy
