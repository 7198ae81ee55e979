// madvise(2), msync(2), posix_fadvise(2): the answers are those of Linux 6.18, tried there.
#include <map>
#include <string>

#include "support/kernel_calls.hpp"

namespace pw::test {

namespace {

using sys::Call;
constexpr std::int64_t kInvalid = -22, kNoMemory = -12, kPerm = -1, kAccess = -13, kFault = -14;
constexpr std::uint64_t kPage = kPageSize;

Program with_swap(std::uint64_t frames = 2048) {
  MachineConfig config = exact_config(bytes_of(PageCount(frames)));
  config.swap = 8_MiB;
  return Program(config);
}

struct AreaKinds {
  std::uint64_t anonymous, file_shared, file_private, shared;
};

AreaKinds kinds(Program& program) {
  const std::uint64_t fd = program.file("data", 8);
  return {program.map(8), program.map(8, 3, sys::kMapShared, fd),
          program.map(8, 3, sys::kMapPrivate, fd), program.map(8, 3, sys::kMapShared)};
}

TEST(Advice, ArgumentsAreCheckedAsTheKernelDoes) {
  Program program;
  const std::uint64_t at = program.map(16);
  for (const std::uint64_t unknown : {5ULL, 7ULL, 25ULL, 1000ULL, ~0ULL}) {
    EXPECT_EQ(program(Call::Madvise, {at, kPage, unknown}), kInvalid) << unknown;
    EXPECT_EQ(program(Call::Madvise, {at, 0, unknown}), kInvalid) << unknown;
  }
  EXPECT_EQ(program(Call::Madvise, {at + 1, kPage, 4}), kInvalid);
  EXPECT_EQ(program(Call::Madvise, {at + 1, 0, 4}), kInvalid);
  EXPECT_EQ(program(Call::Madvise, {at, 0, 4}), 0);
  EXPECT_EQ(program(Call::Madvise, {at, ~0ULL, 4}), kInvalid);              // rounds up to nothing
  EXPECT_EQ(program(Call::Madvise, {at, ~0ULL - kPage + 1, 4}), kInvalid);  // wraps
  EXPECT_EQ(program(Call::Madvise, {0x7fff'ffff'e000, 1ULL << 63, 4}), kNoMemory);
  EXPECT_EQ(program(Call::Madvise, {0 - 2 * kPage, kPage, 4}), kNoMemory);
  EXPECT_EQ(program(Call::Madvise, {at, kPage, 1ULL << 32 | 4}), 0);  // an int
}

TEST(Advice, HolesAreToldAfterTheRestIsDone) {
  Program program;
  const std::uint64_t at = program.map(16);
  for (std::uint64_t i = 0; i < 16; ++i) program.poke(at + i * kPage);
  ASSERT_EQ(program(Call::Munmap, {at + 4 * kPage, 4 * kPage}), 0);
  EXPECT_EQ(program.madvise(at, 16, Advice::DontFork), kNoMemory);
  EXPECT_EQ(program.areas(at, 16), "0-4dc 8-16dc");
  EXPECT_EQ(program.madvise(at, 16, Advice::DontNeed), kNoMemory);
  EXPECT_EQ(program.resident(at, 4) + program.resident(at + 8 * kPage, 8), "000000000000");
  for (const Advice advice : {Advice::DontNeed, Advice::PopulateRead, Advice::WillNeed}) {
    EXPECT_EQ(program.madvise(at + 4 * kPage, 1, advice), kNoMemory);
  }
}

TEST(Advice, EachKindOfAreaTakesWhatTheKernelLetsIt) {
  for (int advice = 0; advice <= 24; ++advice) {
    if (advice > 4 && advice < 8) continue;
    const auto what = static_cast<Advice>(advice);
    Program program;
    const AreaKinds area = kinds(program);
    const bool anonymous_only = what == Advice::Free || what == Advice::WipeOnFork;
    const bool remove = what == Advice::Remove;
    const std::int64_t of_objects = anonymous_only ? kInvalid : 0;
    EXPECT_EQ(program.madvise(area.anonymous, 8, what), remove ? kInvalid : 0) << advice;
    EXPECT_EQ(program.madvise(area.file_shared, 8, what), of_objects) << advice;
    EXPECT_EQ(program.madvise(area.file_private, 8, what), remove ? kAccess : of_objects) << advice;
    EXPECT_EQ(program.madvise(area.shared, 8, what), of_objects) << advice;
  }
}

TEST(Advice, LockedAreasAreNotEmptied) {
  Program program;
  const AreaKinds area = kinds(program);
  for (const std::uint64_t at :
       {area.anonymous, area.file_shared, area.file_private, area.shared}) {
    ASSERT_EQ(program(Call::Mlock, {at, 2 * kPage}), 0);
    for (const Advice advice :
         {Advice::DontNeed, Advice::Free, Advice::Cold, Advice::PageOut, Advice::Remove}) {
      EXPECT_EQ(program.madvise(at, 1, advice), kInvalid);
    }
    EXPECT_EQ(program.madvise(at, 1, Advice::WillNeed), 0);
    EXPECT_EQ(program.madvise(at, 1, Advice::DontNeedLocked), 0);
  }
}

TEST(Advice, SealedMemoryIsOnlyEmptiedIfItCouldBeOverwritten) {
  struct Case {
    std::uint64_t prot, flags;
    bool file;
    std::int64_t discard, free, remove, wipe;
  };
  for (const Case& each : {Case{3, sys::kMapPrivate, false, 0, 0, kInvalid, 0},
                           Case{1, sys::kMapPrivate, false, kPerm, kPerm, kPerm, kPerm},
                           Case{0, sys::kMapPrivate, false, kPerm, kPerm, kPerm, kPerm},
                           Case{1, sys::kMapPrivate, true, 0, kInvalid, kAccess, kInvalid},
                           Case{1, sys::kMapShared, false, 0, kInvalid, 0, kInvalid}}) {
    Program program;
    const std::uint64_t fd = program.file("data", 4);
    const std::uint64_t at = program.map(2, each.prot, each.flags, each.file ? fd : ~0ULL);
    Vma& area = *program.space().find(Vpn(at / kPage));
    AreaTraits traits = area.traits;
    traits.sealed = true;
    ASSERT_TRUE(program.space().modify(area, range_of(Vpn(at / kPage), PageCount(2)),
                                       {area.rights, traits}));
    EXPECT_EQ(program.madvise(at, 1, Advice::DontNeed), each.discard);
    EXPECT_EQ(program.madvise(at, 1, Advice::DontNeedLocked), each.discard);
    EXPECT_EQ(program.madvise(at, 1, Advice::DontFork), each.discard);
    EXPECT_EQ(program.madvise(at, 1, Advice::Free), each.free);
    EXPECT_EQ(program.madvise(at, 1, Advice::Remove), each.remove);
    EXPECT_EQ(program.madvise(at, 1, Advice::WipeOnFork), each.wipe);
    for (const Advice harmless : {Advice::Cold, Advice::PageOut, Advice::Normal, Advice::Random,
                                  Advice::NoHugePage, Advice::DontDump}) {
      EXPECT_EQ(program.madvise(at, 1, harmless), 0);
    }
  }
}

TEST(Advice, TraitsSplitAreasAndMergeThemAgain) {
  Program program;
  const std::uint64_t at = program.map(8);
  EXPECT_EQ(program.madvise(at + 2 * kPage, 2, Advice::DontDump), 0);
  EXPECT_EQ(program.areas(at, 8), "0-2 2-4dd 4-8");
  EXPECT_EQ(program.madvise(at + 4 * kPage, 2, Advice::DontDump), 0);
  EXPECT_EQ(program.areas(at, 8), "0-2 2-6dd 6-8");
  EXPECT_EQ(program.madvise(at, 8, Advice::Sequential), 0);
  EXPECT_EQ(program.areas(at, 8), "0-2sr 2-6srdd 6-8sr");
  EXPECT_EQ(program.madvise(at + 2 * kPage, 4, Advice::DoDump), 0);
  EXPECT_EQ(program.areas(at, 8), "0-8sr");
  EXPECT_EQ(program.madvise(at, 4, Advice::Random), 0);
  EXPECT_EQ(program.areas(at, 8), "0-4rr 4-8sr");
  EXPECT_EQ(program.madvise(at, 8, Advice::Normal), 0);
  EXPECT_EQ(program.areas(at, 8), "0-8");
  EXPECT_EQ(program.madvise(at, 8, Advice::HugePage), 0);
  EXPECT_EQ(program.madvise(at, 4, Advice::NoHugePage), 0);
  EXPECT_EQ(program.areas(at, 8), "0-4nh 4-8hg");
}

TEST(Advice, SharedMemoryIsNotForPageMerging) {
  Program program;
  const AreaKinds area = kinds(program);
  for (const std::uint64_t at :
       {area.anonymous, area.file_shared, area.file_private, area.shared}) {
    EXPECT_EQ(program.madvise(at, 8, Advice::Mergeable), 0);
  }
  EXPECT_EQ(program.areas(area.anonymous, 8), "0-8mg");
  EXPECT_EQ(program.areas(area.file_private, 8), "0-8mg");
  EXPECT_EQ(program.areas(area.file_shared, 8), "0-8");
  EXPECT_EQ(program.areas(area.shared, 8), "0-8");
}

TEST(Advice, ForkLeavesOutWhatItIsTold) {
  Program program;
  const std::uint64_t at = program.map(12);
  for (std::uint64_t i = 0; i < 12; ++i) program.poke(at + i * kPage, i + 1);
  ASSERT_EQ(program.madvise(at + 4 * kPage, 4, Advice::WipeOnFork), 0);
  ASSERT_EQ(program.madvise(at + 2 * kPage, 1, Advice::DontFork), 0);
  ASSERT_EQ(program(Call::Mlock, {at + 8 * kPage, 2 * kPage}), 0);
  EXPECT_EQ(program.areas(at, 12), "0-2 2-3dc 3-4 4-8wf 8-10lo 10-12");
  const Pid parent = program.pid();
  program.become(static_cast<Pid>(program(Call::Fork)));
  // What was apart stays apart, although nothing tells 8-10 and 10-12 apart any more.
  EXPECT_EQ(program.areas(at, 12), "0-2 3-4 4-8wf 8-10 10-12");
  EXPECT_EQ(program.space().counters().locked_pages, 0U);
  EXPECT_EQ(program.resident(at + 4 * kPage, 4), "0000");
  const std::uint64_t expected[] = {1, 2, 0, 4, 0, 0, 0, 0, 9, 10, 11, 12};
  for (std::uint64_t i = 0; i < 12; ++i) {
    if (i == 2) continue;
    EXPECT_EQ(program.peek(at + i * kPage), expected[i]);
  }
  // The hole may be used for something else.
  EXPECT_EQ(program(Call::Mmap, {at + 2 * kPage, kPage, 3, 0x32, ~0ULL, 0}),
            static_cast<std::int64_t>(at + 2 * kPage));
  EXPECT_EQ(program.peek(at + 2 * kPage), 0U);
  program.become(static_cast<Pid>(program(Call::Fork)));  // wiped again
  EXPECT_EQ(program.peek(at + 5 * kPage), 0U);
  program.become(parent);
  for (std::uint64_t i = 0; i < 12; ++i) EXPECT_EQ(program.peek(at + i * kPage), i + 1);
}

TEST(Advice, LazilyFreePagesGoWithoutSwapUnlessWritten) {
  Program program;  // no swap at all
  const std::uint64_t at = program.map(8);
  for (std::uint64_t i = 0; i < 8; ++i) program.poke(at + i * kPage, 7);
  ASSERT_EQ(program.madvise(at, 6, Advice::Free), 0);
  EXPECT_EQ(program.resident(at, 8), "11111111");
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(program.peek(at + i * kPage), 7U);
  program.poke(at, 8);
  EXPECT_EQ(program.madvise(at, 8, Advice::PageOut), 0);
  EXPECT_EQ(program.resident(at, 8), "10000011");
  const std::uint64_t expected[] = {8, 0, 0, 0, 0, 0, 7, 7};
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(program.peek(at + i * kPage), expected[i]);
  EXPECT_EQ(program.machine().counters().reclaim.pglazyfreed, 5U);
}

TEST(Advice, MemoryPressureTakesLazilyFreePagesFirst) {
  Program program = with_swap(256);
  const std::uint64_t kept = program.map(64);
  const std::uint64_t freed = program.map(64);
  for (std::uint64_t i = 0; i < 64; ++i) {
    program.poke(freed + i * kPage, 7);
    program.poke(kept + i * kPage, 9);
  }
  ASSERT_EQ(program.madvise(freed, 64, Advice::Free), 0);
  const std::uint64_t more = program.map(200);
  for (std::uint64_t i = 0; i < 200; ++i) program.poke(more + i * kPage);
  EXPECT_EQ(program.machine().counters().reclaim.pglazyfreed, 64U);
  EXPECT_EQ(program.resident(freed, 64), std::string(64, '0'));
  for (std::uint64_t i = 0; i < 64; ++i) {
    EXPECT_EQ(program.peek(freed + i * kPage), 0U);
    EXPECT_EQ(program.peek(kept + i * kPage), 9U);
  }
}

TEST(Advice, FreeingLazilyLetsGoOfSwap) {
  Program program = with_swap();
  const std::uint64_t at = program.map(4);
  for (std::uint64_t i = 0; i < 4; ++i) program.poke(at + i * kPage, 7);
  ASSERT_EQ(program.madvise(at, 4, Advice::PageOut), 0);
  ASSERT_EQ(program.machine().swap().used_slots(), 4U);
  EXPECT_EQ(program.peek(at), 7U);  // its copy in swap stays good
  ASSERT_EQ(program.machine().swap().used_slots(), 4U);
  ASSERT_EQ(program.madvise(at, 4, Advice::Free), 0);
  EXPECT_EQ(program.machine().swap().used_slots(), 0U);
  EXPECT_EQ(program.resident(at, 4), "1000");
  EXPECT_EQ(program.peek(at + kPage), 0U);
}

TEST(Advice, LazilyFreePagesOfAForkAreNobodysLoss) {
  Program program;
  const std::uint64_t at = program.map(4);
  for (std::uint64_t i = 0; i < 4; ++i) program.poke(at + i * kPage, 7);
  const Pid parent = program.pid();
  program.become(static_cast<Pid>(program(Call::Fork)));
  EXPECT_EQ(program.madvise(at, 4, Advice::Free), 0);
  EXPECT_EQ(program.madvise(at, 4, Advice::PageOut), 0);
  EXPECT_EQ(program.resident(at, 4), "1111");
  EXPECT_EQ(program.peek(at), 7U);
  program.become(parent);
  EXPECT_EQ(program.peek(at), 7U);
}

TEST(Advice, LazilyFreePagesSharedLaterAreKeptForBoth) {
  Program program = with_swap(128);
  const std::uint64_t at = program.map(32);
  for (std::uint64_t i = 0; i < 32; ++i) program.poke(at + i * kPage, 7);
  ASSERT_EQ(program.madvise(at, 32, Advice::Free), 0);
  const Pid parent = program.pid();
  const auto child = static_cast<Pid>(program(Call::Fork));
  program.become(child);
  program.poke(at, 8);
  program.become(parent);
  program.machine().reclaimer().reclaim(64);
  ASSERT_TRUE(program.machine().verify());
  const std::uint64_t mine = program.peek(at);
  EXPECT_TRUE(mine == 7 || mine == 0) << mine;
  program.become(child);
  EXPECT_EQ(program.peek(at), 8U);
}

TEST(Advice, PagesPagedOutComeBackWithTheirBytes) {
  Program program = with_swap();
  const std::uint64_t at = program.map(8);
  for (std::uint64_t i = 0; i < 6; ++i) program.poke(at + i * kPage, i + 1);
  ASSERT_EQ(program.madvise(at + kPage, 4, Advice::PageOut), 0);
  EXPECT_EQ(program.resident(at, 8), "10000100");
  EXPECT_EQ(program.machine().swap().used_slots(), 4U);
  const auto before = program.faults();
  ASSERT_EQ(program.madvise(at, 8, Advice::WillNeed), 0);  // into memory, not into the tables
  EXPECT_EQ(program.resident(at, 8), "11111100");
  EXPECT_EQ(frame_at(program.machine(), program.pid(), VirtAddr(at + kPage)), kNoFrame);
  EXPECT_EQ(program.faults(), before);
  program.machine().advance(1'000'000'000);
  for (std::uint64_t i = 0; i < 6; ++i) EXPECT_EQ(program.peek(at + i * kPage), i + 1);
  EXPECT_EQ(program.faults(), std::make_pair(before.first + 4, before.second));
}

TEST(Advice, PageOutLeavesPagesOfOthersAndDirtyFilePages) {
  Program program = with_swap();
  const std::uint64_t fd = program.file("data", 4);
  const std::uint64_t at = program.map(4, 3, sys::kMapShared, fd);
  for (std::uint64_t i = 0; i < 4; ++i) program.peek(at + i * kPage);
  program.machine().advance(1'000'000'000);
  program.poke(at + kPage);
  const std::uint64_t again = program.map(1, 1, sys::kMapShared, fd, 2 * kPage);
  program.peek(again);
  EXPECT_EQ(program.madvise(at, 4, Advice::PageOut), 0);
  EXPECT_EQ(program.resident(at, 4), "0110");
  const std::uint64_t anonymous = program.map(2);
  program.poke(anonymous);
  const auto child = static_cast<Pid>(program(Call::Fork));
  EXPECT_EQ(program.madvise(anonymous, 2, Advice::PageOut), 0);
  EXPECT_EQ(program.resident(anonymous, 2), "10");
  EXPECT_GT(child, program.pid());
}

TEST(Advice, ColdPagesGoBeforeOthersUnlessTheyAreUsed) {
  for (const char* policy : {"lru", "fifo", "clock", "2q", "arc", "random"}) {
    MachineConfig config = exact_config(bytes_of(PageCount(256)));
    config.swap = 8_MiB;
    config.policy = policy;
    Program program(config);
    const std::uint64_t at = program.map(96);
    for (std::uint64_t i = 0; i < 96; ++i) program.poke(at + i * kPage, i + 1);
    // The ones used last, which most policies would keep.
    ASSERT_EQ(program.madvise(at + 80 * kPage, 16, Advice::Cold), 0);
    EXPECT_EQ(program.peek(at + 85 * kPage), 86U);
    EXPECT_EQ(program.machine().reclaimer().reclaim(15), 15U);
    const std::string resident = program.resident(at, 96);
    EXPECT_EQ(resident, std::string(80, '1') + "0000010000000000") << policy;
    for (std::uint64_t i = 0; i < 96; ++i) EXPECT_EQ(program.peek(at + i * kPage), i + 1);
  }
}

TEST(Advice, ColdAdviceOnPagesThatAreGoneIsForgotten) {
  Program program = with_swap(256);
  const std::uint64_t at = program.map(16);
  for (int round = 0; round < 200; ++round) {
    for (std::uint64_t i = 0; i < 16; ++i) program.poke(at + i * kPage);
    ASSERT_EQ(program.madvise(at, 16, Advice::Cold), 0);
    if (round % 2 != 0) continue;
    ASSERT_EQ(program.madvise(at, 16, Advice::DontNeed), 0);
  }
  EXPECT_EQ(program.madvise(at, 16, Advice::DontNeed), 0);
  const std::uint64_t other = program.map(8);
  for (std::uint64_t i = 0; i < 8; ++i) program.poke(other + i * kPage, i + 1);
  program.machine().reclaimer().reclaim(4);
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(program.peek(other + i * kPage), i + 1);
}

TEST(Advice, PopulatingTakesAFaultForEachPageAndNoMore) {
  Program program;
  const std::uint64_t at = program.map(64);
  auto taken = [&](Advice advice) {
    const auto before = program.faults();
    EXPECT_EQ(program.madvise(at, 64, advice), 0);
    EXPECT_EQ(program.faults().second, before.second);
    return program.faults().first - before.first;
  };
  EXPECT_EQ(taken(Advice::PopulateRead), 64U);   // the zero page
  EXPECT_EQ(taken(Advice::PopulateWrite), 64U);  // pages of its own
  EXPECT_EQ(taken(Advice::PopulateWrite), 0U);
  EXPECT_EQ(taken(Advice::PopulateRead), 0U);
}

TEST(Advice, PopulatingNeedsTheRightItself) {
  Program program;
  struct Case {
    std::uint64_t prot;
    std::int64_t read, write;
  };
  for (const Case& each : {Case{0, kInvalid, kInvalid}, Case{1, 0, kInvalid}, Case{2, kInvalid, 0},
                           Case{3, 0, 0}, Case{4, kInvalid, kInvalid}, Case{5, 0, kInvalid}}) {
    const std::uint64_t at = program.map(4, each.prot);
    EXPECT_EQ(program.madvise(at, 4, Advice::PopulateRead), each.read) << each.prot;
    EXPECT_EQ(program.madvise(at, 4, Advice::PopulateWrite), each.write) << each.prot;
  }
  const std::uint64_t fd = program.file("data", 8);
  const std::uint64_t at = program.map(12, 3, sys::kMapShared, fd);
  EXPECT_EQ(program.madvise(at + 8 * kPage, 1, Advice::PopulateRead), kFault);  // SIGBUS
  EXPECT_EQ(program.madvise(at, 12, Advice::PopulateWrite), kFault);
  EXPECT_EQ(program.resident(at, 12), "111111110000");
}

TEST(Advice, PopulatingWithoutMemorySaysSoAndKillsNobody) {
  MachineConfig config = exact_config(bytes_of(PageCount(128)));
  config.overcommit = Overcommit::Always;
  Program program(config);
  const std::uint64_t at = program.map(256);
  EXPECT_EQ(program.madvise(at, 256, Advice::PopulateWrite), kNoMemory);
  EXPECT_EQ(program.process().state, ProcessState::Running);
  const std::uint64_t others = program.map(2);
  EXPECT_EQ(program.madvise(at, 256, Advice::DontNeed), 0);
  for (std::uint64_t n = 1; n <= 12; ++n) {  // each allocation of eight pages and their tables
    program.machine().reclaimer().fail_allocation(n);
    const std::int64_t answer = program.madvise(others, 2, Advice::PopulateWrite);
    EXPECT_EQ(answer, program.machine().reclaimer().failure_due() ? 0 : kNoMemory) << n;
    program.machine().reclaimer().fail_allocation(0);
    EXPECT_EQ(program.madvise(others, 2, Advice::DontNeed), 0);
  }
}

TEST(Advice, RemovingPagesMakesAHoleInFileAndStore) {
  Program program;
  const std::uint64_t fd = program.file("data", 4);
  const std::uint64_t shared = program.map(4, 3, sys::kMapShared, fd);
  const std::uint64_t own = program.map(4, 3, sys::kMapPrivate, fd);
  for (std::uint64_t i = 0; i < 4; ++i) program.poke(shared + i * kPage, i + 1);
  ASSERT_EQ(program(Call::Fsync, {fd}), 0);
  program.poke(own + kPage, 22);
  program.peek(own + 2 * kPage);
  ASSERT_EQ(program.madvise(shared + kPage, 2, Advice::Remove), 0);
  EXPECT_EQ(program.resident(shared, 4), "1001");
  EXPECT_EQ(program.peek(own + kPage), 22U);  // a private copy stays
  EXPECT_EQ(program.peek(own + 2 * kPage), 0U);
  const std::uint64_t expected[] = {1, 0, 0, 4};
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(program.peek(shared + i * kPage), expected[i]);
  ASSERT_EQ(program.madvise(own, 4, Advice::DontNeed), 0);
  ASSERT_EQ(program(Call::Munmap, {shared, 4 * kPage}), 0);
  EXPECT_EQ(program(Call::Pread, {fd, 4 * kPage, 0}), static_cast<std::int64_t>(4 * kPage));
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(program.bytes()[i * kPage], char(expected[i]));
}

TEST(Advice, ReadingAheadFollowsTheAdvice) {
  MachineConfig config = exact_config(8_MiB);
  config.prefetch = {1, 8, 1, 1};
  for (const auto& [advice, expected] :
       std::map<Advice, std::string>{{Advice::Normal, "0000111111110000"},
                                     {Advice::Random, "0000000010000000"},
                                     {Advice::Sequential, "0000000011111111"}}) {
    Program program(config);
    const std::uint64_t fd = program.file("data", 16);
    const std::uint64_t at = program.map(16, 1, sys::kMapShared, fd);
    ASSERT_EQ(program.madvise(at, 16, advice), 0);
    program.peek(at + 8 * kPage);
    EXPECT_EQ(program.resident(at, 16), expected);
  }
}

TEST(Advice, FilesAreAdvisedByDescriptor) {
  Program program;
  const std::uint64_t fd = program.file("data", 8);
  for (std::uint64_t advice = 0; advice < 6; ++advice) {
    EXPECT_EQ(program(Call::Fadvise, {fd, 9 * kPage, kPage, advice}), 0);
  }
  EXPECT_EQ(program(Call::Fadvise, {fd, 0, kPage, 6}), kInvalid);
  EXPECT_EQ(program(Call::Fadvise, {fd, 0, kPage, ~0ULL}), kInvalid);
  EXPECT_EQ(program(Call::Fadvise, {fd, 0, ~0ULL, 0}), kInvalid);
  EXPECT_EQ(program(Call::Fadvise, {fd, ~0ULL, kPage, 0}), 0);
  EXPECT_EQ(program(Call::Fadvise, {fd, 0 - kPage, kPage, 4}), 0);
  EXPECT_EQ(program(Call::Fadvise, {99, 0, kPage, 77}), -9);
  const std::uint64_t at = program.map(8, 1, sys::kMapShared, fd);
  ASSERT_EQ(program(Call::Fadvise, {fd, 2 * kPage, 3 * kPage, sys::kFileWillNeed}), 0);
  program.machine().advance(1'000'000'000);
  EXPECT_EQ(program.resident(at, 8), "00111000");
  program.peek(at + 3 * kPage);  // mapped pages stay, and parts of pages
  ASSERT_EQ(program(Call::Fadvise, {fd, 1, 5 * kPage - 2, sys::kFileDontNeed}), 0);
  EXPECT_EQ(program.resident(at, 8), "00011000");
}

TEST(Advice, DirtyPagesOfAFileAreWrittenAndGoTheNextTime) {
  Program program;
  const std::uint64_t fd = program.file("data", 2);
  ASSERT_EQ(program(Call::Pwrite, {fd, 0}, "abc"), 3);
  const std::uint64_t at = program.map(2, 1, sys::kMapShared, fd);
  EXPECT_EQ(program(Call::Fadvise, {fd, 0, 0, sys::kFileDontNeed}), 0);
  EXPECT_EQ(program.resident(at, 2), "10");
  EXPECT_EQ(program.machine().counters().reclaim.file_written, 1U);
  EXPECT_EQ(program(Call::Fadvise, {fd, 0, 0, sys::kFileDontNeed}), 0);
  EXPECT_EQ(program.resident(at, 2), "00");
  EXPECT_EQ(program(Call::Pread, {fd, 3, 0}), 3);
  EXPECT_EQ(program.bytes(), "abc");
}

TEST(Advice, SyncingChecksFlagsAlignmentHolesAndLocks) {
  Program program;
  const std::uint64_t at = program.map(6);
  const std::int64_t answers[] = {0, 0, 0, 0, 0, kInvalid, 0, kInvalid, kInvalid, kInvalid};
  for (std::uint64_t flags = 0; flags < 10; ++flags) {
    EXPECT_EQ(program(Call::Msync, {at, kPage, flags}), answers[flags]) << flags;
  }
  EXPECT_EQ(program(Call::Msync, {at + 1, kPage, 4}), kInvalid);
  EXPECT_EQ(program(Call::Msync, {at, 0, 4}), 0);
  EXPECT_EQ(program(Call::Msync, {at, ~0ULL, 4}), 0);
  EXPECT_EQ(program(Call::Msync, {at, 0 - kPage, 4}), kNoMemory);
  ASSERT_EQ(program(Call::Munmap, {at + 2 * kPage, 2 * kPage}), 0);
  EXPECT_EQ(program(Call::Msync, {at, 6 * kPage, 4}), kNoMemory);
  EXPECT_EQ(program(Call::Msync, {at, 6 * kPage, 1}), kNoMemory);
  EXPECT_EQ(program(Call::Msync, {at + 2 * kPage, kPage, 4}), kNoMemory);
  ASSERT_EQ(program(Call::Mlock, {at + 4 * kPage, kPage}), 0);
  EXPECT_EQ(program(Call::Msync, {at, 6 * kPage, 2}), -16);
  EXPECT_EQ(program(Call::Msync, {at, 6 * kPage, 6}), -16);
  EXPECT_EQ(program(Call::Msync, {at, 6 * kPage, 4}), kNoMemory);
  EXPECT_EQ(program(Call::Msync, {at, 4 * kPage, 2}), kNoMemory);
}

}  // namespace

}  // namespace pw::test
