// The lists that policies show are the orders in which they evict, and what they remember.
#include <gtest/gtest.h>

#include "policy/any_policy.hpp"

namespace pw::policy {
namespace {

using Ids = std::vector<Id>;

std::unique_ptr<AnyPolicy> filled(std::string_view name, Id pages, std::uint32_t frames = 8) {
  Setup setup;
  setup.ids = 64;
  setup.frames = frames;
  auto policy = make_policy(name, setup);
  for (Id id = 0; policy != nullptr && id < pages; ++id) {
    policy->miss(id, AnswersIdle{});
    if (policy->size() == frames) policy->victim(AnswersIdle{});
    policy->insert(id);
  }
  return policy;
}

// Pages and names of all lists, as "T1: 0 1; B1: #2".
std::string shown(AnyPolicy& policy) {
  std::string text;
  for (const ShownList& list : policy.lists()) {
    text += (text.empty() ? "" : "; ") + std::string(list.name) + ':';
    for (const Id id : list.pages) {
      text += (list.gone ? " #" : id == list.hand ? " >" : " ") + std::to_string(id);
    }
  }
  return text;
}

TEST(PolicyLists, AreTheOrdersOfTheSimplePolicies) {
  EXPECT_EQ(shown(*filled("fifo", 4)), "queue: 0 1 2 3");
  EXPECT_EQ(shown(*filled("second-chance", 3)), "queue: 0 1 2");
  EXPECT_EQ(shown(*filled("clock", 3)), "circle: >0 1 2");
  const auto lru = filled("lru", 4);
  lru->touch(1);
  EXPECT_EQ(shown(*lru), "stack: 0 2 3 1");
  const auto clock = filled("clock", 0);
  EXPECT_EQ(shown(*clock), "circle:");
}

TEST(PolicyLists, HaveTheNamesOfPagesThatAreGone) {
  const auto two_q = filled("2q", 10);
  EXPECT_EQ(shown(*two_q), "In: 2 3 4 5 6 7 8 9; Main:; Out: #0 #1");
  const auto arc = filled("arc", 4);
  arc->touch(2);
  EXPECT_EQ(shown(*arc), "T1: 0 1 3; T2: 2; B1:; B2:");
  ASSERT_EQ(arc->victim(AnswersIdle{}), 0U);
  EXPECT_EQ(shown(*arc), "T1: 1 3; T2: 2; B1: #0; B2:");
}

// Whatever a policy shows: each resident page once, no other but as a name.
TEST(PolicyLists, HoldEachResidentPageOnce) {
  for (const std::string_view name : policy_names()) {
    const auto policy = filled(name, 30);
    Ids resident;
    for (const ShownList& list : policy->lists()) {
      if (!list.gone) resident.insert(resident.end(), list.pages.begin(), list.pages.end());
    }
    if (policy->lists().empty()) continue;
    EXPECT_EQ(resident.size(), policy->size()) << name;
    std::sort(resident.begin(), resident.end());
    EXPECT_EQ(std::adjacent_find(resident.begin(), resident.end()), resident.end()) << name;
  }
}

// Those that look at their first list's front: the victim stands there.
TEST(PolicyLists, HaveTheNextVictimInFront) {
  for (const std::string_view name : {"fifo", "lru", "second-chance", "clock"}) {
    const auto policy = filled(name, 20);
    while (policy->size() > 0) {
      const Id front = policy->lists()[0].pages.at(0);
      EXPECT_EQ(policy->victim(AnswersIdle{}), front) << name;
    }
  }
}

}  // namespace
}  // namespace pw::policy
