// Protection keys: rights of a process change without a touch of page tables or TLB. By the manual
// (Intel SDM vol. 3A 4.6.2) and arch/x86/mm/pkeys.c of Linux.
#include <gtest/gtest.h>

#include "tests/support/system_calls.hpp"

namespace pw {
namespace {

using namespace pw::sys;
using enum sys::Call;

constexpr std::uint64_t kPage = kPageSize;
constexpr std::uint64_t kReadWrite = kProtRead | kProtWrite;
constexpr std::uint32_t kErrorPresent = 1, kErrorWrite = 2, kErrorUser = 4, kErrorKey = 32;

class SysKeys : public test::SystemCallTest {
 protected:
  std::uint64_t anonymous(std::uint64_t pages = 1, std::uint64_t prot = kReadWrite) {
    return map(pages * kPage, prot, kMapPrivate | kMapAnonymous);
  }
  // A resident page with a key of its own, which nothing is forbidden of.
  std::uint64_t page_with(std::uint64_t key) {
    const std::uint64_t at = anonymous();
    EXPECT_EQ(call(PkeyMprotect, {at, kPage, kReadWrite, key}), 0);
    EXPECT_TRUE(poke(at, 'k').ok());
    return at;
  }
  std::uint32_t pkru() { return machine->find(pid)->pkru; }
  void set(std::uint64_t key, std::uint32_t disabled) {
    ASSERT_TRUE(
        machine->set_pkru(pid, with_key_rights(pkru(), static_cast<unsigned>(key), disabled)));
  }
  AccessResult read(std::uint64_t at) { return machine->touch(pid, VirtAddr(at), Access::Read); }
  const Vma& area(std::uint64_t at) {
    return *machine->find(pid)->space->find(Vpn(at >> kPageShift));
  }
};

TEST_F(SysKeys, SixteenKeysOfWhichTheFirstIsTaken) {
  EXPECT_EQ(pkru(), 0x5555'5554U);
  for (std::int64_t key = 1; key < 16; ++key) EXPECT_EQ(call(PkeyAlloc, {0, 0}), key);
  EXPECT_EQ(pkru(), 0U);
  EXPECT_EQ(call(PkeyAlloc, {0, 0}), error(Errno::NoSpace));
  EXPECT_EQ(call(PkeyFree, {5}), 0);
  EXPECT_EQ(call(PkeyFree, {5}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyAlloc, {0, kKeyDisableWrite}), 5);
  EXPECT_EQ(pkru(), 2U << 10);
  EXPECT_EQ(call(PkeyFree, {0}), 0);  // as any other
  EXPECT_EQ(call(PkeyAlloc, {0, 0}), 0);
}

TEST_F(SysKeys, BadArguments) {
  const std::uint64_t at = anonymous();
  EXPECT_EQ(call(PkeyAlloc, {1, 0}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyAlloc, {0, 4}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyFree, {1}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyFree, {16}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyFree, {~0ULL}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyMprotect, {at, kPage, kReadWrite, 1}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyMprotect, {at, 0, kReadWrite, 1}), 0);
  EXPECT_EQ(call(PkeyMprotect, {at, kPage, kReadWrite, 16}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyMprotect, {at, kPage, kReadWrite, ~0ULL}), 0);
  EXPECT_EQ(call(PkeyMprotect, {at, kPage, kReadWrite, 0}), 0);
}

// What the running kernel says on a CPU without keys.
TEST_F(SysKeys, ACpuWithoutKeys) {
  MachineConfig config = test::exact_config(ByteCount(2 << 20));
  config.protection_keys = false;
  boot(config);
  const std::uint64_t at = anonymous();
  EXPECT_EQ(call(PkeyAlloc, {0, 0}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyFree, {0}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyMprotect, {at, kPage, 1, ~0ULL}), 0);
  EXPECT_EQ(call(PkeyMprotect, {at, kPage, 1, 0}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyMprotect, {at, 0, 1, 1}), 0);
  EXPECT_EQ(machine->set_pkru(pid, 0).error().code, Errno::NoCall);
  const std::uint64_t code = anonymous(1, kProtExec);
  EXPECT_EQ(peek(code), 0);  // x86 alone cannot forbid it
}

TEST_F(SysKeys, RightsChangeWithoutTablesOrTlb) {
  const std::uint64_t key = got(PkeyAlloc, {0, 0});
  const std::uint64_t at = page_with(key);
  const x86::Pte* entry = machine->find(pid)->space->tables().find(Vpn(at >> kPageShift));
  const std::uint64_t before = entry->raw;
  EXPECT_EQ(entry->protection_key(), key);
  const std::uint64_t flushes = machine->tlb_counters().flushes_page;
  const std::uint64_t faults = machine->counters().faults.minor;
  set(key, kPkruWriteDisable);
  EXPECT_EQ(peek(at), 'k');
  const AccessResult refused = poke(at, 'x');
  EXPECT_EQ(refused.kind, AccessResult::Kind::Segv);
  EXPECT_EQ(refused.code, SignalCode::PkuErr);
  EXPECT_EQ(refused.address, VirtAddr(at));
  EXPECT_EQ(refused.error_code, kErrorPresent | kErrorWrite | kErrorUser | kErrorKey);
  set(key, kPkruAccessDisable);
  const AccessResult closed = read(at);
  EXPECT_EQ(closed.code, SignalCode::PkuErr);
  EXPECT_EQ(closed.error_code, kErrorPresent | kErrorUser | kErrorKey);
  set(key, 0);
  EXPECT_TRUE(poke(at, 'y').ok());
  EXPECT_EQ(entry->raw, before);
  EXPECT_EQ(machine->tlb_counters().flushes_page, flushes);
  EXPECT_EQ(machine->counters().faults.minor, faults);
}

TEST_F(SysKeys, ReferencesToAPageWithAKeyAreTlbHits) {
  const std::uint64_t at = page_with(got(PkeyAlloc, {0, 0}));
  const auto before = machine->tlb_counters();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(poke(at, 'x').ok());
  ASSERT_TRUE(machine->touch_run(pid, VirtAddr(at), Access::Read, 10).ok());
  EXPECT_EQ(machine->tlb_counters().l1_hits - before.l1_hits, 20U);
  EXPECT_EQ(machine->tlb_counters().walks, before.walks);
}

TEST_F(SysKeys, KeysAreForDataOfTheirPagesOnly) {
  const std::uint64_t key = got(PkeyAlloc, {0, kKeyDisableAccess});
  const std::uint64_t at = anonymous(3, kProtRead | kProtWrite | kProtExec);
  ASSERT_EQ(call(PkeyMprotect, {at + kPage, kPage, kProtRead | kProtExec, key}), 0);
  EXPECT_EQ(machine->touch(pid, VirtAddr(at + kPage), Access::Execute).kind,
            AccessResult::Kind::Ok);
  EXPECT_EQ(peek(at), 0);
  EXPECT_EQ(peek(at + 2 * kPage), 0);
  EXPECT_EQ(read(at + kPage).code, SignalCode::PkuErr);
  EXPECT_EQ(area(at).range().pages().value, 1U);
  ASSERT_EQ(call(PkeyFree, {key}), 0);  // pages keep it
  EXPECT_EQ(read(at + kPage).code, SignalCode::PkuErr);
}

// bad_area_access_error(), arch/x86/mm/fault.c: the key is told of even where the page was never
// there, and before the rights.
TEST_F(SysKeys, WhichCodeTheSignalCarries) {
  const std::uint64_t key = got(PkeyAlloc, {0, kKeyDisableWrite});
  const std::uint64_t at = anonymous();
  ASSERT_EQ(call(PkeyMprotect, {at, kPage, kProtRead, key}), 0);
  EXPECT_EQ(poke(at, 'x').code, SignalCode::PkuErr);
  set(key, 0);
  EXPECT_EQ(poke(at, 'x').code, SignalCode::AccErr);
  set(key, kPkruAccessDisable);
  EXPECT_EQ(read(at).code, SignalCode::PkuErr);
  ASSERT_EQ(call(Munmap, {at, kPage}), 0);
  EXPECT_EQ(read(at).code, SignalCode::MapErr);
}

TEST_F(SysKeys, KeyZeroCanBeClosedToo) {
  const std::uint64_t at = anonymous();
  ASSERT_TRUE(poke(at, 'z').ok());
  set(0, kPkruWriteDisable);
  EXPECT_EQ(peek(at), 'z');
  EXPECT_EQ(poke(at, 'x').code, SignalCode::PkuErr);
  set(0, kPkruAccessDisable);
  EXPECT_EQ(read(at).code, SignalCode::PkuErr);
  const Pid other = *kernel->spawn("other");  // on the same CPU
  const std::int64_t theirs = as(other, Mmap,
                                 {0, kPage, kReadWrite, kMapPrivate | kMapAnonymous, ~0ULL, 0});
  EXPECT_TRUE(poke(static_cast<std::uint64_t>(theirs), 'o', other).ok());
  EXPECT_EQ(read(at).code, SignalCode::PkuErr);
  set(0, 0);
  EXPECT_TRUE(poke(at, 'x').ok());
}

TEST_F(SysKeys, MemoryThatMayOnlyBeExecutedHasAKey) {
  const std::uint64_t at = anonymous(2);
  ASSERT_TRUE(poke(at, '\xc3').ok());
  ASSERT_EQ(call(Mprotect, {at, kPage, kProtExec}), 0);
  const std::uint64_t key = area(at).traits.key;
  EXPECT_EQ(key, 1U);
  EXPECT_TRUE(machine->touch(pid, VirtAddr(at), Access::Execute).ok());
  EXPECT_EQ(read(at).code, SignalCode::PkuErr);
  EXPECT_EQ(call(PkeyFree, {key}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyMprotect, {at, kPage, kProtRead, key}), error(Errno::Invalid));
  EXPECT_EQ(call(PkeyAlloc, {0, 0}), 2);
  EXPECT_EQ(area(anonymous(1, kProtExec)).traits.key, key);
  ASSERT_EQ(call(Mprotect, {at, kPage, kReadWrite}), 0);
  EXPECT_EQ(peek(at), 0xc3);
  EXPECT_EQ(area(at).traits.key, 0U);
  EXPECT_EQ(area(at).range().pages().value, 2U);  // one area again
}

TEST_F(SysKeys, ForkCopiesKeysAndExecForgetsThem) {
  const std::uint64_t key = got(PkeyAlloc, {0, 0});
  const std::uint64_t at = page_with(key);
  const auto child = static_cast<Pid>(got(Fork, {}));
  EXPECT_EQ(machine->find(child)->pkru, pkru());
  EXPECT_EQ(as(child, PkeyAlloc, {0, 0}), static_cast<std::int64_t>(key) + 1);
  set(key, kPkruAccessDisable);  // of the parent alone
  EXPECT_EQ(peek(at, child), 'k');
  EXPECT_TRUE(poke(at, 'c', child).ok());
  EXPECT_EQ(read(at).code, SignalCode::PkuErr);
  ASSERT_EQ(as(child, Exec, {}, "program"), 0);
  EXPECT_EQ(machine->find(child)->pkru, 0x5555'5554U);
  EXPECT_EQ(as(child, PkeyAlloc, {0, 0}), 1);
}

TEST_F(SysKeys, ThreadsThatShareASpaceHaveRightsOfTheirOwn) {
  const std::uint64_t key = got(PkeyAlloc, {0, 0});
  const std::uint64_t at = page_with(key);
  const auto thread = static_cast<Pid>(got(Clone, {kCloneVm}));
  set(key, kPkruAccessDisable);
  EXPECT_EQ(peek(at, thread), 'k');
  EXPECT_EQ(read(at).code, SignalCode::PkuErr);
  EXPECT_EQ(peek(at, thread), 'k');
}

// check_vma_flags(), mm/gup.c: keys hold for what is made resident ahead, too.
TEST_F(SysKeys, NothingIsPopulatedThatAKeyDenies) {
  const std::uint64_t code = map(4 * kPage, kProtExec, kMapPrivate | kMapAnonymous | kMapPopulate);
  EXPECT_EQ(machine->counters().faults.minor, 0U);
  EXPECT_EQ(call(Mlock, {code, kPage}), error(Errno::NoMemory));
  ASSERT_EQ(call(PkeyAlloc, {0, kKeyDisableAccess}), 2);
  const std::uint64_t data = anonymous(2);
  ASSERT_EQ(call(PkeyMprotect, {data, 2 * kPage, kReadWrite, 2}), 0);
  EXPECT_EQ(call(Madvise, {data, kPage, kAdvisePopulateRead}), error(Errno::Invalid));
  EXPECT_EQ(call(Madvise, {data, kPage, kAdvisePopulateWrite}), error(Errno::Invalid));
  EXPECT_EQ(call(Mlock, {data, kPage}), error(Errno::NoMemory));
  set(2, kKeyDisableWrite);
  EXPECT_EQ(call(Madvise, {data, kPage, kAdvisePopulateRead}), 0);
  EXPECT_EQ(call(Madvise, {data, kPage, kAdvisePopulateWrite}), error(Errno::Invalid));
  EXPECT_EQ(machine->counters().faults.minor, 1U);
}

}  // namespace
}  // namespace pw
