// Worked examples of translation and protection: rows MM5, TLB2, TLB3, PR1 and PR2, with their
// numbers.
#include <gtest/gtest.h>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

// One entry in the L1, nothing else: two pages in turn miss each time.
MachineConfig one_entry_tlb(int levels, const sim::WalkCacheConfig& walk_cache) {
  MachineConfig config = exact_config(1_MiB);
  config.levels = levels;
  config.cpu.tlb = {};
  config.cpu.tlb.l1d_4k = {1, 1};
  config.cpu.tlb.l1d_2m = config.cpu.tlb.l1d_1g = {};
  config.cpu.tlb.l2 = config.cpu.tlb.l2_1g = {};
  config.cpu.walk_cache = walk_cache;
  return config;
}

double references_per_walk(const MachineConfig& config) {
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, 8_KiB);
  for (std::uint64_t n : {0U, 1U}) EXPECT_TRUE(store(*machine, pid, page(base, n), 1).ok());
  EXPECT_TRUE(machine->touch(pid, base, Access::Read).ok());
  const sim::TlbCounters before = machine->tlb_counters();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    EXPECT_TRUE(machine->touch(pid, page(base, i % 2), Access::Read).ok());
  }
  const sim::TlbCounters after = machine->tlb_counters();
  EXPECT_EQ(after.walks - before.walks, 100U);
  return static_cast<double>(after.walk_references - before.walk_references) / 100.0;
}

// A walk reads one entry for each level; a walk cache of level n leaves n - 1 of them.
TEST(TranslationGolden, ReferencesOfAWalkAreItsLevels) {
  EXPECT_EQ(references_per_walk(one_entry_tlb(4, {0, 0, 0, 0})), 4.0);
  EXPECT_EQ(references_per_walk(one_entry_tlb(5, {0, 0, 0, 0})), 5.0);
  EXPECT_EQ(references_per_walk(one_entry_tlb(5, {0, 0, 0, 1})), 4.0);
  EXPECT_EQ(references_per_walk(one_entry_tlb(4, {0, 0, 1, 0})), 3.0);
  EXPECT_EQ(references_per_walk(one_entry_tlb(4, {0, 1, 0, 0})), 2.0);
  EXPECT_EQ(references_per_walk(one_entry_tlb(4, {1, 0, 0, 0})), 1.0);
  EXPECT_EQ(references_per_walk(one_entry_tlb(5, {1, 0, 0, 0})), 1.0);
}

// The first touch of a space reads the root's entry and faults; the second try reads all levels.
TEST(TranslationGolden, AColdWalkReadsEveryLevelOnce) {
  for (const int levels : {4, 5}) {
    const auto machine = make_machine(one_entry_tlb(levels, {0, 0, 0, 0}));
    const Pid pid = *machine->spawn();
    ASSERT_TRUE(store(*machine, pid, map(*machine, pid, 4_KiB), 1).ok());
    const sim::TlbCounters counted = machine->tlb_counters();
    EXPECT_EQ(counted.faulting_walk_references, 1U);
    EXPECT_EQ(counted.walk_references, static_cast<std::uint64_t>(levels));
  }
}

// In a guest each entry is reached by a nested walk, and so is the page: g(n+1) + n references.
TEST(TranslationGolden, AGuestsWalkHasTwoDimensions) {
  const auto references = [](int levels, int nested_levels, const sim::WalkCacheConfig& cache) {
    MachineConfig config = one_entry_tlb(levels, cache);
    config.cpu.nested_levels = nested_levels;
    return references_per_walk(config);
  };
  EXPECT_EQ(references(4, 4, {0, 0, 0, 0}), 24.0);
  EXPECT_EQ(references(4, 5, {0, 0, 0, 0}), 29.0);
  EXPECT_EQ(references(5, 5, {0, 0, 0, 0}), 35.0);
  EXPECT_EQ(references(4, 4, {1, 0, 0, 0}), 9.0);
  MachineConfig config = one_entry_tlb(4, {0, 0, 0, 0});
  config.cpu.nested_levels = 3;
  EXPECT_FALSE(Machine::create(config));
}

// Two programs in turn, 32 pages each: with PCIDs both stay in the TLB, without each turn begins
// with 32 walks.
TEST(TranslationGolden, WithoutPcidsEachSwitchRefillsTheTlb) {
  const auto walks_of_ten_turns = [](bool pcid) {
    MachineConfig config = exact_config(4_MiB);
    config.cpu.tlb.pcid = pcid;
    const auto machine = make_machine(config);
    const Pid pids[2] = {*machine->spawn(), *machine->spawn()};
    VirtAddr base;
    for (const Pid pid : pids) base = map(*machine, pid, 128_KiB);
    const auto turn = [&](Pid pid) {
      for (std::uint64_t n = 0; n < 32; ++n) {
        EXPECT_TRUE(machine->touch(pid, page(base, n), Access::Write).ok());
      }
    };
    for (int i = 0; i < 2; ++i) turn(pids[i]);
    const sim::TlbCounters before = machine->tlb_counters();
    for (int i = 0; i < 10; ++i) turn(pids[i % 2]);
    const sim::TlbCounters after = machine->tlb_counters();
    EXPECT_EQ(after.space_switches - before.space_switches, 10U);
    return after.walks - before.walks;
  };
  EXPECT_EQ(walks_of_ten_turns(true), 0U);
  EXPECT_EQ(walks_of_ten_turns(false), 320U);
}

// A space that runs on two CPUs: taking pages or rights away interrupts the other one, once a call.
TEST(TranslationGolden, TakingRightsAwayInterruptsTheOtherCpu) {
  MachineConfig config = exact_config(1_MiB);
  config.cpus = 2;
  config.signals_kill = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, 64_KiB);
  const auto touch_on = [&](unsigned cpu, VirtAddr at, Access access) {
    EXPECT_TRUE(machine->run_on(pid, cpu));
    return machine->touch(pid, at, access).kind;
  };
  for (std::uint64_t n = 0; n < 16; ++n) {
    ASSERT_EQ(touch_on(1, page(base, n), Access::Write), AccessResult::Kind::Ok);
    ASSERT_EQ(touch_on(0, page(base, n), Access::Write), AccessResult::Kind::Ok);
  }
  EXPECT_EQ(machine->counters().shootdown_ipis, 0U) << "making pages present disturbs nobody";
  ASSERT_TRUE(machine->mprotect(pid, base, 16_KiB, kReadOnly));
  EXPECT_EQ(machine->counters().shootdown_ipis, 1U);
  EXPECT_EQ(touch_on(1, base, Access::Write), AccessResult::Kind::Segv);
  EXPECT_EQ(touch_on(1, base, Access::Read), AccessResult::Kind::Ok);
  ASSERT_TRUE(machine->mprotect(pid, base, 16_KiB, kReadWrite));
  EXPECT_EQ(machine->counters().shootdown_ipis, 1U) << "more rights need no flush";
  ASSERT_TRUE(machine->munmap(pid, base, 8_KiB));
  EXPECT_EQ(machine->counters().shootdown_ipis, 2U);
  EXPECT_EQ(touch_on(0, base, Access::Read), AccessResult::Kind::Segv);
  EXPECT_EQ(touch_on(1, page(base, 1), Access::Read), AccessResult::Kind::Segv);
  ASSERT_TRUE(machine->fork(pid));
  EXPECT_EQ(machine->counters().shootdown_ipis, 3U) << "fork takes the right to write";
}

std::size_t areas_of(Machine& machine, Pid pid) {
  std::size_t n = 0;
  for ([[maybe_unused]] const Vma& area : machine.find(pid)->space->areas()) ++n;
  return n;
}

// mprotect cuts an area where rights change and joins it where they are equal again.
TEST(ProtectionGolden, MprotectSplitsAndMergesAreas) {
  const auto machine = make_machine(exact_config(1_MiB));
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, 40_KiB);
  EXPECT_EQ(areas_of(*machine, pid), 1U);
  ASSERT_TRUE(machine->mprotect(pid, page(base, 3), 16_KiB, kReadOnly));
  EXPECT_EQ(areas_of(*machine, pid), 3U);
  ASSERT_TRUE(machine->mprotect(pid, page(base, 5), 8_KiB, kReadWrite));
  EXPECT_EQ(areas_of(*machine, pid), 3U);
  ASSERT_TRUE(machine->mprotect(pid, page(base, 3), 8_KiB, kReadWrite));
  EXPECT_EQ(areas_of(*machine, pid), 1U);
}

// Each forbidden access is SIGSEGV with SEGV_ACCERR, its address, and the bits the CPU pushes.
TEST(ProtectionGolden, AForbiddenAccessSaysWhatWasWrong) {
  MachineConfig config = exact_config(1_MiB);
  config.signals_kill = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = map(*machine, pid, 12_KiB);
  ASSERT_TRUE(store(*machine, pid, base, 1).ok());
  ASSERT_TRUE(machine->mprotect(pid, base, 8_KiB, kReadOnly));
  const auto expect = [&](VirtAddr at, Access access, SignalCode code, std::uint32_t bits) {
    const AccessResult result = machine->touch(pid, at, access);
    EXPECT_EQ(result.kind, AccessResult::Kind::Segv);
    EXPECT_EQ(result.code, code);
    EXPECT_EQ(result.address, at);
    EXPECT_EQ(result.error_code, bits);
  };
  constexpr std::uint32_t kUser = x86::kErrorUser, kWrite = x86::kErrorWrite;
  expect(base + ByteCount(9), Access::Write, SignalCode::AccErr,
         kUser | kWrite | x86::kErrorPresent);
  expect(page(base, 1), Access::Write, SignalCode::AccErr, kUser | kWrite);
  expect(base, Access::Execute, SignalCode::AccErr, kUser | x86::kErrorFetch | x86::kErrorPresent);
  // A page that is not there is brought in first, as for a read; the second try is refused.
  expect(page(base, 2), Access::Execute, SignalCode::AccErr,
         kUser | x86::kErrorFetch | x86::kErrorPresent);
  expect(page(base, 3), Access::Read, SignalCode::MapErr, kUser);
  // W^X: what may be executed may not be written, and the other way round.
  ASSERT_TRUE(machine->mprotect(pid, base, 4_KiB, kReadExecute));
  EXPECT_TRUE(machine->touch(pid, base, Access::Execute).ok());
  expect(base, Access::Write, SignalCode::AccErr, kUser | kWrite | x86::kErrorPresent);
  EXPECT_EQ(machine->counters().faults.segv, 6U);
}

// A buffer that ends where a page without rights begins: its last byte may be written, the next may
// not.
TEST(ProtectionGolden, AnOverflowByOneByteHitsTheGuardPage) {
  const auto machine = make_machine(exact_config(1_MiB));
  const Pid pid = *machine->spawn();
  const VirtAddr buffer = map(*machine, pid, 12_KiB);
  ASSERT_TRUE(machine->mprotect(pid, page(buffer, 2), 4_KiB, Rights{}));
  const std::vector<std::byte> bytes(2 * kPageSize + 1);
  EXPECT_TRUE(machine->write(pid, buffer, std::span(bytes).first(2 * kPageSize)).ok());
  const AccessResult overflow = machine->write(pid, buffer, bytes);
  EXPECT_EQ(overflow.kind, AccessResult::Kind::Segv);
  EXPECT_EQ(overflow.code, SignalCode::AccErr);
  EXPECT_EQ(overflow.address, page(buffer, 2));
  EXPECT_EQ(machine->find(pid)->cause, ExitCause::Segv);
}

}  // namespace
}  // namespace pw
