// The kernel's half of the addresses: what is mapped there, that all spaces share it, that no
// program reaches it, and that both views of an isolated space lose what is invalidated.
#include "machine/kernel_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/support/small_machine.hpp"
#include "tests/unit/sim_tables.hpp"

namespace pw {
namespace {

using namespace pw::test;

struct Kind {
  int levels;
  bool kpti;
};

MachineConfig kernel_config(ByteCount ram, Kind kind) {
  MachineConfig config = exact_config(ram);
  config.levels = kind.levels;
  config.kernel_map = true;
  config.kpti = kind.kpti;
  config.signals_kill = false;
  return config;
}

class KernelMapTest : public testing::TestWithParam<Kind> {};

std::string kind_name(const testing::TestParamInfo<Kind>& info) {
  return std::to_string(info.param.levels) + (info.param.kpti ? "LevelsIsolated" : "Levels");
}
INSTANTIATE_TEST_SUITE_P(Kinds, KernelMapTest,
                         testing::Values(Kind{4, false}, Kind{4, true}, Kind{5, false},
                                         Kind{5, true}),
                         kind_name);

// The CPU in the kernel, with a process of its own.
struct InKernel {
  explicit InKernel(Machine& machine) : cpu(machine.mmu().cpu(0)) {
    const Pid pid = *machine.spawn();
    EXPECT_FALSE(machine.touch(pid, VirtAddr(0), Access::Read).ok());
    cpu.enter_kernel();
  }
  ~InKernel() { cpu.leave_kernel(); }
  bool reach(VirtAddr at, Access access) { return cpu.translate(at, access, Mode::Kernel, out); }

  sim::SimCpu& cpu;
  sim::Translation out;
};

// RAM of 2 GiB + 2 * 2 MiB + 3 pages: pages of each size, each leading to its own frame.
TEST_P(KernelMapTest, AllRamIsMappedWithThePagesThatFit) {
  MachineConfig config = kernel_config(2_GiB + 4_MiB + 12_KiB, GetParam());
  config.contents = Contents::MetadataOnly;
  config.verify_each_operation = false;
  for (const bool gigabytes : {true, false}) {
    config.cpu.gigabyte_pages = gigabytes;
    const auto machine = make_machine(config);
    InKernel kernel(*machine);
    const auto expect = [&](std::uint64_t frame, int level) {
      ASSERT_TRUE(kernel.reach(machine->kernel_map()->direct(Pfn(frame)), Access::Write));
      EXPECT_EQ(kernel.out.pfn, Pfn(frame));
      EXPECT_EQ(kernel.out.level, level) << frame;
    };
    const std::uint64_t gigabyte = 1ULL << 18, large = 512;
    for (const std::uint64_t frame : {std::uint64_t{0}, gigabyte - 1, gigabyte, 2 * gigabyte - 1}) {
      expect(frame, gigabytes ? 3 : 2);
    }
    for (const std::uint64_t extra : {std::uint64_t{0}, large - 1, large, 2 * large - 1}) {
      expect(2 * gigabyte + extra, 2);
    }
    for (std::uint64_t extra = 0; extra < 3; ++extra) expect(2 * gigabyte + 2 * large + extra, 1);
    EXPECT_FALSE(kernel.reach(machine->kernel_map()->direct(Pfn(2 * gigabyte + 2 * large + 3)),
                              Access::Read));
    EXPECT_TRUE(machine->verify());
  }
}

TEST(KernelMapSize, AMachineOf64GiBNeedsTwoMegabytesOfCodeAndFewTables) {
  const auto frames = [](int levels, bool gigabytes, bool isolated) {
    const auto pool = FramePool::create(PageCount((64_GiB).value >> kPageShift),
                                        Contents::MetadataOnly);
    const auto map = KernelMap::create(**pool, {levels, gigabytes, isolated});
    EXPECT_TRUE(map);
    EXPECT_EQ((*map)->check(), nullptr);
    EXPECT_EQ((*pool)->total().value - (*pool)->free_frames().value, (*map)->frames());
    EXPECT_EQ((*pool)->table_frames(), 0U) << "page tables are those of programs";
    return (*map)->frames();
  };
  // 512 of code and one of entry code; a root; below it, for RAM a directory of 64 gigabytes, for
  // the entry code three tables, for the code two.
  EXPECT_EQ(frames(4, true, false), 512U + 1 + 1 + 1 + 3 + 2);
  EXPECT_EQ(frames(4, false, false), 512U + 1 + 1 + 1 + 64 + 3 + 2);
  // With five levels one table more for RAM, and one for the two others together.
  EXPECT_EQ(frames(5, true, false), 512U + 1 + 1 + 2 + 3 + 2 + 1);
  // What user mode sees: a root and a path to the entry code.
  EXPECT_EQ(frames(4, true, true), 520U + 4);
  EXPECT_EQ(frames(5, true, true), 522U + 5);
}

TEST_P(KernelMapTest, CodeCannotBeWrittenAndDataCannotBeExecuted) {
  const auto machine = make_machine(kernel_config(64_MiB, GetParam()));
  InKernel kernel(*machine);
  for (const VirtAddr code :
       {KernelMap::kCode, KernelMap::kCode + 2_MiB - ByteCount(1), KernelMap::kEntryCode}) {
    EXPECT_TRUE(kernel.reach(code, Access::Execute));
    EXPECT_TRUE(kernel.reach(code, Access::Read));
    EXPECT_FALSE(kernel.reach(code, Access::Write));
  }
  const VirtAddr data = machine->kernel_map()->direct(Pfn(77));
  EXPECT_TRUE(kernel.reach(data, Access::Write));
  EXPECT_FALSE(kernel.reach(data, Access::Execute));
}

std::vector<Pfn> tables_of_kernel_half(Machine& machine, Pfn root) {
  std::vector<Pfn> found;
  for (unsigned i = 256; i < 512; ++i) {
    const x86::Pte entry{machine.frames().table_memory().table(root)[i]};
    if (entry.present()) found.push_back(entry.pfn());
  }
  return found;
}

TEST_P(KernelMapTest, AllSpacesShareTheKernelsTables) {
  const auto machine = make_machine(kernel_config(4_MiB, GetParam()));
  const std::uint64_t kernel_frames = machine->kernel_map()->frames();
  std::vector<Pid> pids{*machine->spawn(), *machine->spawn()};
  pids.push_back(*machine->fork(pids[0]));
  std::set<Pfn> roots;
  std::set<std::vector<Pfn>> shared, shared_by_users;
  for (const Pid pid : pids) {
    const x86::PageTables& tables = machine->find(pid)->space->tables();
    EXPECT_EQ(tables.isolated(), GetParam().kpti);
    roots.insert({tables.root(), tables.user_root()});
    shared.insert(tables_of_kernel_half(*machine, tables.root()));
    shared_by_users.insert(tables_of_kernel_half(*machine, tables.user_root()));
  }
  EXPECT_EQ(roots.size(), GetParam().kpti ? 6U : 3U);
  ASSERT_EQ(shared.size(), 1U);
  ASSERT_EQ(shared_by_users.size(), 1U);
  // RAM, entry code and code; with five levels the two last lie below one entry.
  EXPECT_EQ(shared.begin()->size(), GetParam().levels == 4 ? 3U : 2U);
  EXPECT_EQ(shared_by_users.begin()->size(), GetParam().kpti ? 1U : shared.begin()->size());
  EXPECT_EQ(machine->counters().table_pages, roots.size());
  for (const Pid pid : pids) ASSERT_TRUE(machine->exit(pid, 0));
  EXPECT_EQ(machine->counters().table_pages, 0U);
  EXPECT_EQ(machine->kernel_map()->frames(), kernel_frames);
  EXPECT_TRUE(machine->spawn());
}

// SIGSEGV; and the CPU says whether there was an entry, which is what isolation is to hide.
TEST_P(KernelMapTest, NothingIsReachableFromUserMode) {
  const auto machine = make_machine(kernel_config(64_MiB, GetParam()));
  const Pid pid = *machine->spawn();
  const VirtAddr own = map(*machine, pid, 4_KiB);
  const auto expect = [&](VirtAddr at, bool present) {
    for (const Access access : {Access::Read, Access::Write, Access::Execute}) {
      const AccessResult result = machine->touch(pid, at, access);
      EXPECT_EQ(result.kind, AccessResult::Kind::Segv);
      EXPECT_EQ(result.code, SignalCode::MapErr);
      std::uint32_t bits = x86::kErrorUser | (present ? x86::kErrorPresent : 0);
      if (access == Access::Write) bits |= x86::kErrorWrite;
      if (access == Access::Execute) bits |= x86::kErrorFetch;
      EXPECT_EQ(result.error_code, bits) << std::hex << at.value;
    }
    EXPECT_TRUE(machine->touch(pid, own, Access::Write).ok());
  };
  const bool visible = !GetParam().kpti;
  const KernelMap& kernel = *machine->kernel_map();
  for (int round = 0; round < 2; ++round) {  // cold, and with the kernel's pages in the TLB
    expect(kernel.direct(Pfn(0)), visible);
    expect(kernel.direct(machine->find(pid)->space->tables().root()), visible);
    expect(KernelMap::kCode, visible);
    expect(KernelMap::kEntryCode, true);
    expect(VirtAddr(~std::uint64_t{0}), false);
  }
  const VirtAddr hole(x86::user_end(GetParam().levels).value + 8);
  const AccessResult wild = machine->touch(pid, hole, Access::Read);
  EXPECT_EQ(wild.kind, AccessResult::Kind::Segv);
  EXPECT_EQ(wild.error_code, 0U) << "a general-protection exception says nothing";
}

TEST(KernelMapLayout, AProgramOf32BitsEndsAt3GiB) {
  MachineConfig config = exact_config(1_MiB);
  config.bits32 = true;
  config.signals_kill = false;
  const auto machine = make_machine(config);
  const Pid pid = *machine->spawn();
  for (const std::uint64_t at : {0xC000'0000ULL, 0xFFFF'FFFFULL}) {
    const AccessResult result = machine->touch(pid, VirtAddr(at), Access::Read);
    EXPECT_EQ(result.kind, AccessResult::Kind::Segv);
    EXPECT_EQ(result.error_code, x86::kErrorUser);
  }
}

TEST(KernelMapLayout, MachinesThatCannotHaveOneSaySo) {
  MachineConfig config = exact_config(64_MiB);
  config.bits32 = true;
  config.kpti = true;
  EXPECT_EQ(Machine::create(config).error().code, Errno::Invalid);
  config.bits32 = false;
  config.ram = 64_KiB;
  EXPECT_EQ(Machine::create(config).error().code, Errno::NoMemory);
}

// Tables right below the root come and go; verify() compares both roots after each call.
TEST_P(KernelMapTest, BothRootsHaveTheSameUserHalf) {
  const auto machine = make_machine(kernel_config(4_MiB, GetParam()));
  const Pid pid = *machine->spawn();
  x86::PageTables& tables = machine->find(pid)->space->tables();
  const auto entries = [&](Pfn root) {
    std::uint64_t n = 0;
    for (unsigned i = 0; i < 256; ++i) {
      n += machine->frames().table_memory().table(root)[i] != 0 ? 1 : 0;
    }
    return n;
  };
  const std::uint64_t step = x86::pages_at(GetParam().levels).value << kPageShift;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    ASSERT_TRUE(map_at(*machine, pid, i * step, 4_KiB));
    ASSERT_TRUE(store(*machine, pid, VirtAddr(i * step), i).ok());
    EXPECT_EQ(entries(tables.root()), i);
    EXPECT_EQ(entries(tables.user_root()), i);
  }
  for (std::uint64_t i = 1; i <= 8; ++i) {
    EXPECT_EQ(load(*machine, pid, VirtAddr(i * step)), i);
    ASSERT_TRUE(machine->munmap(pid, VirtAddr(i * step), 4_KiB));
    EXPECT_EQ(entries(tables.user_root()), 8 - i);
  }
}

TEST_P(KernelMapTest, VerifyFindsAHoleInTheWall) {
  const auto machine = make_machine(kernel_config(4_MiB, GetParam()));
  const Pid pid = *machine->spawn();
  x86::PageTables& tables = machine->find(pid)->space->tables();
  const auto breaks = [&](std::uint64_t& entry, std::uint64_t value) {
    const std::uint64_t before = entry;
    entry = value;
    EXPECT_FALSE(machine->verify());
    entry = before;
    EXPECT_TRUE(machine->verify());
  };
  int level = 0;
  const Vpn direct = page_of(machine->kernel_map()->direct(Pfn(5)));
  x86::Pte* leaf = tables.find_leaf(direct, level);
  ASSERT_NE(leaf, nullptr);
  breaks(leaf->raw, leaf->raw | x86::kUser);
  breaks(leaf->raw, leaf->raw ^ x86::kGlobal);
  breaks(leaf->raw, leaf->raw + (1ULL << kPageShift << 9));
  breaks(leaf->raw, 0);
  std::uint64_t* root = machine->frames().table_memory().table(tables.root());
  std::uint64_t* user_root = machine->frames().table_memory().table(tables.user_root());
  const unsigned index = x86::index_at(direct, GetParam().levels);
  breaks(root[index], 0);
  if (GetParam().kpti) breaks(user_root[index], root[index]);
  breaks(user_root[3], x86::Pte::make(tables.root(), x86::kPresent | x86::kUser).raw);
}

// A kernel mapping changes what is counted, and nothing that a program sees.
TEST_P(KernelMapTest, ProgramsFaultAsOftenAsWithout) {
  const auto run = [](const MachineConfig& config) {
    const auto machine = make_machine(config);
    const Pid pid = *machine->spawn();
    const VirtAddr base = map(*machine, pid, 128_KiB);
    for (std::uint64_t n = 0; n < 32; ++n) EXPECT_TRUE(store(*machine, pid, page(base, n), n).ok());
    const Pid child = *machine->fork(pid);
    for (std::uint64_t n = 0; n < 32; n += 2) {
      EXPECT_TRUE(store(*machine, child, page(base, n), 100 + n).ok());
    }
    for (std::uint64_t n = 0; n < 32; ++n) EXPECT_EQ(load(*machine, pid, page(base, n)), n);
    EXPECT_TRUE(machine->munmap(pid, base, 64_KiB));
    const MachineCounters& counted = machine->counters();
    return std::vector<std::uint64_t>{counted.faults.minor, counted.faults.copy_on_write,
                                      counted.resident_pages, counted.faults.segv};
  };
  EXPECT_EQ(run(kernel_config(4_MiB, GetParam())), run(exact_config(4_MiB)));
}

constexpr Vpn kUserPage{0x12345};

// A space with two roots over the same page, on a CPU that has it in both views' translations.
struct TwoViews : testing::TestWithParam<bool> {
  TwoViews() {
    entry(root) = entry(user_root) = x86::Pte::make(Pfn(99), kPageFlags).raw;
    load();
    EXPECT_TRUE(kernel_reads() && user_reads());
  }
  static sim::CpuConfig config() {
    sim::CpuConfig config;
    config.tlb.pcid = GetParam();
    return config;
  }
  std::uint64_t& entry(Pfn of) { return tables.entry(of, kUserPage, 1); }
  void load() { cpu().load_space(1, root, user_root); }
  sim::SimCpu& cpu() { return mmu.cpu(0); }
  bool reads() { return cpu().translate(address_of(kUserPage), Access::Read, Mode::Kernel, out); }
  bool kernel_reads() {
    cpu().enter_kernel();
    return reads();
  }
  bool user_reads() {
    cpu().leave_kernel();
    return reads();
  }
  void unmap() {
    entry(root) = entry(user_root) = 0;
    mmu.invalidate(1, range_of(kUserPage, PageCount(1)), FlushReason::Unmap, false);
  }

  SimTables tables{4, 32};
  sim::SimMmu mmu{1, config(), tables.memory(), 1};
  Pfn root = tables.new_table(), user_root = tables.new_table();
  sim::Translation out;
};
INSTANTIATE_TEST_SUITE_P(Pcid, TwoViews, testing::Bool());

TEST_P(TwoViews, AnInvalidationInOneViewReachesTheOther) {
  for (const bool from_kernel : {true, false}) {
    EXPECT_TRUE(kernel_reads() && user_reads());
    if (from_kernel) cpu().enter_kernel();
    const std::uint64_t before = cpu().counters().flushes_page;
    unmap();
    EXPECT_EQ(cpu().counters().flushes_page - before, GetParam() ? 2U : 1U);
    EXPECT_FALSE(from_kernel ? kernel_reads() : user_reads());
    EXPECT_FALSE(from_kernel ? user_reads() : kernel_reads());
    entry(root) = entry(user_root) = x86::Pte::make(Pfn(99), kPageFlags).raw;
  }
}

TEST_P(TwoViews, AWholeFlushReachesBoth) {
  cpu().enter_kernel();
  entry(root) = entry(user_root) = 0;
  mmu.drop_space(1, FlushReason::Unmap);
  EXPECT_FALSE(kernel_reads());
  EXPECT_FALSE(user_reads());
}

TEST_P(TwoViews, AnInactiveSpaceLosesBothWhenItComesBack) {
  cpu().load_space(2, tables.new_table());
  unmap();
  load();
  EXPECT_FALSE(kernel_reads());
  EXPECT_FALSE(user_reads());
}

TEST_P(TwoViews, ATranslationOfOneViewIsNotUsedInTheOther) {
  entry(root) = x86::Pte::make(Pfn(7), kPageFlags).raw;
  mmu.invalidate(1, range_of(kUserPage, PageCount(1)), FlushReason::Unmap, false);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(kernel_reads());
    EXPECT_EQ(out.pfn, Pfn(7));
    ASSERT_TRUE(user_reads());
    EXPECT_EQ(out.pfn, Pfn(99));
  }
  EXPECT_EQ(cpu().counters().walks, 2U + (GetParam() ? 2U : 6U));
}

}  // namespace
}  // namespace pw
