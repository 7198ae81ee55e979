// Real page tables for tests of what walks them: a memory of frames, an allocator that only counts
// up, and the mapping of single leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/x86/pte.hpp"

namespace pw::test {

inline constexpr std::uint64_t kPageFlags = x86::kPresent | x86::kWritable | x86::kUser;

class SimTables {
 public:
  SimTables(int levels, std::uint64_t frames)
      : levels_(levels), words_(frames * x86::kEntriesPerTable) {}

  x86::TableMemory memory() {
    return x86::TableMemory(reinterpret_cast<std::byte*>(words_.data()));
  }
  Pfn new_table() { return Pfn(next_++); }

  // The entry of `level` for `vpn`, with the tables above it made as needed.
  std::uint64_t& entry(Pfn root, Vpn vpn, int level) {
    Pfn table = root;
    for (int l = levels_; l > level; --l) {
      std::uint64_t& upper = memory().table(table)[x86::index_at(vpn, l)];
      if ((upper & x86::kPresent) == 0) upper = x86::Pte::make(new_table(), kPageFlags).raw;
      table = x86::Pte{upper}.pfn();
    }
    return memory().table(table)[x86::index_at(vpn, level)];
  }
  void map(Pfn root, Vpn vpn, int level, Pfn pfn, std::uint64_t flags) {
    entry(root, vpn, level) = x86::Pte::make(pfn, flags | (level > 1 ? x86::kLarge : 0)).raw;
  }

 private:
  int levels_;
  std::uint64_t next_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace pw::test
