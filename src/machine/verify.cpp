// Machine::verify(): derives from areas and slots what must be true of frames, tables, swap,
// counters and TLBs, and compares.
//
//   slots -> refs of frames, counts of swap slots        tables -> mapcounts, resident pages, entry
//   counts areas and slots -> every translation's frame, rights  frames -> free + kernel + tables +
//   user = all tables -> every cached translation's frame, rights    reclaim's orders -> exactly
//   the user frames
#include <set>
#include <unordered_map>

#include "fault/classify.hpp"
#include "machine/machine.hpp"
#include "rmap/rmap.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

class Verifier {
 public:
  Verifier(Core& core, ProcessTable& processes, const std::vector<AreaCounters>& areas)
      : core_(core), areas_(areas) {
    processes.for_each([this](Process& process) {
      if (process.space != nullptr) spaces_[process.space->id()] = process.space.get();
    });
  }

  // The first thing found wrong; empty if all is well.
  std::string run(const Reclaimer& reclaimer, const sim::SimMmu& mmu) {
    count_slots();
    for (auto& [id, space] : spaces_) check_space(*space);
    check_frames(reclaimer);
    check_swap();
    check_labels();
    check_tlbs(mmu);
    return wrong_;
  }

 private:
  void expect(bool truth, const char* what) {
    if (!truth && wrong_.empty()) wrong_ = what;
  }

  void count_slots() {
    std::set<const SlotChunk*> seen;
    std::unordered_map<const SlotChunk*, std::uint32_t> sharers;
    core_.objects.for_each([&](VmObject& object) {
      object.slots.for_each_chunk([&](const SlotChunk& chunk, PageOffset) {
        ++sharers[&chunk];
        if (!seen.insert(&chunk).second) return;
        std::uint32_t used = 0;
        for (const PageSlot slot : chunk.slots) {
          used += slot.is_empty() ? 0 : 1;
          if (slot.is_resident()) ++refs_[slot.pfn().value];
          if (slot.is_swapped()) ++swap_counts_[slot.swap().value];
        }
        expect(used == chunk.used && used > 0, "a chunk's count of used slots is wrong");
      });
    });
    for (const auto& [chunk, n] : sharers) {
      expect(chunk->sharers == n, "a chunk's count of sharers is wrong");
    }
  }

  void check_space(AddressSpace& space) {
    space.areas().verify();
    std::uint64_t mapped = 0, resident = 0, tables = 0;
    for (Vma& area : space.areas()) {
      mapped += area.range().pages().value;
      expect(area.space == &space, "an area belongs to another space");
      if (area.backing != nullptr) {
        expect(area.backing->mappings[area.mapping_index] == &area, "an object misses an area");
      }
    }
    expect(mapped == space.counters().mapped_pages, "mapped pages are miscounted");
    x86::PageTables& pages = space.tables();
    pages.for_each_table(
        [&](Pfn table, int level, Vpn) { tables += check_table(pages, table, level); });
    expect(tables == pages.table_count(), "tables are miscounted");
    const VpnRange all{Vpn(0), space.layout().user_end};
    pages.for_each_leaf(all, [&](Vpn vpn, int level, x86::Pte& entry) {
      expect(level == 1, "an unexpected large page");
      resident += check_translation(space, vpn, entry);
    });
    expect(resident == space.counters().resident_pages, "resident pages are miscounted");
    total_mapped_ += mapped;
  }

  std::uint64_t check_table(x86::PageTables& pages, Pfn table, int level) {
    const Frame& frame = core_.pool.frame(table);
    expect(frame.kind == FrameKind::Table, "a page table lies in a frame of another kind");
    const std::uint64_t* entries = core_.pool.table_memory().table(table);
    std::uint16_t present = 0;
    for (unsigned i = 0; i < x86::kEntriesPerTable; ++i) {
      present = static_cast<std::uint16_t>(present + ((entries[i] & x86::kPresent) != 0 ? 1 : 0));
      expect((entries[i] & x86::kPresent) != 0 || entries[i] == 0, "an absent entry is not zero");
    }
    expect(present == frame.aux, "a table's entries are miscounted");
    expect(present > 0 || level == pages.levels(), "an empty table was kept");
    ++tables_seen_;
    return 1;
  }

  // 1 if the translation counts as resident.
  std::uint64_t check_translation(AddressSpace& space, Vpn vpn, x86::Pte entry) {
    Vma* area = space.find(vpn);
    expect(area != nullptr, "a translation outside every area");
    if (area == nullptr) return 0;
    const PageView view = view_page(core_, *area, vpn);
    const std::uint64_t allowed = leaf_flags(*area, true);
    expect((entry.raw & ~allowed & (x86::kWritable | x86::kUser)) == 0,
           "a translation grants more than its area");
    expect((~entry.raw & allowed & x86::kNoExecute) == 0, "a translation lets data be executed");
    if (entry.pfn() == core_.zero_frame) {
      expect(view.own.is_empty() && area->backing == nullptr && !area->shared,
             "the zero page stands for a page that has contents");
      expect(!entry.writable(), "the zero page is writable");
      return 0;
    }
    ++mapcounts_[entry.pfn().value];
    ++label_resident_[area->label];
    const PageSlot truth = view.own.is_empty() ? view.common : view.own;
    expect(truth == PageSlot::resident(entry.pfn()), "a translation differs from its slot");
    if (entry.writable() && !area->shared) {
      expect(!view.own.is_empty() && !view.own_shared, "a shared private page is writable");
    }
    if (entry.writable() && core_.pool.frame(entry.pfn()).kind == FrameKind::File) {
      expect((core_.pool.frame(entry.pfn()).flags & kFrameDirty) != 0,
             "a clean file page is writable");
    }
    return 1;
  }

  void check_frames(const Reclaimer& reclaimer) {
    FramePool& pool = core_.pool;
    pool.allocator().verify();
    std::uint64_t users = 0, tables = 0, kernel = 0, listed = 0;
    for (std::uint64_t n = 0; n < pool.total().value; ++n) {
      const Frame& frame = pool.frame(Pfn(n));
      if (frame.kind == FrameKind::Table) ++tables;
      if (frame.kind == FrameKind::Kernel) ++kernel;
      if (!is_user(frame.kind)) continue;
      ++users;
      listed += (frame.flags & kFrameListed) != 0 ? 1 : 0;
      expect(frame.aux == 0, "a pin was forgotten");
      expect(frame.refs > 0 && frame.refs == count_of(refs_, n), "a frame's refs are wrong");
      expect(frame.mapcount == count_of(mapcounts_, n), "a frame's mapcount is wrong");
      if (frame.kind != FrameKind::File && swap_copy(frame).valid()) {
        ++swap_counts_[swap_copy(frame).value];
      }
      std::uint32_t found = 0;
      for_each_mapping(core_, Pfn(n), [&](Vma&, Vpn, x86::Pte&) { ++found; });
      expect(found == frame.mapcount, "the reverse mapping misses a translation");
    }
    expect(users + tables + kernel + pool.free_frames().value == pool.total().value,
           "frames were lost");
    expect(users == pool.user_frames() && tables == pool.table_frames(), "frames are miscounted");
    expect(tables == tables_seen_, "a page table belongs to nobody");
    expect(listed == users && reclaimer.listed() == users, "reclaim knows other frames");
    for (const auto& [pfn, n] : refs_) {
      expect(is_user(pool.frame(Pfn(pfn)).kind), "a slot names a frame that is not in use");
    }
  }

  void check_swap() {
    std::uint64_t used = 0;
    core_.swap.for_each_used([&](SwapSlot slot, std::uint32_t n) {
      ++used;
      expect(n == count_of(swap_counts_, slot.value), "a swap slot's count is wrong");
    });
    expect(used == swap_counts_.size() && used == core_.swap.used_slots(),
           "swap slots are miscounted");
  }

  void check_labels() {
    for (std::size_t i = 0; i < areas_.size(); ++i) {
      expect(areas_[i].resident_pages == count_of(label_resident_, i),
             "a label's resident pages are miscounted");
    }
    expect(total_mapped_ == core_.counters.mapped_pages,
           "the machine's mapped pages are miscounted");
  }

  // What a CPU could still use must be what the tables say, or less.
  void check_tlbs(const sim::SimMmu& mmu) {
    mmu.for_each_cached(
        [&](unsigned, SpaceId id, Vpn vpn, int level, Pfn pfn, std::uint64_t rights, bool) {
          const auto it = spaces_.find(id);
          expect(it != spaces_.end(), "a TLB serves a space that is gone");
          if (it == spaces_.end()) return;
          int found_level = 0;
          const x86::Pte* entry = it->second->tables().find_leaf(vpn, found_level);
          expect(entry != nullptr && found_level == level && entry->pfn() == pfn,
                 "a stale translation");
          if (entry == nullptr) return;
          const std::uint64_t grants = x86::kWritable | x86::kUser;
          expect((rights & ~entry->raw & grants) == 0, "a TLB grants more than the tables");
          expect((rights & x86::kNoExecute) != 0 || !entry->no_execute(),
                 "a TLB lets data be executed");
        });
    mmu.for_each_cached_table(
        [&](unsigned, SpaceId id, Vpn vpn, int level, Pfn table, std::uint64_t) {
          const auto it = spaces_.find(id);
          expect(it != spaces_.end(), "a walk cache serves a space that is gone");
          if (it == spaces_.end()) return;
          const x86::Pte* entry = it->second->tables().find(vpn, level);
          expect(entry != nullptr && entry->present() && entry->pfn() == table,
                 "a stale table pointer");
        });
  }

  template <class Map>
  static std::uint64_t count_of(const Map& map, std::uint64_t key) {
    const auto it = map.find(key);
    return it == map.end() ? 0 : it->second;
  }

  using Counts = std::unordered_map<std::uint64_t, std::uint64_t>;
  Core& core_;
  const std::vector<AreaCounters>& areas_;
  std::map<SpaceId, AddressSpace*> spaces_;
  Counts refs_, mapcounts_, swap_counts_, label_resident_;
  std::uint64_t tables_seen_ = 0, total_mapped_ = 0;
  std::string wrong_;
};

}  // namespace

Result<void> Machine::verify() {
  std::string wrong = Verifier(*core_, processes_, areas_).run(*reclaimer_, *mmu_);
  if (wrong.empty()) return {};
  return fail(Errno::Invalid, std::move(wrong));
}

}  // namespace pw
