// Our walker against the processor's (or KVM's, on a host that walks in software): random tables,
// lists of accesses, with the same verdicts, error codes, fault addresses, and A and D bits.
// PAGEWRIGHT_LONG_TESTS in the environment: ten times as many.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "kvm/comparison.hpp"
#include "support/long_tests.hpp"

namespace pw {
namespace {

using kvm::Batch;
using kvm::Campaign;
using kvm::Tally;
using kvm::TinyGuest;
using x86::WalkRules;

constexpr unsigned kLongFactor = 10;

void agree(const Campaign& campaign, Tally& tally) {
  const kvm::HostBytes scratch(kvm::kGuestMemory);
  std::string mismatch;
  std::uint64_t lists = 0;
  const std::string why = kvm::play(campaign, [&](const Batch& batch) {
    ++lists;
    const x86::TableMemory memory(scratch.data());
    mismatch = kvm::find_mismatch<x86::Walker>(batch, memory, &tally);
    return mismatch.empty();
  });
  ASSERT_EQ(why, "");
  ASSERT_EQ(mismatch, "") << "in list " << lists;
}

// Every bit that the rules reserve has decided at least one walk by itself.
void expect_all_reserved(const Tally& tally, const WalkRules& offered) {
  for (int level = 1; level <= offered.levels; ++level) {
    for (const bool leaf : {false, true}) {
      if (leaf && level != 2 && !(level == 3 && offered.gigabyte_pages)) continue;
      WalkRules rules = offered;
      rules.no_execute = false;
      const std::uint64_t bits = x86::Manual::reserved_bits(level, leaf, rules);
      for (unsigned bit = 0; bit < 64; ++bit) {
        if ((bits >> bit & 1) == 0) continue;
        EXPECT_TRUE(tally.reserved[static_cast<unsigned>(level)][leaf ? 1 : 0][bit])
            << "bit " << bit << " at level " << level << (leaf ? ", large leaf" : "");
      }
    }
  }
}

TEST(KvmWalker, AgreesOnRandomTables) {
  std::string why;
  if (!TinyGuest::offered(why)) GTEST_SKIP() << why;
  Campaign campaign;
  campaign.guests = test::long_tests() ? 8 * kLongFactor : 8;
  campaign.trees = 250;
  Tally tally;
  agree(campaign, tally);
  if (HasFatalFailure()) return;
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu checks: %llu done, %llu page faults (%llu for reserved bits, %llu for keys), "
      "%llu #GP; %llu A bits in the guest alone\n",
      number(tally.checks()), number(tally.done), number(tally.page_faults),
      number(tally.reserved_faults), number(tally.keys), number(tally.protection),
      number(tally.more_accessed));
  EXPECT_GE(tally.checks(), 200'000U);
  EXPECT_GT(tally.done, tally.checks() / 4);
  EXPECT_GT(tally.large, tally.checks() / 10);
  EXPECT_GT(tally.page_faults, tally.checks() / 4);
  EXPECT_GT(tally.reserved_faults, tally.checks() / 50);
  EXPECT_GT(tally.protection, tally.checks() / 200);
  const auto guest = TinyGuest::create(kvm::kGuestMemory, kvm::kSmallestPhysicalBits, why);
  ASSERT_NE(guest, nullptr) << why;
  expect_all_reserved(tally, guest->abilities());
}

// What not every host offers, on every tree.
struct Feature {
  const char* name;
  kvm::Emphasis emphasis;
  bool (*offered)(const WalkRules& abilities);
};
std::ostream& operator<<(std::ostream& out, const Feature& feature) { return out << feature.name; }

struct KvmWalkerFeature : ::testing::TestWithParam<Feature> {};
INSTANTIATE_TEST_SUITE_P(
    Host, KvmWalkerFeature,
    ::testing::Values(
        Feature{"FiveLevels", {.levels = 5}, [](const WalkRules& r) { return r.levels == 5; }},
        Feature{"GigabytePages", {.leaf = 3}, [](const WalkRules& r) { return r.gigabyte_pages; }},
        Feature{"NoExecute", {}, [](const WalkRules& r) { return r.no_execute; }},
        Feature{"SMEP", {.smep = true}, [](const WalkRules& r) { return r.smep; }},
        Feature{"SMAP", {.smap = true}, [](const WalkRules& r) { return r.smap; }},
        Feature{"ProtectionKeys",
                {.keys = true},
                [](const WalkRules& r) { return r.protection_keys; }}),
    [](const auto& of) { return std::string(of.param.name); });

TEST_P(KvmWalkerFeature, Agrees) {
  std::string why;
  if (!TinyGuest::offered(why)) GTEST_SKIP() << why;
  const auto guest = TinyGuest::create(kvm::kGuestMemory, kvm::kMostPhysicalBits, why);
  ASSERT_NE(guest, nullptr) << why;
  if (!GetParam().offered(guest->abilities())) {
    GTEST_SKIP() << "KVM on this host does not offer " << GetParam().name;
  }
  Campaign campaign;
  campaign.trees = test::long_tests() ? 250 : 100;
  campaign.emphasis = GetParam().emphasis;
  Tally tally;
  agree(campaign, tally);
  if (HasFatalFailure()) return;
  EXPECT_GT(tally.done, tally.checks() / 10);
  EXPECT_GT(tally.page_faults, tally.checks() / 10);
  if (campaign.emphasis.leaf > 1) {
    EXPECT_GT(tally.large, tally.done / 2);
  }
  if (campaign.emphasis.keys) {
    EXPECT_GT(tally.keys, tally.checks() / 50);
  }
}

}  // namespace
}  // namespace pw
