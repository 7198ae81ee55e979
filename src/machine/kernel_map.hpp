// The kernel's own part of the addresses: made once, when the machine starts, and the same in every
// address space, since every root has the same entries in its upper half.
//
//   4 levels              5 levels              what                   pages, rights
//   0xffff888000000000    0xff11000000000000    all RAM, one to one    1 GiB, 2 MiB, 4 KiB; rw, NX
//   0xfffffe0000000000    the same              entry and return code  one of 4 KiB; executable
//   0xffffffff81000000    the same              the kernel's code      one of 2 MiB; executable
//
// (Linux Documentation/arch/x86/x86_64/mm.rst.) All of it is for the kernel only (U/S clear), and
// global, so that it stays in the TLBs when spaces change. With page-table isolation only the entry
// code is global, and only the entry code is in the roots that user mode runs on: whatever the CPU
// does speculatively, there is nothing to find (Linux arch/x86/mm/pti.c).
//
// Owned by Machine, after the pool and before the first space. Its tables, the entry page and the
// code are Kernel frames of the pool, for as long as the machine lives. Invariant: no leaf is for
// the user, and nothing changes after create() but accessed and dirty bits.
#pragma once

#include <memory>

#include "arch/x86/page_tables.hpp"
#include "base/result.hpp"
#include "phys/frame_pool.hpp"

namespace pw {

struct KernelMapConfig {
  int levels = 4;
  bool gigabyte_pages = true;  // the CPU has pages of 1 GiB
  bool isolated = false;       // user mode has roots of its own
};

class KernelMap {
 public:
  static constexpr VirtAddr kEntryCode{0xFFFF'FE00'0000'0000};
  static constexpr VirtAddr kCode{0xFFFF'FFFF'8100'0000};

  // Errors: NoMemory.
  static Result<std::unique_ptr<KernelMap>> create(FramePool& pool, const KernelMapConfig& config);

  // For the roots of address spaces.
  x86::KernelHalf half() const;
  // Where the kernel finds a frame.
  VirtAddr direct(Pfn pfn) const { return direct_ + bytes_of(PageCount(pfn.value)); }
  std::uint64_t frames() const { return frames_.taken(); }
  // The entry of the map that user mode sees if it is isolated; null if a table is missing.
  x86::Pte* find_for_user(Vpn vpn, int level) { return for_user_.find(vpn, level); }

  // What is wrong, or null: every leaf and every table is what create() made.
  const char* check();
  // The same for a space's roots.
  const char* check_roots(const x86::PageTables& tables) const;

 private:
  // Tables that nobody's count of page tables contains, as Linux leaves the kernel's own out.
  class Frames final : public x86::TableFrames {
   public:
    explicit Frames(FramePool& pool) : pool_(&pool) {}
    bool take(unsigned order, Pfn& out);
    bool allocate_table(int level, Pfn& out) override;
    void free_table(Pfn table) override;
    std::uint16_t& entries(Pfn table) override { return pool_->frame(table).aux; }
    std::uint64_t taken() const { return taken_; }

   private:
    FramePool* pool_;
    std::uint64_t taken_ = 0;
  };

  KernelMap(FramePool& pool, const KernelMapConfig& config);
  bool build();
  bool map_ram();
  bool map_code();
  bool map_entry_code(x86::PageTables& tables);
  bool map(x86::PageTables& tables, VirtAddr at, int level, Pfn pfn, std::uint64_t flags);
  std::uint64_t global() const { return config_.isolated ? 0 : x86::kGlobal; }
  const char* check_half(x86::PageTables& tables, std::uint64_t& found);

  FramePool* pool_;
  KernelMapConfig config_;
  VirtAddr direct_;
  Frames frames_;
  x86::PageTables whole_, for_user_;  // the second one has no root unless isolated
  Pfn entry_code_{0}, code_{0};
  std::uint64_t leaves_ = 0;
};

}  // namespace pw
