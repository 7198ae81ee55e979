// The page walk: what the processor does with the tables when no cache knows a translation.
//
// Pure: it sees tables, an address, an access and the rules of the processor's mode, and nothing
// else, so that it can be compared with another walker (KVM's) bit by bit. It owns nothing.
//
// Sources: Intel SDM vol. 3A, 4.5 (structure of the tables, reserved bits), 4.6 (access rights,
// protection keys), 4.7 (page-fault exceptions), 4.8 (accessed and dirty flags). Keys of supervisor
// pages (CR4.PKS) and shadow stacks (CR4.CET) are not modelled.
//
// Invariants: the tables change only when the access is allowed: then A is set in every entry that
// was read, and D in the leaf by a write. A refused access leaves every bit as it was. A linear
// address that is not canonical is no page fault but a general-protection exception, reported
// apart and without reading any table.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "arch/x86/pte.hpp"
#include "base/access.hpp"
#include "base/units.hpp"

namespace pw::x86 {

struct WalkRules {
  int levels = 4;                // 4, or 5 with CR4.LA57
  bool smep = true;              // kernel may not fetch from user pages
  bool smap = false;             // kernel may not read or write user pages (EFLAGS.AC clear)
  bool gigabyte_pages = true;    // CPUID.80000001H:EDX.Page1GB; else PS at level 3 is reserved
  unsigned physical_bits = 52;   // MAXPHYADDR; address bits above it are reserved
  bool write_protect = true;     // CR0.WP: the kernel may not write read-only pages either
  bool no_execute = true;        // EFER.NXE; without it NX is a reserved bit
  bool protection_keys = false;  // CR4.PKE: user pages are subject to PKRU
};

// What all entries of a walk grant together, in the entries' own bits: R/W and U/S must be set in
// each, NX in one forbids.
inline constexpr std::uint64_t kRightsMask = kWritable | kUser | kNoExecute;
inline constexpr std::uint64_t kAllRights = kWritable | kUser;

// Accesses are numbered, so that what a translation permits is a set of six bits.
constexpr unsigned access_bit(Access access, Mode mode) {
  return static_cast<unsigned>(mode) * 3 + static_cast<unsigned>(access);
}

// Rights as a number below 8 (W 1, U 2, NX 4), and back.
constexpr unsigned rights_index(std::uint64_t rights) {
  return static_cast<unsigned>((rights & kAllRights) >> 1 | (rights >> 63) << 2);
}
constexpr std::uint64_t rights_of(unsigned index) {
  return std::uint64_t{index & 3} << 1 | std::uint64_t{index >> 2} << 63;
}

// PKRU has two bits for each key, the lower one of the pair first.
inline constexpr unsigned kKeyAccessDisable = 1, kKeyWriteDisable = 2;
inline constexpr unsigned kProtectionKeys = 16;

// Why an access may not happen, as far as the error code tells it.
struct Refusal {
  bool present = false;   // the entry that ended the walk
  bool reserved = false;  // in a present entry
  bool key = false;       // what PKRU says of the page forbids the access, whatever else does
};

// The rules one by one. A walker takes them as a parameter so that tests can give it wrong ones and
// see them noticed; derive, and hide the rule to be broken.
struct Manual {
  // SDM vol. 3A 4.6.1, without protection keys; `rights` of all levels together.
  static constexpr bool permits(std::uint64_t rights, Access access, Mode mode,
                                const WalkRules& rules) {
    const bool user_page = (rights & kUser) != 0;
    if (mode == Mode::User && !user_page) return false;
    if (access == Access::Execute) {
      return (rights & kNoExecute) == 0 && !(mode == Mode::Kernel && user_page && rules.smep);
    }
    if (mode == Mode::Kernel && user_page && rules.smap) return false;
    return access == Access::Read || (rights & kWritable) != 0 ||
           (mode == Mode::Kernel && !rules.write_protect);
  }
  // SDM vol. 3A 4.6.2: the two bits of PKRU for the key of a user page. Fetches have no key.
  static constexpr bool key_permits(unsigned bits, Access access, Mode mode,
                                    const WalkRules& rules) {
    if (access == Access::Execute) return true;
    if ((bits & kKeyAccessDisable) != 0) return false;
    return (bits & kKeyWriteDisable) == 0 || access == Access::Read ||
           (mode == Mode::Kernel && !rules.write_protect);
  }
  // Pages that have a key: user pages, whose entries say U at every level.
  static constexpr bool has_key(std::uint64_t rights) { return (rights & kUser) != 0; }
  // Bits that must be zero in a present entry of `level` (SDM vol. 3A, tables 4-15 to 4-20).
  static constexpr std::uint64_t reserved_bits(int level, bool large, const WalkRules& rules) {
    constexpr std::uint64_t kLargePat = 1ULL << 12;
    std::uint64_t bits = kAddressMask & ~((std::uint64_t{1} << rules.physical_bits) - 1);
    if (!rules.no_execute) bits |= kNoExecute;
    if (level >= 4 || (level == 3 && !rules.gigabyte_pages)) {
      bits |= kLarge;
    } else if (level >= 2 && large) {
      bits |= (bytes_of(pages_at(level)).value - 1) & kAddressMask & ~kLargePat;
    }
    return bits;
  }
  // Adds an entry to the rights of those above it: `all` keeps what each grants (W, U, and A),
  // `any` what one forbids (NX).
  static constexpr void gather(std::uint64_t entry, std::uint64_t& all, std::uint64_t& any) {
    all &= entry;
    any |= entry;
  }
  // SDM vol. 3A 4.7. That the access was a fetch is told only where fetches can be forbidden.
  static constexpr std::uint32_t error_code(Access access, Mode mode, Refusal why,
                                            const WalkRules& rules) {
    const bool tells_fetch = access == Access::Execute && (rules.no_execute || rules.smep);
    return (access == Access::Write ? kErrorWrite : 0U) | (mode == Mode::User ? kErrorUser : 0U) |
           (tells_fetch ? kErrorFetch : 0U) | (why.present ? kErrorPresent : 0U) |
           (why.reserved ? kErrorReserved : 0U) | (why.key ? kErrorProtectionKey : 0U);
  }
  // Set by an access that is allowed: in its leaf, and in every entry above that (SDM 4.8).
  static constexpr std::uint64_t leaf_marks(Access access) {
    return access == Access::Write ? kAccessed | kDirty : kAccessed;
  }
  static constexpr std::uint64_t upper_marks() { return kAccessed; }
  static constexpr bool canonical(VirtAddr address, int levels) {
    return x86::canonical(address, levels);
  }
};

// The first frame that a leaf of `level` maps (bit 12 of a large leaf is PAT, not address).
constexpr Pfn leaf_frame(Pte leaf, int level) {
  return Pfn(leaf.pfn().value & ~(pages_at(level).value - 1));
}

// Where a walk begins: at the root, or below an upper entry that a paging-structure cache
// remembers.
struct WalkStart {
  Pfn table;
  int level = 4;                      // level of the entries in `table`
  std::uint64_t rights = kAllRights;  // granted by the entries above
};

enum class WalkEnd : std::uint8_t {
  Mapped,
  PageFault,
  NonCanonical,
  OutOfReach,  // a table cannot be read: only where tables are themselves translated
};

struct Walk {
  WalkEnd end;
  std::uint32_t error_code;  // of a page fault
  int level;                 // of the entry that ended the walk
  unsigned references;       // entries read
  Pte leaf;                  // if mapped: as it is in the table after the walk
  std::uint64_t rights;      // if mapped: of all levels together
  // If mapped: for each level above the leaf that was read, its entry with the rights granted so
  // far in place of its own: what a paging-structure cache remembers.
  std::array<std::uint64_t, kMaxLevels + 1> upper;
};

// What a step of a walk needs of the entry above: the table, and the rights of all levels so far as
// masks for the entry below.
struct UpperEntry {
  std::uint64_t table = 0;    // its physical address
  std::uint64_t grants = 0;   // all bits, but W and U only as granted
  std::uint64_t forbids = 0;  // NX or nothing

  UpperEntry() = default;
  // From an entry with the rights of all levels in place of its own, as in Walk::upper.
  explicit constexpr UpperEntry(std::uint64_t raw)
      : table(raw & kAddressMask), grants(raw | ~kAllRights), forbids(raw & kNoExecute) {}
  constexpr Pfn pfn() const { return Pfn(table >> kPageShift); }
  constexpr std::uint64_t rights() const { return (grants & kAllRights) | forbids; }
};

// A processor's walker: the rules, with what follows from them worked out once, and the PKRU of the
// thread that it walks for.
template <class Semantics>
class BasicWalker {
 public:
  explicit BasicWalker(const WalkRules& rules) : rules_(rules) {
    for (int level = 1; level <= kMaxLevels; ++level) {
      Checks& checks = checks_[static_cast<unsigned>(level)];
      checks.any = kPresent | Semantics::reserved_bits(level, false, rules);
      checks.large = Semantics::reserved_bits(level, true, rules);
      checks.marked = checks.any | kAccessed | (level > 1 ? kLarge : kGlobal);
      if (rules.protection_keys) checks.marked |= kProtectionKeyMask;
    }
    for (const Mode mode : {Mode::User, Mode::Kernel}) {
      for (const Access access : {Access::Read, Access::Write, Access::Execute}) {
        const auto bit = static_cast<std::uint8_t>(1U << access_bit(access, mode));
        for (unsigned index = 0; index < permitted_.size(); ++index) {
          if (Semantics::permits(rights_of(index), access, mode, rules)) permitted_[index] |= bit;
        }
        for (unsigned bits = 0; bits < denied_.size() && rules.protection_keys; ++bits) {
          if (!Semantics::key_permits(bits, access, mode, rules)) denied_[bits] |= bit;
        }
      }
    }
    for (unsigned index = 0; index < permitted_.size(); ++index) {
      const bool ask = rules.protection_keys && Semantics::has_key(rights_of(index));
      at_once_[index] = ask ? std::uint8_t{0} : permitted_[index];
    }
  }

  const WalkRules& rules() const { return rules_; }
  // The accesses that these rights permit, numbered by access_bit.
  unsigned permitted(std::uint64_t rights) const { return permitted_[rights_index(rights)]; }
  // Of user pages with this key, the accesses that PKRU forbids, numbered in the same way.
  unsigned denied(unsigned key) const { return denied_[pkru_ >> 2 * key & 3]; }

  std::uint32_t pkru() const { return pkru_; }
  void set_pkru(std::uint32_t pkru) { pkru_ = pkru; }

  // Walks for one access to `address`; `start` must be what the tables say for it. Tables lie in a
  // TableMemory, or in anything else with an entry() of the same shape, which gives null for a
  // table out of reach (nested_walk.hpp).
  template <class Tables>
  void walk(Tables memory, WalkStart start, VirtAddr address, Access access, Mode mode,
            Walk& out) const;

  // One step of a walk that has nothing to decide and nothing to write, which is what most walks
  // are made of: from `upper` to the entry of `level` below it, with the rights of all levels so
  // far. False, with `entry` undefined, if this entry needs walk(): not valid, a large leaf,
  // without A, a global leaf, or one with another protection key than 0. (Whether the leaf has D,
  // where that matters, is left to the caller.)
  [[gnu::always_inline]] bool step(TableMemory memory, Vpn vpn, int level, const UpperEntry& upper,
                                   std::uint64_t& entry) const {
    const std::uint64_t raw = memory.table_at(upper.table)[index_at(vpn, level)];
    if ((raw & checks_[static_cast<unsigned>(level)].marked) != (kPresent | kAccessed)) [[unlikely]]
      return false;
    entry = (raw & upper.grants) | upper.forbids;
    return true;
  }

 private:
  struct Checks {
    std::uint64_t any = 0;     // of these bits of an entry only P may be set, and must be
    std::uint64_t large = 0;   // of these none, if it is a large leaf
    std::uint64_t marked = 0;  // of these only P and A, if it is no large leaf, not global, key 0
  };

  // The verdict where it is not clear from the rights alone; `out` has them.
  bool refused(Pte entry, bool valid, Access access, Mode mode, Walk& out) const;

  WalkRules rules_;
  std::array<Checks, kMaxLevels + 1> checks_{};  // by level
  std::array<std::uint8_t, 8> permitted_{};      // by rights_index
  std::array<std::uint8_t, 8> at_once_{};  // the same, but nothing where there is a key to ask
  std::array<std::uint8_t, 4> denied_{};   // by a key's bits of PKRU; nothing without PKE
  std::uint32_t pkru_ = 0;
};

using Walker = BasicWalker<Manual>;

template <class Semantics>
bool BasicWalker<Semantics>::refused(Pte entry, bool valid, Access access, Mode mode,
                                     Walk& out) const {
  const unsigned bit = access_bit(access, mode);
  const bool keyed = valid && rules_.protection_keys && Semantics::has_key(out.rights);
  const unsigned denied = keyed ? this->denied(entry.protection_key()) : 0;
  if (valid && ((permitted(out.rights) & ~denied) >> bit & 1U) != 0) return false;
  out.end = WalkEnd::PageFault;
  const Refusal why{entry.present(), entry.present() && !valid, (denied >> bit & 1U) != 0};
  out.error_code = Semantics::error_code(access, mode, why, rules_);
  return true;
}

template <class Semantics>
template <class Tables>
void BasicWalker<Semantics>::walk(Tables memory, WalkStart start, VirtAddr address, Access access,
                                  Mode mode, Walk& out) const {
  out.references = 0;
  out.level = start.level;
  if (!Semantics::canonical(address, rules_.levels)) [[unlikely]] {
    out.end = WalkEnd::NonCanonical;
    return;
  }
  const Vpn vpn = page_of(address);
  std::array<std::uint64_t*, kMaxLevels + 1> read;
  std::uint64_t all = start.rights | kAccessed;  // W, U and A of these, and
  std::uint64_t any = start.rights;              // NX of these: the rights so far
  Pfn table = start.table;
  int level = start.level;
  Pte entry;
  bool valid = false;
  for (;; --level) {
    std::uint64_t* slot = memory.entry(table, index_at(vpn, level));
    if constexpr (!std::is_same_v<Tables, TableMemory>) {
      if (slot == nullptr) {
        out.end = WalkEnd::OutOfReach;
        out.level = level;
        out.references = static_cast<unsigned>(start.level - level);
        return;
      }
    }
    const Checks& checks = checks_[static_cast<unsigned>(level)];
    entry.raw = *slot;
    read[static_cast<unsigned>(level)] = slot;
    valid = (entry.raw & checks.any) == kPresent;
    if (!valid) [[unlikely]]
      break;
    Semantics::gather(entry.raw, all, any);
    if (level == 1) break;
    if ((entry.raw & kLarge) != 0) [[unlikely]] {  // at levels 4 and 5 not valid
      valid = (entry.raw & checks.large) == 0;
      break;
    }
    table = entry.pfn();
    out.upper[static_cast<unsigned>(level)] = (entry.raw & ~kRightsMask) | (all & kAllRights) |
                                              (any & kNoExecute);
  }
  out.level = level;
  out.references = static_cast<unsigned>(start.level - level + 1);
  out.rights = (all & kAllRights) | (any & kNoExecute);
  const bool at_once = (at_once_[rights_index(out.rights)] >> access_bit(access, mode) & 1U) != 0;
  if (!valid || !at_once) [[unlikely]] {
    if (refused(entry, valid, access, mode, out)) return;
  }
  // Entries are written only where a bit changes: most walks find A set.
  const std::uint64_t leaf_bits = Semantics::leaf_marks(access);
  if ((entry.raw & leaf_bits) != leaf_bits) [[unlikely]] {
    entry.raw |= leaf_bits;
    *read[static_cast<unsigned>(level)] = entry.raw;
  }
  if ((all & Semantics::upper_marks()) != Semantics::upper_marks()) [[unlikely]] {
    for (int above = start.level; above > level; --above) {
      *read[static_cast<unsigned>(above)] |= Semantics::upper_marks();
    }
  }
  out.leaf = entry;
  out.end = WalkEnd::Mapped;
}

}  // namespace pw::x86
