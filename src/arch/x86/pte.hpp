// x86-64 paging-structure entries: every bit rule of the format, and nothing else.
// Source: Intel SDM vol. 3A, chapter 4 "Paging" (tables 4-14 to 4-20); AMD APM vol. 2, chapter 5.
//
// Level 1 is the page table (4 KiB leaves), 2 the page directory (2 MiB leaves), 3 the
// page-directory-pointer table (1 GiB leaves), 4 the PML4, 5 the PML5. Bit 7 is PS at levels 2 and
// 3; at level 1 it is PAT.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.hpp"

namespace pw::x86 {

inline constexpr unsigned kEntriesPerTable = 512;
inline constexpr unsigned kIndexBits = 9;
inline constexpr int kMaxLevels = 5;

inline constexpr std::uint64_t kPresent = 1ULL << 0;
inline constexpr std::uint64_t kWritable = 1ULL << 1;
inline constexpr std::uint64_t kUser = 1ULL << 2;
inline constexpr std::uint64_t kAccessed = 1ULL << 5;
inline constexpr std::uint64_t kDirty = 1ULL << 6;
inline constexpr std::uint64_t kLarge = 1ULL << 7;  // PS: a 2 MiB or 1 GiB leaf at levels 2 and 3
inline constexpr std::uint64_t kGlobal = 1ULL << 8;
inline constexpr std::uint64_t kNoExecute = 1ULL << 63;
inline constexpr unsigned kProtectionKeyShift = 59;
inline constexpr std::uint64_t kProtectionKeyMask = 0xFULL << kProtectionKeyShift;
inline constexpr std::uint64_t kAddressMask = 0x000F'FFFF'FFFF'F000ULL;

// One entry as a value. Reading and changing an entry in memory goes through the tables' cursor.
struct Pte {
  std::uint64_t raw = 0;

  constexpr bool present() const { return (raw & kPresent) != 0; }
  constexpr bool writable() const { return (raw & kWritable) != 0; }
  constexpr bool user() const { return (raw & kUser) != 0; }
  constexpr bool accessed() const { return (raw & kAccessed) != 0; }
  constexpr bool dirty() const { return (raw & kDirty) != 0; }
  constexpr bool global() const { return (raw & kGlobal) != 0; }
  constexpr bool no_execute() const { return (raw & kNoExecute) != 0; }
  constexpr bool leaf_at(int level) const {
    return level == 1 || ((level == 2 || level == 3) && (raw & kLarge) != 0);
  }
  constexpr Pfn pfn() const { return Pfn((raw & kAddressMask) >> kPageShift); }
  constexpr unsigned protection_key() const {
    return static_cast<unsigned>((raw & kProtectionKeyMask) >> kProtectionKeyShift);
  }
  static constexpr Pte make(Pfn pfn, std::uint64_t flags) {
    return Pte{(pfn.value << kPageShift) | flags};
  }
  friend constexpr bool operator==(Pte, Pte) = default;
};

// Page-fault error code bits (SDM vol. 3A, figure 4-12).
inline constexpr std::uint32_t kErrorPresent = 1;
inline constexpr std::uint32_t kErrorWrite = 2;
inline constexpr std::uint32_t kErrorUser = 4;
inline constexpr std::uint32_t kErrorReserved = 8;
inline constexpr std::uint32_t kErrorFetch = 16;
inline constexpr std::uint32_t kErrorProtectionKey = 32;

// Index of the entry for page `vpn` in a table of `level`.
constexpr unsigned index_at(Vpn vpn, int level) {
  return static_cast<unsigned>(vpn.value >> (kIndexBits * static_cast<unsigned>(level - 1))) &
         (kEntriesPerTable - 1);
}
// Base pages covered by one entry of `level`: 1, 512, 262144, ...
constexpr PageCount pages_at(int level) {
  return PageCount(std::uint64_t{1} << (kIndexBits * static_cast<unsigned>(level - 1)));
}
// Bits of a linear address: 48 with 4 levels, 57 with 5.
constexpr unsigned linear_bits(int levels) {
  return kPageShift + kIndexBits * static_cast<unsigned>(levels);
}
// Canonical: all bits above the top linear bit equal it.
constexpr bool canonical(VirtAddr a, int levels) {
  const auto top = static_cast<std::int64_t>(a.value) >> (linear_bits(levels) - 1);
  return top == 0 || top == -1;
}
// First address past the user half.
constexpr VirtAddr user_end(int levels) { return VirtAddr(1ULL << (linear_bits(levels) - 1)); }

// Where tables live: frame n of the machine's memory begins at base + n * 4096 on the host.
class TableMemory {
 public:
  TableMemory() = default;
  explicit TableMemory(std::byte* base) : base_(base) {}
  std::uint64_t* table(Pfn pfn) const {
    return reinterpret_cast<std::uint64_t*>(base_ + (pfn.value << kPageShift));
  }
  // The same by the table's physical address.
  std::uint64_t* table_at(std::uint64_t address) const {
    return reinterpret_cast<std::uint64_t*>(base_ + address);
  }
  // Entry `index` of a table: always within reach here, see Walker::walk.
  std::uint64_t* entry(Pfn pfn, unsigned index) const { return table(pfn) + index; }
  // The frame whose first byte lies at `host`.
  Pfn frame_at(const std::byte* host) const {
    return Pfn(static_cast<std::uint64_t>(host - base_) >> kPageShift);
  }

 private:
  std::byte* base_ = nullptr;
};

}  // namespace pw::x86
