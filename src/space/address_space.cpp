#include "space/address_space.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "space/operations.hpp"

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
  if (relative != nullptr) {
    space->brk_ = relative->brk_;
    space->next_foreign_page_ = relative->next_foreign_page_;
  }
  return space;
}

AddressSpace::~AddressSpace() {
  PW_CHECK_MSG(areas_.empty(), "areas must be unmapped before their space goes");
  if (private_object_ != nullptr) core_->objects.release(*private_object_);
  tables_.destroy();
}

Vma* AddressSpace::locate_private(PageOffset at, Vpn& vpn) {
  for (Vma* area : moved_) {
    if (at >= area->private_page && at - area->private_page < area->range_.pages()) {
      vpn = area->range_.begin + (at - area->private_page);
      return area;
    }
  }
  vpn = Vpn(at.value);
  Vma* area = areas_.find(vpn);
  return area != nullptr && !area->shared && !area->moved() ? area : nullptr;
}

std::optional<Vpn> AddressSpace::find_gap(PageCount pages) const {
  return areas_.highest_gap(pages, {layout_.lowest, layout_.mmap_top});
}

void AddressSpace::enlist(Vma& area) {
  area.space = this;
  if (area.moved()) moved_.push_back(&area);
  if (area.backing == nullptr) return;
  ++area.backing->holders;
  area.mapping_index = static_cast<std::uint32_t>(area.backing->mappings.size());
  area.backing->mappings.push_back(&area);
}

void AddressSpace::delist(Vma& area) {
  if (area.moved()) moved_.erase(std::find(moved_.begin(), moved_.end(), &area));
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

Vma& AddressSpace::insert(const Vma& area) {
  Vma* placed = areas_.insert(std::make_unique<Vma>(area));
  enlist(*placed);
  counters_.mapped_pages += area.range_.pages().value;
  core_->areas[area.label].mapped_pages += area.range_.pages().value;
  auto& label = core_->areas[area.label];
  label.mapped_peak = std::max(label.mapped_peak, label.mapped_pages);
  core_->counters.mapped_pages += area.range_.pages().value;
  core_->counters.mapped_peak = std::max(core_->counters.mapped_peak, core_->counters.mapped_pages);
  return merge_around(*placed);
}

void AddressSpace::remove(Vma& area) {
  const std::uint64_t pages = area.range_.pages().value;
  counters_.mapped_pages -= pages;
  core_->areas[area.label].mapped_pages -= pages;
  core_->counters.mapped_pages -= pages;
  const std::unique_ptr<Vma> gone = areas_.erase(area);
  delist(*gone);
}

void AddressSpace::resize(Vma& area, VpnRange range) {
  const std::uint64_t grown = range.pages().value - area.range_.pages().value;  // wraps when
                                                                                // shrinking
  areas_.resize(area, range);
  counters_.mapped_pages += grown;
  auto& label = core_->areas[area.label];
  label.mapped_pages += grown;
  label.mapped_peak = std::max(label.mapped_peak, label.mapped_pages);
  core_->counters.mapped_pages += grown;
  core_->counters.mapped_peak = std::max(core_->counters.mapped_peak, core_->counters.mapped_pages);
}

Vma& AddressSpace::split(Vma& area, Vpn at) {
  PW_CHECK(area.range_.begin < at && at < area.range_.end);
  Vma upper = area;
  upper.set_range({at, area.range_.end});
  upper.guard = PageCount(0);
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

bool AddressSpace::mergeable(const Vma& below, const Vma& above) {
  if (below.range_.end != above.range_.begin) return false;
  const PageCount pages = below.range_.pages();
  return below.rights == above.rights && below.may == above.may && below.shared == above.shared &&
         below.grows_down == above.grows_down && below.role == above.role &&
         below.label == above.label && below.traits == above.traits &&
         below.backing == above.backing &&
         (below.backing == nullptr || below.backing_page + pages == above.backing_page) &&
         (below.shared || below.private_page + pages == above.private_page);
}

Vma& AddressSpace::merge_around(Vma& area) {
  Vma* kept = &area;
  Vma* above = areas_.next(*kept);
  if (above != nullptr && mergeable(*kept, *above)) {
    const Vpn end = above->range_.end;
    delist(*areas_.erase(*above));
    areas_.resize(*kept, {kept->range_.begin, end});
  }
  Vma* below = areas_.prev(*kept);
  if (below != nullptr && mergeable(*below, *kept)) {
    const Vpn end = kept->range_.end;
    delist(*areas_.erase(*kept));
    areas_.resize(*below, {below->range_.begin, end});
    kept = below;
  }
  return *kept;
}

bool AddressSpace::private_free_below(const Vma& area, PageCount pages) const {
  if (pages.value > area.private_page.value) return false;
  const Vpn end(area.private_page.value);
  const VpnRange wanted{end - pages, end};
  for (const Vma* other : moved_) {
    const VpnRange held = range_of(Vpn(other->private_page.value), other->range_.pages());
    if (held.overlaps(wanted)) return false;
  }
  // Areas at home have their own page numbers. Below an area at home there is none.
  return !area.moved() || !areas_.overlaps(wanted);
}

PageOffset AddressSpace::private_home(VpnRange range) {
  for (const Vma* area : moved_) {
    const VpnRange held = range_of(Vpn(area->private_page.value), area->range_.pages());
    if (!held.overlaps(range)) continue;
    const PageOffset home(next_foreign_page_);
    next_foreign_page_ += range.pages().value;
    return home;
  }
  return PageOffset(range.begin.value);
}

}  // namespace pw
