// PrivateHomes against a plain map from page to offset: pages keep their offsets wherever they
// move, no two pages have the same, and each offset leads back to its page.
#include "space/private_homes.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.hpp"

namespace pw {
namespace {

constexpr std::uint64_t kPages = 64;

struct Plain {
  std::map<std::uint64_t, std::uint64_t> offset_of;  // mapped pages

  bool free(std::uint64_t begin, std::uint64_t n) const {
    const auto it = offset_of.lower_bound(begin);
    return it == offset_of.end() || it->first >= begin + n;
  }
};

void expect_equal(const PrivateHomes& homes, const Plain& plain) {
  std::set<std::uint64_t> seen;
  for (const auto& [page, offset] : plain.offset_of) {
    ASSERT_EQ(homes.at(Vpn(page)).value, offset) << "page " << page;
    ASSERT_TRUE(seen.insert(offset).second) << "offset " << offset << " twice";
    const auto back = homes.page_at(PageOffset(offset));
    ASSERT_TRUE(back.has_value());
    ASSERT_EQ(back->value, page);
  }
  std::uint64_t next = 0;
  homes.for_each_run({Vpn(0), Vpn(kPages)}, [&](VpnRange run, PageOffset at) {
    ASSERT_EQ(run.begin.value, next);
    ASSERT_FALSE(run.empty());
    next = run.end.value;
    for (std::uint64_t i = 0; i < run.pages().value; ++i) {
      ASSERT_EQ(homes.at(run.begin + PageCount(i)).value, at.value + i);
    }
  });
  ASSERT_EQ(next, kPages);
}

class PrivateHomesModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PrivateHomesModel, AgreesWithAPlainMap) {
  Random random(GetParam());
  PrivateHomes homes;
  Plain plain;
  for (int step = 0; step < 3'000; ++step) {
    const std::uint64_t n = 1 + random.below(9), from = random.below(kPages - n);
    const VpnRange range = range_of(Vpn(from), PageCount(n));
    switch (random.below(3)) {
      case 0:  // mmap
        if (!plain.free(from, n)) continue;
        homes.claim(range);
        for (std::uint64_t i = 0; i < n; ++i) {
          plain.offset_of[from + i] = homes.at(Vpn(from + i)).value;
        }
        break;
      case 1:  // munmap
        homes.release(range);
        for (std::uint64_t i = 0; i < n; ++i) plain.offset_of.erase(from + i);
        break;
      default: {  // mremap
        const std::uint64_t to = random.below(kPages - n);
        const auto all = plain.offset_of.lower_bound(from);
        const bool whole = all != plain.offset_of.end() && all->first == from &&
                           std::distance(all, plain.offset_of.lower_bound(from + n)) ==
                               static_cast<std::ptrdiff_t>(n);
        if (!whole || !plain.free(to, n)) continue;
        homes.move(range, Vpn(to));
        for (std::uint64_t i = 0; i < n; ++i) {
          plain.offset_of[to + i] = plain.offset_of[from + i];
          plain.offset_of.erase(from + i);
        }
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_equal(homes, plain)) << "step " << step;
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, PrivateHomesModel, ::testing::Range<std::uint64_t>(1, 6));

TEST(PrivateHomes, PagesAreAtHomeUntilSomethingMoves) {
  PrivateHomes homes;
  homes.claim(range_of(Vpn(10), PageCount(4)));
  EXPECT_EQ(homes.at(Vpn(12)).value, 12U);
  homes.move(range_of(Vpn(10), PageCount(4)), Vpn(30));
  EXPECT_EQ(homes.at(Vpn(32)).value, 12U);
  homes.claim(range_of(Vpn(11), PageCount(2)));  // where their offsets are taken
  EXPECT_GE(homes.at(Vpn(11)).value, 1ULL << 50);
  homes.release(range_of(Vpn(11), PageCount(2)));
  homes.move(range_of(Vpn(30), PageCount(4)), Vpn(10));
  EXPECT_EQ(homes.at(Vpn(11)).value, 11U);
}

}  // namespace
}  // namespace pw
