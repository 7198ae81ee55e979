// Worked examples of address spaces: rows AS1 to AS4 and MM2 of the feature list, with their
// numbers.
#include <gtest/gtest.h>

#include "ports/host/host_file.hpp"
#include "tests/support/small_machine.hpp"

namespace pw {
namespace {

using namespace pw::test;

// An address means nothing without its space: 0x1000 is another frame with other bytes in each
// process.
TEST(AddressSpaceGolden, TheSameAddressIsAnotherFrameInEachProcess) {
  const auto machine = make_machine(exact_config(1_MiB));
  const Pid first = *machine->spawn(), second = *machine->spawn();
  for (const Pid pid : {first, second}) {
    machine->find(pid)->space->layout().lowest = Vpn(1);  // vm.mmap_min_addr = 4096
    ASSERT_TRUE(map_at(*machine, pid, 0x1000, 4_KiB));
    ASSERT_TRUE(store(*machine, pid, VirtAddr(0x1000), 0xA0 + pid).ok());
  }
  EXPECT_EQ(load(*machine, first, VirtAddr(0x1000)), 0xA0U + first);
  EXPECT_EQ(load(*machine, second, VirtAddr(0x1000)), 0xA0U + second);
  EXPECT_NE(frame_at(*machine, first, VirtAddr(0x1000)),
            frame_at(*machine, second, VirtAddr(0x1000)));
  EXPECT_EQ(user_frames(*machine), 2U);
}

// 1 TiB is 2^28 pages. A flat table would take 8 bytes for each, 2 GiB, on a machine of 64 MiB. The
// tree takes what is used: for three pages far apart a root, 2 tables of level 3, 3 of level 2, 3
// of level 1.
TEST(AddressSpaceGolden, ATebibyteIsMappedOnAMachineOf64Mebibytes) {
  MachineConfig config = exact_config(64_MiB);
  config.verify_each_operation = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr base = *map_at(*machine, pid, 1ULL << 40, 1_TiB);
  EXPECT_EQ(machine->counters().table_pages, 1U);
  constexpr std::uint64_t kPages = 1ULL << 28;
  EXPECT_EQ(kPages * 8, (2_GiB).value);
  for (const std::uint64_t n : {std::uint64_t{0}, kPages / 2 - 1, kPages - 1}) {
    ASSERT_TRUE(store(*machine, pid, page(base, n), n).ok());
  }
  EXPECT_EQ(machine->counters().table_pages, 9U);
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t n = random.below(kPages);
    ASSERT_TRUE(store(*machine, pid, page(base, n), n).ok());
    ASSERT_EQ(load(*machine, pid, page(base, n)), n);
  }
  EXPECT_LE(machine->counters().table_pages, 9 + 2000 + 1024U);
  ASSERT_TRUE(machine->verify());
}

// The user half ends at 2^47 with four levels, at 2^56 with five; above the hole the kernel lives.
TEST(AddressSpaceGolden, KernelAddressesAndHolesFaultFromUserMode) {
  MachineConfig config = exact_config(1_MiB);
  config.signals_kill = false;
  for (const int levels : {4, 5}) {
    config.levels = levels;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const AccessResult kernel = machine->touch(pid, VirtAddr(0xFFFF'FFFF'8000'0000), Access::Read);
    EXPECT_EQ(kernel.kind, AccessResult::Kind::Segv);
    EXPECT_EQ(kernel.code, SignalCode::MapErr);
    EXPECT_EQ(kernel.error_code, x86::kErrorUser);
    const std::uint64_t user_end = levels == 4 ? 1ULL << 47 : 1ULL << 56;
    const AccessResult hole = machine->touch(pid, VirtAddr(user_end), Access::Write);
    EXPECT_EQ(hole.kind, AccessResult::Kind::Segv);
    EXPECT_EQ(hole.error_code, 0U) << "a general-protection exception has no page-fault bits";
    EXPECT_EQ(map_at(*machine, pid, user_end, 4_KiB).error().code, Errno::NoMemory);
    const bool wide = map_at(*machine, pid, 1ULL << 50, 4_KiB).has_value();
    EXPECT_EQ(wide, levels == 5);
    if (wide) {
      EXPECT_TRUE(store(*machine, pid, VirtAddr(1ULL << 50), 1).ok());
    }
  }
}

// The 32-bit layout: 3 GiB for the program, the kernel above.
TEST(AddressSpaceGolden, A32BitProgramLivesInThreeGibibytes) {
  MachineConfig config = exact_config(1_MiB);
  config.bits32 = true;
  config.signals_kill = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  EXPECT_LE(machine->find(pid)->places.stack_top, VirtAddr(0xC000'0000));
  EXPECT_LT(map(*machine, pid, 4_KiB), VirtAddr(0xC000'0000));
  EXPECT_EQ(map_at(*machine, pid, 0xC000'0000, 4_KiB).error().code, Errno::NoMemory);
  EXPECT_TRUE(map_at(*machine, pid, 0xBFF0'0000, 4_KiB));
  EXPECT_EQ(machine->touch(pid, VirtAddr(0xC000'0000), Access::Read).kind,
            AccessResult::Kind::Segv);
  MmapRequest large;
  large.length = 3_GiB;
  EXPECT_EQ(machine->mmap(pid, large).error().code, Errno::NoMemory);
}

// A stack grows by being touched, to its limit (8 MiB), and never within 256 pages of what lies
// below it.
TEST(AddressSpaceGolden, AStackGrowsByATouchAndStopsAtItsGuardGap) {
  MachineConfig config = exact_config(16_MiB);
  config.signals_kill = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  const VirtAddr top = machine->find(pid)->places.stack_top;
  ASSERT_TRUE(machine->map_stack(pid, 128_KiB));
  EXPECT_TRUE(store(*machine, pid, top - 1_MiB, 1).ok());
  const Vma* stack = machine->find(pid)->space->find(page_of(top - 4_KiB));
  EXPECT_EQ(stack->range().pages(), pages_for(1_MiB));
  EXPECT_TRUE(store(*machine, pid, top - 8_MiB, 1).ok());
  EXPECT_EQ(store(*machine, pid, top - 8_MiB - 4_KiB, 1).kind, AccessResult::Kind::Segv);

  const Pid other = *machine->spawn();
  ASSERT_TRUE(machine->map_stack(other, 128_KiB));
  ASSERT_TRUE(map_at(*machine, other, (top - 3_MiB).value, 1_MiB));  // ends 2 MiB below the top
  EXPECT_TRUE(store(*machine, other, top - 1_MiB, 1).ok());          // 1 MiB, 256 pages, are left
  EXPECT_EQ(store(*machine, other, top - 1_MiB - 4_KiB, 1).kind, AccessResult::Kind::Segv);
}

TEST(AddressSpaceGolden, TheSameSeedGivesTheSameLayout) {
  const auto layout = [](bool aslr, std::uint64_t seed) {
    MachineConfig config = exact_config(1_MiB);
    config.aslr = aslr;
    config.seed = seed;
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    return std::vector<std::uint64_t>{
        machine->find(pid)->places.stack_top.value, map(*machine, pid, 4_KiB).value,
        machine->find(pid)->places.program_base.value, machine->brk(pid, VirtAddr(0))->value};
  };
  EXPECT_EQ(layout(true, 1), layout(true, 1));
  EXPECT_EQ(layout(false, 1), layout(false, 2));
  const auto one = layout(true, 1), two = layout(true, 2), fixed = layout(false, 1);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_NE(one[i], two[i]);
    EXPECT_NE(one[i], fixed[i]);
  }
}

// Loading reads the headers and clears the end of the data; text comes when it is touched, once for
// everybody.
TEST(AddressSpaceGolden, AProgramIsLoadedLazilyAndItsTextIsShared) {
  MachineConfig config = exact_config(16_MiB);
  const auto machine = make_machine(config);
  auto host = host::HostFile::open("/bin/true", host::HostFile::Mode::Read);
  ASSERT_TRUE(host);
  const FileId program = machine->open_file(
      "/bin/true", std::make_unique<host::HostFile>(std::move(*host)), true);
  ASSERT_GT(machine->object(program).pages().value, 6U);
  const std::vector<std::string> arguments{"true"};
  const Pid first = *machine->spawn();
  const VirtAddr entry = *machine->exec(first, program, arguments);
  EXPECT_LE(user_frames(*machine), 3U);  // the headers; the last page of data and its copy
  const FaultCounters before = machine->counters().faults;
  const std::uint64_t frames_before = user_frames(*machine);
  ASSERT_TRUE(machine->touch(first, entry, Access::Execute).ok());
  EXPECT_EQ(machine->counters().faults.major - before.major, 1U);
  EXPECT_EQ(machine->counters().faults.file_mapped - before.file_mapped, 1U);
  EXPECT_EQ(user_frames(*machine), frames_before + 1);

  const std::uint64_t one_program = user_frames(*machine);
  const Pid second = *machine->spawn();
  ASSERT_EQ(*machine->exec(second, program, arguments), entry);
  ASSERT_TRUE(machine->touch(second, entry, Access::Execute).ok());
  EXPECT_EQ(frame_at(*machine, second, entry), frame_at(*machine, first, entry));
  EXPECT_LE(user_frames(*machine) - one_program, 1U) << "only the copy of its data page is new";
  EXPECT_EQ(machine->counters().faults.major - before.major, 1U);
}

}  // namespace
}  // namespace pw
