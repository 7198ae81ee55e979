// Worked examples of fork and copy on write: rows CW1 to CW3, with their numbers.
#include <gtest/gtest.h>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

// One page, ten children, four of which write: 1 + 4 frames. The writer that is left alone copies
// nothing.
TEST(CopyOnWriteGolden, AForkCostsAFrameForEachPageReallyWritten) {
  const auto machine = make_machine(exact_config(4_MiB));
  const Pid parent = *machine->spawn();
  const VirtAddr at = map(*machine, parent, 4_KiB);
  ASSERT_TRUE(store(*machine, parent, at, 1).ok());
  std::vector<Pid> children;
  for (int i = 0; i < 10; ++i) children.push_back(*machine->fork(parent));
  EXPECT_EQ(user_frames(*machine), 1U);
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(store(*machine, children[i], at, 100 + i).ok());
  EXPECT_EQ(user_frames(*machine), 1 + 4U);
  EXPECT_EQ(machine->counters().faults.copy_on_write, 4U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(load(*machine, children[i], at), i < 4 ? 100 + i : 1);
  }
  EXPECT_EQ(load(*machine, parent, at), 1U);
  for (std::size_t i = 4; i < 10; ++i) ASSERT_TRUE(machine->exit(children[i], 0));
  ASSERT_TRUE(store(*machine, parent, at, 2).ok());
  EXPECT_EQ(machine->counters().faults.copy_on_write, 4U) << "the last owner wrote";
  EXPECT_EQ(machine->counters().faults.reused, 1U);
  EXPECT_EQ(user_frames(*machine), 5U);
}

// 256 pages, every seventh written by the child: parent and child differ in exactly those bytes.
TEST(CopyOnWriteGolden, ParentAndChildDivergeByteForByte) {
  MachineConfig config = exact_config(4_MiB);
  config.verify_each_operation = false;
  const auto machine = make_machine(config);
  const Pid parent = *machine->spawn();
  const VirtAddr base = map(*machine, parent, 1_MiB);
  for (std::uint64_t n = 0; n < 256; ++n)
    ASSERT_TRUE(store(*machine, parent, page(base, n), n).ok());
  const Pid child = *machine->fork(parent);
  for (std::uint64_t n = 0; n < 256; n += 7) {
    ASSERT_TRUE(store(*machine, child, page(base, n) + ByteCount(8), ~n).ok());
  }
  EXPECT_EQ(user_frames(*machine), 256 + 37U);
  for (std::uint64_t n = 0; n < 256; ++n) {
    EXPECT_EQ(load(*machine, parent, page(base, n) + ByteCount(8)), 0U);
    EXPECT_EQ(load(*machine, child, page(base, n) + ByteCount(8)), n % 7 == 0 ? ~n : 0);
    EXPECT_EQ(load(*machine, child, page(base, n)), n);
  }
  ASSERT_TRUE(machine->verify());
}

// A GiB of fresh memory is read on a machine of 16 MiB: all 262144 pages are the one zero page.
// What it costs are tables: 512 of level 1, one of level 2, one of level 3, the root.
TEST(CopyOnWriteGolden, ReadingAGibibyteOfFreshMemoryTakesNoDataFrame) {
  MachineConfig config = exact_config(16_MiB);
  config.verify_each_operation = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = *map_at(*machine, pid, 1ULL << 40, 1_GiB);
  const auto result = machine->reference_all(*machine->find(pid), 1 << 18, [&](std::uint64_t n) {
    return Reference{page(base, n), Access::Read};
  });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(user_frames(*machine), 0U);
  EXPECT_EQ(machine->counters().faults.zero_page, 1U << 18);
  EXPECT_EQ(machine->counters().table_pages, 515U);
  EXPECT_EQ(load(*machine, pid, base + 512_MiB), 0U);
}

// 50 idle children of a server with 256 MiB: 128 tables of level 1 and three above for each child,
// half a MiB, a 500th of what they see. Not one data frame.
// Page-table bytes that fifty idle children of a 256 MiB parent take.
std::uint64_t cost_of_fifty_children(bool lazy_fork) {
  MachineConfig config = exact_config(1_GiB);
  config.verify_each_operation = false;
  config.contents = Contents::MetadataOnly;
  config.lazy_fork = lazy_fork;
  const auto machine = make_machine(config);
  const Pid server = *machine->spawn();
  const VirtAddr base = *map_at(*machine, server, 1ULL << 40, 256_MiB);
  const auto result = machine->reference_all(*machine->find(server), 1 << 16, [&](std::uint64_t n) {
    return Reference{page(base, n), Access::Write};
  });
  EXPECT_TRUE(result.ok());
  const std::uint64_t tables = machine->counters().table_pages;
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(machine->fork(server));
  EXPECT_EQ(user_frames(*machine), 1U << 16);
  EXPECT_TRUE(machine->verify());
  return (machine->counters().table_pages - tables) * kPageSize;
}

// As Linux forks, with the tables copied: 128 tables of the last level and 3 above them each.
TEST(CopyOnWriteGolden, FiftyIdleChildrenCostTheirTablesOnly) {
  EXPECT_EQ(cost_of_fifty_children(false), 50 * 131 * kPageSize);
}

// With lazy_fork the tables are left to faults: a root each.
TEST(CopyOnWriteGolden, FiftyIdleChildrenWithLazyForkCostAFewHundredKibibytes) {
  EXPECT_EQ(cost_of_fifty_children(true), 50 * kPageSize);
}

TEST(CopyOnWriteGolden, LazyForkDivergesByteForByteToo) {
  MachineConfig config = exact_config(1_MiB);
  config.lazy_fork = true;
  const auto machine = make_machine(config);
  const Pid parent = *machine->spawn();
  const VirtAddr base = map(*machine, parent, 64_KiB);
  for (std::uint64_t i = 0; i < 16; ++i) {
    ASSERT_TRUE(store(*machine, parent, page(base, i), i).ok());
  }
  const Pid child = *machine->fork(parent);
  ASSERT_TRUE(store(*machine, parent, page(base, 3), 333).ok());
  ASSERT_TRUE(store(*machine, child, page(base, 4), 444).ok());
  for (std::uint64_t i = 0; i < 16; ++i) {
    EXPECT_EQ(load(*machine, parent, page(base, i)), i == 3 ? 333 : i);
    EXPECT_EQ(load(*machine, child, page(base, i)), i == 4 ? 444 : i);
  }
  EXPECT_EQ(user_frames(*machine), 18U);
  EXPECT_TRUE(machine->verify());
}

// vfork: the child runs in the parent's own space until it becomes another program.
TEST(CopyOnWriteGolden, VforkCopiesNothing) {
  const auto machine = make_machine(exact_config(1_MiB));
  const Pid parent = *machine->spawn();
  const VirtAddr at = map(*machine, parent, 4_KiB);
  ASSERT_TRUE(store(*machine, parent, at, 1).ok());
  const std::uint64_t free = machine->frames().free_frames().value;
  const Pid child = *machine->vfork(parent);
  EXPECT_EQ(machine->frames().free_frames().value, free);
  ASSERT_TRUE(store(*machine, child, at, 2).ok());
  EXPECT_EQ(load(*machine, parent, at), 2U);
  ASSERT_TRUE(machine->replace_space(child, "other"));
  EXPECT_EQ(machine->touch(child, at, Access::Read).kind, AccessResult::Kind::Segv);
  EXPECT_EQ(load(*machine, parent, at), 2U);
}

}  // namespace
}  // namespace pw
