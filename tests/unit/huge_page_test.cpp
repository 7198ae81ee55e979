// Transparent huge pages: who gets one, what it costs, and what takes it apart. The counts are
// those that the kernel was seen to give (write 16 MiB: 8 faults; read: 8 and nothing resident; a
// child that writes: pages of 4 KiB).
#include "fault/huge.hpp"
#include "rmap/huge_split.hpp"
#include "space/translations.hpp"
#include "support/huge_program.hpp"

namespace pw::test {
namespace {

TEST(HugePages, AWriteBringsTwoMegabytes) {
  HugeProgram program(4 * kHuge);
  program.write_all(0, 4 * kHuge);
  EXPECT_EQ(program.minor(), 4U);
  EXPECT_EQ(program.resident(), 4 * kHuge);
  EXPECT_EQ(program.mapped_huge(), 4U);
  EXPECT_EQ(program.huge().fault_alloc, 4U);
  program.expect_all(program.pid, 0, 4 * kHuge);
  EXPECT_EQ(load(*program.machine, program.pid, page(program.at, 1) + ByteCount(8)), 0U);
}

TEST(HugePages, AReadMapsZerosAndTheWriteAfterItAPage) {
  HugeProgram program(2 * kHuge);
  for (std::uint64_t i = 0; i < 2 * kHuge; ++i) {
    EXPECT_EQ(load(*program.machine, program.pid, page(program.at, i)), 0U);
  }
  EXPECT_EQ(program.minor(), 2U);
  EXPECT_EQ(program.resident(), 0U);
  EXPECT_EQ(program.huge().zero_page_alloc, 1U);
  program.write_all(0, 2 * kHuge);
  EXPECT_EQ(program.minor(), 4U);
  EXPECT_EQ(program.resident(), 2 * kHuge);
  program.expect_all(program.pid, 0, 2 * kHuge);
}

TEST(HugePages, TheAreaMustHoldAllOfIt) {
  HugeProgram program(kHuge + 10);
  program.write_all(0, kHuge + 10);
  EXPECT_EQ(program.minor(), 11U);
  EXPECT_EQ(program.mapped_huge(), 1U);
}

TEST(HugePages, PolicyAdviceAndProcessDecide) {
  const auto faults = [](HugePages policy, bool yes, bool no, std::uint8_t disabled) {
    HugeProgram program(kHuge, huge_config(64_MiB, policy));
    program.space(program.pid).settings().thp_disabled = disabled;
    const auto advise = [&](Advice advice) {
      EXPECT_TRUE(program.machine->madvise(program.pid, program.at, program.pages(kHuge), advice));
    };
    if (yes) advise(Advice::HugePage);
    if (no) advise(Advice::NoHugePage);
    program.write_all(0, kHuge);
    return program.minor();
  };
  EXPECT_EQ(faults(HugePages::Always, false, false, 0), 1U);
  EXPECT_EQ(faults(HugePages::Always, false, true, 0), kHuge);
  EXPECT_EQ(faults(HugePages::Always, true, false, 1), kHuge);
  EXPECT_EQ(faults(HugePages::Always, true, false, 3), 1U);
  EXPECT_EQ(faults(HugePages::Always, false, false, 3), kHuge);
  EXPECT_EQ(faults(HugePages::Madvise, false, false, 0), kHuge);
  EXPECT_EQ(faults(HugePages::Madvise, true, false, 0), 1U);
  EXPECT_EQ(faults(HugePages::Never, true, false, 0), kHuge);
}

TEST(HugePages, WhatIsThereAlreadyStaysSmall) {
  HugeProgram program(kHuge, huge_config(64_MiB, HugePages::Madvise));
  program.write_all(0, 1);
  ASSERT_TRUE(
      program.machine->madvise(program.pid, program.at, program.pages(kHuge), Advice::HugePage));
  program.write_all(0, kHuge);
  EXPECT_EQ(program.minor(), kHuge);
  EXPECT_EQ(program.mapped_huge(), 0U);
}

TEST(HugePages, GivingUpAPageSplitsTheTranslationAndKeepsTheFrame) {
  HugeProgram program(kHuge);
  program.write_all(0, kHuge);
  const std::uint64_t free = program.machine->frames().free_frames().value;
  ASSERT_TRUE(program.machine->madvise(program.pid, page(program.at, 1), program.pages(1),
                                       Advice::DontNeed));
  EXPECT_EQ(program.resident(), kHuge - 1);
  EXPECT_EQ(program.mapped_huge(), 0U);
  EXPECT_EQ(program.huge().split_translation, 1U);
  EXPECT_EQ(program.huge().split_page, 0U);
  EXPECT_EQ(program.huge().deferred_split_page, 1U);
  EXPECT_EQ(program.machine->frames().spare_frames(), 1U);
  EXPECT_EQ(program.machine->frames().free_frames().value, free);
  const std::uint64_t before = program.minor();
  EXPECT_EQ(load(*program.machine, program.pid, page(program.at, 1)), 0U);
  EXPECT_EQ(program.minor(), before + 1);
  program.expect_all(program.pid, 2, kHuge);

  EXPECT_EQ(split_partly_used(program.machine->core(), 10), 1U);
  EXPECT_EQ(program.machine->frames().spare_frames(), 0U);
  EXPECT_EQ(program.machine->frames().free_frames().value, free + 1);
  program.expect_sound();
  program.expect_all(program.pid, 2, kHuge);
}

TEST(HugePages, TheFirstPageMayGoBeforeTheOthers) {
  HugeProgram program(kHuge);
  const std::uint64_t free = program.machine->frames().free_frames().value;
  program.write_all(0, kHuge);
  for (std::uint64_t i = 0; i < kHuge; ++i) {
    ASSERT_TRUE(program.machine->madvise(program.pid, page(program.at, i), program.pages(1),
                                         Advice::DontNeed));
    ASSERT_EQ(program.machine->frames().spare_frames(), i + 1 < kHuge ? i + 1 : 0);
  }
  EXPECT_EQ(program.resident(), 0U);
  EXPECT_EQ(program.machine->frames().huge().count(), 0U);
  EXPECT_EQ(program.machine->frames().free_frames().value, free);
}

TEST(HugePages, UnmappingAndProtectingAPartSplitsTheTranslation) {
  HugeProgram program(3 * kHuge);
  program.write_all(0, 3 * kHuge);
  ASSERT_TRUE(
      program.machine->mprotect(program.pid, page(program.at, 7), program.pages(2), kReadOnly));
  EXPECT_EQ(program.mapped_huge(), 2U);
  ASSERT_TRUE(program.machine->mprotect(program.pid, page(program.at, kHuge), program.pages(kHuge),
                                        kReadOnly));
  EXPECT_EQ(program.mapped_huge(), 2U);  // all of one: it stays
  ASSERT_TRUE(
      program.machine->munmap(program.pid, page(program.at, 3 * kHuge - 5), program.pages(5)));
  EXPECT_EQ(program.mapped_huge(), 1U);
  EXPECT_EQ(program.resident(), 3 * kHuge - 5);
  program.expect_all(program.pid, 0, 3 * kHuge - 5);
}

TEST(HugePages, ForkSharesThemAndAWriteCopiesSmallPages) {
  HugeProgram program(2 * kHuge);
  program.write_all(0, 2 * kHuge);
  const Pid child = *program.machine->fork(program.pid);
  EXPECT_EQ(program.mapped_huge(child), 2U);
  EXPECT_EQ(program.resident(child), 2 * kHuge);
  const std::uint64_t before = program.space(child).counters().faults.minor;
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(store(*program.machine, child, page(program.at, i), 77).ok());
  }
  EXPECT_EQ(program.space(child).counters().faults.minor, before + 10);
  EXPECT_EQ(program.machine->counters().faults.copy_on_write, 10U);
  EXPECT_EQ(program.mapped_huge(child), 1U);
  EXPECT_EQ(program.mapped_huge(), 2U);
  program.expect_all(program.pid, 0, 2 * kHuge);
  program.expect_all(child, 10, 2 * kHuge);

  ASSERT_TRUE(program.machine->exit(child, 0));
  const std::uint64_t mine = program.minor();
  program.write_all(0, 2 * kHuge);  // all its own again: one fault each, nothing copied
  EXPECT_EQ(program.minor(), mine + 2);
  EXPECT_EQ(program.machine->counters().faults.copy_on_write, 10U);
  EXPECT_EQ(program.mapped_huge(), 2U);
}

TEST(HugePages, TheParentCopiesWhileTheChildHoldsAnyOfIt) {
  HugeProgram program(kHuge);
  program.write_all(0, kHuge);
  const Pid child = *program.machine->fork(program.pid);
  ASSERT_TRUE(store(*program.machine, child, page(program.at, 3), 77).ok());
  ASSERT_TRUE(store(*program.machine, program.pid, page(program.at, 3), 4).ok());
  EXPECT_EQ(program.machine->counters().faults.copy_on_write, 2U);
  EXPECT_EQ(load(*program.machine, child, page(program.at, 3)), 77U);
  program.expect_all(program.pid, 0, kHuge);
}

TEST(HugePages, MovingKeepsThemIfTheNewPlaceIsAlignedAlike) {
  for (const std::uint64_t off : {std::uint64_t{0}, std::uint64_t{3}}) {
    HugeProgram program(2 * kHuge);
    program.write_all(0, 2 * kHuge);
    MremapRequest request;
    request.address = program.at;
    request.old_length = request.new_length = program.pages(2 * kHuge);
    request.may_move = request.fixed = true;
    request.new_address = page(VirtAddr(std::uint64_t{1} << 33), off);
    ASSERT_TRUE(program.machine->mremap(program.pid, request));
    program.at = request.new_address;
    EXPECT_EQ(program.mapped_huge(), off == 0 ? 2U : 0U);
    EXPECT_EQ(program.resident(), 2 * kHuge);
    program.expect_all(program.pid, 0, 2 * kHuge);
  }
}

TEST(HugePages, ReclaimTakesThemApart) {
  MachineConfig config = huge_config(64_MiB);
  config.resident_limit_pages = 3 * kHuge;
  HugeProgram program(6 * kHuge, config);
  program.write_all(0, 6 * kHuge);
  EXPECT_EQ(program.huge().fault_alloc, 3U);     // the rest without asking for reclaim: small
  EXPECT_EQ(program.huge().fault_fallback, 3U);  // then there is a table of small ones
  EXPECT_EQ(program.huge().split_page, 3U);
  EXPECT_LE(program.machine->frames().user_frames(), 3 * kHuge);
  program.expect_all(program.pid, 0, 6 * kHuge);
}

// The first 192 of 512 MiB at 384 MiB, in the kernel's figures: then the charge fails, and reclaim
// takes what small pages need from the huge ones: whole where swap is compressed RAM, else in
// pieces.
TEST(HugePages, AGroupAtItsLimitGetsSmallPages) {
  for (const DeviceModel& swap : {kZram, kSsd}) {
    MachineConfig config = huge_config(64_MiB);
    config.model = MemoryModel::Linux;
    config.swap_device = swap;
    config.linux_options.limit_pages = 3 * kHuge + 100;
    HugeProgram program(6 * kHuge, config);
    program.write_all(0, 6 * kHuge);
    EXPECT_EQ(program.huge().fault_alloc, 3U);
    EXPECT_EQ(program.huge().fault_fallback, 3U);
    EXPECT_EQ(program.huge().swapped_out, swap.synchronous ? 3U : 0U);
    EXPECT_EQ(program.huge().split_page, swap.synchronous ? 0U : 3U);
    EXPECT_LE(program.resident(), 3 * kHuge + 100);
    program.expect_all(program.pid, 0, 6 * kHuge);
  }
}

// Whoever clears the accessed bit of a large translation flushes it (pmdp_clear_flush_young() of
// x86): the next use shows, though the CPU had the translation all the time.
TEST(HugePages, AUseShowsThoughItIsInTheTlb) {
  MachineConfig config = huge_config(64_MiB);
  config.model = MemoryModel::Linux;
  config.swap_device = kZram;
  config.linux_options.limit_pages = kHuge + 200;
  HugeProgram program(2 * kHuge, config);
  program.write_all(0, kHuge + 150);  // one huge page, and small ones
  ASSERT_EQ(program.mapped_huge(), 1U);
  ASSERT_TRUE(program.machine->madvise(program.pid, page(program.at, kHuge), program.pages(150),
                                       Advice::Cold));
  int level = 0;
  const Vpn first = page_of(program.at);
  const auto accessed = [&] {
    return program.space(program.pid).tables().find_any(first, level)->accessed();
  };
  program.write_all(7, 8);  // now it is in the TLB: advice of so many pages has emptied that
  EXPECT_TRUE(accessed());
  ASSERT_GT(program.machine->reclaimer().reclaim(1), 0U);
  ASSERT_EQ(program.mapped_huge(), 1U);  // it was looked at first, and kept
  EXPECT_FALSE(accessed());
  program.write_all(7, 8);
  EXPECT_TRUE(accessed());
}

// In a group at its limit, on compressed RAM: one that is partly used is split, its rest freed.
TEST(HugePages, APartlyUsedOneIsNotSwappedWhole) {
  MachineConfig config = huge_config(64_MiB);
  config.model = MemoryModel::Linux;
  config.swap_device = kZram;
  config.linux_options.limit_pages = kHuge + 100;
  HugeProgram program(3 * kHuge, config);
  program.write_all(0, kHuge);
  ASSERT_TRUE(program.machine->madvise(program.pid, page(program.at, 0), program.pages(8),
                                       Advice::DontNeed));
  program.write_all(kHuge, 3 * kHuge);
  EXPECT_EQ(program.huge().swapped_out, 0U);
  EXPECT_EQ(program.huge().split_page, 1U);
  program.expect_all(program.pid, 8, 3 * kHuge);
}

TEST(HugePages, WhoAsksForThemHasMemoryReclaimed) {
  MachineConfig config = huge_config(64_MiB);
  config.resident_limit_pages = 3 * kHuge;
  HugeProgram program(6 * kHuge, config);
  ASSERT_TRUE(program.machine->madvise(program.pid, program.at, program.pages(6 * kHuge),
                                       Advice::HugePage));
  program.write_all(0, 6 * kHuge);
  EXPECT_EQ(program.huge().fault_alloc, 6U);
  program.expect_sound();
  program.expect_all(program.pid, 0, 6 * kHuge);
}

TEST(HugePages, WithoutABlockThereAreSmallPages) {
  HugeProgram program(2 * kHuge, huge_config(16_MiB));
  FramePool& pool = program.machine->frames();
  std::vector<Pfn> taken;  // every other frame remains taken, so that no block is whole
  for (Pfn pfn; pool.take(FrameKind::Kernel, pfn);) taken.push_back(pfn);
  for (const Pfn pfn : taken) {
    if (pfn.value % 2 == 0) pool.give_back(pfn);
  }
  Core& core = program.machine->core();
  FaultRequest request{&program.space(program.pid), program.at, Access::Write};
  EXPECT_EQ(handle_fault(core, request).kind, FaultOutcome::Kind::Resolved);
  EXPECT_EQ(program.resident(), 1U);
  EXPECT_EQ(core.counters.huge.fault_fallback, 1U);
  request = {&program.space(program.pid), page(program.at, kHuge), Access::Read};
  EXPECT_EQ(handle_fault(core, request).kind, FaultOutcome::Kind::Resolved);
  EXPECT_EQ(core.counters.huge.fault_fallback, 2U);
  EXPECT_EQ(core.counters.faults.zero_page, 1U);
  for (const Pfn pfn : taken) {
    if (pfn.value % 2 != 0) pool.give_back(pfn);
  }
  program.expect_sound();
}

TEST(HugePages, SwappingOutAndReading) {
  HugeProgram program(kHuge);
  program.write_all(0, kHuge);
  ASSERT_TRUE(program.machine->madvise(program.pid, page(program.at, 5), program.pages(3),
                                       Advice::PageOut));
  EXPECT_EQ(program.resident(), kHuge - 3);
  EXPECT_EQ(program.huge().split_page, 1U);
  ASSERT_TRUE(program.machine->swap_out(program.pid));
  EXPECT_EQ(program.resident(), 0U);
  program.expect_all(program.pid, 0, kHuge);
}

// What was never written costs nothing once the huge page is split.
TEST(HugePages, ZerosAreGivenUpWhenItIsSplit) {
  for (const Contents contents : {Contents::Bytes, Contents::MetadataOnly}) {
    MachineConfig config = huge_config(64_MiB);
    config.contents = contents;
    HugeProgram program(kHuge, config);
    Process& process = *program.machine->find(program.pid);
    for (const std::uint64_t i : {3U, 7U, 8U}) {
      if (contents == Contents::Bytes) {
        program.write_all(i, i + 1);
      } else {
        ASSERT_TRUE(program.machine->touch(program.pid, page(program.at, i), Access::Write).ok());
        program.machine->note_written(process, page_of(page(program.at, i)));
      }
    }
    EXPECT_EQ(program.resident(), kHuge);
    EXPECT_EQ(program.machine->reclaimer().reclaim(1), 1U);
    EXPECT_EQ(program.resident(), 2U);
    EXPECT_EQ(program.machine->counters().reclaim.pswpout, 1U);
    const auto touch = [&](std::uint64_t i, Access access) {
      EXPECT_TRUE(program.machine->touch(program.pid, page(program.at, i), access).ok());
      return program.minor();
    };
    EXPECT_EQ(touch(100, Access::Read), 1U);   // the zero page
    EXPECT_EQ(touch(100, Access::Write), 2U);  // and a page of its own
    if (contents == Contents::Bytes) program.expect_all(program.pid, 7, 9);
  }
}

TEST(HugePages, AFreedOneIsZerosOrWhatItWas) {
  HugeProgram program(2 * kHuge);
  program.write_all(0, 2 * kHuge);
  ASSERT_TRUE(
      program.machine->madvise(program.pid, program.at, program.pages(kHuge), Advice::Free));
  EXPECT_EQ(program.mapped_huge(), 2U);
  EXPECT_EQ(program.machine->reclaimer().reclaim(kHuge), kHuge);
  EXPECT_EQ(program.machine->counters().reclaim.pglazyfreed, kHuge);
  EXPECT_EQ(load(*program.machine, program.pid, page(program.at, 9)), 0U);
  program.expect_all(program.pid, kHuge, 2 * kHuge);
}

// Relatives hold some of it: nothing of it is freed, and it stays whole where it is mapped whole.
TEST(HugePages, SharedOnesAreNotFreedInPart) {
  HugeProgram program(kHuge);
  program.write_all(0, kHuge);
  const Pid child = *program.machine->fork(program.pid);
  const auto free_last = [&](Pid who) {
    ASSERT_TRUE(
        program.machine->madvise(who, page(program.at, kHuge - 9), program.pages(9), Advice::Free));
  };
  free_last(child);
  EXPECT_EQ(program.mapped_huge(child), 1U);
  ASSERT_TRUE(program.machine->munmap(child, page(program.at, 100), program.pages(kHuge - 100)));
  free_last(program.pid);  // these pages are its own, the huge page is not
  EXPECT_EQ(program.mapped_huge(), 1U);
  EXPECT_EQ(program.machine->counters().reclaim.pglazyfree, 0U);
  ASSERT_TRUE(program.machine->exit(child, 0));
  free_last(program.pid);
  EXPECT_EQ(program.mapped_huge(), 0U);
  EXPECT_EQ(program.machine->counters().reclaim.pglazyfree, 9U);
  program.expect_all(program.pid, 0, kHuge - 9);
}

TEST(HugePages, PagesInUseAreMarkedEachByItself) {
  HugeProgram program(kHuge);
  program.write_all(0, kHuge);
  Process& process = *program.machine->find(program.pid);
  const Vpn first = page_of(program.at);
  program.machine->set_in_use(process, first + PageCount(4), true);
  program.machine->set_in_use(process, first + PageCount(9), true);
  program.machine->set_in_use(process, first + PageCount(4), false);
  EXPECT_EQ(program.machine->reclaimer().reclaim(1), 0U);
  ASSERT_TRUE(
      program.machine->madvise(program.pid, program.at, program.pages(1), Advice::DontNeed));
  int level = 0;
  EXPECT_EQ(process.space->tables().find(first + PageCount(4))->raw & kInUse, 0U);
  EXPECT_EQ(process.space->tables().find_any(first + PageCount(9), level)->raw & kInUse, kInUse);
  program.expect_sound();
}

TEST(HugePages, LockedOnesStay) {
  HugeProgram program(2 * kHuge);
  ASSERT_TRUE(program.machine->mlock(program.pid, program.at, program.pages(kHuge)));
  EXPECT_EQ(program.minor(), 1U);
  program.write_all(0, 2 * kHuge);
  (void)program.machine->reclaimer().reclaim(2 * kHuge);
  program.expect_sound();
  EXPECT_EQ(program.resident(), kHuge);
  ASSERT_TRUE(program.machine->munlock(program.pid, page(program.at, 1), program.pages(1)));
  EXPECT_EQ(program.mapped_huge(), 0U);
  program.expect_sound();
  ASSERT_TRUE(program.machine->munlock(program.pid, program.at, program.pages(kHuge)));
  (void)program.machine->reclaimer().reclaim(2 * kHuge);
  program.expect_sound();
  EXPECT_EQ(program.resident(), 0U);
  program.expect_all(program.pid, 0, 2 * kHuge);
}

// Where a table of small pages has been, Linux brings small pages until it frees the table.
TEST(HugePages, WhereSmallPagesWereTheyComeAgain) {
  const auto huge_after = [](auto&& empty) {
    HugeProgram program(2 * kHuge, huge_config(64_MiB, HugePages::Madvise));
    program.write_all(0, 1);
    program.write_all(kHuge, kHuge + 1);
    empty(program);
    EXPECT_TRUE(program.machine->madvise(program.pid, program.at, program.pages(2 * kHuge),
                                         Advice::HugePage));
    program.write_all(0, 1);
    return program.mapped_huge();
  };
  const auto give_up = [](std::uint64_t pages) {
    return [pages](HugeProgram& program) {
      EXPECT_TRUE(program.machine->madvise(program.pid, program.at, program.pages(pages),
                                           Advice::DontNeed));
    };
  };
  const auto unmap = [](std::uint64_t pages) {
    return [pages](HugeProgram& program) {
      EXPECT_TRUE(program.machine->munmap(program.pid, program.at, program.pages(pages)));
      EXPECT_TRUE(map_at(*program.machine, program.pid, program.at.value, program.pages(pages)));
    };
  };
  const auto move_away = [](std::uint64_t pages) {
    return [pages](HugeProgram& program) {
      MremapRequest request;
      request.address = program.at;
      request.old_length = request.new_length = program.pages(pages);
      request.may_move = request.fixed = true;
      request.new_address = VirtAddr(std::uint64_t{1} << 33);
      EXPECT_TRUE(program.machine->mremap(program.pid, request));
      EXPECT_TRUE(map_at(*program.machine, program.pid, program.at.value, program.pages(pages)));
    };
  };
  EXPECT_EQ(huge_after(give_up(1)), 0U);
  EXPECT_EQ(huge_after(give_up(kHuge)), 1U);
  EXPECT_EQ(huge_after(unmap(1)), 0U);
  EXPECT_EQ(huge_after(unmap(kHuge)), 1U);
  EXPECT_EQ(huge_after(move_away(2)), 0U);
  EXPECT_EQ(huge_after(move_away(kHuge)), 1U);
}

}  // namespace
}  // namespace pw::test
