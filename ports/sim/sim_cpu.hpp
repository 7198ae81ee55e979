// One simulated CPU's way from a linear address to a frame: TLBs, paging-structure caches, page
// walks.
//
// Owned by SimMmu. A reference first meets a copy of the last translation of its kind (data or
// fetch), which is by construction the most recent entry of the L1 TLB and counts as a hit there;
// then the L1, the L2, and the tables, from as far down as the paging-structure caches remember.
//
// Invariants: every entry of every array carries the number (PCID) of a space known in contexts_,
// or is global. A translation is used only if its context is the active one and not stale. The
// near copies are entries of the L1 and of the active context and view. Upper entries are
// remembered only after a walk that ended in a translation.
//
// With page-table isolation a space has two views, each with a root and a PCID of its own: the
// kernel's, and the user's, whose PCID has one bit more. Which of the two is in use makes no
// difference to what is flushed: always both.
//
// Sources: Intel SDM vol. 3A 4.10 (caching translation information); Linux arch/x86/mm/tlb.c (how
// a CPU hands out PCIDs, X86_CR3_PTI_PCID_USER_BIT) and arch/x86/entry/calling.h (the macros
// SWITCH_TO_KERNEL_CR3 and SWITCH_TO_USER_CR3).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "arch/x86/walk.hpp"
#include "base/access.hpp"
#include "base/units.hpp"
#include "port/memory_events.hpp"
#include "port/mmu_port.hpp"
#include "ports/sim/counters.hpp"
#include "ports/sim/geometry.hpp"
#include "ports/sim/tlb.hpp"
#include "ports/sim/tlb_unit.hpp"
#include "ports/sim/walk_cache.hpp"

namespace pw::sim {

// The answer to one reference. After success pfn and level hold; after a failure the last two.
struct Translation {
  Pfn pfn;                       // of the 4 KiB frame
  int level = 0;                 // of the leaf: 1, 2, 3 for 4 KiB, 2 MiB, 1 GiB
  std::uint32_t error_code = 0;  // of the page fault, unless
  bool non_canonical = false;    // this is a general-protection exception
};

class SimCpu {
 public:
  SimCpu(const CpuConfig& config, x86::TableMemory memory, std::uint64_t seed);
  SimCpu(const SimCpu&) = delete;
  SimCpu& operator=(const SimCpu&) = delete;

  // Makes `space` with the root table `root` the one whose addresses are translated; nothing to do
  // if it is that already. The number it gets may be another space's, whose translations then go.
  void load_space(SpaceId space, Pfn root) {
    if (!is_active(space) || contexts_[active_].root != root) load_space(space, root, root);
  }
  // The same for a space whose user view has a root of its own, if the two differ. The kernel's
  // view is the one in use then: it is the kernel that switches spaces.
  void load_space(SpaceId space, Pfn root, Pfn user_root);
  // Changes the view, where the active space has two. With PCIDs nothing is flushed; without, all
  // but global entries are, as by any load of the root register.
  void enter_kernel() { use_view(View::Kernel); }
  void leave_kernel() { use_view(View::User); }
  // No space is active any more (an idle CPU, or the space's tables are about to be freed). What
  // is cached stays, for a PCID that comes back.
  void unload_space();
  bool has_space() const { return active_ != kNoContext; }
  SpaceId space() const { return contexts_[active_].space; }
  Pfn root() const { return contexts_[active_].root; }  // of the kernel's view

  // To each load of another space, told as one of CPU `number`. Null: nobody listens any more.
  void listen(MemoryListener* listener, unsigned number) {
    listener_ = listener;
    number_ = number;
  }

  // The PKRU of the thread that runs. What is cached stays: entries know their page's key.
  void set_pkru(std::uint32_t pkru) {
    if (pkru != walker_.pkru()) [[unlikely]]
      change_pkru(pkru);
  }

  // Translates one reference in the active space; false if it faults. A space must be loaded.
  bool translate(VirtAddr address, Access access, Mode mode, Translation& out) {
    First& first = first_for(access);
    const unsigned need = Entry::need(access, mode);
    const Near& near = first.near;
    if (near.vpn == page_of(address).value && near.entry.has(need)) [[likely]] {
      ++raw_.l1_hits_by_size[near.level - 1];
      out.pfn = near.pfn;
      out.level = near.level;
      return true;
    }
    return look_up(address, first, need, out);
  }
  // The same as `count` (> 0) equal references in a row. False: the first one faulted.
  bool translate_run(VirtAddr address, Access access, Mode mode, std::uint64_t count,
                     Translation& out);

  // What MmuPort needs (see sim_mmu.hpp). All of them say nothing about other CPUs.
  bool is_active(SpaceId space) const { return has_space() && contexts_[active_].space == space; }
  void flush_active(VpnRange range);  // page by page
  void flush_active_all();            // everything of the active space; global entries stay
  bool flush_global(VpnRange range);  // true if there was any
  bool mark_stale(SpaceId space);     // true if an inactive number held its translations
  void receive_ipi() { ++raw_.ipis_received; }

  TlbCounters counters() const;
  void reset_counters() {
    raw_ = {};
    l1_misses_ = {};
  }
  // Simulated time that the references, switches and interrupts counted so far take.
  std::uint64_t time_ps() const;

  // fn(SpaceId, Vpn first, int level, Pfn first, std::uint64_t rights, bool dirty) for every
  // translation that could still be used; rights as W, U, NX and key bits of a leaf. Global ones
  // are reported for the active space.
  template <class Visit>
  void for_each_cached(Visit&& fn) const;
  // The TLB as it is built: 0 the first level for data, 1 for fetches, 2 the second level.
  static constexpr unsigned kUnits = 3;
  const TlbUnit& unit(unsigned n) const { return n < 2 ? first_[n].unit : l2_; }
  // fn(SpaceId, Vpn first, int level, Pfn first, std::uint64_t rights, bool dirty) of a slot of
  // these, if it could still be used.
  template <class Visit>
  void report(const TlbSlot& slot, Visit&& fn) const;
  // fn(SpaceId, Vpn first, int level, Pfn table, std::uint64_t rights) for every upper entry of
  // `level` that could still be used; `table` is the one below it.
  template <class Visit>
  void for_each_cached_table(Visit&& fn) const;

 private:
  // A number handed out on this CPU; its PCID is its index + 1, without PCIDs 0 for the only one.
  struct Context {
    SpaceId space = 0;
    Pfn root, user_root;
    bool used = false;   // `space` and the roots mean something
    bool stale = false;  // what is cached must go before it is used again
    bool isolated() const { return root != user_root; }
  };
  enum class View : std::uint8_t { Kernel, User };
  static constexpr unsigned kContexts = 6;  // TLB_NR_DYN_ASIDS of Linux
  static constexpr unsigned kNoContext = kContexts;
  static constexpr std::uint32_t kUserPcid = 0x800;  // set in the PCID of the user's view

  // Data of an entry: W, U, NX, D and the frame at their places in a leaf, rights as all levels
  // grant them; in bits 52..57, by access_bit, the accesses that need nothing more.
  // The protection key follows in bits 58..61; where it is not 0, loads and stores are never ready:
  // what PKRU says of the key is asked each time (open_by_key()).
  struct Entry {
    static constexpr unsigned kReady = 52, kKey = 58;
    std::uint64_t raw;
    unsigned key() const { return static_cast<unsigned>(raw >> kKey & 15); }
    Pfn pfn() const { return x86::Pte{raw}.pfn(); }
    std::uint64_t rights() const { return raw & x86::kRightsMask; }
    bool dirty() const { return x86::Pte{raw}.dirty(); }
    // The bit that an access needs.
    static constexpr unsigned need(Access access, Mode mode) {
      return kReady + x86::access_bit(access, mode);
    }
    bool has(unsigned bit) const { return (raw >> bit & 1) != 0; }
    bool ready(Access access, Mode mode) const { return has(need(access, mode)); }
  };
  // W, U, NX and D of an entry as an index of ready_: turned by one bit they lie close together.
  static constexpr std::size_t ready_index(std::uint64_t raw) {
    return std::rotl(raw & (x86::kRightsMask | x86::kDirty), 1);
  }
  static constexpr std::size_t kReadyIndices = std::rotl(x86::kRightsMask | x86::kDirty, 1) + 1;
  // The last translation, for its base page only.
  struct Near {
    std::uint64_t vpn = kNone;
    Entry entry{0};
    Pfn pfn;
    int level = 1;
    static constexpr std::uint64_t kNone = ~std::uint64_t{0};  // no address has this page
  };
  // What references of one kind meet first: the last translation, and the L1.
  struct First {
    Near near;
    // The addresses below are for look_up(): the user half if here and in the L2 there are only
    // base pages of spaces, in arrays of the common shape; else 0.
    std::uint64_t simple_end;
    TlbUnit unit;
  };
  static Vpn extended(std::uint64_t vpn) {  // the sign extension that keys leave out
    constexpr unsigned kLost = 64 - tlb_key::kPcidShift;
    const auto whole = static_cast<std::int64_t>(vpn << kLost) >> kLost;
    return Vpn(static_cast<std::uint64_t>(whole) & (~std::uint64_t{0} >> kPageShift));
  }

  bool look_up(VirtAddr address, First& first, unsigned need, Translation& out);
  bool look_up_above(VirtAddr address, First& first, unsigned need, Translation& out,
                     TlbChoice in_l1);
  bool look_up_any(VirtAddr address, unsigned need, Translation& out, bool absent = false);
  bool find_or_walk(VirtAddr address, Access access, Mode mode, Translation& out);
  void note_shapes();
  bool make_room(First& first);
  void answer_small(std::uint64_t vpn, First& first, Entry entry, Translation& out);
  bool answer(VirtAddr address, Access access, int level, Entry entry, Translation& out);
  bool found(VirtAddr address, Access access, Mode mode, const TlbSlot& slot, bool in_l1,
             Translation& out);
  bool upgrade(VirtAddr address, Access access, Mode mode, TlbSlot slot, bool in_l1,
               Translation& out);
  bool miss(VirtAddr address, Access access, Mode mode, Translation& out);
  bool walk_from_3(std::uint64_t vpn, unsigned need, Entry& entry);
  bool leaf_marked(const x86::UpperEntry& upper, std::uint64_t vpn, Entry& entry) const;
  bool fault(const x86::Walk& walk, Translation& out);
  void run_walk(VirtAddr address, Access access, Mode mode, x86::Walk& walk);
  void confirm(int from, VirtAddr address, Access access, Mode mode, x86::Walk& walk);
  x86::WalkStart walk_start(std::uint64_t vpn);
  void remember_upper(std::uint64_t vpn, const x86::Walk& walk, int from);
  Entry entry_for(x86::Pte leaf, int level, std::uint64_t rights) const;
  Entry entry_with_key(x86::Pte leaf, int level, std::uint64_t rights) const;
  unsigned permitted(Entry entry) const;
  bool open_by_key(Entry entry, Access access, Mode mode) const;
  void note_ready();
  void change_pkru(std::uint32_t pkru);
  void tell_switch(SpaceId space);
  std::uint64_t key_for(std::uint64_t vpn, const x86::Walk& walk) const;

  std::uint32_t pcid_of(unsigned context) const { return config_.tlb.pcid ? context + 1 : 0; }
  void use_view(View view);
  void set_pcid(std::uint32_t pcid);
  bool usable(std::uint64_t key, SpaceId& space) const;
  void forget_near() {
    for (First& first : first_) first.near = {};
  }
  bool has_user_pcid(unsigned context) const {
    return config_.tlb.pcid && contexts_[context].isolated();
  }
  void note_global(VpnRange range);
  std::uint64_t drop_page(std::uint64_t vpn);
  std::uint64_t drop_page_of(std::uint64_t vpn, std::uint32_t pcid);
  void drop_upper(std::uint64_t vpn);
  void drop_context(unsigned context);
  void drop_pcid(std::uint32_t pcid);
  First& first_for(Access access) { return first_[access == Access::Execute ? 1 : 0]; }

  std::uint64_t key_base_ = 0;  // what keys of base pages in the active context have beside the
                                // page number
  std::uint64_t upper_key_base_ = 0;  // the same of entries of level 2
  std::uint64_t user_end_;            // of the user half
  std::uint32_t pcid_ = 0;            // of the active context, in the view in use
  unsigned active_ = kNoContext;
  View view_ = View::Kernel;  // stays so if the active space has only one
  Pfn root_;                  // of the active context, in the view in use
  // In raw_ the totals stay 0: counters() sums what is counted by size.
  TlbCounters raw_;
  // Not in raw_: what look_up() found in the L2, and by a walk from a cached entry of level 2.
  std::array<std::uint64_t, 2> l1_misses_{};
  x86::Walker walker_;
  std::array<std::uint64_t, kReadyIndices> ready_{};  // that part of an entry
  x86::TableMemory memory_;
  std::array<Context, kContexts + 1> contexts_{};  // the last one stands for "none"
  unsigned next_context_ = 0;
  MemoryListener* listener_ = nullptr;
  unsigned number_ = 0;         // as the listener knows this CPU
  VpnRange globals_;            // all global translations cached since the start lie inside
  std::array<First, 2> first_;  // data, fetch
  TlbUnit l2_;
  std::array<WalkCache, x86::kMaxLevels + 1> upper_;  // paging-structure caches, by level
  CpuConfig config_;
};

// Of a page with key 0.
[[gnu::always_inline]] inline SimCpu::Entry SimCpu::entry_for(x86::Pte leaf, int level,
                                                              std::uint64_t rights) const {
  const std::uint64_t frame = x86::leaf_frame(leaf, level).value << kPageShift;
  const std::uint64_t seen = frame | (leaf.raw & x86::kDirty) | rights;
  return {seen | ready_[ready_index(seen)]};
}

inline bool SimCpu::usable(std::uint64_t key, SpaceId& space) const {
  if (tlb_key::global(key)) {
    space = contexts_[active_].space;
    return has_space();
  }
  const std::uint32_t pcid = tlb_key::pcid(key);
  const Context& context = contexts_[config_.tlb.pcid ? (pcid & ~kUserPcid) - 1 : 0];
  space = context.space;
  return context.used && !context.stale;
}

template <class Visit>
void SimCpu::report(const TlbSlot& slot, Visit&& fn) const {
  SpaceId space = 0;
  if (!usable(slot.key, space)) return;
  const Entry entry{slot.data};
  fn(space, extended(tlb_key::first_vpn(slot.key)), tlb_key::level(slot.key), entry.pfn(),
     entry.rights() | std::uint64_t{entry.key()} << x86::kProtectionKeyShift, entry.dirty());
}

template <class Visit>
void SimCpu::for_each_cached(Visit&& fn) const {
  const auto tell = [&](const TlbSlot& slot) { report(slot, fn); };
  first_[1].unit.for_each(tell);
  first_[0].unit.for_each(tell);
  l2_.for_each(tell);
}

template <class Visit>
void SimCpu::for_each_cached_table(Visit&& fn) const {
  for (const WalkCache& entries : upper_) {
    entries.for_each([&](std::uint64_t key, const x86::UpperEntry& upper) {
      SpaceId space = 0;
      if (!usable(key, space)) return;
      fn(space, extended(tlb_key::first_vpn(key)), tlb_key::level(key), upper.pfn(),
         upper.rights());
    });
  }
}

}  // namespace pw::sim
