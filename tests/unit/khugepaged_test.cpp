// Collapsing small pages into huge ones: by MADV_COLLAPSE, and by the kernel itself.
#include "support/huge_program.hpp"

namespace pw::test {
namespace {

TEST(Collapse, MakesOneOfSmallPagesSwappedOnesAndZeros) {
  HugeProgram program(2 * kHuge, huge_config(64_MiB, HugePages::Madvise));
  program.write_all(0, 100);
  ASSERT_TRUE(
      program.machine->madvise(program.pid, program.at, program.pages(50), Advice::PageOut));
  const auto collapse = [&](std::uint64_t first, std::uint64_t pages) {
    return program.machine->madvise(program.pid, page(program.at, first), program.pages(pages),
                                    Advice::Collapse);
  };
  ASSERT_TRUE(collapse(0, kHuge));
  EXPECT_EQ(program.mapped_huge(), 1U);
  EXPECT_EQ(program.resident(), kHuge);
  EXPECT_EQ(program.machine->swap().used_slots(), 0U);
  program.expect_all(program.pid, 0, 100);
  EXPECT_EQ(load(*program.machine, program.pid, page(program.at, 200)), 0U);
  ASSERT_TRUE(collapse(0, kHuge));
  EXPECT_EQ(program.huge().collapse_alloc, 1U);
  EXPECT_EQ(collapse(kHuge, kHuge).error().code, Errno::Invalid);  // nothing is there
  EXPECT_TRUE(collapse(1, kHuge));                                 // no 2 MiB of it
  EXPECT_EQ(collapse(1, 5).error().code, Errno::Invalid);
}

// The first 2 MiB without a table of small pages end it; those for which there is no table above it
// either do not.
TEST(Collapse, EndsWhereNothingIs) {
  HugeProgram program(4 * kHuge, huge_config(64_MiB, HugePages::Madvise));
  const auto collapse = [&](std::uint64_t first, std::uint64_t pages) {
    return program.machine->madvise(program.pid, page(program.at, first), program.pages(pages),
                                    Advice::Collapse);
  };
  program.write_all(kHuge, kHuge + 1);
  program.write_all(3 * kHuge, 3 * kHuge + 1);
  EXPECT_EQ(collapse(0, 4 * kHuge).error().code, Errno::Invalid);
  EXPECT_EQ(program.mapped_huge(), 0U);
  EXPECT_EQ(collapse(kHuge, 3 * kHuge).error().code, Errno::Invalid);
  EXPECT_EQ(program.mapped_huge(), 1U);

  constexpr std::uint64_t kBorder = 512 * kHuge;  // of what one table of such tables maps
  HugeProgram wide(2 * kBorder, huge_config(64_MiB, HugePages::Madvise));
  wide.write_all(kBorder, kBorder + 1);
  EXPECT_EQ(wide.machine
                ->madvise(wide.pid, page(wide.at, kBorder - kHuge), wide.pages(2 * kHuge),
                          Advice::Collapse)
                .error()
                .code,
            Errno::Invalid);
  EXPECT_EQ(wide.mapped_huge(), 1U);
}

TEST(Collapse, SharedMemoryMayAskForNothing) {
  HugeProgram program(kHuge, huge_config(64_MiB, HugePages::Madvise));
  MmapRequest request;
  request.address = page(program.at, 8 * kHuge);
  request.length = program.pages(kHuge);
  request.shared = request.fixed = true;
  const auto collapse = [&] {
    return program.machine->madvise(program.pid, request.address, program.pages(3),
                                    Advice::Collapse);
  };
  ASSERT_TRUE(program.machine->mmap(program.pid, request));
  EXPECT_TRUE(collapse());
  request.shared = false;
  ASSERT_TRUE(program.machine->mmap(program.pid, request));
  EXPECT_EQ(collapse().error().code, Errno::Invalid);  // never touched
}

TEST(Collapse, CopiesWhatAForkShares) {
  HugeProgram program(kHuge, huge_config(64_MiB, HugePages::Madvise));
  program.write_all(0, kHuge);
  const Pid child = *program.machine->fork(program.pid);
  ASSERT_TRUE(
      program.machine->madvise(program.pid, program.at, program.pages(kHuge), Advice::Collapse));
  EXPECT_EQ(program.mapped_huge(), 1U);
  EXPECT_EQ(program.mapped_huge(child), 0U);
  ASSERT_TRUE(store(*program.machine, program.pid, page(program.at, 3), 77).ok());
  EXPECT_EQ(program.machine->counters().faults.copy_on_write, 0U);
  program.expect_all(child, 0, kHuge);
}

TEST(Khugepaged, LooksAtEightAreasOfTwoMegabytesEveryTenSeconds) {
  HugeProgram program(10 * kHuge, huge_config(128_MiB, HugePages::Madvise));
  program.write_all(0, 10 * kHuge);
  ASSERT_TRUE(program.machine->madvise(program.pid, program.at, program.pages(10 * kHuge),
                                       Advice::HugePage));
  constexpr std::uint64_t kSecond = 1'000'000'000;
  program.machine->advance(9 * kSecond);
  EXPECT_EQ(program.huge().collapse_alloc, 0U);
  program.machine->advance(kSecond);
  EXPECT_EQ(program.huge().collapse_alloc, 8U);
  program.machine->advance(10 * kSecond);
  EXPECT_EQ(program.huge().collapse_alloc, 10U);
  EXPECT_EQ(program.mapped_huge(), 10U);
  program.expect_all(program.pid, 0, 10 * kHuge);
}

TEST(Khugepaged, LeavesAloneWhatItsLimitsForbid) {
  const auto collapsed = [](std::uint64_t written, const KhugepagedOptions& options,
                            std::uint64_t swapped = 0) {
    MachineConfig config = huge_config(64_MiB, HugePages::Madvise);
    config.linux_options.khugepaged = options;
    HugeProgram program(kHuge, config);
    program.write_all(0, written);
    EXPECT_TRUE(
        program.machine->madvise(program.pid, program.at, program.pages(kHuge), Advice::HugePage));
    if (swapped > 0) {
      EXPECT_TRUE(program.machine->madvise(program.pid, program.at, program.pages(swapped),
                                           Advice::PageOut));
    }
    program.machine->advance(options.scan_sleep_ns + 1);
    return program.huge().collapse_alloc;
  };
  KhugepagedOptions few;
  few.max_ptes_none = 10;
  EXPECT_EQ(collapsed(1, {}), 1U);
  EXPECT_EQ(collapsed(0, {}), 0U);
  EXPECT_EQ(collapsed(kHuge - 11, few), 0U);
  EXPECT_EQ(collapsed(kHuge - 10, few), 1U);
  EXPECT_EQ(collapsed(kHuge, {}, 64), 1U);
  EXPECT_EQ(collapsed(kHuge, {}, 65), 0U);
  EXPECT_EQ(collapsed(300, {}, 60), 0U);  // of what is there less than half is referenced
  KhugepagedOptions off;
  off.scan_sleep_ns = 0;
  EXPECT_EQ(collapsed(kHuge, off), 0U);
}

}  // namespace
}  // namespace pw::test
