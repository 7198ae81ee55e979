// Whether a page that is to be evicted is in use, and who else is: folio_referenced_one()
// (mm/rmap.c), lru_gen_look_around(), lru_gen_set_refs(), folio_check_references() (mm/vmscan.c).
//
// Programs use neighbouring pages together, and the entries of 64 neighbours are in eight cache
// lines: so when one is found in use, the others are looked at too. Those used for the second time
// move to the youngest generation at once, and a table with enough of them is told to the next walk
// (PageTableWalk::note_dense()). Pages of the same batch are out of the lists, and passed over:
// each is judged when its turn comes.
//
// The kernel collects what it moves in batches of 31; here each page moves at once.
#include <algorithm>
#include <utility>

#include "reclaim/mglru/mglru_reclaim.hpp"
#include "rmap/rmap.hpp"

namespace pw {

LinuxReclaim::Verdict MglruReclaim::check_references(const LruUnit& unit) {
  const Look look = look_around(unit);
  if (look.locked) return Verdict::Aside;
  if (look.referenced == 0) return Verdict::Reclaim;
  return set_refs(unit) ? Verdict::Activate : Verdict::Keep;
}

bool MglruReclaim::set_refs(const LruUnit& unit) {
  bool second = false;
  for (const Pfn pfn : unit.entries()) second = generations_.set_refs(pfn);
  return second;
}

LinuxReclaim::Look MglruReclaim::look_around(const LruUnit& unit) {
  Look look;
  const auto note = [&](Vma& area, Vpn vpn, x86::Pte& entry) {
    look.locked = look.locked || area.traits.locked;
    if (look.locked || !PageTableWalk::has_recency(area)) return;
    if (!PageTableWalk::young(entry)) return;
    entry.raw &= ~x86::kAccessed;
    ++look.referenced;
    if (&entry != area.space->tables().find(vpn, 2)) look_at_neighbours(area, vpn, &entry);
  };
  if (pool_->in_huge(unit.first())) {
    for_each_mapping_of_huge(*core_, unit.first(), note);
    return look;
  }
  for (const Pfn pfn : unit.entries()) for_each_mapping(*core_, pfn, note);
  const Frame& frame = pool_->frame(unit.first());
  if (frame.kind == FrameKind::Shared && core_->objects.object(frame.owner).locked) {
    look.locked = true;  // SHM_LOCK
  }
  return look;
}

namespace {

// The pages of the area around `vpn` that share its table, 64 at most.
VpnRange around(const Vma& area, Vpn vpn) {
  constexpr std::uint64_t kMost = MglruReclaim::kMinBatch;
  const Vpn table(vpn.value & ~(x86::pages_at(2).value - 1));
  VpnRange range{std::max(table, area.range().begin),
                 std::min(table + x86::pages_at(2), area.range().end)};
  if (range.pages().value <= kMost) return range;
  if ((vpn - range.begin).value < kMost / 2) {
    range.end = range.begin + PageCount(kMost);
  } else if ((range.end - vpn).value < kMost / 2) {
    range.begin = Vpn(range.end.value - kMost);
  } else {
    range.begin = Vpn(vpn.value - kMost / 2);
    range.end = vpn + PageCount(kMost / 2);
  }
  return range;
}

}  // namespace

void MglruReclaim::look_at_neighbours(Vma& area, Vpn vpn, x86::Pte* entry) {
  const VpnRange range = around(area, vpn);
  if (range.pages().value == 1) return;
  ++counts_.looked;
  std::uint64_t young = 1;
  Pfn last = kNoFrame;
  x86::Pte* const first = entry - (vpn - range.begin).value;
  for (std::uint64_t i = 0; i < range.pages().value; ++i) {
    x86::Pte& other = first[i];
    if (!other.present() || !PageTableWalk::young(other)) continue;
    const Pfn pfn = pool_->head_of(other.pfn());
    if (!generations_.listed(pfn)) continue;
    other.raw &= ~x86::kAccessed;
    ++young;
    ++counts_.neighbours;
    const LruUnit unit = unit_of(pfn);
    if (unit.first() == std::exchange(last, unit.first())) continue;
    if (set_refs(unit) && !generations_.in_youngest(pfn)) activate_listed(unit);
  }
  if (PageTableWalk::dense(range.pages().value, young)) walk_.note_dense(*area.space, vpn);
}

// lru_activate(), mm/swap.c.
void MglruReclaim::activate_listed(const LruUnit& unit) {
  take_off(unit);
  set(unit, kLruActive);
  const Generations::Standing now = standing(unit, false);
  for (const Pfn pfn : unit.entries()) generations_.add(pfn, now);
  core_->counters.reclaim.pgactivate += unit.weight();
}

}  // namespace pw
