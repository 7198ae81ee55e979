// Two-dimensional walks: their references, the faults of each dimension, the bits they set, and
// random tables against a translation in two plain steps.
#include "arch/x86/nested_walk.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "base/random.hpp"
#include "ports/sim/sim_cpu.hpp"
#include "unit/sim_tables.hpp"

namespace pw {
namespace {

using test::kPageFlags;
using x86::kAccessed;
using x86::kDirty;
using x86::NestedEnd;
using x86::NestedWalk;
using x86::Pte;

constexpr VirtAddr kAddress{0x7F12'3456'7ABCULL};
constexpr Vpn kVpn = page_of(kAddress);
constexpr Pfn kHostPage{0x4'0000};  // what the page of the access is in the host, for any leaf
constexpr std::uint64_t kFrames = 96;

// The guest's frame kGuest + n is the host's frame n, for the tables; the nested leaves for them
// have the size `table_leaf`.
constexpr Pfn kGuest{0x8'0000};
constexpr Pfn kGuestPage{0xC'0000};

class Guest {
 public:
  Guest(int guest_levels, int nested_levels, int table_leaf = 1)
      : rules{guest_levels},
        nested_rules{nested_levels},
        host(nested_levels, kFrames),
        nested_root(host.new_table()),
        table_leaf_(table_leaf),
        root(new_table()) {}

  Pfn new_table() {
    const Pfn frame = host.new_table();
    const Pfn guest = kGuest + (frame - Pfn(0));
    const Pfn first(frame.value & ~(x86::pages_at(table_leaf_).value - 1));
    if (!Pte{nested_entry(guest, table_leaf_)}.present()) {
      host.map(nested_root, Vpn(guest.value), table_leaf_, first, kPageFlags);
    }
    return guest;
  }
  // An entry of the guest's tables, with those above it made as needed.
  std::uint64_t& entry(Vpn vpn, int level) {
    Pfn table = root;
    for (int l = rules.levels; l > level; --l) {
      std::uint64_t& upper = word(table, x86::index_at(vpn, l));
      if (!Pte{upper}.present()) upper = Pte::make(new_table(), kPageFlags).raw;
      table = Pte{upper}.pfn();
    }
    return word(table, x86::index_at(vpn, level));
  }
  std::uint64_t& entry(int level) { return entry(kVpn, level); }
  Pfn table_at(int level) { return level == rules.levels ? root : Pte{entry(level + 1)}.pfn(); }
  PhysAddr entry_address(int level) {
    return PhysAddr(address_of(table_at(level)).value + x86::index_at(kVpn, level) * 8ULL);
  }
  std::uint64_t& nested_entry(Pfn guest, int level) {
    return host.entry(nested_root, Vpn(guest.value), level);
  }
  // Maps the page of the access in both dimensions.
  void map(int guest_leaf, int nested_leaf) {
    entry(guest_leaf) = Pte::make(kGuestPage, kPageFlags | (guest_leaf > 1 ? x86::kLarge : 0)).raw;
    host.map(nested_root, Vpn(page(guest_leaf).value), nested_leaf, kHostPage, kPageFlags);
  }
  // The guest frame of the access, if a leaf of this level maps it.
  static Pfn page(int guest_leaf) {
    return kGuestPage + PageCount(kVpn.value & (x86::pages_at(guest_leaf).value - 1));
  }
  NestedWalk walk(Access access, Mode mode = Mode::User, VirtAddr address = kAddress) {
    NestedWalk out;
    x86::NestedWalker(rules, nested_rules)
        .walk(host.memory(), nested_root, root, address, access, mode, out);
    return out;
  }

  x86::WalkRules rules, nested_rules;
  test::SimTables host;
  Pfn nested_root;

 private:
  std::uint64_t& word(Pfn guest_table, unsigned index) {
    return host.memory().table(Pfn(guest_table.value - kGuest.value))[index];
  }
  int table_leaf_;

 public:
  Pfn root;  // made last: it takes a frame and a nested leaf
};

TEST(NestedWalk, FourByFourReads24EntriesAndFiveByFiveReads35) {
  const auto cold = [](int guest_levels, int nested_levels) {
    Guest guest(guest_levels, nested_levels);
    guest.map(1, 1);
    const NestedWalk out = guest.walk(Access::Read);
    EXPECT_EQ(out.end, NestedEnd::Mapped);
    return out.references;
  };
  EXPECT_EQ(cold(4, 4), 24U);
  EXPECT_EQ(cold(4, 5), 29U);
  EXPECT_EQ(cold(5, 4), 29U);
  EXPECT_EQ(cold(5, 5), 35U);
}

// Leaves of every size, for the guest's page, for the host's, and for where the guest's tables are.
TEST(NestedWalk, LargeLeavesInEitherDimensionSaveTheirReferences) {
  for (const int guest_levels : {4, 5}) {
    for (const int nested_levels : {4, 5}) {
      for (int combination = 0; combination < 27; ++combination) {
        const int guest_leaf = combination % 3 + 1, nested_leaf = combination / 3 % 3 + 1;
        const int table_leaf = combination / 9 + 1;
        Guest guest(guest_levels, nested_levels, table_leaf);
        guest.map(guest_leaf, nested_leaf);
        const NestedWalk out = guest.walk(Access::Write);
        ASSERT_EQ(out.end, NestedEnd::Mapped);
        const int tables = guest_levels - guest_leaf + 1;
        const int expected = tables * (1 + nested_levels - table_leaf + 1) + nested_levels -
                             nested_leaf + 1;
        EXPECT_EQ(out.references, static_cast<unsigned>(expected)) << combination;
        EXPECT_EQ(out.guest.references, static_cast<unsigned>(tables));
        const std::uint64_t within = Guest::page(guest_leaf).value &
                                     (x86::pages_at(nested_leaf).value - 1);
        EXPECT_EQ(out.frame, kHostPage + PageCount(within));
        EXPECT_EQ(out.guest_address.value,
                  address_of(Guest::page(guest_leaf)).value + offset_in_page(kAddress));
      }
    }
  }
}

struct NestedFaults : ::testing::TestWithParam<std::pair<int, int>> {
  Guest guest{GetParam().first, GetParam().second};
  unsigned nested_levels = static_cast<unsigned>(GetParam().second);
  void SetUp() override { guest.map(1, 1); }
  // Entries read when the guest's entry of `level` is the last one.
  unsigned references_down_to(int level) const {
    return static_cast<unsigned>(GetParam().first - level + 1) * (nested_levels + 1);
  }
};
INSTANTIATE_TEST_SUITE_P(Levels, NestedFaults,
                         ::testing::Values(std::pair(4, 4), std::pair(4, 5), std::pair(5, 4),
                                           std::pair(5, 5)));

TEST_P(NestedFaults, TheGuestsOwnFaultsAreThoseOfAnOrdinaryWalk) {
  for (int level = 1; level <= GetParam().first; ++level) {
    std::uint64_t& entry = guest.entry(level);
    const std::uint64_t saved = entry;
    entry &= ~x86::kWritable;
    NestedWalk out = guest.walk(Access::Write);
    EXPECT_EQ(out.end, NestedEnd::GuestFault);
    EXPECT_EQ(out.guest.error_code, x86::kErrorPresent | x86::kErrorWrite | x86::kErrorUser);
    EXPECT_EQ(out.references, references_down_to(1));
    entry &= ~x86::kPresent;
    out = guest.walk(Access::Execute, Mode::Kernel);
    EXPECT_EQ(out.end, NestedEnd::GuestFault);
    EXPECT_EQ(out.guest.error_code, x86::kErrorFetch);
    EXPECT_EQ(out.references, references_down_to(level));
    entry = saved;
  }
}

TEST_P(NestedFaults, AMissingGuestTableIsReportedWithTheAddressOfItsEntry) {
  for (int level = 1; level <= GetParam().first; ++level) {
    std::uint64_t& leaf = guest.nested_entry(guest.table_at(level), 1);
    const std::uint64_t saved = leaf;
    leaf &= ~x86::kPresent;
    const NestedWalk out = guest.walk(Access::Read);
    EXPECT_EQ(out.end, NestedEnd::NestedFault);
    EXPECT_TRUE(out.for_table);
    EXPECT_EQ(out.guest_address, guest.entry_address(level));
    EXPECT_EQ(out.nested.error_code, x86::kErrorWrite | x86::kErrorUser);
    EXPECT_EQ(out.guest.level, level);
    EXPECT_EQ(out.references, references_down_to(level) - 1);  // all but the guest's entry itself
    leaf = saved;
  }
}

TEST_P(NestedFaults, AMissingPageIsReportedWithItsAddress) {
  guest.nested_entry(Guest::page(1), 1) = 0;
  const NestedWalk out = guest.walk(Access::Execute, Mode::Kernel);
  EXPECT_EQ(out.end, NestedEnd::GuestFault) << "SMEP is the guest's affair and comes first";
  const NestedWalk fetch = guest.walk(Access::Execute);
  EXPECT_EQ(fetch.end, NestedEnd::NestedFault);
  EXPECT_FALSE(fetch.for_table);
  EXPECT_EQ(fetch.guest_address.value, address_of(Guest::page(1)).value + offset_in_page(kAddress));
  EXPECT_EQ(fetch.nested.error_code, x86::kErrorFetch | x86::kErrorUser);
  EXPECT_EQ(fetch.references, references_down_to(1) + nested_levels);
}

TEST_P(NestedFaults, NestedRightsHoldForThePageWhateverTheGuestGrants) {
  std::uint64_t& leaf = guest.nested_entry(Guest::page(1), 1);
  leaf = (leaf & ~x86::kWritable) | x86::kNoExecute;
  EXPECT_EQ(guest.walk(Access::Read).end, NestedEnd::Mapped);
  for (const Mode mode : {Mode::User, Mode::Kernel}) {
    const NestedWalk out = guest.walk(Access::Write, mode);
    EXPECT_EQ(out.end, NestedEnd::NestedFault);
    EXPECT_EQ(out.nested.error_code, x86::kErrorPresent | x86::kErrorWrite | x86::kErrorUser);
  }
  EXPECT_EQ(guest.walk(Access::Execute).end, NestedEnd::NestedFault);
  leaf &= ~x86::kUser;  // all nested accesses are the user's, the guest's kernel's too
  EXPECT_EQ(guest.walk(Access::Read, Mode::Kernel).end, NestedEnd::NestedFault);
}

TEST_P(NestedFaults, AReadThroughWriteProtectedTablesFaultsInTheNestedDimension) {
  guest.nested_entry(guest.table_at(2), 1) &= ~x86::kWritable;
  const NestedWalk out = guest.walk(Access::Read);
  EXPECT_EQ(out.end, NestedEnd::NestedFault);
  EXPECT_TRUE(out.for_table);
  EXPECT_EQ(out.guest_address, guest.entry_address(2));
  EXPECT_EQ(out.nested.error_code, x86::kErrorPresent | x86::kErrorWrite | x86::kErrorUser);
}

TEST_P(NestedFaults, SetsAccessedAndDirtyInBothDimensions) {
  const auto bits = [](std::uint64_t entry) { return entry & (kAccessed | kDirty); };
  EXPECT_EQ(guest.walk(Access::Read).end, NestedEnd::Mapped);
  for (int level = 1; level <= GetParam().first; ++level) {
    EXPECT_EQ(bits(guest.entry(level)), kAccessed);
    EXPECT_EQ(bits(guest.nested_entry(guest.table_at(level), 1)), kAccessed | kDirty);
    EXPECT_EQ(bits(guest.nested_entry(guest.table_at(level), 2)), kAccessed);
  }
  EXPECT_EQ(bits(guest.nested_entry(Guest::page(1), 1)), kAccessed);
  EXPECT_EQ(guest.walk(Access::Write).end, NestedEnd::Mapped);
  EXPECT_EQ(bits(guest.entry(1)), kAccessed | kDirty);
  EXPECT_EQ(bits(guest.nested_entry(Guest::page(1), 1)), kAccessed | kDirty);
}

TEST_P(NestedFaults, AGuestFaultMarksOnlyNestedEntries) {
  guest.entry(1) &= ~x86::kUser;
  EXPECT_EQ(guest.walk(Access::Read).end, NestedEnd::GuestFault);
  for (int level = 1; level <= GetParam().first; ++level) {
    EXPECT_EQ(guest.entry(level) & kAccessed, 0U);
    EXPECT_NE(guest.nested_entry(guest.table_at(level), 1) & kAccessed, 0U);
  }
}

TEST_P(NestedFaults, NonCanonicalAddressesReadNothing) {
  const VirtAddr address(1ULL << (x86::linear_bits(GetParam().first) - 1));
  const NestedWalk out = guest.walk(Access::Read, Mode::User, address);
  EXPECT_EQ(out.end, NestedEnd::NonCanonical);
  EXPECT_EQ(out.references, 0U);
}

// Guest-physical addresses have no sign: the upper half of what the tables reach is like the lower.
TEST(NestedWalk, GuestPhysicalAddressesReachAsFarAsTheNestedTables) {
  Guest guest(4, 4);
  guest.map(1, 1);
  const Pfn high(1ULL << 35), beyond(1ULL << 36);
  guest.entry(1) = Pte::make(high, kPageFlags).raw;
  guest.host.map(guest.nested_root, Vpn(high.value), 1, kHostPage, kPageFlags);
  EXPECT_EQ(guest.walk(Access::Read).end, NestedEnd::Mapped);
  guest.entry(1) = Pte::make(beyond, kPageFlags).raw;
  const NestedWalk out = guest.walk(Access::Write);
  EXPECT_EQ(out.end, NestedEnd::NestedFault);
  EXPECT_EQ(out.nested.error_code, x86::kErrorWrite | x86::kErrorUser);
  EXPECT_EQ(out.references, 20U);
}

// --- random tables

constexpr unsigned kPhysicalBits = 48;
constexpr std::uint64_t kReservedBit = 1ULL << 50;

struct Step {  // of the plain translation
  bool present = false, granted = false;
  std::uint64_t address = 0;
  std::vector<std::uint64_t*> entries;
};

// One dimension, entry by entry; `read(address)` gives the entry there, or null.
template <class Read>
Step plain_step(std::uint64_t root, int levels, std::uint64_t address, Access access, bool user,
                Read read) {
  Step step;
  bool write = true, users = true, execute = true;
  std::uint64_t table = root << 12;
  for (int shift = 12 + 9 * (levels - 1); shift >= 12; shift -= 9) {
    std::uint64_t* entry = read(table + (address >> shift) % 512 * 8);
    if (entry == nullptr) return step;
    step.entries.push_back(entry);
    if (*entry % 2 == 0 || (*entry & kReservedBit) != 0) return step;
    write = write && (*entry & 2) != 0;
    users = users && (*entry & 4) != 0;
    execute = execute && *entry >> 63 == 0;
    table = *entry & 0x000F'FFFF'FFFF'F000ULL;
    if (shift > 12 && (*entry & 0x80) == 0) continue;
    const std::uint64_t size = 1ULL << shift;
    step.present = true;
    step.address = (table & ~(size - 1)) + address % size;
    step.granted = (users || !user) && (write || access != Access::Write) &&
                   (access != Access::Execute || (execute && (user || !users)));
    return step;
  }
  return step;
}

struct Plain {
  NestedEnd end = NestedEnd::Mapped;
  std::uint64_t guest_address = 0;
  std::uint64_t frame = 0;
  unsigned references = 0;
};

void mark(const Step& step, Access access) {
  for (std::uint64_t* entry : step.entries) *entry |= 1U << 5;
  if (access == Access::Write) *step.entries.back() |= 1U << 6;
}

Plain plain_translation(std::vector<std::uint64_t>& words, const Guest& guest, VirtAddr address,
                        Access access, Mode mode) {
  Plain plain;
  const auto in_host = [&](std::uint64_t at) { return &words[at / 8]; };
  const auto nested = [&](std::uint64_t at, Access kind) {
    plain.guest_address = at;
    Step step = plain_step(guest.nested_root.value, guest.nested_rules.levels, at, kind, true,
                           in_host);
    plain.references += static_cast<unsigned>(step.entries.size());
    if (step.granted) mark(step, kind);
    return step;
  };
  bool lost = false;
  const Step linear = plain_step(guest.root.value, guest.rules.levels, address.value, access,
                                 mode == Mode::User, [&](std::uint64_t at) -> std::uint64_t* {
                                   const Step step = nested(at, Access::Write);
                                   lost = !step.granted;
                                   return lost ? nullptr : in_host(step.address);
                                 });
  plain.references += static_cast<unsigned>(linear.entries.size());
  plain.end = lost ? NestedEnd::NestedFault : NestedEnd::GuestFault;
  if (lost || !linear.granted) return plain;
  mark(linear, access);
  const Step page = nested(linear.address, access);
  plain.end = page.granted ? NestedEnd::Mapped : NestedEnd::NestedFault;
  plain.frame = page.address >> 12;
  return plain;
}

// Takes rights, presence or validity from an entry now and then.
void disturb(Random& random, std::uint64_t& entry) {
  constexpr std::uint64_t kTaken[] = {x86::kPresent, x86::kWritable, x86::kUser};
  if (random.chance(10)) entry &= ~kTaken[random.below(3)];
  if (random.chance(15)) entry |= x86::kNoExecute;
  if (random.chance(60)) entry |= kReservedBit;
}

std::vector<VirtAddr> random_guest(Random& random, Guest& guest) {
  std::vector<VirtAddr> addresses;
  guest.rules.physical_bits = guest.nested_rules.physical_bits = kPhysicalBits;
  for (int i = 0; i < 6; ++i) {
    const VirtAddr at((i % 2 == 0 ? kAddress.value : 0) ^ random.below(3) << 30 ^
                      random.below(3) << 21 ^ random.below(4) << 12 ^ random.below(4096));
    addresses.push_back(at);
    const int leaf = 1 + static_cast<int>(random.below(3));
    bool covered = false;  // by a larger leaf, or by a table
    for (int level = guest.rules.levels; level > leaf && !covered; --level) {
      covered = Pte{guest.entry(page_of(at), level)}.leaf_at(level);
    }
    if (covered || guest.entry(page_of(at), leaf) != 0) continue;
    const Pfn page = kGuestPage + PageCount((random.below(2) + 1) << 18);
    guest.entry(page_of(at), leaf) = Pte::make(page, kPageFlags | (leaf > 1 ? x86::kLarge : 0)).raw;
    const std::uint64_t within = page_of(at).value % x86::pages_at(leaf).value;
    const Vpn nested(page.value + within);
    const int nested_leaf = leaf == 1 ? 1 : 1 + static_cast<int>(random.below(2));
    if (Pte{guest.host.entry(guest.nested_root, nested, 2)}.leaf_at(2)) continue;
    if (guest.host.entry(guest.nested_root, nested, nested_leaf) != 0) continue;
    const Pfn host(random.below(64) << 18);
    guest.host.map(guest.nested_root, nested, nested_leaf, host, kPageFlags);
  }
  // Frames in use are dense: every entry in them, of either dimension, may be disturbed.
  std::uint64_t* words = guest.host.memory().table(Pfn(0));
  for (std::uint64_t i = 0; i < kFrames * x86::kEntriesPerTable; ++i) {
    if (words[i] != 0 && random.chance(3)) disturb(random, words[i]);
  }
  return addresses;
}

TEST(NestedWalk, AgreesWithATranslationInTwoPlainStepsOnRandomTables) {
  unsigned ends[4] = {};
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Guest guest(4 + static_cast<int>(random.below(2)), 4 + static_cast<int>(random.below(2)));
    const std::vector<VirtAddr> addresses = random_guest(random, guest);
    std::uint64_t* memory = guest.host.memory().table(Pfn(0));
    std::vector<std::uint64_t> words(memory, memory + kFrames * x86::kEntriesPerTable);
    for (int i = 0; i < 24; ++i) {
      const VirtAddr at = addresses[random.below(addresses.size())];
      const auto access = static_cast<Access>(random.below(3));
      const auto mode = static_cast<Mode>(random.below(2));
      const NestedWalk out = guest.walk(access, mode, at);
      const Plain plain = plain_translation(words, guest, at, access, mode);
      ASSERT_EQ(out.end, plain.end);
      ASSERT_EQ(out.references, plain.references);
      ASSERT_EQ(out.guest_address.value, plain.guest_address);
      if (out.end == NestedEnd::Mapped) {
        ASSERT_EQ(out.frame.value, plain.frame);
      }
      ++ends[static_cast<unsigned>(out.end)];
    }
    ASSERT_TRUE(std::equal(words.begin(), words.end(), memory)) << "A and D bits differ";
  }
  for (const NestedEnd end : {NestedEnd::Mapped, NestedEnd::GuestFault, NestedEnd::NestedFault}) {
    EXPECT_GT(ends[static_cast<unsigned>(end)], 3000U);
  }
}

// --- what a simulated CPU counts that runs as a guest

TEST(NestedWalk, ASimulatedCpuCountsTheReferencesOfAGuest) {
  for (const int levels : {4, 5}) {
    for (const int nested_levels : {4, 5}) {
      test::SimTables tables(levels, 16);
      const Pfn root = tables.new_table();
      tables.map(root, kVpn, 1, kHostPage, kPageFlags);
      sim::CpuConfig config;
      config.levels = levels;
      config.nested_levels = nested_levels;
      sim::SimCpu cpu(config, tables.memory(), 1);
      cpu.load_space(1, root);
      const auto counted = [&](VirtAddr at, Access access) {
        const sim::TlbCounters before = cpu.counters();
        sim::Translation out;
        cpu.translate(at, access, Mode::User, out);
        const sim::TlbCounters after = cpu.counters();
        return after.walk_references - before.walk_references + after.faulting_walk_references -
               before.faulting_walk_references;
      };
      const auto g = static_cast<unsigned>(levels), n = static_cast<unsigned>(nested_levels);
      const VirtAddr elsewhere(1ULL << (x86::linear_bits(levels) - 2));
      EXPECT_EQ(counted(elsewhere, Access::Read), n + 1) << "a fault at the root of the guest";
      EXPECT_EQ(counted(kAddress, Access::Read), g * (n + 1) + n);
      EXPECT_EQ(counted(kAddress, Access::Read), 0U);
      EXPECT_EQ(counted(kAddress, Access::Write), (n + 1) + n) << "to set D, from the walk cache";
    }
  }
}

}  // namespace
}  // namespace pw
