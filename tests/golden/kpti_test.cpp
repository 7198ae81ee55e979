// What page-table isolation (KPTI) costs the TLB, with and without PCIDs: rows AS5 and TLB2.
//
// Every expectation is counted by hand. A fault or system call makes three references of the
// kernel: entry code (global), kernel code, and the space's root table in the direct map. Without
// isolation all three are global. The TLBs hold everything, so that only flushes make walks.
#include <gtest/gtest.h>

#include <array>

#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

struct Kind {
  bool pcid, kpti;
};
constexpr std::array<Kind, 4> kKinds{{{true, false}, {false, false}, {true, true}, {false, true}}};

MachineConfig config_of(Kind kind) {
  MachineConfig config = exact_config(4_MiB);
  config.kernel_map = true;
  config.kpti = kind.kpti;
  config.cpu.tlb.pcid = kind.pcid;
  return config;
}

std::string name_of(Kind kind) {
  return std::string(kind.pcid ? "PCID" : "no PCID") + (kind.kpti ? ", KPTI" : "");
}

// What was counted while `body` ran.
template <class Body>
sim::TlbCounters counted(Machine& machine, Body&& body) {
  const sim::TlbCounters before = machine.tlb_counters();
  body();
  sim::TlbCounters after = machine.tlb_counters();
  after.references -= before.references;
  after.walks -= before.walks;
  after.flushes_full -= before.flushes_full;
  after.flushes_page -= before.flushes_page;
  after.entries_flushed -= before.entries_flushed;
  after.space_switches -= before.space_switches;
  after.root_switches -= before.root_switches;
  return after;
}

void touch_pages(Machine& machine, Pid pid, VirtAddr base, std::uint64_t pages, Access access) {
  for (std::uint64_t n = 0; n < pages; ++n) {
    EXPECT_TRUE(machine.touch(pid, page(base, n), access).ok());
  }
}

// A program that does nothing but fault: mmap, then 64 first writes.
TEST(KptiGolden, EachFaultChangesTheRootTwice) {
  constexpr std::uint64_t kPages = 64, kEntries = 1 + kPages;
  for (const Kind kind : kKinds) {
    SCOPED_TRACE(name_of(kind));
    const auto machine = make_machine(config_of(kind));
    const Pid pid = *machine->spawn();
    const sim::TlbCounters all = counted(*machine, [&] {
      touch_pages(*machine, pid, map(*machine, pid, 256_KiB), kPages, Access::Write);
    });
    EXPECT_EQ(all.references, kPages + 3 * kEntries);
    EXPECT_EQ(all.space_switches, 1U);
    // Into user mode once the space is loaded, then twice for each entry.
    EXPECT_EQ(all.root_switches, kind.kpti ? 1 + 2 * kEntries : 0);
    const bool flushes = kind.kpti && !kind.pcid;
    EXPECT_EQ(all.flushes_full, flushes ? 1 + 2 * kEntries : 0);
    // The way back drops the kernel's code and data, the next way in the page that was written
    // last: each from its L1 and from the L2.
    EXPECT_EQ(all.entries_flushed, flushes ? 4 * kEntries + 2 * (kPages - 1) : 0);
    EXPECT_EQ(all.walks, kPages + 1 + 2 * (flushes ? kEntries : 1));
  }
}

// 32 pages in memory, then turns of 32 reads and a system call that does nothing.
TEST(KptiGolden, WithoutPcidsEachSystemCallRefillsTheTlb) {
  constexpr std::uint64_t kPages = 32, kTurns = 10;
  for (const Kind kind : kKinds) {
    SCOPED_TRACE(name_of(kind));
    const auto machine = make_machine(config_of(kind));
    const Pid pid = *machine->spawn();
    const VirtAddr base = map(*machine, pid, 128_KiB);
    touch_pages(*machine, pid, base, kPages, Access::Write);
    const auto turn = [&] {
      touch_pages(*machine, pid, base, kPages, Access::Read);
      EXPECT_TRUE(machine->brk(pid, VirtAddr(0)));
    };
    turn();
    const sim::TlbCounters all = counted(*machine, [&] {
      for (std::uint64_t i = 0; i < kTurns; ++i) turn();
    });
    const bool flushes = kind.kpti && !kind.pcid;
    EXPECT_EQ(all.references, kTurns * (kPages + 3));
    EXPECT_EQ(all.root_switches, kind.kpti ? 2 * kTurns : 0);
    EXPECT_EQ(all.flushes_full, flushes ? 2 * kTurns : 0);
    EXPECT_EQ(all.walks, flushes ? kTurns * (kPages + 2) : 0);
    EXPECT_EQ(all.entries_flushed, flushes ? kTurns * 2 * (kPages + 2) : 0);
  }
}

// Two programs of 32 pages in turn. A switch enters the kernel from one, and leaves to the other.
TEST(KptiGolden, ASwitchOfProgramsFlushesThreeTimesWithoutPcids) {
  constexpr std::uint64_t kPages = 32, kSwitches = 10;
  for (const Kind kind : kKinds) {
    SCOPED_TRACE(name_of(kind));
    const auto machine = make_machine(config_of(kind));
    const Pid pids[2] = {*machine->spawn(), *machine->spawn()};
    VirtAddr base;
    for (const Pid pid : pids) {
      base = map(*machine, pid, 128_KiB);
      touch_pages(*machine, pid, base, kPages, Access::Write);
    }
    const auto turn = [&](std::uint64_t i) {
      touch_pages(*machine, pids[i % 2], base, kPages, Access::Read);
    };
    turn(0);
    turn(1);
    const sim::TlbCounters all = counted(*machine, [&] {
      for (std::uint64_t i = 0; i < kSwitches; ++i) turn(i);
    });
    EXPECT_EQ(all.space_switches, kSwitches);
    EXPECT_EQ(all.references, kSwitches * (kPages + 3));
    EXPECT_EQ(all.root_switches, kind.kpti ? 2 * kSwitches : 0);
    // The kernel's root, the other space, its user's root; else only the other space.
    EXPECT_EQ(all.flushes_full, kind.pcid ? 0 : kSwitches * (kind.kpti ? 3 : 1));
    // Without isolation the kernel's own pages are global and stay.
    EXPECT_EQ(all.walks, kind.pcid ? 0 : kSwitches * (kPages + (kind.kpti ? 2 : 0)));
  }
}

// A page that goes is flushed under each PCID that may have it (flush_tlb_one_user()).
TEST(KptiGolden, APageIsFlushedUnderBothPcids) {
  for (const Kind kind : kKinds) {
    SCOPED_TRACE(name_of(kind));
    const auto machine = make_machine(config_of(kind));
    const Pid pid = *machine->spawn();
    const VirtAddr base = map(*machine, pid, 16_KiB);
    touch_pages(*machine, pid, base, 4, Access::Write);
    const sim::TlbCounters all = counted(*machine, [&] {
      EXPECT_TRUE(machine->discard(pid, base, 12_KiB));
    });
    EXPECT_EQ(all.flushes_page, kind.kpti && kind.pcid ? 6U : 3U);
  }
}

// Programs come, fork, fault, call and go, on two CPUs.
std::uint64_t mixed_program(Kind kind, sim::TlbCounters& out, std::uint64_t& ipis) {
  MachineConfig config = config_of(kind);
  config.cpus = 2;
  const auto machine = make_machine(config);
  for (int round = 0; round < 4; ++round) {
    const Pid parent = *machine->spawn();
    const VirtAddr base = map(*machine, parent, 64_KiB);
    touch_pages(*machine, parent, base, 16, Access::Write);
    const Pid child = *machine->fork(parent);
    EXPECT_TRUE(machine->run_on(child, 1));
    for (int turn = 0; turn < 4; ++turn) {
      touch_pages(*machine, child, base, 16, Access::Write);
      touch_pages(*machine, parent, base, 16, Access::Read);
      EXPECT_TRUE(machine->mprotect(parent, base, 8_KiB, turn % 2 == 0 ? kReadOnly : kReadWrite));
    }
    for (const Pid pid : {parent, child}) EXPECT_TRUE(machine->exit(pid, 0));
  }
  out = machine->tlb_counters();
  ipis = machine->counters().shootdown_ipis;
  return machine->mmu().cpu(0).time_ps() + machine->mmu().cpu(1).time_ps();
}

// The order on real CPUs: isolation costs little with PCIDs, much without (D. Gruss et al., "Kernel
// Isolation", USENIX ;login: 43(4), 2018; Linux "x86/mm: Use/Fix PCID to optimize user/kernel
// switches", 2017).
TEST(KptiGolden, IsolationCostsLittleWithPcidsAndMuchWithout) {
  std::array<sim::TlbCounters, 4> all;
  std::array<std::uint64_t, 4> time{}, ipis{};
  for (std::size_t i = 0; i < 4; ++i) time[i] = mixed_program(kKinds[i], all[i], ipis[i]);
  enum { kPlain, kPlainNoPcid, kIsolated, kIsolatedNoPcid };
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(all[i].references, all[kPlain].references) << "the programs do the same";
    EXPECT_EQ(all[i].space_switches, all[kPlain].space_switches);
    EXPECT_EQ(ipis[i], 0U) << "nobody else runs these spaces: a kernel page disturbs no CPU";
  }
  EXPECT_LT(time[kPlain], time[kIsolated]);
  EXPECT_LT(time[kIsolated], time[kIsolatedNoPcid]);
  EXPECT_LT(time[kPlainNoPcid], time[kIsolatedNoPcid]);
  EXPECT_LE(all[kPlain].walks, all[kIsolated].walks);
  EXPECT_GT(all[kIsolatedNoPcid].walks, all[kIsolated].walks * 3 / 2);
  EXPECT_EQ(all[kPlain].root_switches + all[kPlainNoPcid].root_switches, 0U);
  EXPECT_EQ(all[kIsolated].root_switches, all[kIsolatedNoPcid].root_switches);
  EXPECT_GT(all[kIsolatedNoPcid].flushes_full, 10 * all[kIsolated].flushes_full);
}

}  // namespace
}  // namespace pw
