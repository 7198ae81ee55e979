#include "reclaim/mglru/page_table_walk.hpp"

#include <algorithm>

#include "arch/x86/walk.hpp"
#include "space/translations.hpp"

namespace pw {

namespace {

constexpr std::uint64_t kSwitchedNs = 4'000'000;  // see the header
constexpr std::uint64_t kEntriesOfAPage = 64;     // are looked at in the time of judging a page

}  // namespace

bool PageTableWalk::young(const x86::Pte& entry) {
  return (entry.raw & (x86::kAccessed | kInUse)) != 0;
}

void PageTableWalk::space_ended(SpaceId space) {
  std::erase_if(spaces_, [&](const Member& member) { return member.space->id() == space; });
}

void PageTableWalk::ran(SpaceId space) {
  running_ = space;
  for (Member& member : spaces_) {
    if (member.space->id() == space) member.ran = true;
  }
}

bool PageTableWalk::skips(const Vma& area, int swappiness) const {
  if (!area.accessible() || !has_recency(area) || area.traits.locked) return true;
  if (area.role == AreaRole::Vdso) return true;
  const bool swapped = area.anonymous() || area.backing->kind == ObjectKind::Shared;
  return swapped && swappiness == 0;
}

std::uint64_t PageTableWalk::run(Core& core, int swappiness) {
  const Counts before = counts_;
  const std::uint64_t now = core.clock.now_ns();
  if (waited_ || now - last_ns_ >= kSwitchedNs) ran(running_);
  waited_ = false;
  last_ns_ = now;
  ++counts_.walks;
  bool all = false, first = true;
  for (Member& member : spaces_) {
    all = all || member.fresh;
    member.fresh = false;
    if (!all && !member.ran) continue;
    member.ran = false;
    if (first) filters_.begin(generations_->max_seq() + 1);
    first = false;
    ++counts_.spaces;
    walk_space(core, *member.space, swappiness, all);
  }
  return (counts_.leaves - before.leaves) / kEntriesOfAPage + counts_.young - before.young;
}

void PageTableWalk::walk_space(Core& core, AddressSpace& space, int swappiness, bool all) {
  Vpn done(0);  // a table is read once, for all areas in it
  for (Vma& area : space.areas()) {
    if (skips(area, swappiness)) continue;
    const VpnRange rest{std::max(area.range().begin, done), area.range().end};
    if (rest.begin >= rest.end) continue;
    space.tables().for_each_entry(2, rest, [&](Vpn vpn, x86::Pte& entry) {
      const Vpn end = vpn + x86::pages_at(2);
      walk_directory(core, space, {&entry, space.tables().address_of(&entry), {vpn, end}},
                     swappiness, all);
      done = end;
    });
  }
}

void PageTableWalk::walk_directory(Core& core, AddressSpace& space, const Directory& directory,
                                   int swappiness, bool all) {
  x86::Pte& entry = *directory.entry;
  if (entry.leaf_at(2)) {
    ++counts_.leaves;
    const Pfn page = x86::leaf_frame(entry, 2);
    if (young(entry) && note_entry(core, page, entry)) note_unit(unit_of_(page));
    return;
  }
  if (!all) {
    // What is in a recording's filter is in use without leaving a trace in the entry above.
    bool used = entry.accessed();
    if (!used) {
      space.tables().for_each_leaf(directory.pages, [&](Vpn, int, x86::Pte& leaf) {
        used = used || (leaf.raw & kInUse) != 0;
      });
    }
    if (!used) return;
    entry.raw &= ~x86::kAccessed;
    if (!filters_.may_contain(generations_->max_seq(), directory.address)) return;
  }
  ++counts_.found;
  if (!walk_table(core, space, directory, swappiness)) return;
  ++counts_.added;
  filters_.add(generations_->max_seq() + 1, directory.address);
}

// True: it is worth reading again.
bool PageTableWalk::walk_table(Core& core, AddressSpace& space, const Directory& directory,
                               int swappiness) {
  std::uint64_t entries = 0;
  const std::uint64_t young_before = counts_.young;
  std::optional<LruUnit> last;  // one that several entries in a row map counts once
  for (Vpn at = directory.pages.begin; at < directory.pages.end;) {
    Vma* area = space.areas().lower_bound(at);
    if (area == nullptr || area->range().begin >= directory.pages.end) break;
    const VpnRange part{std::max(at, area->range().begin),
                        std::min(directory.pages.end, area->range().end)};
    at = part.end;
    if (skips(*area, swappiness)) continue;
    entries += part.pages().value;
    space.tables().for_each_leaf(part, [&](Vpn, int, x86::Pte& leaf) {
      if (leaf.pfn() == core.zero_frame || !young(leaf)) return;
      if (!note_entry(core, leaf.pfn(), leaf)) return;
      LruUnit unit = unit_of_(leaf.pfn());
      if (last && last->first() == unit.first()) return;
      note_unit(last);
      last = std::move(unit);
    });
  }
  note_unit(last);
  counts_.leaves += entries;
  return dense(entries, counts_.young - young_before);
}

bool PageTableWalk::note_entry(Core& core, Pfn page, x86::Pte& entry) {
  if (!generations_->listed(core.pool.head_of(page))) return false;  // not ours, locked, or new
  entry.raw &= ~x86::kAccessed;
  ++counts_.young;
  return true;
}

void PageTableWalk::note_unit(const std::optional<LruUnit>& unit) {
  if (!unit) return;
  for (const Pfn pfn : unit->entries()) {
    if (!generations_->listed(pfn) || !generations_->update(pfn)) continue;
    counts_.promoted += generations_->pages(pfn);
  }
}

void PageTableWalk::note_dense(AddressSpace& space, Vpn vpn) {
  const x86::Pte* entry = space.tables().find(vpn, 2);
  if (entry == nullptr) return;
  filters_.add(generations_->max_seq(), space.tables().address_of(entry));
}

}  // namespace pw
