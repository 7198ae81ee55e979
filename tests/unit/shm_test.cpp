// Shared memory with and without a name: one frame for all, lives as long as someone holds it,
// given to who may have it.
#include "proc/shm.hpp"

#include <gtest/gtest.h>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

class SharedMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MachineConfig config = exact_config(1_MiB);
    config.swap = 1_MiB;
    machine = make_machine(config);
    first = *machine->spawn("first");
    second = *machine->spawn("second");
  }
  Pid user(UserId id) {
    const Pid pid = *machine->spawn("user");
    machine->find(pid)->user = id;
    return pid;
  }
  VirtAddr map_handle(Pid pid, SharedHandle handle, ByteCount length) {
    MmapRequest request;
    request.length = length;
    request.shared = true;
    return *machine->mmap(pid, handle, request);
  }
  static ShmOpen creating(std::uint32_t mode = 0600) {
    return {.write = true, .create = true, .exclusive = false, .truncate = false, .mode = mode};
  }

  std::unique_ptr<Machine> machine;
  Pid first = 0, second = 0;
};

TEST_F(SharedMemoryTest, TwoProcessesAtDifferentAddressesSeeOneFrame) {
  const SharedHandle handle = *machine->shm_open(first, "/segment", creating());
  ASSERT_TRUE(machine->ftruncate(handle, 16_KiB));
  const VirtAddr here = map_handle(first, handle, 16_KiB);
  map(*machine, second, 64_KiB);  // moves what follows to another address
  const SharedHandle again = *machine->shm_open(second, "segment", {.write = true});
  const VirtAddr there = map_handle(second, again, 16_KiB);
  ASSERT_NE(here, there);
  const std::uint64_t before = user_frames(*machine);
  ASSERT_TRUE(store(*machine, first, page(here, 2), 42).ok());
  EXPECT_EQ(load(*machine, second, page(there, 2)), 42U);
  ASSERT_TRUE(store(*machine, second, page(there, 2), 43).ok());
  EXPECT_EQ(load(*machine, first, page(here, 2)), 43U);
  EXPECT_EQ(user_frames(*machine) - before, 1U);
  EXPECT_EQ(frame_at(*machine, first, page(here, 2)), frame_at(*machine, second, page(there, 2)));
  EXPECT_EQ(machine->counters().faults.copy_on_write, 0U);
}

TEST_F(SharedMemoryTest, AnonymousSharedMemoryStaysOneAcrossForkAndSwap) {
  const VirtAddr at = map(*machine, first, 64_KiB, true);
  ASSERT_TRUE(store(*machine, first, at, 1).ok());
  const Pid child = *machine->fork(first);
  ASSERT_TRUE(store(*machine, child, at, 2).ok());
  ASSERT_TRUE(store(*machine, child, page(at, 9), 3).ok());
  EXPECT_EQ(load(*machine, first, at), 2U);
  EXPECT_EQ(load(*machine, first, page(at, 9)), 3U);
  machine->reclaimer().reclaim(100);
  EXPECT_EQ(load(*machine, first, page(at, 9)), 3U);
  ASSERT_TRUE(store(*machine, first, page(at, 9), 4).ok());
  EXPECT_EQ(load(*machine, child, page(at, 9)), 4U);
}

TEST_F(SharedMemoryTest, ANameThatIsGoneLeavesTheBytesToWhoHoldsThem) {
  const std::uint64_t before = machine->frames().free_frames().value;
  const SharedHandle handle = *machine->shm_open(first, "/x", creating());
  ASSERT_TRUE(machine->ftruncate(handle, 8_KiB));
  const VirtAddr at = map_handle(first, handle, 8_KiB);
  ASSERT_TRUE(store(*machine, first, at, 5).ok());
  ASSERT_TRUE(machine->shm_unlink(first, "/x"));
  EXPECT_EQ(machine->shm_open(second, "/x", {}).error().code, Errno::NoEntry);
  ASSERT_TRUE(machine->close_file(handle.object));
  EXPECT_EQ(load(*machine, first, at), 5U);
  ASSERT_TRUE(machine->munmap(first, at, 8_KiB));
  EXPECT_EQ(user_frames(*machine), 0U);
  EXPECT_EQ(machine->frames().free_frames().value, before);
}

TEST_F(SharedMemoryTest, ANameAloneKeepsTheBytes) {
  const SharedHandle handle = *machine->shm_open(first, "/x", creating());
  ASSERT_TRUE(machine->ftruncate(handle, 4_KiB));
  const VirtAddr at = map_handle(first, handle, 4_KiB);
  ASSERT_TRUE(store(*machine, first, at, 6).ok());
  ASSERT_TRUE(machine->close_file(handle.object));
  ASSERT_TRUE(machine->exit(first, 0));
  EXPECT_EQ(user_frames(*machine), 1U);
  const SharedHandle again = *machine->shm_open(second, "/x", {});
  MmapRequest request;
  request.length = 4_KiB;
  request.shared = true;
  request.rights = kReadOnly;
  EXPECT_EQ(load(*machine, second, *machine->mmap(second, again, request)), 6U);
}

TEST_F(SharedMemoryTest, OpeningFailsAsTheKernelFails) {
  const auto open = [&](const std::string& name, const ShmOpen& how) {
    const auto handle = machine->shm_open(first, name, how);
    return handle ? Errno{} : handle.error().code;
  };
  EXPECT_EQ(open("", creating()), Errno::Invalid);
  EXPECT_EQ(open("/", creating()), Errno::Invalid);
  EXPECT_EQ(open("/a/b", creating()), Errno::Invalid);
  EXPECT_EQ(open("/..", creating()), Errno::Invalid);
  EXPECT_EQ(open("/" + std::string(256, 'n'), creating()), Errno::NameTooLong);
  EXPECT_EQ(open("/none", {}), Errno::NoEntry);
  EXPECT_EQ(open("/" + std::string(255, 'n'), creating()), Errno{});
  ShmOpen exclusive = creating();
  exclusive.exclusive = true;
  EXPECT_EQ(open("/" + std::string(255, 'n'), exclusive), Errno::Exists);
  EXPECT_EQ(machine->shm_unlink(first, "/none").error().code, Errno::NoEntry);
}

TEST_F(SharedMemoryTest, PermissionsOfAnObjectAreHonoured) {
  const Pid owner = user(1000), other = user(1001), root = user(0);
  ASSERT_TRUE(machine->shm_open(owner, "/o", creating(0644)));
  EXPECT_EQ(machine->shm_open(other, "/o", {.write = true}).error().code, Errno::Access);
  const auto reading = machine->shm_open(other, "/o", {});
  ASSERT_TRUE(reading);
  EXPECT_EQ(machine->ftruncate(*reading, 4_KiB).error().code, Errno::Invalid);
  EXPECT_TRUE(machine->shm_open(root, "/o", {.write = true}));
  EXPECT_EQ(machine->shm_unlink(other, "/o").error().code, Errno::Access);
  MmapRequest request;
  request.length = 4_KiB;
  request.shared = true;
  EXPECT_EQ(machine->mmap(other, *reading, request).error().code, Errno::Access);
  request.rights = kReadOnly;
  const auto at = machine->mmap(other, *reading, request);
  ASSERT_TRUE(at);
  EXPECT_EQ(machine->mprotect(other, *at, 4_KiB, kReadWrite).error().code, Errno::Access);
  request.shared = false;
  request.rights = kReadWrite;
  EXPECT_TRUE(machine->mmap(other, *reading, request));
  ASSERT_TRUE(machine->shm_open(owner, "/secret", creating(0600)));
  EXPECT_EQ(machine->shm_open(other, "/secret", {}).error().code, Errno::Access);
}

TEST_F(SharedMemoryTest, TruncatingAnObjectTakesItsPages) {
  const SharedHandle handle = machine->memfd_create();
  ASSERT_TRUE(machine->ftruncate(handle, 16_KiB));
  const VirtAddr at = map_handle(first, handle, 32_KiB);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(store(*machine, first, page(at, i), i).ok());
  ASSERT_TRUE(machine->ftruncate(handle, 4_KiB));
  EXPECT_EQ(user_frames(*machine), 1U);
  EXPECT_EQ(load(*machine, first, at), 0U);
  EXPECT_EQ(machine->touch(first, page(at, 1), Access::Read).kind, AccessResult::Kind::Bus);
}

TEST_F(SharedMemoryTest, OpeningToTruncateEmptiesAnObject) {
  const SharedHandle handle = *machine->shm_open(first, "/t", creating());
  ASSERT_TRUE(machine->ftruncate(handle, 4_KiB));
  const VirtAddr at = map_handle(first, handle, 4_KiB);
  ASSERT_TRUE(store(*machine, first, at, 1).ok());
  ShmOpen truncating = creating();
  truncating.truncate = true;
  ASSERT_TRUE(machine->shm_open(second, "/t", truncating));
  EXPECT_EQ(user_frames(*machine), 0U);
  EXPECT_EQ(machine->touch(first, at, Access::Read).kind, AccessResult::Kind::Bus);
}

TEST_F(SharedMemoryTest, ASegmentOfSystemVIsAttachedAndDetached) {
  const ShmId id = *machine->shmget(first, 77, 12_KiB, creating());
  EXPECT_EQ(*machine->shmget(second, 77, 4_KiB, {}), id);
  const VirtAddr here = *machine->shmat(first, id, VirtAddr(0), false);
  const VirtAddr there = *machine->shmat(second, id, VirtAddr(0x7000'0000), false);
  EXPECT_EQ(there, VirtAddr(0x7000'0000));
  ASSERT_TRUE(store(*machine, first, page(here, 2), 9).ok());
  EXPECT_EQ(load(*machine, second, page(there, 2)), 9U);
  EXPECT_EQ(machine->shm_status(id)->attached, 2U);
  EXPECT_EQ(machine->shmat(second, id, VirtAddr(0x7000'0000), false).error().code, Errno::Invalid);
  EXPECT_EQ(machine->shmdt(second, page(there, 1)).error().code, Errno::Invalid);
  ASSERT_TRUE(machine->mprotect(second, page(there, 1), 4_KiB, kReadOnly));  // three areas now
  ASSERT_TRUE(machine->shmdt(second, there));
  EXPECT_EQ(machine->find(second)->space->find(page_of(page(there, 2))), nullptr);
  EXPECT_EQ(machine->shm_status(id)->attached, 1U);
  EXPECT_EQ(machine->shmdt(second, there).error().code, Errno::Invalid);
  EXPECT_EQ(user_frames(*machine), 1U);
}

TEST_F(SharedMemoryTest, ARemovedSegmentLivesUntilTheLastDetach) {
  const ShmId id = *machine->shmget(first, 5, 4_KiB, creating());
  const VirtAddr at = *machine->shmat(first, id, VirtAddr(0), false);
  ASSERT_TRUE(store(*machine, first, at, 8).ok());
  ASSERT_TRUE(machine->shm_remove(first, id));
  EXPECT_EQ(machine->shmget(second, 5, 4_KiB, {}).error().code, Errno::NoEntry);
  const auto other = machine->shmat(second, id, VirtAddr(0), true);  // Linux lets it be attached
                                                                     // still
  ASSERT_TRUE(other);
  EXPECT_EQ(load(*machine, second, *other), 8U);
  EXPECT_TRUE(machine->shm_status(id)->removed);
  ASSERT_TRUE(machine->shmdt(first, at));
  EXPECT_EQ(load(*machine, second, *other), 8U);
  ASSERT_TRUE(machine->exit(second, 0));
  EXPECT_EQ(user_frames(*machine), 0U);
  EXPECT_EQ(machine->shm_status(id).error().code, Errno::Invalid);
  EXPECT_EQ(machine->shmat(first, id, VirtAddr(0), true).error().code, Errno::Invalid);
}

TEST_F(SharedMemoryTest, SegmentCallsFailAsTheKernelFails) {
  const Pid owner = user(1000), other = user(1001);
  EXPECT_EQ(machine->shmget(owner, 1, 4_KiB, {}).error().code, Errno::NoEntry);
  EXPECT_EQ(machine->shmget(owner, 1, 0_KiB, creating()).error().code, Errno::Invalid);
  const ShmId id = *machine->shmget(owner, 1, 4_KiB, creating(0640));
  ShmOpen exclusive = creating();
  exclusive.exclusive = true;
  EXPECT_EQ(machine->shmget(owner, 1, 4_KiB, exclusive).error().code, Errno::Exists);
  EXPECT_EQ(machine->shmget(owner, 1, 8_KiB, {}).error().code, Errno::Invalid);
  EXPECT_EQ(machine->shmget(other, 1, 4_KiB, creating(0600)).error().code, Errno::Access);
  EXPECT_EQ(machine->shmat(other, id, VirtAddr(0), true).error().code, Errno::Access);
  EXPECT_EQ(machine->shm_remove(other, id).error().code, Errno::Perm);
  EXPECT_EQ(machine->shmat(owner, id, VirtAddr(0x7000'0010), false).error().code, Errno::Invalid);
  EXPECT_NE(*machine->shmget(owner, kPrivateKey, 4_KiB, {}),
            *machine->shmget(owner, kPrivateKey, 4_KiB, {}));
  const ShmId readable = *machine->shmget(owner, 2, 4_KiB, creating(0644));
  EXPECT_EQ(machine->shmat(other, readable, VirtAddr(0), false).error().code, Errno::Access);
  const VirtAddr at = *machine->shmat(other, readable, VirtAddr(0), true);
  EXPECT_EQ(machine->touch(other, at, Access::Write).kind, AccessResult::Kind::Segv);
}

}  // namespace
}  // namespace pw
