// Row MM1: a dump of a machine's RAM, read by a decoder that shares nothing with the machine, says
// the same as the machine: the same pages, frames, rights and bytes, in both directions.
//
// The decoder is written from the Intel SDM alone, vol. 3A, 4.5 (4-level and 5-level paging: what
// the bits of each entry are) and 4.6 (how the rights of the levels combine).
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "base/random.hpp"
#include "tests/support/small_machine.hpp"
#include "tests/support/stores.hpp"

namespace pw {
namespace {

using namespace pw::test;

struct Decoded {
  std::uint64_t physical = 0, size = 0;
  bool write = true, user = true, execute = true;
  bool accessed = false, dirty = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};
using Translations = std::map<std::uint64_t, Decoded>;  // by linear address

class Dump {
 public:
  explicit Dump(Machine& machine)
      : bytes_(machine.frames().total().value * 4096), levels_(machine.config().levels) {
    std::memcpy(bytes_.data(), machine.frames().bytes(Pfn(0)), bytes_.size());
  }

  Translations decode(std::uint64_t cr3) const {
    Translations all;
    table(cr3, levels_, 0, Decoded{}, all);
    return all;
  }
  const std::byte* at(std::uint64_t physical) const { return &bytes_.at(physical); }

 private:
  void table(std::uint64_t base, int level, std::uint64_t linear, const Decoded& above,
             Translations& all) const {
    const int shift = 12 + 9 * (level - 1);
    for (std::uint64_t i = 0; i < 512; ++i) {
      std::uint64_t entry = 0;
      std::memcpy(&entry, at(base + 8 * i), sizeof entry);
      if ((entry >> 0 & 1) == 0) continue;
      Decoded here = above;
      here.write = above.write && (entry >> 1 & 1) != 0;
      here.user = above.user && (entry >> 2 & 1) != 0;
      here.execute = above.execute && (entry >> 63 & 1) == 0;
      here.accessed = (entry >> 5 & 1) != 0;
      here.physical = entry & 0x000F'FFFF'FFFF'F000;
      const bool page = level == 1 || (level <= 3 && (entry >> 7 & 1) != 0);
      const std::uint64_t first = linear | i << shift;
      if (!page) {
        table(here.physical, level - 1, first, here, all);
        continue;
      }
      here.size = std::uint64_t{1} << shift;
      here.dirty = (entry >> 6 & 1) != 0;
      here.physical &= ~((std::uint64_t{1} << shift) - 1);
      const int unused = 64 - (12 + 9 * levels_);
      const auto extended = static_cast<std::int64_t>(first << unused) >> unused;
      all[static_cast<std::uint64_t>(extended)] = here;
    }
  }

  std::vector<std::byte> bytes_;
  int levels_;
};

bool in_user_half(std::uint64_t linear) { return linear >> 63 == 0; }
Translations user_half(const Translations& all) {
  Translations half;
  for (const auto& [linear, page] : all) {
    if (in_user_half(linear)) half[linear] = page;
  }
  return half;
}

enum class Kernel { None, Mapped, Isolated };

struct TableDump : testing::TestWithParam<std::tuple<int, Kernel>> {
  int levels = std::get<0>(GetParam());
  Kernel kernel = std::get<1>(GetParam());
  std::unique_ptr<Machine> machine;
  Pid parent = 0, child = 0, other = 0;
  std::set<std::uint64_t> written;  // pages of `other`

  void SetUp() override {
    MachineConfig config = exact_config(64_MiB);
    config.levels = levels;
    config.kernel_map = kernel != Kernel::None;
    config.kpti = kernel == Kernel::Isolated;
    config.signals_kill = false;
    machine = make_machine(config);
    fill_family();
    fill_other();
  }

  // Anonymous memory, files, a stack and rights of all kinds; then a fork, and copies on write.
  void fill_family() {
    parent = *machine->spawn();
    Random random(7);
    const auto bytes = std::make_shared<std::vector<std::byte>>(64 * 1024, std::byte{0x5A});
    const FileId file = machine->open_file("file", std::make_unique<KeptStore>(bytes));
    const VirtAddr anonymous = map(*machine, parent, 256_KiB);
    const VirtAddr shared = map(*machine, parent, 64_KiB, true);
    const VirtAddr shared_file = map_file(*machine, parent, file, kReadWrite, true);
    const VirtAddr private_file = map_file(*machine, parent, file);
    const VirtAddr program = map_file(*machine, parent, file, kReadExecute);
    const VirtAddr stack_top = *machine->map_stack(parent, 32_KiB) + 32_KiB;
    ASSERT_TRUE(store(*machine, parent, stack_top - ByteCount(64), 1).ok());
    for (std::uint64_t n = 0; n < 16; ++n) {
      touch(parent, page(anonymous, random.below(64)), Access::Write);
      touch(parent, page(anonymous, random.below(64)), Access::Read);
      touch(parent, page(shared, random.below(16)), Access::Write);
      touch(parent, page(shared_file, n), n % 3 == 0 ? Access::Write : Access::Read);
      touch(parent, page(private_file, n), n % 2 == 0 ? Access::Write : Access::Read);
      touch(parent, page(program, n), Access::Execute);
    }
    ASSERT_TRUE(machine->mprotect(parent, anonymous, 16_KiB, kReadOnly));
    ASSERT_TRUE(machine->mprotect(parent, page(anonymous, 8), 16_KiB, kReadExecute));
    ASSERT_TRUE(machine->munmap(parent, page(anonymous, 20), 16_KiB));
    child = *machine->fork(parent);
    for (std::uint64_t n = 24; n < 48; n += 2) {
      touch(child, page(anonymous, n), Access::Write);
      touch(parent, page(anonymous, n + 1), Access::Write);
    }
    touch(child, shared, Access::Write);
  }
  // Single pages all over the space, so that every level of the tables has several entries in use.
  void fill_other() {
    other = *machine->spawn();
    for (int bit = 13; bit < 12 + 9 * levels - 1; bit += 3) {
      const VirtAddr at = *map_at(*machine, other, (1ULL << bit) + (1ULL << 20), 8_KiB);
      ASSERT_TRUE(store(*machine, other, at, at.value).ok());
      written.insert(at.value);
    }
  }
  void touch(Pid pid, VirtAddr at, Access access) {
    ASSERT_TRUE(machine->touch(pid, at, access).ok());
  }
  // What user mode runs on, and the kernel's if that is another.
  std::uint64_t cr3_of(Pid pid) {
    return machine->find(pid)->space->tables().user_root().value * 4096;
  }
  std::uint64_t kernel_cr3_of(Pid pid) {
    return machine->find(pid)->space->tables().root().value * 4096;
  }

  // The frame that areas and slots say is behind a page, and whether it may be written in place.
  std::pair<Pfn, bool> truth(AddressSpace& space, const Vma& area, Vpn vpn) {
    if (!area.shared) {
      const PageSlot slot = space.private_object().slots.get(area.space->private_at(vpn));
      if (slot.is_resident()) return {slot.pfn(), true};
    }
    if (area.backing == nullptr) return {machine->core().zero_frame, false};
    const PageSlot slot = area.backing->slots.get(area.backing_at(vpn));
    return {slot.is_resident() ? slot.pfn() : kNoFrame, area.shared};
  }
  void compare_page(const Dump& dump, Pid pid, std::uint64_t linear, const Decoded& page) {
    SCOPED_TRACE(testing::Message() << std::hex << "process " << pid << " page " << linear);
    AddressSpace& space = *machine->find(pid)->space;
    const Vpn vpn = page_of(VirtAddr(linear));
    const Vma* area = space.find(vpn);
    ASSERT_NE(area, nullptr) << "a translation outside all areas";
    EXPECT_EQ(page.size, 4096U);
    EXPECT_TRUE(page.user);
    EXPECT_EQ(page.execute, area->rights.execute);
    const auto [frame, in_place] = truth(space, *area, vpn);
    EXPECT_EQ(page.physical, frame.value * 4096);
    EXPECT_TRUE(!page.write || (area->rights.write && in_place));
    std::vector<std::byte> bytes(4096);
    ASSERT_TRUE(machine->read(pid, VirtAddr(linear), bytes).ok());
    EXPECT_EQ(std::memcmp(bytes.data(), dump.at(page.physical), bytes.size()), 0);
  }
};

INSTANTIATE_TEST_SUITE_P(Machines, TableDump,
                         testing::Combine(testing::Values(4, 5),
                                          testing::Values(Kernel::None, Kernel::Mapped,
                                                          Kernel::Isolated)));

TEST_P(TableDump, HasTheMachinesTranslationsAndNoOthers) {
  const Dump dump(*machine);
  for (const Pid pid : {parent, child, other}) {
    const Translations pages = user_half(dump.decode(cr3_of(pid)));
    EXPECT_GT(pages.size(), 10U);
    // Whatever the machine has mapped is in the dump...
    for (const Vma& area : machine->find(pid)->space->areas()) {
      for (Vpn vpn = area.range().begin; vpn < area.range().end; vpn = vpn + PageCount(1)) {
        const Pfn frame = frame_at(*machine, pid, address_of(vpn));
        const auto found = pages.find(address_of(vpn).value);
        ASSERT_EQ(found != pages.end(), frame != kNoFrame);
        if (found == pages.end()) continue;
        EXPECT_EQ(found->second.physical, frame.value * 4096);
      }
    }
    // ... and what is in the dump is what areas and slots say.
    for (const auto& [linear, page] : pages) compare_page(dump, pid, linear, page);
  }
}

TEST_P(TableDump, HasTheBytesAndTheMarksOfEveryPageWritten) {
  const Dump dump(*machine);
  const Translations pages = user_half(dump.decode(cr3_of(other)));
  std::set<std::uint64_t> found;
  for (const auto& [linear, page] : pages) {
    found.insert(linear);
    EXPECT_TRUE(page.write && page.accessed && page.dirty && !page.execute);
    EXPECT_EQ(std::memcmp(dump.at(page.physical), &linear, sizeof linear), 0);
  }
  EXPECT_EQ(found, written);
}

// What the decoded rights permit succeeds without a fault, and nothing else does.
TEST_P(TableDump, PermitsWhatTheMachineDoesWithoutAFault) {
  const Dump dump(*machine);
  unsigned granted = 0, refused = 0;
  for (const Pid pid : {parent, child, other}) {
    for (const auto& [linear, page] : user_half(dump.decode(cr3_of(pid)))) {
      for (const Access access : {Access::Read, Access::Execute, Access::Write}) {
        const bool expected = access == Access::Read ||
                              (access == Access::Write ? page.write : page.execute);
        const std::uint64_t before = machine->tlb_counters().faulting_walks;
        machine->touch(pid, VirtAddr(linear), access);
        EXPECT_EQ(machine->tlb_counters().faulting_walks == before, expected)
            << pid << ' ' << std::hex << linear << ' ' << static_cast<int>(access);
        ++(expected ? granted : refused);
      }
    }
  }
  EXPECT_GT(granted, 100U);
  EXPECT_GT(refused, 100U);
}

// All RAM one to one, and the kernel's code, for the kernel alone.
TEST_P(TableDump, HasTheKernelsHalf) {
  const Dump dump(*machine);
  const std::uint64_t ram = machine->config().ram.value;
  const std::uint64_t direct = levels == 4 ? 0xFFFF'8880'0000'0000 : 0xFF11'0000'0000'0000;
  for (const Pid pid : {parent, child, other}) {
    std::map<std::uint64_t, std::uint64_t> executable;
    std::uint64_t covered = 0;
    for (const auto& [linear, page] : dump.decode(kernel_cr3_of(pid))) {
      if (in_user_half(linear)) continue;
      EXPECT_FALSE(page.user);
      if (page.execute) executable[linear] = page.size;
      if (linear < direct || linear >= direct + ram) continue;
      EXPECT_EQ(page.physical, linear - direct);
      EXPECT_TRUE(page.write && !page.execute);
      covered += page.size;
    }
    const bool mapped = kernel != Kernel::None;
    EXPECT_EQ(covered, mapped ? ram : 0);
    EXPECT_EQ(executable.size(), mapped ? 2U : 0U);
    EXPECT_EQ(executable[KernelMap::kCode.value], mapped ? 2U << 20 : 0U);
    EXPECT_EQ(executable[KernelMap::kEntryCode.value], mapped ? 4096U : 0U);
  }
}

// Isolated, user mode sees the entry code and nothing else of the kernel, and the kernel sees the
// user's pages as they are, but will not run them (pti_set_user_pgtbl(), Linux arch/x86/mm/pti.c).
TEST_P(TableDump, HasTwoViewsOfAnIsolatedSpace) {
  const Dump dump(*machine);
  for (const Pid pid : {parent, child, other}) {
    Translations user = dump.decode(cr3_of(pid)), whole = dump.decode(kernel_cr3_of(pid));
    if (kernel != Kernel::Isolated) {
      EXPECT_TRUE(user == whole);
      continue;
    }
    EXPECT_EQ(user.erase(KernelMap::kEntryCode.value), 1U);
    for (auto& [linear, page] : user) page.execute = false;
    EXPECT_TRUE(user == user_half(whole));
  }
}

}  // namespace
}  // namespace pw
