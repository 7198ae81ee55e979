// The page walk on hand-made tables: what it finds, every reason to fault, and the bits it sets.
#include "arch/x86/walk.hpp"

#include <gtest/gtest.h>

#include "unit/sim_tables.hpp"

namespace pw {
namespace {

using test::kPageFlags;
using x86::Walk;
using x86::WalkEnd;

constexpr VirtAddr kAddress{0x7F12'3456'7ABCULL};
constexpr Vpn kVpn = page_of(kAddress);
constexpr Pfn kFrame{0x4'0000};  // aligned for 1 GiB

struct WalkTest : ::testing::TestWithParam<int> {
  test::SimTables tables{GetParam(), 16};
  Pfn root = tables.new_table();
  x86::WalkRules rules{GetParam()};

  Walk walk(Access access, Mode mode, VirtAddr address = kAddress) {
    Walk out;
    x86::Walker(rules).walk(tables.memory(), {root, GetParam()}, address, access, mode, out);
    return out;
  }
  std::uint32_t fault(Access access, Mode mode) {
    const Walk out = walk(access, mode);
    EXPECT_EQ(out.end, WalkEnd::PageFault);
    return out.error_code;
  }
  std::uint64_t& entry(int level) { return tables.entry(root, kVpn, level); }
};
INSTANTIATE_TEST_SUITE_P(Levels, WalkTest, ::testing::Values(4, 5));

TEST_P(WalkTest, CountsOneReferenceForEachLevelDownToTheLeaf) {
  for (int leaf = 1; leaf <= 3; ++leaf) {
    tables = test::SimTables(GetParam(), 16);
    root = tables.new_table();
    tables.map(root, kVpn, leaf, kFrame, kPageFlags);
    const Walk out = walk(Access::Read, Mode::User);
    ASSERT_EQ(out.end, WalkEnd::Mapped);
    EXPECT_EQ(out.level, leaf);
    EXPECT_EQ(out.references, static_cast<unsigned>(GetParam() - leaf + 1));
    EXPECT_EQ(x86::leaf_frame(out.leaf, leaf), kFrame);
  }
}

TEST_P(WalkTest, NotPresentAtAnyLevelFaultsWithPresentClear) {
  for (int level = 1; level <= GetParam(); ++level) {
    tables.map(root, kVpn, 1, kFrame, kPageFlags);
    const std::uint64_t saved = entry(level);
    std::uint64_t& broken = entry(level);
    broken = saved & ~x86::kPresent;
    const Walk out = walk(Access::Write, Mode::User);
    EXPECT_EQ(out.end, WalkEnd::PageFault);
    EXPECT_EQ(out.error_code, x86::kErrorWrite | x86::kErrorUser) << level;
    EXPECT_EQ(out.references, static_cast<unsigned>(GetParam() - level + 1));
    EXPECT_EQ(out.level, level);
    broken = saved;
  }
}

TEST_P(WalkTest, ErrorCodeTellsWriteUserAndFetch) {
  EXPECT_EQ(fault(Access::Read, Mode::Kernel), 0U);
  EXPECT_EQ(fault(Access::Write, Mode::Kernel), x86::kErrorWrite);
  EXPECT_EQ(fault(Access::Read, Mode::User), x86::kErrorUser);
  EXPECT_EQ(fault(Access::Execute, Mode::User), x86::kErrorUser | x86::kErrorFetch);
  EXPECT_EQ(fault(Access::Execute, Mode::Kernel), x86::kErrorFetch);
}

TEST_P(WalkTest, WriteNeedsWritableAtEveryLevelInBothModes) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  for (int level = 1; level <= GetParam(); ++level) {
    entry(level) &= ~x86::kWritable;
    EXPECT_EQ(fault(Access::Write, Mode::User),
              x86::kErrorPresent | x86::kErrorWrite | x86::kErrorUser);
    EXPECT_EQ(fault(Access::Write, Mode::Kernel), x86::kErrorPresent | x86::kErrorWrite);
    const Walk read = walk(Access::Read, Mode::User);
    EXPECT_EQ(read.end, WalkEnd::Mapped);
    EXPECT_EQ(read.rights, x86::kUser);
    entry(level) |= x86::kWritable;
  }
  EXPECT_EQ(walk(Access::Write, Mode::User).end, WalkEnd::Mapped);
}

TEST_P(WalkTest, UserNeedsUserAtEveryLevel) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  for (int level = 1; level <= GetParam(); ++level) {
    entry(level) &= ~x86::kUser;
    EXPECT_EQ(fault(Access::Read, Mode::User), x86::kErrorPresent | x86::kErrorUser);
    EXPECT_EQ(walk(Access::Write, Mode::Kernel).end, WalkEnd::Mapped);
    EXPECT_EQ(walk(Access::Execute, Mode::Kernel).end, WalkEnd::Mapped);
    entry(level) |= x86::kUser;
  }
}

TEST_P(WalkTest, FetchIsForbiddenByNoExecuteAtAnyLevel) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  for (int level = 1; level <= GetParam(); ++level) {
    entry(level) |= x86::kNoExecute;
    EXPECT_EQ(fault(Access::Execute, Mode::User),
              x86::kErrorPresent | x86::kErrorUser | x86::kErrorFetch);
    EXPECT_EQ(walk(Access::Read, Mode::User).rights, x86::kAllRights | x86::kNoExecute);
    entry(level) &= ~x86::kNoExecute;
  }
}

TEST_P(WalkTest, SmepAndSmapKeepTheKernelOutOfUserPages) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  EXPECT_EQ(fault(Access::Execute, Mode::Kernel), x86::kErrorPresent | x86::kErrorFetch);
  EXPECT_EQ(walk(Access::Read, Mode::Kernel).end, WalkEnd::Mapped);
  rules.smep = false;
  EXPECT_EQ(walk(Access::Execute, Mode::Kernel).end, WalkEnd::Mapped);
  rules.smap = true;
  EXPECT_EQ(fault(Access::Read, Mode::Kernel), x86::kErrorPresent);
  EXPECT_EQ(fault(Access::Write, Mode::Kernel), x86::kErrorPresent | x86::kErrorWrite);
  EXPECT_EQ(walk(Access::Read, Mode::User).end, WalkEnd::Mapped);
}

TEST_P(WalkTest, SmepAndNoExecuteDecideWhetherAFetchIsTold) {
  rules.smep = false;
  EXPECT_EQ(fault(Access::Execute, Mode::User), x86::kErrorUser | x86::kErrorFetch);
  rules.no_execute = false;
  EXPECT_EQ(fault(Access::Execute, Mode::User), x86::kErrorUser);
  rules.smep = true;
  EXPECT_EQ(fault(Access::Execute, Mode::User), x86::kErrorUser | x86::kErrorFetch);
}

TEST_P(WalkTest, WithoutWriteProtectTheKernelWritesReadOnlyPages) {
  rules.write_protect = false;
  tables.map(root, kVpn, 1, kFrame, kPageFlags & ~x86::kWritable);
  EXPECT_EQ(fault(Access::Write, Mode::User),
            x86::kErrorPresent | x86::kErrorWrite | x86::kErrorUser);
  const Walk write = walk(Access::Write, Mode::Kernel);
  EXPECT_EQ(write.end, WalkEnd::Mapped);
  EXPECT_TRUE(write.leaf.dirty());
  EXPECT_EQ(write.rights, x86::kUser);
  rules.smap = true;
  EXPECT_EQ(fault(Access::Write, Mode::Kernel), x86::kErrorPresent | x86::kErrorWrite);
}

TEST_P(WalkTest, WithoutNoExecuteItsBitIsReservedAtEveryLevel) {
  rules.no_execute = false;
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  EXPECT_EQ(walk(Access::Execute, Mode::User).end, WalkEnd::Mapped);
  for (int level = 1; level <= GetParam(); ++level) {
    entry(level) |= x86::kNoExecute;
    EXPECT_EQ(fault(Access::Read, Mode::Kernel), x86::kErrorPresent | x86::kErrorReserved) << level;
    entry(level) &= ~x86::kNoExecute;
  }
}

TEST_P(WalkTest, ReservedBitsFaultAndComeBeforeRights) {
  rules.physical_bits = 46;
  constexpr std::uint64_t kExpected = x86::kErrorPresent | x86::kErrorReserved | x86::kErrorUser |
                                      x86::kErrorWrite;
  tables.map(root, kVpn, 1, kFrame, kPageFlags & ~x86::kWritable);
  for (int level = 1; level <= GetParam(); ++level) {
    entry(level) |= 1ULL << 46;
    EXPECT_EQ(fault(Access::Write, Mode::User), kExpected) << level;
    entry(level) &= ~(1ULL << 46);
  }
  for (int level = 4; level <= GetParam(); ++level) {  // PS is no large page there
    entry(level) |= x86::kLarge;
    EXPECT_EQ(fault(Access::Write, Mode::User), kExpected) << level;
    entry(level) &= ~x86::kLarge;
  }
}

TEST_P(WalkTest, LargeLeavesReserveTheirLowAddressBitsButNotPat) {
  for (int level = 2; level <= 3; ++level) {
    tables = test::SimTables(GetParam(), 16);
    root = tables.new_table();
    tables.map(root, kVpn, level, kFrame, kPageFlags);
    entry(level) |= 1ULL << 12;
    EXPECT_EQ(walk(Access::Read, Mode::User).end, WalkEnd::Mapped);
    const unsigned first_address_bit = level == 2 ? 21 : 30;
    for (unsigned bit = 13; bit < first_address_bit; ++bit) {
      entry(level) ^= 1ULL << bit;
      EXPECT_EQ(fault(Access::Read, Mode::User),
                x86::kErrorPresent | x86::kErrorReserved | x86::kErrorUser);
      entry(level) ^= 1ULL << bit;
    }
  }
  rules.gigabyte_pages = false;
  EXPECT_EQ(fault(Access::Read, Mode::Kernel), x86::kErrorPresent | x86::kErrorReserved);
}

TEST_P(WalkTest, NonCanonicalIsNoPageFault) {
  const unsigned bits = x86::linear_bits(GetParam());
  for (const VirtAddr address : {VirtAddr(1ULL << (bits - 1)), VirtAddr(~0ULL << bits)}) {
    const Walk out = walk(Access::Read, Mode::User, address);
    EXPECT_EQ(out.end, WalkEnd::NonCanonical);
    EXPECT_EQ(out.references, 0U);
  }
  EXPECT_EQ(walk(Access::Read, Mode::User, VirtAddr(~0ULL << (bits - 1))).end, WalkEnd::PageFault);
}

TEST_P(WalkTest, SetsAccessedEverywhereAndDirtyOnlyInTheWrittenLeaf) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  EXPECT_FALSE(walk(Access::Read, Mode::User).leaf.dirty());
  for (int level = 1; level <= GetParam(); ++level) {
    EXPECT_EQ(entry(level) & (x86::kAccessed | x86::kDirty), x86::kAccessed) << level;
  }
  EXPECT_TRUE(walk(Access::Write, Mode::User).leaf.dirty());
  EXPECT_NE(entry(1) & x86::kDirty, 0U);
  EXPECT_EQ(entry(2) & x86::kDirty, 0U);
}

TEST_P(WalkTest, ARefusedAccessChangesNothing) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags & ~x86::kWritable);
  fault(Access::Write, Mode::User);
  for (int level = 1; level <= GetParam(); ++level) {
    EXPECT_EQ(entry(level) & (x86::kAccessed | x86::kDirty), 0U) << level;
  }
}

TEST_P(WalkTest, StartsBelowARememberedEntryWithItsRights) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  entry(3) &= ~x86::kWritable;
  const Walk whole = walk(Access::Read, Mode::User);
  for (int level = 2; level <= GetParam(); ++level) {
    const x86::Pte upper{whole.upper[static_cast<unsigned>(level)]};
    EXPECT_EQ(upper.writable(), level > 3);
    const x86::WalkStart start{upper.pfn(), level - 1, upper.raw & x86::kRightsMask};
    Walk out;
    const x86::Walker walker(rules);
    walker.walk(tables.memory(), start, kAddress, Access::Read, Mode::User, out);
    ASSERT_EQ(out.end, WalkEnd::Mapped);
    EXPECT_EQ(out.references, static_cast<unsigned>(level - 1));
    EXPECT_EQ(out.leaf, whole.leaf);
    EXPECT_EQ(out.rights, whole.rights);
    walker.walk(tables.memory(), start, kAddress, Access::Write, Mode::User, out);
    EXPECT_EQ(out.end, WalkEnd::PageFault);
  }
}

TEST_P(WalkTest, AStepAgreesWithTheWalkOrDeclines) {
  tables.map(root, kVpn, 1, kFrame, kPageFlags);
  const x86::Walker walker(rules);
  const x86::UpperEntry upper((entry(2) & ~x86::kWritable) | x86::kNoExecute);
  EXPECT_EQ(upper.pfn(), x86::Pte{entry(2)}.pfn());
  EXPECT_EQ(upper.rights(), x86::kUser | x86::kNoExecute);
  std::uint64_t leaf = 0;
  EXPECT_FALSE(walker.step(tables.memory(), kVpn, 1, upper, leaf));  // A is not set
  walk(Access::Read, Mode::User);
  ASSERT_TRUE(walker.step(tables.memory(), kVpn, 1, upper, leaf));
  EXPECT_EQ(x86::Pte{leaf}.pfn(), kFrame);
  EXPECT_EQ(leaf & x86::kRightsMask, x86::kUser | x86::kNoExecute);
  entry(1) |= x86::kGlobal;
  EXPECT_FALSE(walker.step(tables.memory(), kVpn, 1, upper, leaf));
  ASSERT_TRUE(walker.step(tables.memory(), kVpn, 2, x86::UpperEntry(entry(3)), leaf));
  EXPECT_EQ(leaf & x86::kRightsMask, entry(2) & x86::kRightsMask);
  entry(2) |= x86::kLarge;
  EXPECT_FALSE(walker.step(tables.memory(), kVpn, 2, x86::UpperEntry(entry(3)), leaf));
}

}  // namespace
}  // namespace pw
