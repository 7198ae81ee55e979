// AddressMap against a plain map from page to page, through random changes.
#include "replay/address_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.hpp"

namespace pw::replay {
namespace {

constexpr std::uint64_t kPages = 64;
constexpr std::uint64_t kOut = ~std::uint64_t{0};

VpnRange pages(std::uint64_t begin, std::uint64_t end) { return {Vpn(begin), Vpn(end)}; }

TEST(AddressMap, IdentityKnowsEveryPage) {
  const AddressMap map(true);
  EXPECT_EQ(map.find(Vpn(7)), Vpn(7));
  EXPECT_EQ(map.address(VirtAddr(0x12345)), VirtAddr(0x12345));
  std::vector<VpnRange> parts;
  map.for_each(pages(3, 9), [&](VpnRange part) { parts.push_back(part); });
  EXPECT_EQ(parts, std::vector<VpnRange>{pages(3, 9)});
}

TEST(AddressMap, AnAddressKeepsItsPlaceInThePage) {
  AddressMap map(false);
  map.place(pages(0x100, 0x110), Vpn(0x7000));
  EXPECT_EQ(map.address(VirtAddr(0x101'234)), VirtAddr(0x7001'234));
  EXPECT_EQ(map.address(VirtAddr(0x110'000)), VirtAddr(0x110'000));  // not known: as it is
}

TEST(AddressMap, PartsThatLieTogetherAreOne) {
  AddressMap map(false);
  map.place(pages(10, 12), Vpn(100));
  map.place(pages(12, 14), Vpn(102));
  map.leave_out(pages(14, 16));
  map.place(pages(16, 18), Vpn(50));
  std::vector<VpnRange> parts;
  map.for_each(pages(11, 17), [&](VpnRange part) { parts.push_back(part); });
  EXPECT_EQ(parts, (std::vector<VpnRange>{pages(101, 104), pages(50, 51)}));
}

// More than there are places for those asked for last.
TEST(AddressMap, ManyRunsAreFoundAgain) {
  constexpr std::uint64_t kRuns = 5000, kEach = 256;
  const auto first = [](std::uint64_t run) { return run * kEach + run % 7; };
  const auto place_of = [](std::uint64_t run) { return Vpn(1'000'000 + run * 1000); };
  AddressMap map(false);
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    map.place(pages(first(run), first(run) + 20), place_of(run));
  }
  for (int time = 0; time < 2; ++time) {
    for (std::uint64_t run = 0; run < kRuns; ++run) {
      ASSERT_EQ(map.find(Vpn(first(run) + 3)), place_of(run) + PageCount(3));
      ASSERT_EQ(map.find(Vpn(first(run) + 20)), std::nullopt);
    }
  }
  for (std::uint64_t run = 0; run < kRuns; run += 3) {
    map.forget(pages(first(run), first(run) + 4));
  }
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    ASSERT_EQ(map.find(Vpn(first(run) + 3)).has_value(), run % 3 != 0);
    ASSERT_EQ(map.find(Vpn(first(run) + 4)), place_of(run) + PageCount(4));
  }
}

// What the parts of a range are, page by page.
std::vector<std::uint64_t> expected_pages(const std::map<std::uint64_t, std::uint64_t>& naive,
                                          std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint64_t> all;
  for (auto it = naive.lower_bound(begin); it != naive.end() && it->first < end; ++it) {
    if (it->second != kOut) all.push_back(it->second);
  }
  return all;
}

TEST(AddressMap, IsAMapFromPageToPage) {
  Random random(11);
  AddressMap map(false);
  std::map<std::uint64_t, std::uint64_t> naive;
  for (int step = 0; step < 4000; ++step) {
    const std::uint64_t begin = random.below(kPages),
                        end = begin + random.below(kPages - begin + 1);
    const std::uint64_t to = 1000 + random.below(1000), what = random.below(4);
    if (what < 2) map.place(pages(begin, end), Vpn(to));
    if (what == 2) map.forget(pages(begin, end));
    if (what == 3) map.leave_out(pages(begin, end));
    for (std::uint64_t page = begin; page < end; ++page) {
      naive.erase(page);
      if (what != 2) naive[page] = what == 3 ? kOut : to + page - begin;
    }
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const auto known = naive.find(page);
      const bool out = known != naive.end() && known->second == kOut;
      ASSERT_EQ(map.left_out(Vpn(page)), out) << step;
      const std::optional<Vpn> place = map.find(Vpn(page));
      ASSERT_EQ(place.has_value(), known != naive.end() && !out) << step;
      if (place) {
        ASSERT_EQ(place->value, known->second) << step;
      }
    }
    std::vector<std::uint64_t> all;
    map.for_each(pages(begin, end), [&](VpnRange part) {
      for (Vpn page = part.begin; page < part.end; page = page + PageCount(1)) {
        all.push_back(page.value);
      }
    });
    ASSERT_EQ(all, expected_pages(naive, begin, end)) << step;
  }
}

// The same for blocks of pages far apart, of which several have one place in what the map
// remembers.
TEST(AddressMap, RemembersNothingThatHasChanged) {
  constexpr std::uint64_t kBlocks = 12, kApart = 512ULL * 32, kEach = 5;
  Random random(12);
  AddressMap map(false);
  std::map<std::uint64_t, std::uint64_t> naive;
  for (int step = 0; step < 4000; ++step) {
    const std::uint64_t begin = random.below(kBlocks) * kApart + random.below(kEach);
    const std::uint64_t end = begin + 1 + random.below(2), to = random.below(1ULL << 30);
    const std::uint64_t what = random.below(4);
    if (what < 2) map.place(pages(begin, end), Vpn(to));
    if (what == 2) map.forget(pages(begin, end));
    if (what == 3) map.leave_out(pages(begin, end));
    for (std::uint64_t page = begin; page < end; ++page) {
      naive.erase(page);
      if (what < 2) naive[page] = to + page - begin;
    }
    for (int asked = 0; asked < 40; ++asked) {
      const std::uint64_t page = random.below(kBlocks) * kApart + random.below(kEach + 2);
      const auto known = naive.find(page);
      const std::optional<Vpn> place = map.find(Vpn(page));
      ASSERT_EQ(place.has_value(), known != naive.end()) << step;
      if (place) {
        ASSERT_EQ(place->value, known->second) << step;
      }
    }
    if (random.below(500) == 0) {
      map.clear();
      naive.clear();
    }
  }
}

}  // namespace
}  // namespace pw::replay
