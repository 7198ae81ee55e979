// Protection keys in the walk, against the manual's rules written out as a table (Intel SDM vol.
// 3A, 4.6.2 and 4.7): which accesses the two bits of PKRU forbid, to which pages, and what the
// error code says.
#include <gtest/gtest.h>

#include <cstdint>

#include "arch/x86/walk.hpp"
#include "unit/sim_tables.hpp"

namespace pw {
namespace {

using test::kPageFlags;
using x86::Walk;
using x86::WalkEnd;

constexpr VirtAddr kAddress{0x7F12'3456'7ABCULL};
constexpr Vpn kVpn = page_of(kAddress);
constexpr Pfn kFrame{0x4'0000};  // aligned for 1 GiB
constexpr std::uint32_t kPresentKey = x86::kErrorPresent | x86::kErrorProtectionKey;

struct ProtectionKeysWalk : ::testing::TestWithParam<int> {
  test::SimTables tables{GetParam(), 16};
  Pfn root = tables.new_table();
  x86::WalkRules rules{.levels = GetParam(), .smep = false, .protection_keys = true};
  std::uint32_t pkru = 0;

  // Maps the page with a key at a leaf of this level.
  void map(unsigned key, std::uint64_t flags = kPageFlags, int leaf = 1) {
    tables = test::SimTables(GetParam(), 16);
    root = tables.new_table();
    tables.map(root, kVpn, leaf, kFrame, flags | std::uint64_t{key} << x86::kProtectionKeyShift);
  }
  Walk walk(Access access, Mode mode) {
    Walk out;
    x86::Walker walker(rules);
    walker.set_pkru(pkru);
    walker.walk(tables.memory(), {root, GetParam()}, kAddress, access, mode, out);
    return out;
  }
  bool allowed(Access access, Mode mode) { return walk(access, mode).end == WalkEnd::Mapped; }
  std::uint32_t fault(Access access, Mode mode) {
    const Walk out = walk(access, mode);
    EXPECT_EQ(out.end, WalkEnd::PageFault);
    return out.error_code;
  }
  std::uint64_t& entry(int level) { return tables.entry(root, kVpn, level); }
};
INSTANTIATE_TEST_SUITE_P(Levels, ProtectionKeysWalk, ::testing::Values(4, 5));

// What is forbidden by AD and WD, with CR0.WP and without: read, write, fetch of the user, and of
// the kernel.
struct Row {
  unsigned bits;
  bool write_protect;
  bool forbidden[2][3];
};
constexpr Row kTable[] = {
    {0, true, {{false, false, false}, {false, false, false}}},
    {0, false, {{false, false, false}, {false, false, false}}},
    {1, true, {{true, true, false}, {true, true, false}}},
    {1, false, {{true, true, false}, {true, true, false}}},
    {2, true, {{false, true, false}, {false, true, false}}},
    {2, false, {{false, true, false}, {false, false, false}}},
    {3, true, {{true, true, false}, {true, true, false}}},
    {3, false, {{true, true, false}, {true, true, false}}},
};

TEST_P(ProtectionKeysWalk, AccessesAreForbiddenAsTheManualSays) {
  for (const Row& row : kTable) {
    rules.write_protect = row.write_protect;
    for (const Mode mode : {Mode::User, Mode::Kernel}) {
      for (const Access access : {Access::Read, Access::Write, Access::Execute}) {
        map(5);
        pkru = row.bits << 10;
        const Walk out = walk(access, mode);
        const bool forbidden = row.forbidden[static_cast<int>(mode)][static_cast<int>(access)];
        ASSERT_EQ(out.end, forbidden ? WalkEnd::PageFault : WalkEnd::Mapped)
            << row.bits << row.write_protect << static_cast<int>(mode) << static_cast<int>(access);
        if (!forbidden) continue;
        EXPECT_EQ(out.error_code, kPresentKey | (access == Access::Write ? x86::kErrorWrite : 0U) |
                                      (mode == Mode::User ? x86::kErrorUser : 0U));
        EXPECT_EQ(entry(1) & (x86::kAccessed | x86::kDirty), 0U);
      }
    }
  }
}

TEST_P(ProtectionKeysWalk, EachKeyHasItsOwnBitsOfPkru) {
  for (unsigned key = 0; key < x86::kProtectionKeys; ++key) {
    map(key);
    for (unsigned other = 0; other < x86::kProtectionKeys; ++other) {
      pkru = 1U << 2 * other;
      EXPECT_EQ(allowed(Access::Read, Mode::User), key != other) << key << " " << other;
      pkru = 2U << 2 * other;
      EXPECT_EQ(allowed(Access::Write, Mode::User), key != other) << key << " " << other;
      EXPECT_TRUE(allowed(Access::Read, Mode::User));
    }
  }
}

TEST_P(ProtectionKeysWalk, TheLeafOfAnySizeHasTheKey) {
  for (int leaf = 1; leaf <= 3; ++leaf) {
    map(9, kPageFlags, leaf);
    for (int level = leaf + 1; level <= GetParam(); ++level) {
      entry(level) |= 4ULL << x86::kProtectionKeyShift;
    }
    pkru = 3U << 2 * 4;
    EXPECT_TRUE(allowed(Access::Write, Mode::User));
    pkru = 3U << 2 * 9;
    EXPECT_EQ(fault(Access::Read, Mode::User), kPresentKey | x86::kErrorUser) << leaf;
  }
}

TEST_P(ProtectionKeysWalk, PagesOfTheKernelHaveNone) {
  pkru = ~0U;
  for (int level = 1; level <= GetParam(); ++level) {
    map(3);
    entry(level) &= ~x86::kUser;
    EXPECT_TRUE(allowed(Access::Write, Mode::Kernel)) << level;
    EXPECT_EQ(fault(Access::Read, Mode::User), x86::kErrorPresent | x86::kErrorUser);
  }
}

TEST_P(ProtectionKeysWalk, OffByDefaultTheBitsAreIgnored) {
  EXPECT_FALSE(x86::WalkRules{}.protection_keys);
  rules.protection_keys = false;
  pkru = ~0U;
  map(15);
  EXPECT_TRUE(allowed(Access::Write, Mode::User));
  EXPECT_EQ(x86::Walker(rules).denied(0), 0U);
}

// The key is told whenever it forbids the access, also if that was forbidden anyhow; but not where
// there is no valid translation, for then there is no key.
TEST_P(ProtectionKeysWalk, TheErrorCodeTellsTheKeyBesideOtherReasons) {
  pkru = 2U << 2 * 6;
  map(6, kPageFlags & ~x86::kWritable);
  EXPECT_EQ(fault(Access::Write, Mode::User), kPresentKey | x86::kErrorWrite | x86::kErrorUser);
  rules.smap = true;
  EXPECT_EQ(fault(Access::Read, Mode::Kernel), x86::kErrorPresent);
  pkru = 1U << 2 * 6;
  EXPECT_EQ(fault(Access::Read, Mode::Kernel), kPresentKey);
  map(6, kPageFlags | x86::kNoExecute);
  EXPECT_EQ(fault(Access::Execute, Mode::User),
            x86::kErrorPresent | x86::kErrorUser | x86::kErrorFetch);
  rules.physical_bits = 46;
  entry(1) |= 1ULL << 46;
  EXPECT_EQ(fault(Access::Read, Mode::User),
            x86::kErrorPresent | x86::kErrorReserved | x86::kErrorUser);
  entry(1) &= ~x86::kPresent;
  EXPECT_EQ(fault(Access::Read, Mode::User), x86::kErrorUser);
}

// For those that remember translations: the same verdicts as a set of accesses.
TEST_P(ProtectionKeysWalk, DeniedAgreesWithTheWalk) {
  x86::Walker walker(rules);
  walker.set_pkru(0xE4E4'E4E4);  // the keys' bits: 0, 1, 2, 3, again and again
  EXPECT_EQ(walker.pkru(), 0xE4E4'E4E4);
  pkru = walker.pkru();
  for (unsigned key = 0; key < x86::kProtectionKeys; ++key) {
    map(key);
    for (const Mode mode : {Mode::User, Mode::Kernel}) {
      for (const Access access : {Access::Read, Access::Write, Access::Execute}) {
        EXPECT_EQ(allowed(access, mode),
                  (walker.denied(key) >> x86::access_bit(access, mode) & 1U) == 0);
      }
    }
  }
}

}  // namespace
}  // namespace pw
