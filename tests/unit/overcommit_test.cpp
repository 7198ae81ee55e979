// vm.overcommit_memory = 2: never more is promised than the limit, to the page; and the other two
// modes against it. The reference is the sum that the comments write out, after
// __vm_enough_memory(), mm/util.c.
#include <gtest/gtest.h>

#include "space/commit.hpp"
#include "tests/support/system_calls.hpp"

namespace pw::test {
namespace {

using sys::Call;

constexpr std::uint64_t kRw = sys::kProtRead | sys::kProtWrite;
constexpr std::uint64_t kAnonymous = sys::kMapPrivate | sys::kMapAnonymous;
constexpr std::int64_t kNoMemory = -static_cast<std::int64_t>(Errno::NoMemory);

// 64 MiB of RAM, 50 percent of it and 1 MiB of swap: 8,192 + 256 pages. 512 of them are kept for
// administrators (a 32nd of RAM, below 8 MiB), and of the caller's size a 32nd.
class OvercommitTest : public SystemCallTest {
 protected:
  static constexpr std::uint64_t kLimit = 8'192 + 256, kAdmin = 512, kMostOfUser = 512;

  void SetUp() override { with(Overcommit::Never, 50); }

  void with(Overcommit mode, std::uint32_t percent) {
    MachineConfig config = exact_config(64_MiB);
    config.overcommit_percent = percent;
    boot(config, mode);
    machine->find(pid)->user = 1000;
  }

  std::uint64_t committed() { return pw::committed(machine->core()).value; }
  std::uint64_t mapped() { return machine->find(pid)->space->counters().mapped_pages; }

  // The most that the process may be promised now: committed + pages + reserve < limit.
  std::uint64_t room(std::uint64_t admin = kAdmin) {
    const std::uint64_t reserve = admin + std::min(mapped() / 32, kMostOfUser);
    const std::uint64_t taken = committed() + reserve;
    return taken + 1 < kLimit ? kLimit - taken - 1 : 0;
  }

  std::int64_t map(std::uint64_t pages, std::uint64_t prot = kRw, std::uint64_t more = 0) {
    return call(Call::Mmap, {0, pages * kPageSize, prot, kAnonymous | more, ~0ULL, 0});
  }
  // A page too many is refused, and what fits is not.
  std::uint64_t expect_room(std::uint64_t pages) {
    EXPECT_EQ(map(pages + 1), kNoMemory);
    const std::int64_t at = map(pages);
    EXPECT_GT(at, 0);
    return static_cast<std::uint64_t>(at);
  }
};

TEST_F(OvercommitTest, NeverPromisesUpToTheLimitToThePage) {
  const std::uint64_t pages = room();
  const std::uint64_t before = committed();
  const std::uint64_t at = expect_room(pages);
  EXPECT_EQ(committed(), before + pages);
  EXPECT_EQ(map(1), kNoMemory);
  EXPECT_EQ(call(Call::Munmap, {at, kPageSize}), 0);
  EXPECT_EQ(committed(), before + pages - 1);
}

TEST_F(OvercommitTest, WhatIsGivenBackCanBePromisedAgain) {
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t pages = room();
    EXPECT_EQ(call(Call::Munmap, {expect_room(pages), pages * kPageSize}), 0);
  }
}

TEST_F(OvercommitTest, RatioIsOfRamAndSwapCountsWhole) {
  with(Overcommit::Never, 25);
  const std::uint64_t limit = 4'096 + 256;
  const std::uint64_t taken = committed() + kAdmin + mapped() / 32;
  expect_room(limit - taken - 1);
  with(Overcommit::Never, 0);  // swap alone: less than is kept back
  EXPECT_EQ(map(1), kNoMemory);
}

TEST_F(OvercommitTest, AdministratorsMayHaveWhatIsKeptForThem) {
  expect_room(room());
  machine->find(pid)->user = 0;
  const std::uint64_t pages = room(0);
  EXPECT_GT(pages, 200U);  // the process has grown, and with it what it leaves to others
  expect_room(pages);
  machine->find(pid)->user = 1000;
  EXPECT_EQ(map(1), kNoMemory);
}

// The greater a process, the more it has to leave to others.
TEST_F(OvercommitTest, SizeOfTheProcessIsHeldAgainstIt) {
  EXPECT_GT(map(6'400, sys::kProtRead), 0);
  EXPECT_GT(map(64'000, sys::kProtRead), 0);
  EXPECT_GE(mapped() / 32, 2 * kMostOfUser);  // but no more than that
  expect_room(room());
}

TEST_F(OvercommitTest, OnlyPrivateWritableMemoryCounts) {
  const std::uint64_t before = committed();
  EXPECT_GT(map(100'000, sys::kProtRead), 0);
  EXPECT_EQ(committed(), before);
  // MAP_NORESERVE says nothing where nothing is overcommitted.
  EXPECT_EQ(map(100'000, kRw, sys::kMapNoReserve), kNoMemory);
  EXPECT_GT(map(10, kRw, sys::kMapNoReserve), 0);
  EXPECT_EQ(committed(), before + 10);
}

// Shared memory counts whole from its making until nobody has it, whatever its rights.
TEST_F(OvercommitTest, SharedMemoryCountsAsLongAsItIs) {
  const std::uint64_t flags = sys::kMapShared | sys::kMapAnonymous;
  const std::uint64_t most = room();
  EXPECT_EQ(call(Call::Mmap, {0, (most + 1) * kPageSize, kRw, flags, ~0ULL, 0}), kNoMemory);
  const std::uint64_t at = got(Call::Mmap, {0, most * kPageSize, sys::kProtRead, flags, ~0ULL, 0});
  EXPECT_EQ(map(1), kNoMemory);
  EXPECT_EQ(call(Call::Munmap, {at, (most - 1) * kPageSize}), 0);
  EXPECT_EQ(map(1), kNoMemory);  // the last page of the object still has it all
  EXPECT_EQ(call(Call::Munmap, {at + (most - 1) * kPageSize, kPageSize}), 0);
  EXPECT_GT(map(1), 0);
  const std::uint64_t id = got(Call::Shmget, {0, 1'000 * kPageSize, sys::kIpcCreate | 0600});
  const std::uint64_t left = room();
  EXPECT_EQ(call(Call::Shmget, {0, (left + 1) * kPageSize, 0600}), kNoMemory);
  EXPECT_EQ(call(Call::Shmget, {0, (left + 1) * kPageSize, sys::kShmNoReserve | 0600}), kNoMemory);
  EXPECT_EQ(call(Call::Shmctl, {id, sys::kIpcRemove}), 0);
  EXPECT_EQ(room(), left + 1'000);
}

TEST_F(OvercommitTest, EveryWayToGrowIsAsked) {
  const auto read_only = static_cast<std::uint64_t>(map(20'000, sys::kProtRead));
  ASSERT_GE(mapped() / 32, kMostOfUser);  // what is left to others grows no more
  const auto grows = static_cast<std::uint64_t>(map(4));
  const std::uint64_t heap = got(Call::Brk, {0});
  EXPECT_GT(map(room() - 3), 0);
  // Three pages are left, and asking in vain takes none.
  EXPECT_EQ(call(Call::Mprotect, {read_only, 4 * kPageSize, kRw}), kNoMemory);
  EXPECT_EQ(call(Call::Mremap, {grows, 4 * kPageSize, 8 * kPageSize, sys::kRemapMayMove}),
            kNoMemory);
  EXPECT_EQ(got(Call::Brk, {heap + 4 * kPageSize}), heap);
  EXPECT_EQ(call(Call::Fork, {}), kNoMemory);
  EXPECT_EQ(call(Call::Mprotect, {read_only, kPageSize, kRw}), 0);
  EXPECT_GT(call(Call::Mremap, {grows, 4 * kPageSize, 5 * kPageSize, sys::kRemapMayMove}), 0);
  EXPECT_EQ(got(Call::Brk, {heap + kPageSize}), heap + kPageSize);
  EXPECT_EQ(map(1), kNoMemory);
}

TEST_F(OvercommitTest, ForkPromisesTheChildAsMuch) {
  const std::uint64_t own = committed();
  EXPECT_GT(map(2'000), 0);
  const std::int64_t child = call(Call::Fork, {});
  ASSERT_GT(child, 0);
  EXPECT_EQ(committed(), 2 * (own + 2'000));
  EXPECT_GT(map(3'000), 0);
  const std::uint64_t before = committed();
  EXPECT_EQ(call(Call::Fork, {}), kNoMemory);
  EXPECT_EQ(committed(), before);  // the child that did not come to be has given all back
  EXPECT_EQ(as(static_cast<Pid>(child), Call::Exit, {0}), 0);
  EXPECT_EQ(committed(), own + 5'000);
}

TEST_F(OvercommitTest, WhatIsReplacedIsNotAskedForTwice) {
  const std::uint64_t pages = room();
  const std::uint64_t at = expect_room(pages);
  EXPECT_EQ(call(Call::Mmap, {at, pages * kPageSize, kRw, kAnonymous | sys::kMapFixed, ~0ULL, 0}),
            static_cast<std::int64_t>(at));
  EXPECT_EQ(
      call(Call::Mmap, {at, (pages + 1) * kPageSize, kRw, kAnonymous | sys::kMapFixed, ~0ULL, 0}),
      kNoMemory);
}

TEST_F(OvercommitTest, HeuristicRefusesWhatExceedsAllThereIs) {
  with(Overcommit::Heuristic, 50);
  const std::uint64_t all = (64ULL << 8) + 256;
  EXPECT_EQ(map(all + 1), kNoMemory);
  EXPECT_GT(map(all), 0);
  EXPECT_GT(map(all), 0);  // each promise is looked at alone
  EXPECT_GT(map(10 * all, kRw, sys::kMapNoReserve), 0);
}

TEST_F(OvercommitTest, AlwaysRefusesNothing) {
  with(Overcommit::Always, 50);
  EXPECT_GT(map(1ULL << 30), 0);
}

}  // namespace
}  // namespace pw::test
