// Machine::verify(): derives from areas and slots what must be true of frames, tables, swap,
// counters and TLBs, and compares.
//
//   from                 to
//   slots                refs of frames, counts of swap slots
//   tables               mapcounts, resident pages, counts of entries
//   areas and slots      frame and rights of every translation
//   frames               free + kernel + tables + user = all
//   tables               frame and rights of every cached translation
//   reclaim's orders     exactly the user frames
//
// One pass over each; counts are arrays over frame numbers and sorted lists, so that tests can
// afford it after every operation.
#include <algorithm>
#include <utility>
#include <vector>

#include "fault/classify.hpp"
#include "machine/machine.hpp"
#include "rmap/rmap.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

class Verifier {
 public:
  Verifier(Core& core, ProcessTable& processes, const std::vector<AreaCounters>& areas,
           KernelMap* kernel_map, std::uint64_t kernel_frames)
      : core_(core),
        kernel_map_(kernel_map),
        kernel_frames_(kernel_frames),
        areas_(areas),
        refs_(core.pool.total().value),
        mapcounts_(core.pool.total().value),
        label_resident_(areas.size()) {
    processes.for_each([this](Process& process) {
      if (process.space == nullptr) return;
      const SpaceId id = process.space->id();
      if (spaces_.size() <= id) spaces_.resize(id + 1);
      spaces_[id] = process.space.get();
    });
  }

  // The first thing found wrong; null if all is well.
  const char* run(const Reclaim& reclaimer, const sim::SimMmu& mmu) {
    count_slots();
    if (kernel_map_ != nullptr && wrong_ == nullptr) wrong_ = kernel_map_->check();
    for (AddressSpace* space : spaces_) {
      if (space != nullptr) check_space(*space);
    }
    check_frames(reclaimer);
    if (wrong_ == nullptr) wrong_ = reclaimer.check();
    check_swap();
    check_labels();
    check_tlbs(mmu);
    return wrong_;
  }

 private:
  void expect(bool truth, const char* what) {
    if (!truth && wrong_ == nullptr) wrong_ = what;
  }

  void count_slots() {
    std::vector<const SlotChunk*> chunks;  // once for each table that has it
    core_.objects.for_each([&](VmObject& object) {
      object.slots.for_each_chunk(
          [&](const SlotChunk& chunk, PageOffset) { chunks.push_back(&chunk); });
    });
    std::sort(chunks.begin(), chunks.end());
    for (auto it = chunks.begin(); it != chunks.end();) {
      const auto next = std::upper_bound(it, chunks.end(), *it);
      expect(std::cmp_equal((*it)->sharers, next - it), "a chunk's count of sharers is wrong");
      count_chunk(**it);
      it = next;
    }
  }

  void count_chunk(const SlotChunk& chunk) {
    std::uint32_t used = 0;
    for (const PageSlot slot : chunk.slots) {
      if (slot.is_empty()) continue;
      ++used;
      if (slot.is_swapped()) swapped_.push_back(slot.swap());
      if (!slot.is_resident()) continue;
      expect(is_user(core_.pool.frame(slot.pfn()).kind), "a slot names a frame that is not in use");
      ++refs_[slot.pfn().value];
    }
    expect(used == chunk.used && used > 0, "a chunk's count of used slots is wrong");
  }

  void check_space(AddressSpace& space) {
    space.areas().verify();
    std::uint64_t mapped = 0, locked = 0, resident = 0, tables = 0;
    for (Vma& area : space.areas()) {
      locked += area.traits.locked ? area.range().pages().value : 0;
      mapped += area.range().pages().value;
      expect(area.space == &space, "an area belongs to another space");
      if (area.backing != nullptr) {
        expect(area.backing->mappings[area.mapping_index] == &area, "an object misses an area");
      }
    }
    expect(mapped == space.counters().mapped_pages, "mapped pages are miscounted");
    expect(locked == space.counters().locked_pages, "locked pages are miscounted");
    x86::PageTables& pages = space.tables();
    pages.for_each_table([&](Pfn table, int level, Vpn first) {
      ++tables;
      resident += check_table(space, table, level, first);
    });
    std::uint64_t reserves = 0;
    pages.for_each_reserve([&](Pfn table) {
      ++reserves;
      expect(core_.pool.frame(table).kind == FrameKind::Table, "a reserve is no table");
    });
    expect(reserves == large_, "a large translation without a table in reserve, or the reverse");
    large_ = 0;
    tables += reserves;
    tables_seen_ += tables + (pages.isolated() ? 1 : 0);
    if (kernel_map_ != nullptr && wrong_ == nullptr) wrong_ = kernel_map_->check_roots(pages);
    expect(tables == pages.table_count(), "tables are miscounted");
    expect(resident == space.counters().resident_pages, "resident pages are miscounted");
    total_mapped_ += mapped;
  }

  // Returns the translations that count as resident.
  std::uint64_t check_table(AddressSpace& space, Pfn table, int level, Vpn first) {
    const Frame& frame = core_.pool.frame(table);
    expect(frame.kind == FrameKind::Table, "a page table lies in a frame of another kind");
    const std::uint64_t* entries = core_.pool.table_memory().table(table);
    std::uint32_t present = 0;
    std::uint64_t resident = 0;
    // The kernel's half of a root is its own matter.
    const unsigned end = level == space.tables().levels() ? x86::kEntriesPerTable / 2
                                                          : x86::kEntriesPerTable;
    for (unsigned i = 0; i < end; ++i) {
      if (entries[i] == 0) continue;
      const x86::Pte entry{entries[i]};
      expect(entry.present(), "an absent entry is not zero");
      ++present;
      const Vpn vpn = first + PageCount(i * x86::pages_at(level).value);
      if (level == 1) resident += check_translation(space, vpn, entry);
      if (level == 1 || !entry.leaf_at(level)) continue;
      expect(level == 2, "an unexpected large page");
      resident += check_large(space, vpn, entry);
    }
    expect(present == frame.aux, "a table's entries are miscounted");
    expect(present > 0 || level == space.tables().levels(), "an empty table was kept");
    return resident;
  }

  // The pages that count as resident.
  std::uint64_t check_large(AddressSpace& space, Vpn vpn, x86::Pte entry) {
    ++large_;
    const Vma* area = space.find(vpn);
    expect(area != nullptr && area->range().contains(huge_range(vpn)),
           "a large translation reaches over the end of its area");
    const bool zero = entry.pfn() == core_.huge_zero_frame;
    expect(zero || (core_.pool.in_huge(entry.pfn()) &&
                    core_.pool.huge().used(entry.pfn()) == HugeBlocks::kFrames),
           "a large translation to what is no huge page, or not all of one");
    if (wrong_ != nullptr) return 0;
    std::uint64_t resident = 0;
    for (PageCount i{0}; i.value < HugeBlocks::kFrames; i = i + PageCount(1)) {
      const Pfn pfn = zero ? core_.zero_frame : entry.pfn() + i;
      const std::uint64_t bits = entry.raw & ~(x86::kAddressMask | x86::kLarge);
      resident += check_translation(space, vpn + i, x86::Pte::make(pfn, bits));
    }
    return resident;
  }

  // The pages that count as resident.
  std::uint64_t check_translation(AddressSpace& space, Vpn vpn, x86::Pte entry) {
    Vma* area = space.find(vpn);
    expect(area != nullptr, "a translation outside every area");
    if (area == nullptr) return 0;
    const PageView view = view_page(core_, *area, vpn);
    const std::uint64_t allowed = leaf_flags(*area, true);
    expect((entry.raw & ~allowed & (x86::kWritable | x86::kUser)) == 0,
           "a translation grants more than its area");
    expect((~entry.raw & allowed & x86::kNoExecute) == 0, "a translation lets data be executed");
    expect(entry.protection_key() == area->traits.key,
           "a translation has another key than its area");
    if (entry.pfn() == core_.zero_frame) {
      expect(view.own.is_empty() && area->backing == nullptr && !area->shared,
             "the zero page stands for a page that has contents");
      expect(!entry.writable(), "the zero page is writable");
      return 0;
    }
    ++mapcounts_[entry.pfn().value];
    const std::uint64_t pages = pages_of(core_.pool.frame(entry.pfn()));
    label_resident_[area->label] += pages;
    const PageSlot truth = view.own.is_empty() ? view.common : view.own;
    expect(truth == PageSlot::resident(entry.pfn()), "a translation differs from its slot");
    if (entry.writable() && !area->shared) {
      expect(!view.own.is_empty() && !view.own_shared, "a shared private page is writable");
    }
    if (entry.writable() && core_.pool.frame(entry.pfn()).kind == FrameKind::File) {
      expect((core_.pool.frame(entry.pfn()).flags & kFrameDirty) != 0,
             "a clean file page is writable");
    }
    return pages;
  }

  // Reclaim knows huge pages by their heads.
  void check_huge(Pfn pfn) {
    const FramePool& pool = core_.pool;
    const Frame& frame = pool.frame(pfn);
    const std::uint8_t known = kFrameListed | kFrameAside;
    if (frame.kind == FrameKind::Spare) {
      expect(pool.in_huge(pfn) && frame.refs == 0 && refs_[pfn.value] == 0,
             "a spare frame belongs to no huge page, or to somebody");
      expect(mapcounts_[pfn.value] == 0, "a spare frame is mapped");
    }
    if (!pool.in_huge(pfn)) return;
    expect(frame.kind == FrameKind::Anon || frame.kind == FrameKind::Spare,
           "a huge page with a frame of another kind");
    expect(pfn == pool.head_of(pfn) || (frame.flags & known) == 0,
           "reclaim knows a page of a huge page");
    ++(frame.kind == FrameKind::Spare ? spare_ : used_of_huge_);
    if (pfn != pool.head_of(pfn)) return;
    ++heads_;
    used_expected_ += pool.huge().used(pfn);
  }

  void check_frames(const Reclaim& reclaimer) {
    FramePool& pool = core_.pool;
    pool.allocator().verify();
    std::uint64_t users = 0, tables = 0, kernel = 0, listed = 0, set_aside = 0;
    for (std::uint64_t n = 0; n < pool.total().value; ++n) {
      const Frame& frame = pool.frame(Pfn(n));
      if (frame.kind == FrameKind::Table) ++tables;
      if (frame.kind == FrameKind::Kernel) ++kernel;
      if (!is_user(frame.kind) && frame.kind != FrameKind::Spare) continue;
      check_huge(Pfn(n));
      listed += (frame.flags & kFrameListed) != 0 ? 1 : 0;
      if (frame.kind == FrameKind::Spare) {
        set_aside += (frame.flags & kFrameAside) != 0 ? 1 : 0;
        continue;
      }
      ++users;
      expect(frame.aux == 0, "a pin was forgotten");
      expect(frame.kind == FrameKind::File || (frame.flags & kFrameDirty) == 0 ||
                 !swap_copy(frame).valid(),
             "a changed page kept its old copy in swap");
      expect((frame.flags & kFrameLazy) == 0 ||
                 (frame.kind == FrameKind::Anon && (frame.flags & kFrameDirty) == 0),
             "a page that may just go has been written");
      expect(frame.refs > 0 && frame.refs == refs_[n], "a frame's refs are wrong");
      expect(frame.mapcount == mapcounts_[n], "a frame's mapcount is wrong");
      if (frame.kind != FrameKind::File && swap_copy(frame).valid()) {
        swapped_.push_back(swap_copy(frame));
      }
      std::uint32_t found = 0;
      bool locked = false;
      for_each_mapping(core_, Pfn(n), [&](Vma& area, Vpn, x86::Pte&) {
        ++found;
        locked = locked || area.traits.locked;
      });
      const bool aside = (frame.flags & kFrameAside) != 0;
      expect(!aside || locked || pool.in_huge(Pfn(n)),
             "reclaim has forgotten a page that is not locked");
      set_aside += aside ? 1 : 0;
      expect(found == frame.mapcount, "the reverse mapping misses a translation");
    }
    expect(spare_ == pool.spare_frames() && heads_ == pool.huge().count() &&
               used_of_huge_ == used_expected_,
           "huge pages are miscounted");
    expect(users + spare_ + tables + kernel + pool.free_frames().value == pool.total().value,
           "frames were lost");
    expect(users == pool.user_frames() && tables == pool.table_frames(), "frames are miscounted");
    expect(tables == tables_seen_, "a page table belongs to nobody");
    expect(kernel == kernel_frames_, "a kernel frame belongs to nobody");
    expect(listed + set_aside == users - used_of_huge_ + heads_ && reclaimer.listed() == listed,
           "reclaim knows other frames");
  }

  // Both are in order of slots.
  void check_swap() {
    std::sort(swapped_.begin(), swapped_.end());
    auto at = swapped_.begin();
    std::uint64_t used = 0;
    core_.swap.for_each_used([&](SwapSlot slot, std::uint32_t n) {
      ++used;
      const auto next = std::upper_bound(at, swapped_.end(), slot);
      expect(at != next && *at == slot && std::cmp_equal(next - at, n),
             "a swap slot's count is wrong");
      at = next;
    });
    expect(at == swapped_.end() && used == core_.swap.used_slots(), "swap slots are miscounted");
  }

  void check_labels() {
    for (std::size_t i = 0; i < areas_.size(); ++i) {
      expect(areas_[i].resident_pages == label_resident_[i],
             "a label's resident pages are miscounted");
    }
    expect(total_mapped_ == core_.counters.mapped_pages,
           "the machine's mapped pages are miscounted");
  }

  // What a CPU could still use must be what the tables say, or less.
  void check_tlbs(const sim::SimMmu& mmu) {
    mmu.for_each_cached(
        [&](unsigned, SpaceId id, Vpn vpn, int level, Pfn pfn, std::uint64_t rights, bool) {
          AddressSpace* space = space_of(id);
          expect(space != nullptr, "a TLB serves a space that is gone");
          if (space == nullptr) return;
          int found_level = 0;
          const x86::Pte* entry = space->tables().find_leaf(vpn, found_level);
          expect(entry != nullptr && found_level == level && entry->pfn() == pfn,
                 "a stale translation");
          if (entry == nullptr) return;
          const std::uint64_t grants = x86::kWritable | x86::kUser;
          expect((rights & ~entry->raw & grants) == 0, "a TLB grants more than the tables");
          expect((rights & x86::kNoExecute) != 0 || !entry->no_execute(),
                 "a TLB lets data be executed");
          const unsigned key = x86::Pte{rights}.protection_key();
          expect(!entry->user() || key == entry->protection_key(),
                 "a TLB has another key than the tables");
        });
    mmu.for_each_cached_table(
        [&](unsigned, SpaceId id, Vpn vpn, int level, Pfn table, std::uint64_t) {
          AddressSpace* space = space_of(id);
          expect(space != nullptr, "a walk cache serves a space that is gone");
          if (space == nullptr) return;
          const auto leads_there = [table](const x86::Pte* entry) {
            return entry != nullptr && entry->present() && entry->pfn() == table;
          };
          // Below the kernel half of user mode's root lie other tables than below the kernel's.
          const bool of_kernel = kernel_map_ != nullptr &&
                                 vpn >= page_of(x86::user_end(space->tables().levels()));
          expect(leads_there(space->tables().find(vpn, level)) ||
                     (of_kernel && space->tables().isolated() &&
                      leads_there(kernel_map_->find_for_user(vpn, level))),
                 "a stale table pointer");
        });
  }

  AddressSpace* space_of(SpaceId id) const { return id < spaces_.size() ? spaces_[id] : nullptr; }

  Core& core_;
  KernelMap* kernel_map_;        // may be null
  std::uint64_t kernel_frames_;  // that somebody knows of
  const std::vector<AreaCounters>& areas_;
  std::vector<AddressSpace*> spaces_;            // by id
  std::vector<std::uint32_t> refs_, mapcounts_;  // by frame
  std::vector<std::uint64_t> label_resident_;
  std::vector<SwapSlot> swapped_;  // once for each chunk or frame that refers to it
  std::uint64_t tables_seen_ = 0, total_mapped_ = 0;
  std::uint64_t large_ = 0;  // translations of the space that is looked at
  std::uint64_t heads_ = 0, used_of_huge_ = 0, used_expected_ = 0, spare_ = 0;
  const char* wrong_ = nullptr;
};

}  // namespace

Result<void> Machine::verify() {
  constexpr std::uint64_t kZeroFrames = 1;
  const std::uint64_t huge_zero = core_->huge_zero_frame == kNoFrame ? 0 : HugeBlocks::kFrames;
  const std::uint64_t kernel_frames = kZeroFrames + huge_zero + kernel_memory_->frames() +
                                      (kernel_map_ != nullptr ? kernel_map_->frames() : 0);
  Verifier verifier(*core_, processes_, areas_, kernel_map_.get(), kernel_frames);
  const char* wrong = verifier.run(*reclaimer_, *mmu_);
  if (wrong == nullptr) return {};
  return fail(Errno::Invalid, wrong);
}

}  // namespace pw
