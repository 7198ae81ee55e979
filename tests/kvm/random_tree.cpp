#include "kvm/random_tree.hpp"

#include <array>

#include "base/check.hpp"

namespace pw::kvm {

namespace {

constexpr unsigned kAddressesPerTree = 12;

}  // namespace

RandomTree::RandomTree(Random& random, const TinyGuest& guest, const Emphasis& emphasis,
                       Pfn& next_table)
    : random_(random),
      emphasis_(emphasis),
      memory_(guest.memory()),
      memory_size_(guest.memory_size()),
      rules_(guest.abilities()),
      first_(next_table),
      end_(next_table) {
  if (emphasis.levels != 0) {
    rules_.levels = emphasis.levels;
  } else if (random.chance(2)) {
    rules_.levels = 4;
  }
  // Where KVM shadows tables, what it derived from them with NX is not forgotten without, so that a
  // tree is either always walked with or always without.
  rules_.no_execute = rules_.no_execute && !random.chance(4);
  new_table();
  *memory_.entry(first_, kSystemIndex) = guest.system_entry(rules_.levels).raw;
  for (unsigned i = 0; i < kAddressesPerTree; ++i) add(random_address());
  next_table = end_;
}

Controls RandomTree::controls() const {
  Controls controls;
  x86::WalkRules& rules = controls.rules = rules_;
  rules.smep = rules.smep && (emphasis_.smep || random_.chance(2));
  rules.smap = rules.smap && (emphasis_.smap || random_.chance(3));
  rules.protection_keys = rules.protection_keys && (emphasis_.keys || random_.chance(3));
  rules.write_protect = !random_.chance(3);
  controls.alignment_check = random_.chance(3);
  for (unsigned key = 0; key < x86::kProtectionKeys; ++key) {
    if (key == kSystemKey || !random_.chance(3)) continue;
    controls.pkru |= static_cast<std::uint32_t>(1 + random_.below(3)) << 2 * key;
  }
  return controls;
}

Probe RandomTree::probe() const {
  const VirtAddr known = addresses_[random_.below(addresses_.size())];
  VirtAddr at((known.value & ~(kPageSize - 1)) | random_.below(kPageSize / 2) * 2);
  if (random_.chance(40)) {
    at = VirtAddr(at.value ^ 1ULL << (47 + random_.below(17)));
  } else if (random_.chance(20)) {
    // Not bits 22 to 29, which would lead from a leaf of 1 GiB to what is not data.
    const std::uint64_t bit = random_.below(10 + 17);
    at = VirtAddr(at.value ^ 1ULL << (bit < 10 ? 12 + bit : 20 + bit));
  }
  return {at, static_cast<Access>(random_.below(3))};
}

Pfn RandomTree::new_table() {
  PW_CHECK(address_of(end_).value + kPageSize <= memory_size_);
  const Pfn table = end_;
  end_ = end_ + PageCount(1);
  return table;
}

// What lies below 1 GiB is in the data, whatever the size of the leaf. Entry 256 of level 4 is left
// out: where KVM runs guests without hardware virtualization (kvm-pvm) it keeps that for itself in
// user mode, whatever the guest's tables say.
VirtAddr RandomTree::random_address() const {
  constexpr std::array<std::uint64_t, 6> kTop{0, 1, 255, 259, 300, 510};
  const auto top = [&] { return kTop[random_.below(kTop.size())]; };
  std::uint64_t at = random_.below(4) << 12 | (2 + random_.below(2)) << 21 |
                     random_.below(3) << 30 | top() << 39;
  if (rules_.levels == 5) at |= top() << 48;
  const unsigned bits = x86::linear_bits(rules_.levels);
  const bool negative = (at >> (bits - 1) & 1) != 0;
  return VirtAddr(negative ? at | ~std::uint64_t{0} << bits : at);
}

// Flags for an entry: mostly all rights, so that whole walks are granted often enough; in the bits
// that the processor ignores, anything.
std::uint64_t RandomTree::random_flags() const {
  constexpr std::uint64_t kIgnored = 0x7FFULL << 52 | 3ULL << 9;
  std::uint64_t flags = x86::kPresent | x86::kWritable | x86::kUser;
  if (random_.chance(40)) flags &= ~x86::kPresent;
  if (random_.chance(10)) flags &= ~x86::kWritable;
  if (random_.chance(10)) flags &= ~x86::kUser;
  if (random_.chance(12)) flags |= x86::kNoExecute;
  if (random_.chance(3)) flags |= random_.next() & kIgnored;
  if (random_.chance(8)) flags |= x86::kAccessed;
  if (random_.chance(25) && rules_.physical_bits < 52) {
    flags |= 1ULL << (rules_.physical_bits + random_.below(52 - rules_.physical_bits));
  }
  return flags;
}

std::uint64_t RandomTree::random_leaf(int level) const {
  std::uint64_t flags = random_flags() | (random_.chance(4) ? x86::kDirty : 0);
  if (random_.chance(8)) flags |= x86::kGlobal;
  const std::uint64_t size = bytes_of(x86::pages_at(level)).value;
  std::uint64_t place = 0;  // of a leaf of 1 GiB
  if (level < 3) place = kDataBegin + random_.below((kDataEnd - kDataBegin) / size) * size;
  if (level > 1) {
    flags |= x86::kLarge;
    if (random_.chance(6)) flags |= 1ULL << 12;  // PAT
    if (random_.chance(20)) flags |= 1ULL << (13 + random_.below(level == 2 ? 8 : 17));
  }
  return place | flags;
}

void RandomTree::add(VirtAddr at) {
  addresses_.push_back(at);
  // Leaves of 1 GiB are rarer where they are but another reserved bit.
  int leaf = emphasis_.leaf;
  if (leaf == 0) leaf = random_.chance(2) ? 1 : 2;
  if (emphasis_.leaf == 0 && random_.chance(rules_.gigabyte_pages ? 4 : 16)) leaf = 3;
  Pfn table = first_;
  for (int level = rules_.levels; level > leaf; --level) {
    std::uint64_t& upper = *memory_.entry(table, x86::index_at(page_of(at), level));
    if (upper == 0) {
      const bool odd = level >= 4 && random_.chance(40);  // PS has no meaning there
      upper = x86::Pte::make(new_table(), random_flags() | (odd ? x86::kLarge : 0)).raw;
    }
    if (level < 4 && (upper & x86::kLarge) != 0) return;
    // Whatever the entry says, what lies below it is ours; its reserved bits do not lead there.
    const std::uint64_t mask = (std::uint64_t{1} << rules_.physical_bits) - 1;
    table = Pfn((upper & x86::kAddressMask & mask) >> kPageShift);
  }
  std::uint64_t& entry = *memory_.entry(table, x86::index_at(page_of(at), leaf));
  if (entry == 0) entry = random_leaf(leaf);
}

}  // namespace pw::kvm
