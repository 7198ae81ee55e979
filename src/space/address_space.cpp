#include "space/address_space.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "space/merge.hpp"
#include "space/operations.hpp"
#include "space/translations.hpp"

namespace pw {

AddressSpace::AddressSpace(Core& core, SpaceId id, const SpaceLayout& layout, int levels)
    : core_(&core),
      id_(id),
      layout_(layout),
      tables_(core.pool.table_memory(), core.table_frames, levels),
      brk_(address_of(layout.heap_begin)) {}

std::unique_ptr<AddressSpace> AddressSpace::create(Core& core, SpaceId id,
                                                   const SpaceLayout& layout, int levels,
                                                   AddressSpace* relative) {
  std::unique_ptr<AddressSpace> space(new AddressSpace(core, id, layout, levels));
  if (!space->tables_.create_root(core.kernel_half)) return nullptr;
  VmObject* kin = relative == nullptr ? nullptr : relative->private_object_;
  space->private_object_ = &core.objects.create_private(*space, kin);
  if (relative == nullptr) {
    space->next_root_ = std::make_shared<std::uint32_t>(0);
  } else {
    space->brk_ = relative->brk_;
    space->homes_ = relative->homes_;
    space->next_root_ = relative->next_root_;
    space->limits_ = relative->limits_;
    space->settings_ = relative->settings_;
  }
  return space;
}

AddressSpace::~AddressSpace() {
  PW_CHECK_MSG(areas_.empty(), "areas must be unmapped before their space goes");
  if (private_object_ != nullptr) core_->objects.release(*private_object_);
  tables_.destroy();
}

Vma* AddressSpace::locate_private(PageOffset at, Vpn& vpn) {
  const std::optional<Vpn> page = homes_.page_at(at);
  if (!page) return nullptr;
  vpn = *page;
  Vma* area = areas_.find(vpn);
  return area != nullptr && !area->shared ? area : nullptr;
}

// arch_get_unmapped_area_topdown(), arch/x86/kernel/sys_x86_64.c, with its way out where the top is
// full: from a third of the user half upwards. A hole below a stack that would come too near to it
// sends the search below the stack's gap, past any hole in between (vm_unmapped_area(), mm/vma.c).
std::optional<Vpn> AddressSpace::find_gap(PageCount pages) const {
  VpnRange window{Vpn(1), layout_.mmap_top};
  while (const auto gap = areas_.highest_gap(pages, window)) {
    const Vma* above = areas_.lower_bound(*gap + pages);
    if (above == nullptr || !above->grows_down || above->start_gap() >= *gap + pages) return gap;
    window.end = above->start_gap();
    if (window.empty()) break;
  }
  return find_low_gap(pages, {Vpn(layout_.user_end.value / 3), layout_.user_end});
}

// unmapped_area(), mm/vma.c.
std::optional<Vpn> AddressSpace::find_low_gap(PageCount pages, VpnRange window) const {
  while (const auto gap = areas_.lowest_gap(pages, window)) {
    const Vma* above = areas_.lower_bound(*gap + pages);
    if (above == nullptr || !above->grows_down || above->start_gap() >= *gap + pages) return gap;
    window.begin = above->range_.end;
    if (window.empty()) break;
  }
  return std::nullopt;
}

void AddressSpace::enlist(Vma& area) {
  area.space = this;
  if (area.backing == nullptr) return;
  ++area.backing->holders;
  area.mapping_index = static_cast<std::uint32_t>(area.backing->mappings.size());
  area.backing->mappings.push_back(&area);
}

void AddressSpace::delist(Vma& area) {
  if (area.backing == nullptr) return;
  auto& mappings = area.backing->mappings;
  PW_CHECK(mappings[area.mapping_index] == &area);
  mappings[area.mapping_index] = mappings.back();
  mappings[area.mapping_index]->mapping_index = area.mapping_index;
  mappings.pop_back();
  // The last mapping of a file that is closed already: nobody could write its pages later. An error
  // has nobody to go to any more, as in the kernel.
  if (area.backing->kind == ObjectKind::File && area.backing->holders == 1) {
    (void)write_back(*core_, *area.backing, PageOffset(0), PageOffset(area.backing->pages().value));
  }
  core_->objects.release(*area.backing);
}

// Mapped pages of the space and as its limits count them, of the label and of the machine.
void AddressSpace::count(const Vma& area, PageCount pages, int sign) {
  const std::uint64_t n = sign > 0 ? pages.value : ~pages.value + 1;
  counters_.mapped_pages += n;
  counters_.mapped_peak = std::max(counters_.mapped_peak, counters_.mapped_pages);
  if (area.is_data()) counters_.data_pages += n;
  if (area.traits.locked) counters_.locked_pages += n;
  if (area.traits.accounted) core_->committed_pages += n;
  AreaCounters& label = core_->areas[area.label];
  label.mapped_pages += n;
  label.mapped_peak = std::max(label.mapped_peak, label.mapped_pages);
  core_->counters.mapped_pages += n;
  core_->counters.mapped_peak = std::max(core_->counters.mapped_peak, core_->counters.mapped_pages);
}

Vma& AddressSpace::adopt(const Vma& area) {
  Vma* placed = areas_.insert(std::make_unique<Vma>(area));
  enlist(*placed);
  count(*placed, placed->range_.pages(), 1);
  return *placed;
}

Vma& AddressSpace::insert(const Vma& area, bool only_below) {
  Vma* placed = &adopt(area);
  Vma* below = areas_.prev(*placed);
  if (below != nullptr && mergeable(*below, *placed)) {
    absorb(*below, *placed);
    placed = below;
  }
  Vma* above = only_below ? nullptr : areas_.next(*placed);
  if (above != nullptr && mergeable(*placed, *above)) absorb(*placed, *above);
  return *placed;
}

// Merges two neighbours; nothing is unmapped.
void AddressSpace::absorb(Vma& kept, Vma& above) {
  const Vpn end = above.range_.end;
  if (kept.anon == 0) {
    kept.anon = above.anon;
    kept.inherited = above.inherited;
  }
  erase_merged(above);
  areas_.resize(kept, {kept.range_.begin, end});
}

void AddressSpace::extend(Vma& area, Vpn end) {
  resize(area, {area.range_.begin, end});
  Vma* above = areas_.next(area);
  if (above == nullptr) return;
  // The extension counts as new: that the area's root was inherited keeps no neighbour away that
  // has none (is_mergeable_anon_vma(), mm/vma.c, without `middle`).
  Vma extension = area;
  if (above->anon == 0) extension.anon = 0;
  if (mergeable(extension, *above)) absorb(area, *above);
}

void AddressSpace::set_traits(Vma& area, const AreaTraits& traits) {
  count(area, area.range_.pages(), -1);
  area.traits = traits;
  count(area, area.range_.pages(), 1);
}

void AddressSpace::remove_moved(VpnRange range) {
  if (range.empty()) return;
  isolate(range);
  Vma* area = areas_.lower_bound(range.begin);
  while (area != nullptr && area->range_.begin < range.end) {
    Vma* next = areas_.next(*area);
    remove(*area);
    area = next;
  }
}

void AddressSpace::erase_private(VpnRange range) {
  homes_.for_each_run(range, [this](VpnRange pages, PageOffset at) {
    private_object_->slots.erase(at, at + pages.pages());
  });
}

void AddressSpace::erase_merged(Vma& area) {
  const std::unique_ptr<Vma> gone = areas_.erase(area);
  delist(*gone);
}

void AddressSpace::remove(Vma& area) {
  const VpnRange range = area.range_;
  count(area, range.pages(), -1);
  erase_merged(area);
  for (const Vpn table : kept_tables_.meeting(range)) {
    const VpnRange pages = KeptTables::pages_of(KeptTables::number_of(table));
    if (!areas_.overlaps(pages)) kept_tables_.remove(table);
  }
}

void AddressSpace::resize(Vma& area, VpnRange range) {
  count(area, area.range_.pages(), -1);
  areas_.resize(area, range);
  count(area, area.range_.pages(), 1);
}

Vma& AddressSpace::split(Vma& area, Vpn at) {
  PW_CHECK(area.range_.begin < at && at < area.range_.end);
  split_translation_at(*core_, *this, at);
  Vma upper = area;
  upper.set_range({at, area.range_.end});
  areas_.resize(area, {area.range_.begin, at});
  Vma* placed = areas_.insert(std::make_unique<Vma>(upper));
  enlist(*placed);
  return *placed;
}

void AddressSpace::isolate(VpnRange range) {
  Vma* first = areas_.find(range.begin);
  if (first != nullptr && first->range_.begin < range.begin) split(*first, range.begin);
  Vma* last = areas_.find(range.end);
  if (last != nullptr && last->range_.begin < range.end) split(*last, range.end);
}

namespace {

struct MergePlan {
  bool below = false, above = false;
};

// With which neighbours the pages `wanted`, now part of `area`, become one. System V segments are
// never merged away, but their borders may move.
MergePlan plan_merge(const Vma& area, const Vma& wanted, const Vma* below, const Vma* above) {
  const bool whole = wanted.range() == area.range();
  MergePlan plan;
  if (whole && area.segment) return plan;
  plan.below = below != nullptr && continues(*below, wanted);
  plan.above = above != nullptr && continues(wanted, *above);
  if (plan.below && plan.above && (!roots_agree(*below, *above) || above->segment)) {
    plan.above = false;
  }
  return plan;
}

}  // namespace

Result<Vma*> AddressSpace::modify(Vma& area, VpnRange part, const AreaChange& change) {
  Vma wanted = area;
  wanted.set_range(part);
  wanted.rights = change.rights;
  wanted.traits = change.traits;
  const VpnRange all = area.range_;
  // Before a border moves there (vma_adjust_trans_huge(), mm/huge_memory.c).
  if (part.begin > all.begin) split_translation_at(*core_, *this, part.begin);
  if (part.end < all.end) split_translation_at(*core_, *this, part.end);
  Vma* below = part.begin == all.begin ? areas_.prev(area) : nullptr;
  Vma* above = part.end == all.end ? areas_.next(area) : nullptr;
  const MergePlan plan = plan_merge(area, wanted, below, above);
  if (!plan.below && !plan.above) {
    const std::size_t cuts = (part.begin > all.begin ? 1U : 0U) + (part.end < all.end ? 1U : 0U);
    if (!may_have_areas(cuts)) return fail(Errno::NoMemory);
    isolate(part);
    Vma* piece = areas_.find(part.begin);
    count(*piece, part.pages(), -1);
    piece->rights = change.rights;
    piece->traits = change.traits;
    count(*piece, part.pages(), 1);
    return piece;
  }
  count(area, part.pages(), -1);
  const std::uint32_t root = area.anon;
  Vma* kept = plan.below ? below : above;
  VpnRange range = kept->range_;
  (plan.below ? range.end : range.begin) = plan.below ? part.end : part.begin;
  if (part == all) {
    erase_merged(area);
  } else {
    areas_.resize(area, plan.below ? VpnRange{part.end, all.end} : VpnRange{all.begin, part.begin});
  }
  if (kept->anon == 0) kept->anon = root;
  if (plan.below && plan.above) {
    range.end = above->range_.end;
    if (kept->anon == 0) kept->anon = above->anon;
    erase_merged(*above);
  }
  areas_.resize(*kept, range);
  count(*kept, part.pages(), 1);
  return kept;
}

void AddressSpace::prepare_root(Vma& area) {
  if (area.anon != 0) return;
  const Vma* above = areas_.next(area);
  if (above != nullptr) area.anon = reusable_root(area, *above, *above);
  const Vma* below = areas_.prev(area);
  if (area.anon == 0 && below != nullptr) area.anon = reusable_root(*below, area, *below);
  if (area.anon == 0) area.anon = new_root();
}

bool AddressSpace::may_expand(const Vma& like, PageCount pages) const {
  const std::uint64_t most = limits_.address_space >> kPageShift;
  if (counters_.mapped_pages + pages.value > most) return false;
  if (!like.is_data() || limits_.data == 0) return true;  // 0 is allowed for Valgrind's sake
  return counters_.data_pages + pages.value <= limits_.data >> kPageShift;
}

bool AddressSpace::may_have_areas(std::size_t more) const {
  return areas_.size() + more <= core_->options.max_areas;
}

}  // namespace pw
