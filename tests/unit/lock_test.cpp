// mlock(2), mlock2(2), mlockall(2), RLIMIT_MEMLOCK: the answers are those of Linux 6.18, tried
// there; and what locks are for: locked pages never leave RAM.
#include <string>

#include "policy/catalogue.hpp"
#include "support/kernel_calls.hpp"

namespace pw::test {

namespace {

using sys::Call;
constexpr std::int64_t kInvalid = -22, kNoMemory = -12, kPerm = -1, kAgain = -11;
constexpr std::uint64_t kPage = kPageSize;

TEST(Lock, ArgumentsAreRoundedToPagesAsTheKernelDoes) {
  Program program;
  const std::uint64_t at = program.map(8);
  EXPECT_EQ(program(Call::Mlock, {at, 0}), 0);
  EXPECT_EQ(program(Call::Mlock, {at + 1, 0}), 0);  // of one page: the address is inside it
  EXPECT_EQ(program.areas(at, 8), "0-1lo 1-8");
  EXPECT_EQ(program(Call::Mlock, {at, ~0ULL}), 0);  // rounds up to nothing
  EXPECT_EQ(program(Call::Mlock, {at, 0 - kPage}), kInvalid);
  EXPECT_EQ(program(Call::Mlock, {at + 5, 0 - kPage - 4}), 0);
  EXPECT_EQ(program(Call::Mlock2, {at, kPage, 2}), kInvalid);
  EXPECT_EQ(program(Call::Mlock2, {at, kPage, 3}), kInvalid);
  EXPECT_EQ(program(Call::Munlock, {at, 0 - kPage}), kInvalid);
  EXPECT_EQ(program(Call::Munlock, {0x1000, kPage}), kNoMemory);
  EXPECT_EQ(program(Call::Mlock, {0x1000, kPage}), kNoMemory);
  EXPECT_EQ(program(Call::MlockAll, {0}), kInvalid);
  EXPECT_EQ(program(Call::MlockAll, {4}), kInvalid);
  EXPECT_EQ(program(Call::MlockAll, {8}), kInvalid);
  EXPECT_EQ(program(Call::MlockAll, {7}), 0);
  EXPECT_EQ(program(Call::MlockAll, {1}), 0);
  EXPECT_EQ(program(Call::MunlockAll), 0);
}

TEST(Lock, AreasSplitMergeAndCountOnce) {
  Program program;
  const std::uint64_t at = program.map(8);
  auto locked = [&] { return program.space().counters().locked_pages; };
  EXPECT_EQ(program(Call::Mlock2, {at, 4 * kPage, 1}), 0);
  EXPECT_EQ(program.areas(at, 8), "0-4lolf 4-8");
  EXPECT_EQ(program.resident(at, 8), "00000000");
  EXPECT_EQ(program(Call::Mlock, {at, 2 * kPage}), 0);
  EXPECT_EQ(program.areas(at, 8), "0-2lo 2-4lolf 4-8");
  EXPECT_EQ(program.resident(at, 8), "11000000");
  EXPECT_EQ(locked(), 4U);
  EXPECT_EQ(program(Call::Mlock2, {at, 8 * kPage, 1}), 0);
  EXPECT_EQ(program.areas(at, 8), "0-8lolf");
  EXPECT_EQ(locked(), 8U);
  EXPECT_EQ(program(Call::Munlock, {at + 1, kPage}), 0);
  EXPECT_EQ(program.areas(at, 8), "0-2 2-8lolf");
  EXPECT_EQ(locked(), 6U);
  EXPECT_EQ(program(Call::Munmap, {at + 3 * kPage, 2 * kPage}), 0);
  EXPECT_EQ(locked(), 4U);
  EXPECT_EQ(program(Call::MunlockAll), 0);
  EXPECT_EQ(locked(), 0U);
}

TEST(Lock, AHoleEndsItAndNothingIsPopulated) {
  Program program;
  const std::uint64_t at = program.map(8);
  ASSERT_EQ(program(Call::Munmap, {at + 2 * kPage, 2 * kPage}), 0);
  EXPECT_EQ(program(Call::Mlock, {at, 8 * kPage}), kNoMemory);
  EXPECT_EQ(program.areas(at, 8), "0-2lo 4-8");
  EXPECT_EQ(program.resident(at, 2), "00");
  EXPECT_EQ(program(Call::Mlock, {at + 2 * kPage, 4 * kPage}), kNoMemory);
  EXPECT_EQ(program.areas(at, 8), "0-2lo 4-8");
  EXPECT_EQ(program(Call::Mlock, {at, 4 * kPage}), kNoMemory);
  EXPECT_EQ(program.resident(at, 2), "00");
  EXPECT_EQ(program(Call::Munlock, {at, 8 * kPage}), kNoMemory);
  EXPECT_EQ(program.areas(at, 8), "0-2 4-8");
}

TEST(Lock, PagesAreFaultedInAsTheAreaAllows) {
  Program program;
  auto taken = [&](std::uint64_t at, std::uint64_t pages, std::int64_t answer) {
    const auto before = program.faults();
    EXPECT_EQ(program(Call::Mlock, {at, pages * kPage}), answer);
    EXPECT_EQ(program.faults().second, before.second);
    return program.faults().first - before.first;
  };
  EXPECT_EQ(taken(program.map(64), 64, 0), 64U);
  const std::uint64_t read = program.map(64);
  for (std::uint64_t i = 0; i < 64; ++i) program.peek(read + i * kPage);
  EXPECT_EQ(taken(read, 64, 0), 64U);  // zero pages become its own
  EXPECT_EQ(taken(read, 64, 0), 0U);
  EXPECT_EQ(taken(program.map(4, 0), 4, kNoMemory), 0U);  // PROT_NONE: locked all the same
  EXPECT_EQ(taken(program.map(4, 2), 4, 0), 4U);
  EXPECT_EQ(taken(program.map(4, 4), 4, kNoMemory), 0U);  // PROT_EXEC: its key denies reading
  EXPECT_EQ(taken(program.map(4, 2, sys::kMapShared), 4, 0), 4U);
  const std::uint64_t none = program.map(4, 0);
  EXPECT_EQ(program(Call::Mlock, {none, 4 * kPage}), kNoMemory);
  EXPECT_EQ(program.areas(none, 4), "0-4lo");
  EXPECT_EQ(program.space().counters().faults.segv, 0U);
  const std::uint64_t fd = program.file("data", 8);
  const std::uint64_t past_end = program.map(12, 3, sys::kMapShared, fd);
  EXPECT_EQ(program(Call::Mlock, {past_end, 12 * kPage}), kNoMemory);
  EXPECT_EQ(program.resident(past_end, 12), "111111110000");
  EXPECT_EQ(program.areas(past_end, 12), "0-12lo");
}

TEST(Lock, FlagsOfMmapPopulate) {
  Program program;
  auto taken = [&](std::uint64_t prot, std::uint64_t flags) {
    const auto before = program.faults();
    (void)program.map(64, prot, flags);
    return program.faults().first - before.first;
  };
  EXPECT_EQ(taken(3, sys::kMapPrivate | sys::kMapPopulate), 64U);
  EXPECT_EQ(taken(1, sys::kMapPrivate | sys::kMapPopulate), 64U);
  EXPECT_EQ(taken(3, sys::kMapShared | sys::kMapPopulate), 64U);
  EXPECT_EQ(taken(0, sys::kMapPrivate | sys::kMapPopulate), 0U);
  EXPECT_EQ(taken(3, sys::kMapPrivate | sys::kMapLocked), 64U);
  EXPECT_EQ(taken(3, sys::kMapPrivate | sys::kMapPopulate | sys::kMapNonBlock), 0U);
  EXPECT_EQ(taken(0, sys::kMapPrivate | sys::kMapLocked), 0U);
  EXPECT_EQ(program.space().counters().locked_pages, 128U);
}

TEST(Lock, LockedMemoryThatBecomesWritableIsCopiedAtOnce) {
  Program program;
  const std::uint64_t none = program.map(8, 0);
  EXPECT_EQ(program(Call::Mlock, {none, 6 * kPage}), kNoMemory);
  EXPECT_EQ(program(Call::Mprotect, {none + kPage, 3 * kPage, 1}), 0);
  EXPECT_EQ(program.resident(none, 8), "00000000");
  EXPECT_EQ(program(Call::Mprotect, {none + 2 * kPage, 6 * kPage, 3}), 0);
  EXPECT_EQ(program.resident(none, 8), "00111100");
  const std::uint64_t read = program.map(4, 1);
  EXPECT_EQ(program(Call::Mlock, {read, 4 * kPage}), 0);  // zero pages
  EXPECT_EQ(program(Call::Mprotect, {read, 4 * kPage, 3}), 0);
  const auto before = program.faults();
  for (std::uint64_t i = 0; i < 4; ++i) program.poke(read + i * kPage);
  EXPECT_EQ(program.faults(), before);
  const std::uint64_t on_fault = program.map(4, 1);
  EXPECT_EQ(program(Call::Mlock2, {on_fault, 4 * kPage, 1}), 0);
  EXPECT_EQ(program(Call::Mprotect, {on_fault, 4 * kPage, 3}), 0);
  EXPECT_EQ(program.resident(on_fault, 4), "0000");
}

TEST(Lock, FutureAreasAreLockedAsTheyCome) {
  Program program;
  EXPECT_EQ(program(Call::MlockAll, {sys::kLockFuture}), 0);
  const std::uint64_t at = program.map(4);
  EXPECT_EQ(program.areas(at, 4), "0-4lo");
  EXPECT_EQ(program.resident(at, 4), "1111");
  EXPECT_EQ(program.areas(program.map(4, 0), 4), "0-4lo");
  const auto start = static_cast<std::uint64_t>(program(Call::Brk, {0}));
  EXPECT_EQ(program(Call::Brk, {start + 3 * kPage}), static_cast<std::int64_t>(start + 3 * kPage));
  EXPECT_EQ(program.resident((start + kPage - 1) / kPage * kPage, 3), "111");
  const auto moved = static_cast<std::uint64_t>(
      program(Call::Mremap, {at, 4 * kPage, 6 * kPage, sys::kRemapMayMove}));
  EXPECT_EQ(program.areas(moved, 6), "0-6lo");
  EXPECT_EQ(program.resident(moved, 6), "111111");
  const Pid parent = program.pid();
  program.become(static_cast<Pid>(program(Call::Fork)));  // no child inherits it
  const std::uint64_t of_child = program.map(4);
  EXPECT_EQ(program.areas(of_child, 4), "0-4");
  EXPECT_EQ(program.resident(of_child, 4), "0000");
  program.become(parent);
  EXPECT_EQ(program(Call::MlockAll, {sys::kLockFuture | sys::kLockAllOnFault}), 0);
  const std::uint64_t later = program.map(4);
  EXPECT_EQ(program.areas(later, 4), "0-4lolf");
  EXPECT_EQ(program.resident(later, 4), "0000");
  EXPECT_EQ(program.areas(moved, 6), "0-6lo");
  EXPECT_EQ(program(Call::MunlockAll), 0);
  EXPECT_EQ(program.areas(later, 4), "0-4");
  EXPECT_EQ(program.areas(program.map(4), 4), "0-4");
}

TEST(Lock, AStackGrowsLocked) {
  Program program;
  EXPECT_EQ(program(Call::MlockAll, {sys::kLockCurrent}), 0);
  const std::uint64_t before = program.space().counters().locked_pages;
  const Vma* stack = nullptr;
  for (const Vma& area : program.space().areas()) stack = area.grows_down ? &area : stack;
  ASSERT_NE(stack, nullptr);
  const std::uint64_t end = address_of(stack->range().begin).value;
  EXPECT_EQ(program.resident(end, 33), std::string(33, '1'));
  program.poke(end - 3 * kPage);
  EXPECT_EQ(program.space().counters().locked_pages, before + 3);
  EXPECT_EQ(program.resident(end - 3 * kPage, 4), "1001");
  program.process().user = 1000;
  program.process().limits.locked = bytes_of(PageCount(before + 4)).value;
  EXPECT_EQ(program.resident(end, 1), "1");  // a system call tells the space of its limit
  const auto beyond = program.machine().touch(program.pid(), VirtAddr(end - 5 * kPage),
                                              Access::Write);
  EXPECT_EQ(beyond.kind, AccessResult::Kind::Segv);
}

TEST(Lock, TheLimitIsOneOfPagesLockedTogether) {
  Program program;
  const std::uint64_t at = program.map(64);
  program.process().user = 1000;
  program.process().limits.locked = bytes_of(PageCount(16)).value;
  EXPECT_EQ(program(Call::Mlock, {at, 17 * kPage}), kNoMemory);
  EXPECT_EQ(program(Call::Mlock, {at, 16 * kPage}), 0);
  EXPECT_EQ(program(Call::Mlock, {at, 16 * kPage}), 0);
  EXPECT_EQ(program(Call::Mlock, {at + kPage, 16 * kPage}), kNoMemory);
  EXPECT_EQ(program(Call::Mlock, {at + 16 * kPage, kPage}), kNoMemory);
  EXPECT_EQ(program(Call::Mlock, {at + 16 * kPage, 0}), 0);
  EXPECT_EQ(program(Call::Munlock, {at, 8 * kPage}), 0);
  EXPECT_EQ(program(Call::Mlock, {at + 16 * kPage, 8 * kPage}), 0);
  EXPECT_EQ(program.areas(at, 64), "0-8 8-24lo 24-64");
  EXPECT_EQ(program(Call::Mmap, {0, kPage, 3, 0x2022, ~0ULL, 0}), kAgain);  // MAP_LOCKED
  EXPECT_EQ(program(Call::MlockAll, {1}), kNoMemory);
  EXPECT_EQ(program(Call::MlockAll, {2}), 0);
  EXPECT_EQ(program(Call::Mmap, {0, kPage, 3, 0x22, ~0ULL, 0}), kAgain);
  EXPECT_EQ(program(Call::MunlockAll), 0);
  EXPECT_EQ(program(Call::MlockAll, {2}), 0);
  const std::uint64_t full = program.map(16);
  EXPECT_EQ(program.areas(full, 16), "0-16lo");
  EXPECT_EQ(program(Call::Mremap, {full, 16 * kPage, 17 * kPage, 1}), kAgain);
  const std::int64_t end = program(Call::Brk, {0});
  EXPECT_EQ(program(Call::Brk, {static_cast<std::uint64_t>(end) + 3 * kPage}), end);
}

TEST(Lock, WithoutALimitToSpendOnlyPrivilegeLocks) {
  Program program;
  const std::uint64_t at = program.map(4);
  program.process().user = 1000;
  program.process().limits.locked = 0;
  EXPECT_EQ(program(Call::Mlock, {at, 0}), kPerm);
  EXPECT_EQ(program(Call::Mlock2, {at, kPage, 8}), kInvalid);
  EXPECT_EQ(program(Call::Mlock2, {at, kPage, 1}), kPerm);
  EXPECT_EQ(program(Call::Munlock, {at, kPage}), 0);
  EXPECT_EQ(program(Call::MlockAll, {2}), kPerm);
  EXPECT_EQ(program(Call::MlockAll, {8}), kInvalid);
  EXPECT_EQ(program(Call::MunlockAll), 0);
  EXPECT_EQ(program(Call::Mmap, {0, kPage, 3, 0x2022, ~0ULL, 0}), kPerm);
  program.process().limits.locked = kPage - 1;
  EXPECT_EQ(program(Call::Mlock, {at, 0}), 0);
  EXPECT_EQ(program(Call::Mlock, {at, 1}), kNoMemory);
  program.process().user = 0;
  EXPECT_EQ(program(Call::Mlock, {at, 1}), 0);
}

TEST(Lock, PagesInSwapComeBackAndStay) {
  MachineConfig config = exact_config(bytes_of(PageCount(256)));
  config.swap = 8_MiB;
  Program program(config);
  const std::uint64_t at = program.map(8);
  for (std::uint64_t i = 0; i < 8; ++i) program.poke(at + i * kPage, i + 1);
  ASSERT_EQ(program.madvise(at, 8, Advice::PageOut), 0);
  const auto before = program.faults();
  EXPECT_EQ(program(Call::Mlock, {at, 8 * kPage}), 0);
  EXPECT_EQ(program.resident(at, 8), "11111111");
  EXPECT_EQ(program.faults().second - before.second, 8U);
  EXPECT_EQ(*program.machine().swap_out(program.pid()), 0U);
  EXPECT_EQ(program.resident(at, 8), "11111111");
}

TEST(Lock, WithoutMemoryAllIsLockedThatFitsAndNobodyIsKilled) {
  MachineConfig config = exact_config(bytes_of(PageCount(128)));
  config.overcommit = Overcommit::Always;
  Program program(config);
  const std::uint64_t at = program.map(256);
  EXPECT_EQ(program(Call::Mlock, {at, 256 * kPage}), kAgain);
  EXPECT_EQ(program.areas(at, 256), "0-256lo");
  EXPECT_EQ(program.process().state, ProcessState::Running);
  EXPECT_EQ(program(Call::Munmap, {at, 256 * kPage}), 0);
  EXPECT_EQ(program.space().counters().locked_pages, 0U);
  for (std::uint64_t n = 1; n <= 8; ++n) {
    const std::uint64_t few = program.map(2);
    program.machine().reclaimer().fail_allocation(n);
    const std::int64_t answer = program(Call::Mlock, {few, 2 * kPage});
    EXPECT_EQ(answer, program.machine().reclaimer().failure_due() ? 0 : kAgain) << n;
    program.machine().reclaimer().fail_allocation(0);
    EXPECT_EQ(program(Call::Munmap, {few, 2 * kPage}), 0);
  }
}

// One program with locked memory of every kind, under pressure that evicts all else several times
// over, with every policy and way to choose victims; verified after each operation.
void expect_locked_pages_stay(MachineConfig config) {
  config.swap = 8_MiB;
  Program program(config);
  const std::uint64_t fd = program.file("data", 8);
  const std::uint64_t own = program.map(8);
  const std::uint64_t zero = program.map(4, 1);
  const std::uint64_t file = program.map(8, 3, sys::kMapShared, fd);
  const std::uint64_t copied = program.map(4, 3, sys::kMapPrivate, fd);
  const std::uint64_t shared = program.map(4, 3, sys::kMapShared);
  const std::uint64_t on_fault = program.map(8);
  for (const auto& [at, pages] :
       {std::pair{own, 8}, {zero, 4}, {file, 8}, {copied, 4}, {shared, 4}}) {
    ASSERT_EQ(program(Call::Mlock, {at, static_cast<std::uint64_t>(pages) * kPage}), 0);
  }
  ASSERT_EQ(program(Call::Mlock2, {on_fault, 8 * kPage, 1}), 0);
  for (std::uint64_t i = 0; i < 8; ++i) program.poke(own + i * kPage, i + 100);
  program.poke(on_fault + 2 * kPage, 5);
  const Pid locker = program.pid();
  const auto child = static_cast<Pid>(program(Call::Fork));  // shares the pages, locks none
  std::vector<Pfn> frames;
  for (std::uint64_t i = 0; i < 8; ++i) {
    frames.push_back(frame_at(program.machine(), locker, VirtAddr(own + i * kPage)));
  }
  program.become(child);
  const std::uint64_t load = program.map(512);
  for (std::uint64_t i = 0; i < 512; ++i) {
    program.poke(load + i * kPage, i);
    if (i % 64 != 0) continue;
    program.machine().reclaimer().reclaim(16);
    (void)program.machine().swap_out(child);
    program.become(locker);
    EXPECT_EQ(program.resident(own, 8) + program.resident(zero, 4) + program.resident(file, 8) +
                  program.resident(copied, 4) + program.resident(shared, 4) +
                  program.resident(on_fault, 8),
              std::string(28, '1') + "00100000");
    program.become(child);
  }
  for (std::uint64_t i = 0; i < 512; ++i) ASSERT_EQ(program.peek(load + i * kPage), i);
  program.become(locker);
  const auto before = program.faults();
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(frame_at(program.machine(), locker, VirtAddr(own + i * kPage)), frames[i]);
    EXPECT_EQ(program.peek(own + i * kPage), i + 100);
  }
  EXPECT_EQ(program.faults(), before);
  EXPECT_EQ(program(Call::MunlockAll), 0);  // and then they go like any
  program.machine().reclaimer().reclaim(160);
  EXPECT_NE(program.resident(own, 8), "11111111");
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(program.peek(own + i * kPage), i + 100);
}

TEST(Lock, NoPressureTakesLockedPages) {
  MachineConfig config = exact_config(bytes_of(PageCount(160)));
  for (const std::string_view policy : policy::Everything::kNames) {
    if (policy == policy::Opt::kName) continue;  // knows the future
    SCOPED_TRACE(policy);
    config.policy = policy;
    expect_locked_pages_stay(config);
  }
}

TEST(Lock, NorDoOtherWaysToChooseVictims) {
  MachineConfig config = exact_config(bytes_of(PageCount(160)));
  config.swappiness = 60;
  expect_locked_pages_stay(config);
  config.swappiness = -1;
  config.page_out_cluster = 8;
  config.prefer_clean = 8;
  expect_locked_pages_stay(config);
  config.resident_limit_pages = 96;
  expect_locked_pages_stay(config);
  config.resident_limit_pages = 0;
  config.min_free_pages = 8;
  expect_locked_pages_stay(config);
  config.replacement = Replacement::Local;
  expect_locked_pages_stay(config);
}

TEST(Lock, ReclaimLooksAtALockedPageOnce) {
  MachineConfig config = exact_config(4_MiB);
  config.swap = 8_MiB;
  config.policy = "fifo";  // which would meet the oldest pages first, each time
  Program program(config);
  const std::uint64_t locked = program.map(500);
  ASSERT_EQ(program(Call::Mlock, {locked, 500 * kPage}), 0);
  const std::uint64_t load = program.map(200);
  for (std::uint64_t i = 0; i < 200; ++i) program.poke(load + i * kPage);
  EXPECT_EQ(program.machine().reclaimer().reclaim(100), 100U);
  EXPECT_LT(program.machine().counters().reclaim.pgscan_direct, 800U);
  ASSERT_EQ(program(Call::Munlock, {locked, 500 * kPage}), 0);
  EXPECT_EQ(program.machine().reclaimer().reclaim(500), 500U);
}

TEST(Lock, LockedPagesAreNotWrittenAlongWithVictims) {
  MachineConfig config = exact_config(4_MiB);
  config.swap = 8_MiB;
  config.page_out_cluster = 8;
  for (const bool locked : {false, true}) {
    Program program(config);
    const std::uint64_t at = program.map(8);
    for (std::uint64_t i = 0; i < 8; ++i) program.poke(at + i * kPage);
    ASSERT_EQ(program.madvise(at, 8, Advice::Cold), 0);
    ASSERT_EQ(program(locked ? Call::Mlock : Call::Munlock, {at + kPage, 7 * kPage}), 0);
    ASSERT_EQ(program.madvise(at, 1, Advice::PageOut), 0);
    EXPECT_EQ(program.machine().swap().used_slots(), locked ? 1U : 8U);
  }
}

TEST(Lock, LockedMemoryThatFillsRamLeavesOthersWithout) {
  MachineConfig config = exact_config(bytes_of(PageCount(128)));
  config.swap = 8_MiB;
  Program program(config);
  const std::uint64_t zero = program.map(4, 1);
  ASSERT_EQ(program(Call::Mlock, {zero, 4 * kPage}), 0);
  const std::uint64_t at = program.map(256);
  EXPECT_EQ(program(Call::Mlock, {at, 256 * kPage}), kAgain);
  const std::string held = program.resident(at, 256);
  EXPECT_GT(std::count(held.begin(), held.end(), '1'), 100);
  const std::uint64_t other = program.map(16);
  EXPECT_EQ(program.madvise(other, 16, Advice::PopulateWrite), kNoMemory);
  EXPECT_EQ(program.resident(at, 256), held);
  EXPECT_EQ(program.resident(zero, 4), "1111");
  EXPECT_EQ(program(Call::Munlock, {at, 256 * kPage}), 0);
  EXPECT_EQ(program.madvise(other, 16, Advice::PopulateWrite), 0);
}

}  // namespace

}  // namespace pw::test
