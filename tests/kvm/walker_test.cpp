// Our walker against the processor's (or KVM's, on a host that walks in software): random tables,
// one access at a time, with the same verdict, error code, fault address, and A and D bits.
//
// A and D are compared after accesses that succeed, on the way to their page: a walk that ends in a
// fault may leave A behind in what it read (SDM vol. 3A 4.8).
// PAGEWRIGHT_LONG_TESTS in the environment: ten times as many tables.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"
#include "kvm/tiny_guest.hpp"
#include "support/long_tests.hpp"

namespace pw {
namespace {

using kvm::TinyGuest;
using kvm::Verdict;

constexpr std::uint64_t kMemory = 64ULL << 20;
constexpr unsigned kTreesPerGuest = 100, kAccessesPerTree = 64, kAddressesPerTree = 12;
constexpr unsigned kGuests = 4, kLongFactor = 10;

// One random tree, in the guest's memory and, to be walked by us, in a twin of it.
class Tree {
 public:
  Tree(Random& random, TinyGuest& guest, kvm::HostBytes& twin, Pfn& next_table)
      : random_(random), guest_(guest), twin_(twin), next_(next_table), rules_(guest.abilities()) {
    if (random.chance(2)) rules_.levels = 4;
    rules_.smep &= random.chance(2);
    rules_.smap &= random.chance(3);
    first_ = next_;
    root_ = new_table();
    *guest_.memory().entry(root_, kvm::kSystemIndex) = guest_.system_entry(rules_.levels).raw;
    for (unsigned i = 0; i < kAddressesPerTree; ++i) add(random_address());
    const std::uint64_t begin = address_of(first_).value, end = address_of(next_).value;
    std::memcpy(twin.data() + begin, guest.memory().table(first_), end - begin);
  }

  Pfn root() const { return root_; }
  const x86::WalkRules& rules() const { return rules_; }
  x86::TableMemory twin() const { return x86::TableMemory(twin_.data()); }

  // One of the addresses with something behind it, or one nearby, or nonsense; even, as what is
  // fetched has two bytes.
  VirtAddr pick() {
    const VirtAddr known = addresses_[random_.below(addresses_.size())];
    const VirtAddr at((known.value & ~(kPageSize - 1)) | random_.below(kPageSize / 2) * 2);
    if (random_.chance(40)) return VirtAddr(at.value ^ 1ULL << (47 + random_.below(16)));
    if (random_.chance(20)) return VirtAddr(at.value ^ 1ULL << (12 + random_.below(35)));
    return at;
  }
  // The entries that a walk for `at` reads, as they are in `memory`.
  std::vector<std::uint64_t> path(x86::TableMemory memory, VirtAddr at) const {
    std::vector<std::uint64_t> entries;
    Pfn table = root_;
    for (int level = rules_.levels; level > 0; --level) {
      entries.push_back(*memory.entry(table, x86::index_at(page_of(at), level)));
      const x86::Pte entry{entries.back()};
      if (entry.leaf_at(level)) break;
      table = entry.pfn();
    }
    return entries;
  }

 private:
  Pfn new_table() {
    PW_CHECK(address_of(next_).value + kPageSize <= twin_.size());
    const Pfn table = next_;
    next_ = next_ + PageCount(1);
    return table;
  }
  // What lies below 1 GiB is in the data, whatever the size of the leaf. Entry 256 of level 4 is
  // left out: where KVM runs guests without hardware virtualization (kvm-pvm) it keeps that for
  // itself in user mode, whatever the guest's tables say.
  VirtAddr random_address() {
    constexpr std::array<std::uint64_t, 6> kTop{0, 1, 255, 259, 300, 510};
    const auto top = [&] { return kTop[random_.below(kTop.size())]; };
    std::uint64_t at = random_.below(4) << 12 | (2 + random_.below(2)) << 21 |
                       random_.below(3) << 30 | top() << 39;
    unsigned bits = 48;
    if (rules_.levels == 5) {
      at |= top() << 48;
      bits = 57;
    }
    const bool negative = (at >> (bits - 1) & 1) != 0;
    return VirtAddr(negative ? at | ~std::uint64_t{0} << bits : at);
  }
  // Flags for an entry: mostly all rights, so that whole walks are granted often enough; in the
  // bits that the processor ignores, anything.
  std::uint64_t random_flags() {
    constexpr std::uint64_t kIgnored = 0x7FFULL << 52 | 3ULL << 9;
    std::uint64_t flags = x86::kPresent | x86::kWritable | x86::kUser;
    if (random_.chance(40)) flags &= ~x86::kPresent;
    if (random_.chance(10)) flags &= ~x86::kWritable;
    if (random_.chance(10)) flags &= ~x86::kUser;
    if (random_.chance(12)) flags |= x86::kNoExecute;
    if (random_.chance(3)) flags |= random_.next() & kIgnored;
    if (random_.chance(8)) flags |= x86::kAccessed;
    if (random_.chance(60) && rules_.physical_bits < 52) {
      flags |= 1ULL << (rules_.physical_bits + random_.below(52 - rules_.physical_bits));
    }
    return flags;
  }
  std::uint64_t random_leaf(int level) {
    std::uint64_t flags = random_flags() | (random_.chance(4) ? x86::kDirty : 0);
    if (random_.chance(8)) flags |= x86::kGlobal;
    const std::uint64_t size = bytes_of(x86::pages_at(level)).value;
    std::uint64_t place = 0;  // of a leaf of 1 GiB
    if (level < 3) place = kvm::kDataBegin + random_.below((8 - 4) * (1ULL << 20) / size) * size;
    if (level > 1) {
      flags |= x86::kLarge;
      if (random_.chance(6)) flags |= 1ULL << 12;  // PAT
      if (random_.chance(30)) flags |= 1ULL << (13 + random_.below(level == 2 ? 8 : 17));
    }
    return place | flags;
  }
  void add(VirtAddr at) {
    addresses_.push_back(at);
    const int leaf = random_.chance(2) ? 1 : 2 + static_cast<int>(random_.below(2));
    Pfn table = root_;
    for (int level = rules_.levels; level > leaf; --level) {
      std::uint64_t& upper = *guest_.memory().entry(table, x86::index_at(page_of(at), level));
      if (upper == 0) {
        const bool odd = level >= 4 && random_.chance(40);  // PS has no meaning there
        upper = x86::Pte::make(new_table(), random_flags() | (odd ? x86::kLarge : 0)).raw;
      }
      if (level < 4 && (upper & x86::kLarge) != 0) return;
      // Whatever the entry says, what lies below it is ours; its reserved bits do not lead there.
      const std::uint64_t mask = (std::uint64_t{1} << rules_.physical_bits) - 1;
      table = Pfn((upper & x86::kAddressMask & mask) >> kPageShift);
    }
    std::uint64_t& entry = *guest_.memory().entry(table, x86::index_at(page_of(at), leaf));
    if (entry == 0) entry = random_leaf(leaf);
  }

  Random& random_;
  TinyGuest& guest_;
  kvm::HostBytes& twin_;
  Pfn& next_;
  x86::WalkRules rules_;
  Pfn first_, root_;
  std::vector<VirtAddr> addresses_;
};

struct Tally {
  std::uint64_t checks = 0, done = 0, page_faults = 0, reserved = 0, protection = 0;
};

void check_one(Tree& tree, TinyGuest& guest, Random& random, Tally& tally) {
  const VirtAddr at = tree.pick();
  const auto access = static_cast<Access>(random.below(3));
  const auto mode = static_cast<Mode>(random.below(2));
  SCOPED_TRACE(testing::Message() << std::hex << "address " << at.value << std::dec << " access "
                                  << static_cast<int>(access) << " mode " << static_cast<int>(mode)
                                  << " levels " << tree.rules().levels << " smep "
                                  << tree.rules().smep << " smap " << tree.rules().smap);
  x86::Walk walk;
  x86::Walker(tree.rules())
      .walk(tree.twin(), {tree.root(), tree.rules().levels}, at, access, mode, walk);
  const Verdict verdict = guest.access(tree.root(), tree.rules(), at, access, mode);
  ASSERT_NE(verdict.kind, Verdict::Kind::Strange) << verdict.what;
  ++tally.checks;
  switch (walk.end) {
    case x86::WalkEnd::Mapped:
      ASSERT_EQ(verdict.kind, Verdict::Kind::Done) << "error code " << verdict.error_code;
      ASSERT_EQ(tree.path(guest.memory(), at), tree.path(tree.twin(), at)) << "A and D";
      ++tally.done;
      break;
    case x86::WalkEnd::PageFault:
      ASSERT_EQ(verdict.kind, Verdict::Kind::PageFault) << "expected " << walk.error_code;
      ASSERT_EQ(verdict.error_code, walk.error_code);
      ASSERT_EQ(verdict.address, at.value);
      ++tally.page_faults;
      if ((walk.error_code & x86::kErrorReserved) != 0) ++tally.reserved;
      break;
    default:
      ASSERT_EQ(verdict.kind, Verdict::Kind::GeneralProtection);
      ASSERT_EQ(verdict.error_code, 0U);
      ++tally.protection;
  }
}

TEST(KvmWalker, AgreesOnRandomTables) {
  const unsigned guests = kGuests * (test::long_tests() ? kLongFactor : 1);
  std::string why;
  if (!TinyGuest::offered(why)) GTEST_SKIP() << why;
  Tally tally;
  for (unsigned n = 0; n < guests; ++n) {
    const auto guest = TinyGuest::create(kMemory, why);
    ASSERT_NE(guest, nullptr) << why;
    kvm::HostBytes twin(kMemory);
    Random random(n);
    Pfn next_table = kvm::kFirstTable;
    for (unsigned t = 0; t < kTreesPerGuest; ++t) {
      Tree tree(random, *guest, twin, next_table);
      SCOPED_TRACE(testing::Message() << "guest " << n << " tree " << t);
      for (unsigned i = 0; i < kAccessesPerTree; ++i) {
        check_one(tree, *guest, random, tally);
        if (HasFatalFailure()) return;
      }
    }
  }
  std::printf("%llu checks: %llu done, %llu page faults (%llu for reserved bits), %llu #GP\n",
              static_cast<unsigned long long>(tally.checks),
              static_cast<unsigned long long>(tally.done),
              static_cast<unsigned long long>(tally.page_faults),
              static_cast<unsigned long long>(tally.reserved),
              static_cast<unsigned long long>(tally.protection));
  EXPECT_GT(tally.done, tally.checks / 5);
  EXPECT_GT(tally.page_faults, tally.checks / 5);
  EXPECT_GT(tally.reserved, tally.checks / 50);
  EXPECT_GT(tally.protection, tally.checks / 200);
}

}  // namespace
}  // namespace pw
