// Page tables of one half of the addresses: a radix tree in genuine x86-64 format, in frames of the
// machine.
//
// Owned by an AddressSpace (the user half), or by the KernelMap (the kernel half, once for all
// spaces). Invariants: an entry that is not present is zero; a table below the root has at least
// one present entry (empty tables are freed at once); entries() of a table is the number of its
// present entries, in the root of those of its half. Entries of upper levels grant everything that
// the half may have (writable, executable, in the user half user): rights are set at the leaf.
// Nothing here flushes a TLB: whoever lessens or removes a translation tells the MmuPort.
//
// The other half of a space's root is a copy of the kernel's entries, made with the root and never
// changed: the tables below are the kernel's. With page-table isolation there is a second root for
// user mode, with the same entries in the user half and next to none in the kernel's (Linux
// arch/x86/mm/pti.c); what lies below the entries of the user half is the same for both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "arch/x86/pte.hpp"

namespace pw::x86 {

// Where table frames come from, and the count of present entries that goes with each.
class TableFrames {
 public:
  virtual ~TableFrames() = default;
  // A zeroed frame for a table of `level`, or false when there is no memory.
  virtual bool allocate_table(int level, Pfn& out) = 0;
  virtual void free_table(Pfn table) = 0;
  virtual std::uint16_t& entries(Pfn table) = 0;
};

enum class Half : std::uint8_t { User, Kernel };

// What the kernel half of a new space's roots is copied from.
struct KernelHalf {
  bool mapped = false;    // off: it stays empty
  Pfn root;               // a root that has all of it
  bool isolated = false;  // user mode runs on a root of its own, with the kernel half of
  Pfn user_root;
};

class PageTables {
 public:
  PageTables(TableMemory memory, TableFrames& frames, int levels, Half half = Half::User)
      : memory_(memory), frames_(&frames), levels_(levels), half_(half) {}
  PageTables(const PageTables&) = delete;
  PageTables& operator=(const PageTables&) = delete;

  // Takes a frame for the root, two if user mode has its own. False: no memory.
  bool create_root(const KernelHalf& kernel = {});
  // Frees every table; translations must not be in use any more.
  void destroy();

  Pfn root() const { return root_; }
  // The root of user mode: root() unless it is isolated.
  Pfn user_root() const { return user_root_; }
  bool isolated() const { return user_root_ != root_; }
  int levels() const { return levels_; }
  std::uint64_t table_count() const { return tables_; }  // without the root of user mode

  // The entry that maps `vpn` at `level`, or null where a table is missing or a larger leaf covers
  // it.
  Pte* find(Vpn vpn, int level = 1) {
    if (level == 1) [[likely]] {
      const Known& known = known_for(vpn);
      if (known.key == vpn.value >> kIndexBits) [[likely]]
        return &known.entries[index_at(vpn, 1)];
    }
    return walk_to(vpn, level);
  }
  // The leaf that maps `vpn`, of any size, with its level; null if none is present.
  Pte* find_leaf(Vpn vpn, int& level);
  // The entry for `vpn` at `level`, building missing tables. Null: no memory (nothing is left half
  // built).
  Pte* ensure(Vpn vpn, int level = 1);

  // Writes a leaf into an entry got from find() or ensure() for this vpn and level, counting it.
  void write(Pte* entry, Pte leaf);
  // Accounts for `n` leaves written by the caller itself into the level-1 table that holds `entry`.
  void count_written(const Pte* entry, std::uint16_t n) {
    frames_->entries(memory_.frame_at(reinterpret_cast<const std::byte*>(entry))) += n;
  }
  // Clears the leaf of `vpn` at `level` and frees tables that become empty. True if a table was
  // freed.
  bool clear(Vpn vpn, int level = 1);

  // --- leaves of 2 MiB in programs' memory. Each keeps a table in reserve, so that splitting it
  // needs no memory (pgtable_trans_huge_deposit(), mm/pgtable-generic.c of Linux). The reserve
  // counts among the tables.
  bool has_large() const { return !reserves_.empty(); }
  // The leaf or absent level-1 entry of `vpn`, with its level (1 or 2); null: there is neither.
  Pte* find_any(Vpn vpn, int& level) {
    level = 1;
    Pte* entry = find(vpn);
    return entry != nullptr || reserves_.empty() ? entry : find_leaf(vpn, level);
  }
  // The entry that maps the 2 MiB of `vpn` now, where no table was. False: no memory.
  bool map_large(Vpn vpn, Pte leaf);
  // Replaces it by 512 small leaves with its rights and A/D bits, for frames first, first + step,
  // first + 2 * step and so on. The bits of `marks` are each page's own, from the reserve.
  void split_large(Vpn vpn, Pfn first, std::uint64_t step, std::uint64_t marks);
  // The entry of a page under a large leaf in the reserve, for marks: bits that hardware ignores.
  // What it counts for is the caller's.
  Pte& reserve_entry(Vpn vpn) {
    return entries_of(reserves_.at(vpn.value >> kIndexBits))[index_at(vpn, 1)];
  }
  std::uint16_t& reserve_count(Vpn vpn) {
    return frames_->entries(reserves_.at(vpn.value >> kIndexBits));
  }
  template <class Fn>
  void for_each_reserve(Fn&& fn) const {  // fn(table)
    for (const auto& [key, table] : reserves_) fn(table);
  }

  // Frees the level-1 table of `vpn`, and those above it, if nothing is in it.
  void free_if_empty(Vpn vpn) {
    const Pte* entry = find(vpn);
    if (entry == nullptr) return;
    if (frames_->entries(memory_.frame_at(reinterpret_cast<const std::byte*>(entry))) == 0)
      clear(vpn);
  }

  // Calls fn(vpn, level, Pte&) for each present leaf that overlaps `range`, in order. The callee
  // may change rights and A/D bits of the entry, not its presence.
  template <class Fn>
  void for_each_leaf(VpnRange range, Fn&& fn) {
    if (!range.empty()) visit(root_, levels_, origin(), range, fn);
  }
  // Calls fn(vpn, Pte&) for each present entry of `level` that overlaps `range`, in order, whether
  // it maps pages or leads to a table. The callee may change A/D bits.
  template <class Fn>
  void for_each_entry(int level, VpnRange range, Fn&& fn) {
    if (!range.empty()) visit_entries(root_, levels_, level, origin(), range, fn);
  }
  // The physical address of an entry got from here.
  std::uint64_t address_of(const Pte* entry) const {
    const auto* host = reinterpret_cast<const std::byte*>(entry);
    const Pfn table = memory_.frame_at(host);
    const auto* first = reinterpret_cast<const std::byte*>(memory_.table(table));
    return (table.value << kPageShift) + static_cast<std::uint64_t>(host - first);
  }
  // Clears each present leaf inside `range` after fn(vpn, level, pte) has seen it, frees empty
  // tables. A larger leaf that is only partly inside is left alone. True if a table was freed.
  template <class Fn>
  bool clear_range(VpnRange range, Fn&& fn) {
    if (range.empty()) return false;
    if (range.pages() == PageCount(1) && clear_one(range.begin, fn)) return false;
    const std::uint64_t before = tables_;
    clear_below(root_, levels_, origin(), range, fn);
    return tables_ != before;
  }
  // Calls fn(table frame, level, vpn of its first page) for the root and each table below it. The
  // root's first page is that which its entry 0 would map.
  template <class Fn>
  void for_each_table(Fn&& fn) {
    visit_tables(root_, levels_, origin(), fn);
  }

 private:
  Pte* entries_of(Pfn table) const { return reinterpret_cast<Pte*>(memory_.table(table)); }
  Pte* walk_to(Vpn vpn, int level);
  // True if the table was empty, and is gone.
  bool drop_if_empty(Pfn table, Pte* parent_entry, Pfn parent);
  void destroy_below(Pfn table, int level);
  bool add_table(Pfn table, Pte& entry, int level);

  template <class Fn>
  void visit(Pfn table, int level, Vpn first, VpnRange range, Fn& fn);
  template <class Fn>
  void visit_entries(Pfn table, int level, int wanted, Vpn first, VpnRange range, Fn& fn);
  // A small leaf whose table keeps others. False: it is no such leaf, and nothing was done.
  template <class Fn>
  bool clear_one(Vpn vpn, Fn& fn) {
    Pte* entry = find(vpn);
    if (entry == nullptr || !entry->present()) return false;
    std::uint16_t& present = frames_->entries(
        memory_.frame_at(reinterpret_cast<const std::byte*>(entry)));
    if (present <= 1) return false;
    fn(vpn, 1, *entry);
    *entry = Pte{};
    --present;
    return true;
  }
  template <class Fn>
  void clear_below(Pfn table, int level, Vpn first, VpnRange range, Fn& fn);
  template <class Fn>
  void visit_tables(Pfn table, int level, Vpn first, Fn& fn);

  struct Span {  // indices of a table's entries
    unsigned begin, end;
  };
  // Those of this half.
  Span span_of_half(int level) const {
    constexpr unsigned kMiddle = kEntriesPerTable / 2;
    if (level < levels_) return {0, kEntriesPerTable};
    return half_ == Half::User ? Span{0, kMiddle} : Span{kMiddle, kEntriesPerTable};
  }
  // Those that a range meets.
  Span span_of(int level, Vpn first, VpnRange range) const {
    const std::uint64_t each = pages_at(level).value;
    const Span all = span_of_half(level);
    const std::uint64_t lo = range.begin.value > first.value ? range.begin.value - first.value : 0;
    std::uint64_t hi = range.end.value > first.value ? range.end.value - first.value : 0;
    if (hi > all.end * each) hi = all.end * each;
    if (lo >= hi) return {0, 0};
    const auto begin = static_cast<unsigned>(lo / each);
    return {begin > all.begin ? begin : all.begin, static_cast<unsigned>((hi + each - 1) / each)};
  }
  // The page that entry 0 of the root stands for if the numbers of this half's pages, which are
  // sign-extended in the kernel's, are counted on from it.
  Vpn origin() const {
    constexpr unsigned kVpnBits = 64 - kPageShift;
    const std::uint64_t below = std::uint64_t{1} << (linear_bits(levels_) - kPageShift);
    return half_ == Half::User ? Vpn(0) : Vpn((std::uint64_t{1} << kVpnBits) - below);
  }
  std::uint64_t table_rights() const {
    return kPresent | kWritable | (half_ == Half::User ? kUser : 0);
  }
  void copy_to_user_root(unsigned index);
  void free_reserve(Vpn vpn);

  TableMemory memory_;
  TableFrames* frames_;
  int levels_;
  Half half_;
  Pfn root_{0}, user_root_{0};
  std::uint64_t tables_ = 0;
  // Level-1 tables used last, each in the place that its vpn >> 9 has: those of neighbouring
  // addresses lie side by side. There are as many places as tables, within bounds.
  struct Known {
    std::uint64_t key = kNoKey;
    Pte* entries = nullptr;
  };
  static constexpr std::uint64_t kNoKey = ~std::uint64_t{0};  // no page has it
  static constexpr std::size_t kLeastKnown = 64, kMostKnown = 4096;
  Known& known_for(Vpn vpn) { return known_[vpn.value >> kIndexBits & (known_.size() - 1)]; }
  void note_known(Vpn vpn, Pte* entries);
  // The level-1 table of the page is gone.
  void forget(Vpn vpn) {
    Known& known = known_for(vpn);
    if (known.key == vpn.value >> kIndexBits) known = {};
  }
  std::vector<Known> known_ = std::vector<Known>(kLeastKnown);
  std::unordered_map<std::uint64_t, Pfn> reserves_;  // of large leaves, by vpn >> 9
};

template <class Fn>
void PageTables::visit(Pfn table, int level, Vpn first, VpnRange range, Fn& fn) {
  Pte* entries = entries_of(table);
  const Span span = span_of(level, first, range);
  for (unsigned i = span.begin; i < span.end; ++i) {
    if (!entries[i].present()) continue;
    const Vpn vpn = first + PageCount(i * pages_at(level).value);
    if (entries[i].leaf_at(level)) {
      fn(vpn, level, entries[i]);
    } else {
      visit(entries[i].pfn(), level - 1, vpn, range, fn);
    }
  }
}

template <class Fn>
void PageTables::visit_entries(Pfn table, int level, int wanted, Vpn first, VpnRange range,
                               Fn& fn) {
  Pte* entries = entries_of(table);
  const Span span = span_of(level, first, range);
  for (unsigned i = span.begin; i < span.end; ++i) {
    if (!entries[i].present()) continue;
    const Vpn vpn = first + PageCount(i * pages_at(level).value);
    if (level == wanted) {
      fn(vpn, entries[i]);
    } else if (!entries[i].leaf_at(level)) {
      visit_entries(entries[i].pfn(), level - 1, wanted, vpn, range, fn);
    }
  }
}

template <class Fn>
void PageTables::clear_below(Pfn table, int level, Vpn first, VpnRange range, Fn& fn) {
  Pte* entries = entries_of(table);
  const Span span = span_of(level, first, range);
  for (unsigned i = span.begin; i < span.end; ++i) {
    if (!entries[i].present()) continue;
    const Vpn vpn = first + PageCount(i * pages_at(level).value);
    if (!entries[i].leaf_at(level)) {
      const Pfn below = entries[i].pfn();
      clear_below(below, level - 1, vpn, range, fn);
      if (drop_if_empty(below, &entries[i], table) && level == 2) forget(vpn);
    } else if (range.contains(range_of(vpn, pages_at(level)))) {
      fn(vpn, level, entries[i]);
      entries[i] = Pte{};
      --frames_->entries(table);
      if (level == 2 && !reserves_.empty()) free_reserve(vpn);
    }
  }
}

template <class Fn>
void PageTables::visit_tables(Pfn table, int level, Vpn first, Fn& fn) {
  fn(table, level, first);
  if (level == 1) return;
  Pte* entries = entries_of(table);
  const Span span = span_of_half(level);
  for (unsigned i = span.begin; i < span.end; ++i) {
    if (!entries[i].present() || entries[i].leaf_at(level)) continue;
    visit_tables(entries[i].pfn(), level - 1, first + PageCount(i * pages_at(level).value), fn);
  }
}

}  // namespace pw::x86
